/* What changes from one list to the next, in the terms of an administrator. */
#ifndef TRUSTFILE_DIFF_H
#define TRUSTFILE_DIFF_H

#include "trustfile/list.h"

enum tl_change_kind {
	TL_ADDED,
	TL_REMOVED,
	TL_RECERTIFIED, /* same role and host, another certificate */
	TL_READDRESSED, /* same role and certificate, another host name or address */
	TL_BARED,       /* certificate taken out: mixed to non-secure */
	TL_CERTIFIED,   /* certificate put in: non-secure to mixed */
};

struct tl_change {
	enum tl_change_kind kind;
	const struct tl_record *before; /* NULL for TL_ADDED */
	const struct tl_record *after;  /* NULL for TL_REMOVED */
};

struct tl_diff {
	struct tl_change *changes; /* n of them, owned */
	size_t n;
	bool signer_changed; /* another token signed */
	bool mode_changed;   /* tl_is_nonsecure differs */
};

/* Compares; before may be NULL (everything is added). The lists must outlive d. Order of records
 * does not count. */
int tl_diff(struct tl_diff *d, const struct tl *before, const struct tl *after, struct err *e);
void tl_diff_free(struct tl_diff *d);

/* Appends one line per change, as "+ SAST CN=..  serial .." or "~ CCM+TFTP pub: ...", each ending
 * in a newline; "no difference in the records" if there is none. */
void tl_diff_text(struct buf *b, const struct tl_diff *d);

#endif
