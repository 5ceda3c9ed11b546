#include "shim.h"

enum { SIGNATURE_MAX = 4096 };

CK_RV shim_C_SignInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	struct call c;
	CK_RV rv = call_session(&c, FN_C_SignInit, session);

	if (rv == CKR_OK && mechanism)
		rv = mechanism_check(c.token, mechanism->mechanism);
	if (rv == CKR_OK)
		rv = shim.real->C_SignInit(c.real, mechanism, key);
	if (rv == CKR_OK) {
		c.session->asks = control_for(&shim.control, "always-authenticate", 1, c.token);
		c.session->asks_granted = false;
	}
	return call_end(&c, rv);
}

/* A key that always authenticates: without the second PIN the operation ends here, in SoftHSM
 * too. */
static CK_RV second_pin(const struct call *c)
{
	CK_BYTE data[1] = {0};
	CK_BYTE thrown_away[SIGNATURE_MAX];
	CK_ULONG len = sizeof(thrown_away);

	if (!c->session->asks || c->session->asks_granted)
		return CKR_OK;
	c->session->asks = false;
	(void)shim.real->C_Sign(c->real, data, sizeof(data), thrown_away, &len);
	return CKR_USER_NOT_LOGGED_IN;
}

static void distort(CK_BYTE *signature, CK_ULONG *len)
{
	const struct rule *flip = control_for(&shim.control, "sign-flip", 0, NULL);
	const struct rule *lie = control_for(&shim.control, "sign-length", 0, NULL);

	if (flip && *len) {
		const CK_ULONG bit = rule_number(flip, 1, 0) % (*len * 8);

		signature[bit / 8] ^= (CK_BYTE)(0x80 >> bit % 8);
	}
	if (lie)
		*len = rule_number(lie, 1, 0);
}

CK_RV shim_C_Sign(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG n, CK_BYTE *signature,
		  CK_ULONG *len)
{
	struct call c;
	CK_RV rv = call_session(&c, FN_C_Sign, session);

	if (rv == CKR_OK && signature)
		rv = second_pin(&c);
	if (rv == CKR_OK) {
		rv = shim.real->C_Sign(c.real, data, n, signature, len);
		if (signature && rv != CKR_BUFFER_TOO_SMALL)
			c.session->asks = false;
	}
	if (rv == CKR_OK && signature)
		distort(signature, len);
	return call_end(&c, rv);
}

CK_RV shim_C_SignUpdate(CK_SESSION_HANDLE session, CK_BYTE *part, CK_ULONG n)
{
	struct call c;
	CK_RV rv = call_session(&c, FN_C_SignUpdate, session);

	if (rv == CKR_OK)
		rv = second_pin(&c);
	if (rv == CKR_OK)
		rv = shim.real->C_SignUpdate(c.real, part, n);
	return call_end(&c, rv);
}

CK_RV shim_C_SignFinal(CK_SESSION_HANDLE session, CK_BYTE *signature, CK_ULONG *len)
{
	struct call c;
	CK_RV rv = call_session(&c, FN_C_SignFinal, session);

	if (rv == CKR_OK) {
		rv = shim.real->C_SignFinal(c.real, signature, len);
		if (signature && rv != CKR_BUFFER_TOO_SMALL)
			c.session->asks = false;
	}
	if (rv == CKR_OK && signature)
		distort(signature, len);
	return call_end(&c, rv);
}
