/* Private keys in PEM files, and the passphrases of some. */
#ifndef CTLCLIENT_KEY_FILE_H
#define CTLCLIENT_KEY_FILE_H

#include "common/err.h"

#include <openssl/evp.h>

struct key_file {
	const char *path;
	const char *whose;      /* for messages and the prompt: "the authority's key" */
	const char *pin_source; /* of the passphrase; see secret_read() */
	const char *option;     /* that it was given with */
	const char *id;         /* of errors: "ca-key" */
};

/* Reads the key; its passphrase is read only if it has one. *out is the caller's (EVP_PKEY_free).
 * ERR_FAILED with the id given, those of file_read() and secret_read(). */
int key_file_read(EVP_PKEY **out, const struct key_file *f, struct err *e);

#endif
