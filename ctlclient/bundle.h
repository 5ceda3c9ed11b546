/*
 * Files that carry a signing job over an air gap, and back: doc/ceremony.md, "Bundles".
 *
 * A bundle is a stranger's file: it is read strictly, within limits, and no text in it reaches the
 * terminal or the file system as it is. Its SHA-256 tells mishaps, not malice: what protects the
 * cluster is the review before the signature and the provider's own checks.
 */
#ifndef CTLCLIENT_BUNDLE_H
#define CTLCLIENT_BUNDLE_H

#include "common/sha256.h"
#include "ctlclient/change.h"

#define BUNDLE_REQUEST "ctlsuite-request"
#define BUNDLE_SIGNED "ctlsuite-signed"

enum {
	BUNDLE_VERSION = 1,
	BUNDLE_MAX = 8 << 20,   /* bytes of the file */
	BUNDLE_TEXT_MAX = 4096, /* bytes of any text in it but the list's and the history's */
};

/* One bundle. The texts belong to doc; those that are missing in this kind are NULL. */
struct bundle {
	json_t *doc; /* the whole, owned */
	bool is_signed;
	char sha256[2 * SHA256_LEN + 1]; /* of its body, as checked or as written */
	const char *made;                /* time, RFC 3339 */
	const char *provider;            /* "host:port" it was fetched from, or is to go to */
	const char *cluster;             /* its name */
	int64_t generation;              /* of the list that it starts from; 0: there was none */
	struct buf list;                 /* the present list, or the signed one; owned */
	/* of a request: */
	json_t *description, *history; /* GET /cluster; GET /ctl/history or NULL: borrowed */
	struct change change;
	/* of a signed list: */
	const char *request; /* SHA-256 of the request it answers, or NULL */
	bool mixed;
	struct tftp_wish tftp; /* what goes to the provider together with the list */
};

/* Takes the text of a bundle apart. On success end with bundle_free(). ERR_REFUSED: "bundle" (what
 * it says of itself is wrong, damaged, too long, or of another release). */
int bundle_parse(struct bundle *b, struct span text, struct err *e);

/* As bundle_parse, for a file; the errors name it. */
int bundle_read(struct bundle *b, const char *path, struct err *e);
void bundle_free(struct bundle *b);

/* Appends a request: the change (its files read: change_read_files()) and all that is needed to
 * sign it. sha256 becomes the body's. ERR_USAGE "uri" if a token's URI has attributes that a bundle
 * must not carry (module-path, pin-source). */
int bundle_request(struct buf *out, char sha256[2 * SHA256_LEN + 1], const struct change *c,
		   const struct cluster_view *v, json_t *history, const char *provider,
		   struct err *e);

/* A signed list on its way to the provider. */
struct bundle_list {
	const char *provider, *cluster;
	int64_t generation; /* of the list it was made from */
	bool mixed;
	const char *request; /* SHA-256 of the request it answers, or NULL */
	struct span list;
	const struct tftp_wish *tftp; /* or NULL */
};

/* Appends a bundle with a signed list. */
int bundle_signed(struct buf *out, const struct bundle_list *l, struct err *e);

#endif
