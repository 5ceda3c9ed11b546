/* Whom signed files are believed: the trust lists of a phone, or one certificate. */
#ifndef CTLCLIENT_FILE_TRUST_H
#define CTLCLIENT_FILE_TRUST_H

#include "ctlclient/file_job.h"
#include "ctlclient/list_file.h"
#include "trustfile/signed.h"

enum { FILE_TRUST_LISTS = 2 }; /* a CTL and an ITL */

struct file_trust_opts {
	const char *lists[FILE_TRUST_LISTS];
	size_t nlists;
	const char *cert;
	bool unverified; /* --unverified */
	bool any_name;   /* --any-name */
};

extern const struct argp options_file_trust;

struct file_trust {
	const struct file_trust_opts *opts;
	struct list_file lists[FILE_TRUST_LISTS];
	X509 *cert;
};

/* Reads lists and certificate; a list that does not verify is ERR_REFUSED. End with
 * file_trust_close() in every case. */
int file_trust_open(struct file_trust *t, const struct file_trust_opts *o, struct err *e);
void file_trust_close(struct file_trust *t);

/* Takes the item's content apart and judges it; with --unverified it only has to parse. name is
 * what FILENAME has to be, unless there is --any-name. Facts are added to the item's. Errors of
 * sgn_parse(), sgn_verify_in() and sgn_verify_with(). */
int file_trust_judge(struct sgn *s, const struct file_trust *t, const struct file_item *item,
		     const char *name, struct err *e);

#endif
