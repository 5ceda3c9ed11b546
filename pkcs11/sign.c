#include "pkcs11/cryptoki.h"
#include "pkcs11/owner.h"

#include <openssl/err.h>
#include <openssl/rsa.h>
#include <string.h>

/* PKCS#11 v2.40 section 4.2.1 of the mechanisms: CKM_RSA_PKCS. The answer goes into a place of our
 * own, so that a module that writes less or says it wrote more does no harm. *login is what a login
 * for this signature was answered with (section 5.6, CKU_CONTEXT_SPECIFIC). */
static CK_RV sign_raw(const struct token *t, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key,
		      const struct token_again *again, CK_RV *login, const uint8_t *digest_info,
		      size_t len, uint8_t *sig, size_t siglen)
{
	CK_FUNCTION_LIST *fn = t->at.module->fn;
	CK_MECHANISM mechanism = {CKM_RSA_PKCS, NULL, 0};
	uint8_t place[MODULUS_MAX] = {0};
	CK_ULONG got = siglen;
	CK_RV rv = fn->C_SignInit(session, &mechanism, key);

	if (rv == CKR_OK && again)
		rv = *login = login_for_signature(t, session, again->pin);
	if (rv == CKR_OK)
		rv = fn->C_Sign(session, (CK_BYTE *)digest_info, len, place, &got);
	if (rv == CKR_OK && got != siglen)
		rv = CKR_SIGNATURE_LEN_RANGE;
	if (rv == CKR_OK)
		memcpy(sig, place, siglen);
	return rv;
}

static int asks_again(const struct token *t, struct err *e)
{
	err_set(e, ERR_TOKEN, "always-authenticate",
		"the key on the token %s (serial %s) asks for the PIN again before each signature",
		t->at.info.label, t->at.info.serial);
	return err_hint(e, "a key without CKA_ALWAYS_AUTHENTICATE (on a PIV card: in slot 9a "
			   "instead of 9c) does not");
}

static int sign_only(struct token *t, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key,
		     const struct token_again *again, const uint8_t *digest_info, size_t len,
		     uint8_t *sig, size_t siglen, struct err *e)
{
	CK_RV login = CKR_OK;
	CK_RV rv;

	if (siglen > MODULUS_MAX)
		return err_set(e, ERR_TOKEN, "sign", "a key of %zu bits is too long", siglen * 8);
	rv = sign_raw(t, session, key, again, &login, digest_info, len, sig, siglen);
	if (rv == CKR_OK)
		return 0;
	if (login != CKR_OK)
		return pin_failed(t, TOKEN_USER, login, e);
	if (rv == CKR_SIGNATURE_LEN_RANGE)
		return err_set(e, ERR_TOKEN, "sign",
			       "the token %s made a signature that is not as long as its key",
			       t->at.info.label);
	if (rv == CKR_USER_NOT_LOGGED_IN && object_flag(t, key, CKA_ALWAYS_AUTHENTICATE))
		return asks_again(t, e);
	session_after(t, rv);
	return rv_err(e, rv, "sign", "the token %s (serial %s) did not sign", t->at.info.label,
		      t->at.info.serial);
}

static bool verifies(EVP_PKEY *key, struct span digest_info, struct span sig)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	uint8_t recovered[MODULUS_MAX];
	size_t n = sizeof(recovered);
	bool good;

	good = ctx && EVP_PKEY_verify_recover_init(ctx) == 1 &&
	       EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 &&
	       EVP_PKEY_verify_recover(ctx, recovered, &n, sig.data, sig.len) == 1 &&
	       span_eq(span_of(recovered, n), digest_info);
	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	return good;
}

int sign_with(struct token *t, CK_SESSION_HANDLE session, const struct key *key,
	      const struct token_again *again, const uint8_t *digest_info, size_t len, uint8_t *sig,
	      size_t siglen, struct err *e)
{
	if (sign_only(t, session, key->handle, again, digest_info, len, sig, siglen, e))
		return (int)e->kind;
	if (verifies(key->public, span_of(digest_info, len), span_of(sig, siglen)))
		return 0;
	err_set(e, ERR_TOKEN, "sign",
		"the signature made by the token %s (serial %s) does not fit its certificate",
		t->at.info.label, t->at.info.serial);
	return err_hint(e, "key and certificate on the token do not belong together, or the token "
			   "is broken; nothing was used");
}

static int sign_with_key_at_hand(struct token *t, const struct token_again *again,
				 const uint8_t *digest_info, size_t len, uint8_t *sig,
				 size_t siglen, struct err *e)
{
	int rc;

	if (t->key.asks && !again)
		return asks_again(t, e);
	if (again && pin_check_counter(t, TOKEN_USER, again->allow_final_try, e))
		return (int)e->kind;
	rc = sign_with(t, t->session, &t->key, again, digest_info, len, sig, siglen, e);
	if (rc)
		session_renew(t);
	return rc;
}

int token_sign(struct token *t, const X509 *cert, const uint8_t *digest_info, size_t len,
	       uint8_t *sig, size_t siglen, struct err *e)
{
	owner_task("sign", 1);
	if (session_need(t, e) || key_of_cert(t, cert, e))
		return (int)e->kind;
	return sign_with_key_at_hand(t, NULL, digest_info, len, sig, siglen, e);
}

int token_sign_key(struct token *t, EVP_PKEY *key, const struct token_again *again,
		   const uint8_t *digest_info, size_t len, uint8_t *sig, size_t siglen,
		   struct err *e)
{
	owner_task("sign", again && !again->pin ? OWNER_PATIENCE : 1);
	if (session_need(t, e) || key_of_public(t, key, e))
		return (int)e->kind;
	return sign_with_key_at_hand(t, again, digest_info, len, sig, siglen, e);
}
