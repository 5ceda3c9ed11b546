#include "pkcs11/cryptoki.h"

/* CKM_RSA_PKCS is what is used; the others hash on the token, and tell what kind of token it is. */
static const struct {
	CK_MECHANISM_TYPE type;
	const char *name;
} known[TOKEN_MECHANISMS] = {
	{CKM_RSA_PKCS, "CKM_RSA_PKCS"},
	{CKM_SHA1_RSA_PKCS, "CKM_SHA1_RSA_PKCS"},
	{CKM_SHA256_RSA_PKCS, "CKM_SHA256_RSA_PKCS"},
	{CKM_SHA512_RSA_PKCS, "CKM_SHA512_RSA_PKCS"},
	{CKM_RSA_PKCS_KEY_PAIR_GEN, "CKM_RSA_PKCS_KEY_PAIR_GEN"},
};

int token_mechanisms(struct token *t, struct token_mechanism out[TOKEN_MECHANISMS], struct err *e)
{
	if (session_need(t, e))
		return (int)e->kind;
	for (size_t i = 0; i < TOKEN_MECHANISMS; i++) {
		const CK_FLAGS use = known[i].type == CKM_RSA_PKCS_KEY_PAIR_GEN
					     ? CKF_GENERATE_KEY_PAIR
					     : CKF_SIGN;
		CK_MECHANISM_INFO info = {0};
		const CK_RV rv =
			t->at.module->fn->C_GetMechanismInfo(t->at.id, known[i].type, &info);

		out[i] = (struct token_mechanism){.name = known[i].name};
		if (rv_is_loss(rv)) {
			session_close(t);
			return rv_err(e, rv, "mechanisms",
				      "the token %s (serial %s) does not answer", t->at.info.label,
				      t->at.info.serial);
		}
		if (rv != CKR_OK)
			continue;
		out[i].works = info.flags & use;
		out[i].min = info.ulMinKeySize;
		out[i].max = info.ulMaxKeySize;
	}
	return 0;
}
