#include "server/net/pin.h"

#include <openssl/err.h>

static bool signed_by(X509 *cert, X509 *issuer)
{
	EVP_PKEY *key = X509_get0_pubkey(issuer);

	return key && !X509_NAME_cmp(X509_get_issuer_name(cert), X509_get_subject_name(issuer)) &&
	       X509_verify(cert, key) == 1;
}

/* The one in chain that signed cert with another key than cert's own. */
static X509 *signer_in(const STACK_OF(X509) * chain, X509 *cert)
{
	for (int i = 0; chain && i < sk_X509_num(chain); i++) {
		X509 *x = sk_X509_value(chain, i);

		if (X509_cmp(x, cert) != 0 && signed_by(cert, x))
			return x;
	}
	return NULL;
}

bool pin_matches(struct span pinned, X509 *cert, const STACK_OF(X509) * chain)
{
	const unsigned char *p = pinned.data;
	X509 *pin = pinned.len ? d2i_X509(NULL, &p, (long)pinned.len) : NULL;
	bool known = false;

	for (int i = 0; pin && cert && !known && i <= PIN_STEPS_MAX; i++) {
		known = !X509_cmp(cert, pin) || signed_by(cert, pin);
		cert = signer_in(chain, cert);
	}
	X509_free(pin);
	/* Attempts that failed are no errors. */
	ERR_clear_error();
	return known;
}
