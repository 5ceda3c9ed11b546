#include "server/net/pin.h"

#include <openssl/err.h>

static bool signed_by(X509 *cert, X509 *issuer)
{
	EVP_PKEY *key = X509_get0_pubkey(issuer);

	return key && !X509_NAME_cmp(X509_get_issuer_name(cert), X509_get_subject_name(issuer)) &&
	       X509_verify(cert, key) == 1;
}

bool pin_matches(struct span pinned, X509 *cert, const STACK_OF(X509) * chain)
{
	const unsigned char *p = pinned.data;
	X509 *pin = pinned.len ? d2i_X509(NULL, &p, (long)pinned.len) : NULL;
	const int n = chain ? sk_X509_num(chain) : 0;
	X509 *at = pin ? cert : NULL;
	bool known = false;

	/* Strangers choose the chain, and each look at it costs a signature: none is looked at
	 * twice. */
	for (int i = 0, steps = 0; at && !known && steps <= PIN_STEPS_MAX; steps++) {
		X509 *before;

		known = !X509_cmp(at, pin) || signed_by(at, pin);
		/* Servers show their own certificate at its head. */
		if (i < n && !X509_cmp(sk_X509_value(chain, i), at))
			i++;
		before = i < n ? sk_X509_value(chain, i++) : NULL;
		at = !known && before && signed_by(at, before) ? before : NULL;
	}
	X509_free(pin);
	/* Attempts that failed are no errors. */
	ERR_clear_error();
	return known;
}
