#include "pkcs11/cryptoki.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
	t->generation = t->at.module->generation;
	return t->at.module->fn->C_OpenSession(t->at.id, CKF_SERIAL_SESSION, NULL, NULL,
					       &t->session);
}

/* Another token may sit in the slot by now. */
static bool slot_still_ours(const struct token *t)
{
	struct slot now = t->at;

	return slot_refresh(&now) == CKR_OK && slot_same_token(&now, &t->at);
}

bool session_is_open(const struct token *t)
{
	return t->session != CK_INVALID_HANDLE && t->generation == t->at.module->generation;
}

int session_need(struct token *t, struct err *e)
{
	CK_RV rv;

	if (session_is_open(t))
		return 0;
	if (!slot_still_ours(t) && seek_again(t, e))
		return (int)e->kind;
	rv = session_open(t);
	if (rv != CKR_OK) {
		t->session = CK_INVALID_HANDLE;
		return rv_err(e, rv, "session", "cannot talk to the token %s", t->at.info.label);
	}
	return 0;
}

void session_after(struct token *t, CK_RV rv)
{
	if (rv_is_loss(rv))
		session_close(t);
}

void session_close(struct token *t)
{
	if (session_is_open(t))
		(void)t->at.module->fn->C_CloseSession(t->session);
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

static const char *pin_counter(enum token_pin_state state)
{
	switch (state) {
	case TOKEN_PIN_OK:
		break;
	case TOKEN_PIN_COUNT_LOW:
		return "; the token counts wrong PINs and locks itself after a few more";
	case TOKEN_PIN_FINAL_TRY:
		return "; the next wrong PIN locks the token";
	case TOKEN_PIN_LOCKED:
		return "; the token is locked now";
	case TOKEN_PIN_UNSET:
		return "; the token says no PIN has been set";
	}
	return "";
}

static int refuse_locked(const struct token_info *info, struct err *e)
{
	err_set(e, ERR_TOKEN, "pin-locked", "the PIN of the token %s (serial %s) is locked",
		info->label, info->serial);
	return err_hint(e, "who holds its SO PIN (PUK) can unlock it; sign with another token "
			   "meanwhile");
}

static int refuse_final_try(const struct token_info *info, struct err *e)
{
	err_set(e, ERR_TOKEN, "pin-final-try",
		"the token %s (serial %s) locks itself if the next PIN is wrong, so no PIN was "
		"tried",
		info->label, info->serial);
	return err_hint(e, "be sure of the PIN, then repeat with --allow-final-try");
}

static int login_failed(struct token *t, CK_RV rv, struct err *e)
{
	const struct token_info *info = &t->at.info;

	if (slot_refresh(&t->at) != CKR_OK)
		rv = CKR_TOKEN_NOT_PRESENT;
	session_after(t, rv);
	if (rv == CKR_PIN_LOCKED || info->pin == TOKEN_PIN_LOCKED)
		return refuse_locked(info, e);
	rv_err(e, rv, "login", "cannot log in to the token %s (serial %s)", info->label,
	       info->serial);
	if (rv == CKR_PIN_INCORRECT) {
		const size_t n = strlen(e->what);

		snprintf(e->what + n, sizeof(e->what) - n, "%s", pin_counter(info->pin));
		err_hint(e, "check the PIN; it was tried once and is not tried again by itself");
	}
	return ERR_TOKEN;
}

int token_login_check(struct token *t, bool allow_final_try, struct err *e)
{
	CK_RV rv;

	if (session_need(t, e))
		return (int)e->kind;
	rv = slot_refresh(&t->at);
	if (rv != CKR_OK) {
		session_close(t);
		return rv_err(e, rv, "session", "the token %s (serial %s) does not answer",
			      t->at.info.label, t->at.info.serial);
	}
	if (t->at.info.pin == TOKEN_PIN_LOCKED)
		return refuse_locked(&t->at.info, e);
	if (t->at.info.pin == TOKEN_PIN_FINAL_TRY && !allow_final_try)
		return refuse_final_try(&t->at.info, e);
	return 0;
}

int token_login(struct token *t, const struct secret *pin, bool allow_final_try, struct err *e)
{
	CK_RV rv;

	if (token_login_check(t, allow_final_try, e))
		return (int)e->kind;
	/* Without a PIN the reader's own PIN pad asks for it (PKCS#11 v2.40 section 5.6). */
	rv = t->at.module->fn->C_Login(t->session, CKU_USER, pin ? (CK_UTF8CHAR *)pin->text : NULL,
				       pin ? pin->len : 0);
	/* Login belongs to the token: another session of ours may have got there first. */
	if (rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN)
		return 0;
	return login_failed(t, rv, e);
}
