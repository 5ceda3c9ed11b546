#include "pkcs11/cryptoki.h"
#include "pkcs11/owner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOKEN_LABEL_LEN = 32 };

static bool is_target(const struct slot *s, const char *serial, long slot)
{
	if (serial)
		return !strcmp(s->info.serial, serial);
	if (slot != TOKEN_ANY_SLOT)
		return s->id == (CK_SLOT_ID)slot;
	return !s->info.initialized;
}

static void none_found(const char *serial, long slot, const struct troubles *unread, struct err *e)
{
	if (serial)
		err_set(e, ERR_TOKEN, "token-missing", "no token with serial number %s is present",
			serial);
	else if (slot != TOKEN_ANY_SLOT)
		err_set(e, ERR_TOKEN, "token-missing", "there is no token in slot %ld", slot);
	else
		err_set(e, ERR_TOKEN, "token-missing",
			"no token is present that has not been initialised");
	if (unread->n)
		err_hint(e, "it may be the one that cannot be looked at: %s", unread->list[0].what);
	else
		err_hint(e, "\"ctlclient token list --all\" shows serial numbers and slots; "
			    "--serial or --slot names the one to initialise");
}

static int find_target(struct slot *out, struct tokens *ts, const char *serial, long slot,
		       struct err *e)
{
	struct slot *list;
	size_t n;
	size_t found = 0;
	const int rc = slots_list(&list, &n, ts, NULL, e);

	if (rc)
		return rc;
	for (size_t i = 0; i < n; i++)
		if (is_target(&list[i], serial, slot) && ++found == 1)
			*out = list[i];
	free(list);
	if (found == 1)
		return 0;
	if (!found) {
		none_found(serial, slot, &ts->unread, e);
		return ERR_TOKEN;
	}
	err_set(e, ERR_TOKEN, "token-ambiguous", "%zu tokens may be meant", found);
	err_hint(e, "name one with --serial or --slot (\"ctlclient token list --all\"), or its "
		    "module with --module");
	return ERR_TOKEN;
}

int token_init_target(struct token_info *info, struct tokens *ts, const char *serial, long slot,
		      struct err *e)
{
	struct slot s = {0};
	const int rc = find_target(&s, ts, serial, slot, e);

	if (!rc)
		*info = s.info;
	return rc;
}

static bool is_shown(const struct token_info *t, const struct token_info *shown)
{
	return !strcmp(t->serial, shown->serial) && !strcmp(t->label, shown->label) &&
	       !strcmp(t->module, shown->module) && t->initialized == shown->initialized;
}

static int shown_not_found(const struct token_info *shown, size_t alike, struct err *e)
{
	if (alike && *shown->serial)
		err_set(e, ERR_TOKEN, "token-ambiguous",
			"%zu tokens are %s, serial number %s, and none is in slot %lu any more",
			alike, shown->label, shown->serial, shown->slot);
	else if (*shown->serial)
		err_set(e, ERR_TOKEN, "token-missing",
			"the token %s, serial number %s, is not there any more", shown->label,
			shown->serial);
	else
		err_set(e, ERR_TOKEN, "token-missing",
			"the token without a serial number is not in slot %lu any more",
			shown->slot);
	return err_hint(e, "no token was initialised");
}

static int find_shown(struct slot *out, struct tokens *ts, const struct token_info *shown,
		      struct err *e)
{
	struct slot *list;
	size_t n;
	size_t alike = 0;
	bool in_place = false;
	const int rc = slots_list(&list, &n, ts, NULL, e);

	if (rc)
		return rc;
	for (size_t i = 0; i < n && !in_place; i++) {
		if (!is_shown(&list[i].info, shown))
			continue;
		*out = list[i];
		in_place = list[i].id == (CK_SLOT_ID)shown->slot;
		alike++;
	}
	free(list);
	if (in_place || (alike == 1 && *shown->serial))
		return 0;
	return shown_not_found(shown, alike, e);
}

/* Before anything is lost: afterwards a refused PIN would leave a token that nobody can use. */
static int check_pin(const struct slot *s, const struct secret *pin, const char *what,
		     struct err *e)
{
	const CK_ULONG min = s->raw.ulMinPinLen;
	const CK_ULONG max = s->raw.ulMaxPinLen;

	if (pin->len >= min && (pin->len <= max || max < min || max == 0))
		return 0;
	err_set(e, ERR_TOKEN, "pin-wrong", "the %s has %zu characters; this token takes %lu to %lu",
		what, pin->len, min, max);
	return err_hint(e, "nothing was changed");
}

static CK_RV wipe(const struct slot *s, const char *label, const struct secret *so_pin)
{
	CK_FUNCTION_LIST *fn = s->module->fn;
	char padded[TOKEN_LABEL_LEN + 1];

	snprintf(padded, sizeof(padded), "%-*s", TOKEN_LABEL_LEN, label);
	/* Our own sessions are in the way (PKCS#11 v2.40 section 5.5). */
	(void)fn->C_CloseAllSessions(s->id);
	return fn->C_InitToken(s->id, (CK_UTF8CHAR *)so_pin->text, so_pin->len,
			       (CK_UTF8CHAR *)padded);
}

static int initialise(const struct slot *s, const char *label, const struct secret *so_pin,
		      const struct secret *pin, struct err *e)
{
	bool logged_in;
	CK_RV rv = wipe(s, label, so_pin);

	if (rv == CKR_PIN_INCORRECT || rv == CKR_PIN_LOCKED) {
		struct slot now = *s;

		(void)slot_refresh(&now);
		return pin_refused(&now.info, TOKEN_SO, rv, "initialise", e);
	}
	if (rv != CKR_OK)
		return rv_err(e, rv, "init", "cannot initialise the token in slot %lu", s->id);
	rv = pin_set_as_so(s, so_pin, pin, &logged_in);
	if (rv == CKR_OK)
		return 0;
	rv_err(e, rv, "init", "the token %s was initialised, but its PIN could not be set", label);
	return err_hint(e, "it is empty and has no user PIN now; initialise it again with another "
			   "PIN");
}

/* The serial number may be new, the slot may change with the restart: what stays is the number
 * the token shows now. */
static int describe_again(struct token_info *info, struct tokens *ts, struct slot *s, struct err *e)
{
	struct slot *list;
	size_t n;
	bool found = false;
	const CK_RV rv = slot_refresh(s);
	int rc;

	if (rv != CKR_OK)
		return rv_err(e, rv, "init", "the new token cannot be read");
	rc = module_restart(s->module, e);
	if (!rc)
		rc = slots_list(&list, &n, ts, s->module, e);
	if (rc)
		return rc;
	for (size_t i = 0; i < n && !found; i++) {
		found = slot_same_token(&list[i], s);
		if (found)
			*info = list[i].info;
	}
	free(list);
	return found ? 0
		     : err_set(e, ERR_TOKEN, "init",
			       "the token %s was initialised but does not show any more",
			       s->info.label);
}

int token_init(struct tokens *ts, const struct token_info *target, const char *label,
	       const struct secret *so_pin, const struct secret *pin, struct token_info *info,
	       struct err *e)
{
	const size_t len = strlen(label);
	struct slot s = {0};
	int rc;

	if (!len || len > TOKEN_LABEL_LEN)
		return err_set(e, ERR_USAGE, "label",
			       "a token's label has 1 to %d bytes of UTF-8, not %zu",
			       TOKEN_LABEL_LEN, len);
	owner_task("initialise a token", OWNER_PATIENCE);
	rc = find_shown(&s, ts, target, e);
	if (!rc)
		rc = check_pin(&s, so_pin, "SO PIN", e);
	if (!rc)
		rc = check_pin(&s, pin, "PIN", e);
	if (!rc)
		rc = initialise(&s, label, so_pin, pin, e);
	if (!rc)
		rc = describe_again(info, ts, &s, e);
	return rc;
}
