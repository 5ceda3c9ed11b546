#include "pkcs11/cryptoki.h"
#include "pkcs11/owner.h"

#include <stdio.h>
#include <string.h>

/* ---- the counter of wrong PINs ---- */

const char *token_pin_name(enum token_user who)
{
	return who == TOKEN_SO ? "SO PIN" : "PIN";
}

enum token_pin_state token_pin_counter(const struct token_info *info, enum token_user who)
{
	return who == TOKEN_SO ? info->so_pin : info->pin;
}

static const char *counter_text(enum token_pin_state state)
{
	switch (state) {
	case TOKEN_PIN_OK:
		return "; the token does not say how many tries are left";
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

/* Cards that are unlocked with a PUK, which PKCS#11 has no place for: the command of another tool
 * that does it, or NULL. */
static const char *puk_tool(const struct token_info *info)
{
	if (strcasestr(info->manufacturer, "yubico"))
		return "ykman piv access unblock-pin";
	if (!strcmp(info->manufacturer, "piv_II"))
		return "pkcs15-tool --unblock-pin --auth-id 01 (with several readers also "
		       "--reader N)";
	return NULL;
}

static int refuse_locked(const struct token_info *info, enum token_user who, struct err *e)
{
	err_set(e, ERR_TOKEN, "pin-locked", "the %s of the token %s (serial %s) is locked",
		token_pin_name(who), info->label, info->serial);
	if (who == TOKEN_SO)
		return err_hint(e, "no PIN opens it any more: only its maker's tool can reset the "
				   "token, and everything on it is lost then");
	if (puk_tool(info))
		return err_hint(e,
				"who holds its PUK can unlock it: %s; sign with another token "
				"meanwhile",
				puk_tool(info));
	return err_hint(e,
			"who holds its SO PIN (PUK) can unlock it: \"ctlclient token unblock "
			"'%s'\"; sign with another token meanwhile",
			info->uri);
}

static int refuse_final_try(const struct token_info *info, enum token_user who, struct err *e)
{
	err_set(e, ERR_TOKEN, "pin-final-try",
		"the token %s (serial %s) locks itself if the next %s is wrong, so no PIN was "
		"tried",
		info->label, info->serial, token_pin_name(who));
	return err_hint(e, "be sure of the %s, then repeat with --allow-final-try",
			token_pin_name(who));
}

int token_pin_allowed(const struct token_info *info, enum token_user who, bool allow_final_try,
		      struct err *e)
{
	if (token_pin_counter(info, who) == TOKEN_PIN_LOCKED)
		return refuse_locked(info, who, e);
	if (token_pin_counter(info, who) == TOKEN_PIN_FINAL_TRY && !allow_final_try)
		return refuse_final_try(info, who, e);
	return 0;
}

int pin_check_counter(struct token *t, enum token_user who, bool allow_final_try, struct err *e)
{
	const struct token_info *info = &t->at.info;
	const CK_RV rv = token_look(t);

	if (rv == CKR_OK)
		return token_pin_allowed(info, who, allow_final_try, e);
	session_close(t);
	return rv_err(e, rv, "session", "the token %s (serial %s) does not answer", info->label,
		      info->serial);
}

int pin_refused(const struct token_info *info, enum token_user who, CK_RV rv, const char *doing,
		struct err *e)
{
	size_t n;

	if (rv == CKR_PIN_LOCKED ||
	    (rv == CKR_PIN_INCORRECT && token_pin_counter(info, who) == TOKEN_PIN_LOCKED))
		return refuse_locked(info, who, e);
	rv_err(e, rv, rv == CKR_FUNCTION_CANCELED ? "pin-cancelled" : "token-login",
	       "cannot %s the token %s (serial %s)%s", doing, info->label, info->serial,
	       who == TOKEN_SO ? " with the SO PIN" : "");
	if (rv == CKR_PIN_INCORRECT) {
		n = strlen(e->what);
		snprintf(e->what + n, sizeof(e->what) - n, "%s",
			 counter_text(token_pin_counter(info, who)));
		return err_hint(e,
				"check the %s; it was tried once and is not tried again by itself",
				token_pin_name(who));
	}
	if (who == TOKEN_SO && puk_tool(info) && !rv_is_loss(rv))
		return err_hint(e, "such a card has a PUK and no SO PIN: %s", puk_tool(info));
	return ERR_TOKEN;
}

int pin_failed(struct token *t, enum token_user who, CK_RV rv, struct err *e)
{
	if (token_look(t) != CKR_OK)
		rv = CKR_TOKEN_NOT_PRESENT;
	session_after(t, rv);
	return pin_refused(&t->at.info, who, rv, "log in to", e);
}

/* ---- login ---- */

/* Without a PIN the reader's own PIN pad asks for it (PKCS#11 v2.40 section 5.6). */
static CK_RV login(const struct slot *s, CK_SESSION_HANDLE session, CK_USER_TYPE user,
		   const struct secret *pin)
{
	return s->module->fn->C_Login(session, user, pin ? (CK_UTF8CHAR *)pin->text : NULL,
				      pin ? pin->len : 0);
}

int token_login_check(struct token *t, bool allow_final_try, struct err *e)
{
	if (session_need(t, e))
		return (int)e->kind;
	return pin_check_counter(t, TOKEN_USER, allow_final_try, e);
}

int token_login(struct token *t, const struct secret *pin, bool allow_final_try, struct err *e)
{
	CK_RV rv;

	owner_task("log in", pin ? 1 : OWNER_PATIENCE);
	if (token_login_check(t, allow_final_try, e))
		return (int)e->kind;
	rv = login(&t->at, t->session, CKU_USER, pin);
	/* Login belongs to the token: another session of ours may have got there first. */
	if (rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN)
		return 0;
	return pin_failed(t, TOKEN_USER, rv, e);
}

CK_RV login_for_signature(const struct token *t, CK_SESSION_HANDLE session,
			  const struct secret *pin)
{
	return login(&t->at, session, CKU_CONTEXT_SPECIFIC, pin);
}

/* ---- new PINs ---- */

/* The PIN was right, but the new one is not to the token's taste. */
static bool is_new_pin_refused(CK_RV rv)
{
	return rv == CKR_PIN_LEN_RANGE || rv == CKR_PIN_INVALID || rv == CKR_PIN_TOO_WEAK;
}

static int new_pin_failed(struct token *t, CK_RV rv, struct err *e)
{
	const struct token_info *info = &t->at.info;

	session_after(t, rv);
	rv_err(e, rv, "pin-change", "the token %s (serial %s) did not take the new PIN",
	       info->label, info->serial);
	if (!is_new_pin_refused(rv))
		return ERR_TOKEN;
	snprintf(e->id, sizeof(e->id), "pin-rules");
	return err_hint(e, "the present PIN still holds; \"ctlclient token change-pin --tips\" "
			   "tells what makes a good one");
}

/* The token went while it was at it. Trying both PINs might lock it. */
static int outcome_unknown(struct err *e)
{
	return err_hint(e,
			"it went in the midst of it: whether the new PIN holds is not known. Put "
			"it in again and try the new one once (\"ctlclient token test\"); if that "
			"is wrong the old one holds");
}

static CK_RV change(struct token *t, CK_SESSION_HANDLE session, const struct secret *old,
		    const struct secret *new)
{
	return t->at.module->fn->C_SetPIN(session, old ? (CK_UTF8CHAR *)old->text : NULL,
					  old ? old->len : 0, new ? (CK_UTF8CHAR *)new->text : NULL,
					  new ? new->len : 0);
}

/* PKCS#11 v2.40 section 5.5, C_SetPIN: in a session without login it changes the user's PIN, in
 * that of the SO the SO PIN. */
static int change_in(struct token *t, CK_SESSION_HANDLE session, enum token_user who,
		     const struct secret *old, const struct secret *new, struct err *e)
{
	CK_RV rv = CKR_OK;

	if (who == TOKEN_SO)
		rv = login(&t->at, session, CKU_SO, old);
	if (rv != CKR_OK)
		return pin_failed(t, who, rv, e);
	rv = change(t, session, old, new);
	if (rv == CKR_OK)
		return 0;
	if (who == TOKEN_USER && !is_new_pin_refused(rv))
		(void)pin_failed(t, who, rv, e);
	else
		(void)new_pin_failed(t, rv, e);
	return rv_is_loss(rv) ? outcome_unknown(e) : (int)e->kind;
}

/* Our read-only session would keep the SO from logging in. */
static int begin_change(struct token *t, enum token_user who, bool allow_final_try,
			CK_SESSION_HANDLE *session, struct err *e)
{
	session_close(t);
	if (session_for_writing(session, t, e))
		return (int)e->kind;
	if (!pin_check_counter(t, who, allow_final_try, e))
		return 0;
	(void)t->at.module->fn->C_CloseSession(*session);
	return (int)e->kind;
}

int token_change_pin(struct token *t, enum token_user who, const struct secret *old,
		     const struct secret *new, bool allow_final_try, struct err *e)
{
	CK_SESSION_HANDLE session;
	int rc;

	owner_task("change the PIN", new ? 1 : OWNER_PATIENCE);
	rc = begin_change(t, who, allow_final_try, &session, e);
	if (rc)
		return rc;
	rc = change_in(t, session, who, old, new, e);
	if (who == TOKEN_SO)
		(void)t->at.module->fn->C_Logout(session);
	(void)t->at.module->fn->C_CloseSession(session);
	(void)token_look(t);
	return rc;
}

static CK_RV set_in(const struct slot *s, CK_SESSION_HANDLE session, const struct secret *so_pin,
		    const struct secret *pin, bool *logged_in)
{
	CK_RV rv = login(s, session, CKU_SO, so_pin);

	*logged_in = rv == CKR_OK;
	if (rv != CKR_OK)
		return rv;
	rv = s->module->fn->C_InitPIN(session, pin ? (CK_UTF8CHAR *)pin->text : NULL,
				      pin ? pin->len : 0);
	(void)s->module->fn->C_Logout(session);
	return rv;
}

CK_RV pin_set_as_so(const struct slot *s, const struct secret *so_pin, const struct secret *pin,
		    bool *logged_in)
{
	CK_FUNCTION_LIST *fn = s->module->fn;
	CK_SESSION_HANDLE session;
	CK_RV rv =
		fn->C_OpenSession(s->id, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session);

	*logged_in = false;
	if (rv != CKR_OK)
		return rv;
	rv = set_in(s, session, so_pin, pin, logged_in);
	(void)fn->C_CloseSession(session);
	return rv;
}

int token_unblock(struct token *t, const struct secret *so_pin, const struct secret *pin,
		  bool allow_final_try, struct err *e)
{
	CK_SESSION_HANDLE session;
	bool logged_in;
	CK_RV rv;
	int rc;

	owner_task("set the PIN", pin ? 1 : OWNER_PATIENCE);
	rc = begin_change(t, TOKEN_SO, allow_final_try, &session, e);
	if (rc)
		return rc;
	rv = set_in(&t->at, session, so_pin, pin, &logged_in);
	if (rv != CKR_OK)
		rc = logged_in ? new_pin_failed(t, rv, e) : pin_failed(t, TOKEN_SO, rv, e);
	if (logged_in && rv_is_loss(rv))
		rc = outcome_unknown(e);
	(void)t->at.module->fn->C_CloseSession(session);
	(void)token_look(t);
	return rc;
}
