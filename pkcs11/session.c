#include "pkcs11/cryptoki.h"
#include "pkcs11/owner.h"

#include <stdlib.h>

/* Slots are renumbered and tokens moved to another reader: the serial number stays. */
static int seek_again(struct token *t, struct err *e)
{
	struct slot *list;
	size_t n;
	bool found = false;

	if (slots_list(&list, &n, t->ts, t->at.module, e))
		return (int)e->kind;
	for (size_t i = 0; i < n && !found; i++) {
		found = slot_same_token(&list[i], &t->at);
		if (found)
			t->at = list[i];
	}
	free(list);
	if (found)
		return 0;
	err_set(e, ERR_TOKEN, "token-removed", "the token %s (serial %s) was removed",
		t->at.info.label, t->at.info.serial);
	return err_hint(e, "put it in again and repeat the command");
}

static CK_RV session_open(struct token *t)
{
	key_forget(t);
	t->generation = t->at.module->generation;
	return t->at.module->fn->C_OpenSession(t->at.id, CKF_SERIAL_SESSION, NULL, NULL,
					       &t->session);
}

/* Another token may sit in the slot by now: that one's facts are not taken for ours. */
CK_RV token_look(struct token *t)
{
	struct slot now = t->at;
	const CK_RV rv = slot_refresh(&now);

	if (rv != CKR_OK)
		return rv;
	if (!slot_same_token(&now, &t->at))
		return CKR_TOKEN_NOT_PRESENT;
	t->at = now;
	return CKR_OK;
}

static int find_place(struct token *t, struct err *e)
{
	return token_look(t) == CKR_OK ? 0 : seek_again(t, e);
}

bool session_is_open(const struct token *t)
{
	return t->session != CK_INVALID_HANDLE && t->generation == t->at.module->generation;
}

int session_need(struct token *t, struct err *e)
{
	CK_RV rv;

	owner_module(t->at.module->name);
	if (session_is_open(t))
		return 0;
	if (find_place(t, e))
		return (int)e->kind;
	rv = session_open(t);
	if (rv != CKR_OK) {
		t->session = CK_INVALID_HANDLE;
		return rv_err(e, rv, "session", "cannot talk to the token %s", t->at.info.label);
	}
	t->at.module->sessions++;
	return 0;
}

void session_after(struct token *t, CK_RV rv)
{
	if (rv_is_loss(rv))
		session_close(t);
}

int session_check(struct token *t, struct err *e)
{
	CK_SESSION_INFO info;
	const CK_RV rv = t->at.module->fn->C_GetSessionInfo(t->session, &info);

	if (!rv_is_loss(rv))
		return 0;
	session_close(t);
	return rv_err(e, rv, "session", "the token %s (serial %s) does not answer",
		      t->at.info.label, t->at.info.serial);
}

void session_close(struct token *t)
{
	key_forget(t);
	if (session_is_open(t)) {
		(void)t->at.module->fn->C_CloseSession(t->session);
		t->at.module->sessions--;
	}
	t->session = CK_INVALID_HANDLE;
}

void session_renew(struct token *t)
{
	const CK_SESSION_HANDLE old = t->session;

	if (!session_is_open(t))
		return;
	if (session_open(t) == CKR_OK)
		(void)t->at.module->fn->C_CloseSession(old);
	else
		t->session = old;
}

int session_for_writing(CK_SESSION_HANDLE *session, struct token *t, struct err *e)
{
	CK_RV rv;

	*session = CK_INVALID_HANDLE;
	owner_module(t->at.module->name);
	if (!session_is_open(t) && find_place(t, e))
		return (int)e->kind;
	rv = t->at.module->fn->C_OpenSession(t->at.id, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL,
					     NULL, session);
	if (rv == CKR_OK)
		return 0;
	*session = CK_INVALID_HANDLE;
	session_after(t, rv);
	return rv_err(e, rv, "session", "cannot write to the token %s (serial %s)",
		      t->at.info.label, t->at.info.serial);
}
