/* Who signs files for phones: a key on a token, or in a PEM file. */
#ifndef CTLCLIENT_SIGNING_KEY_H
#define CTLCLIENT_SIGNING_KEY_H

#include "ctlclient/desk.h"
#include "ctlclient/list_file.h"
#include "trustfile/signed.h"

#include <argp.h>

/* --signer, --cert, --digest, --list, and those of the desk; zeroed before, but for optional. */
struct signing_key_opts {
	struct desk_opts desk;
	const char *signer; /* a pkcs11: URI, or the path of a PEM file */
	const char *cert;   /* of a PEM key; NULL: in the same file */
	const char *list;   /* whose words the header repeats; NULL: none */
	enum tl_digest digest;
	bool optional; /* signer may be missing */
};

extern const struct argp options_signing_key;

struct signing_key {
	struct desk *desk; /* with a token; the rest is NULL then, but cert */
	struct desk_signer *token;
	EVP_PKEY *key;
	X509 *cert; /* owned */
	struct list_file list;
	tl_sign_fn *sign;
	void *arg; /* of sign */
};

/* Opens the key: logs in to its token, or reads the file, whose passphrase comes from --pin-source.
 * ERR_REFUSED "file-key" if certificate and key do not belong together. End with
 * signing_key_close() in every case. */
int signing_key_open(struct signing_key *s, const struct signing_key_opts *o, struct err *e);
void signing_key_close(struct signing_key *s);

/* The plan for one file. */
struct sgn_plan signing_key_plan(const struct signing_key *s, const struct signing_key_opts *o,
				 const char *filename);

#endif
