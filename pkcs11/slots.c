#include "pkcs11/cryptoki.h"
#include "pkcs11/owner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static enum token_pin_state so_pin_state(CK_FLAGS flags)
{
	if (flags & CKF_SO_PIN_LOCKED)
		return TOKEN_PIN_LOCKED;
	if (flags & CKF_SO_PIN_FINAL_TRY)
		return TOKEN_PIN_FINAL_TRY;
	return flags & CKF_SO_PIN_COUNT_LOW ? TOKEN_PIN_COUNT_LOW : TOKEN_PIN_OK;
}

static enum token_pin_state pin_state(CK_FLAGS flags)
{
	if (flags & CKF_USER_PIN_LOCKED)
		return TOKEN_PIN_LOCKED;
	if (flags & CKF_USER_PIN_FINAL_TRY)
		return TOKEN_PIN_FINAL_TRY;
	if (flags & CKF_USER_PIN_COUNT_LOW)
		return TOKEN_PIN_COUNT_LOW;
	return flags & CKF_USER_PIN_INITIALIZED ? TOKEN_PIN_OK : TOKEN_PIN_UNSET;
}

#define CLEAN(out, field) text_show(out, sizeof(out), field, sizeof(field))

static void describe(struct slot *s)
{
	const CK_TOKEN_INFO *raw = &s->raw;
	struct token_info *info = &s->info;

	CLEAN(info->label, raw->label);
	CLEAN(info->manufacturer, raw->manufacturerID);
	CLEAN(info->model, raw->model);
	CLEAN(info->serial, raw->serialNumber);
	memcpy(info->module, s->module->name, sizeof(info->module));
	info->slot = s->id;
	info->initialized = raw->flags & CKF_TOKEN_INITIALIZED;
	info->login_required = raw->flags & CKF_LOGIN_REQUIRED;
	info->pin_pad = raw->flags & CKF_PROTECTED_AUTHENTICATION_PATH;
	info->write_protected = raw->flags & CKF_WRITE_PROTECTED;
	info->pin = pin_state(raw->flags);
	info->so_pin = so_pin_state(raw->flags);
	info->pin_to_be_changed = raw->flags & CKF_USER_PIN_TO_BE_CHANGED;
	info->pin_min = raw->ulMinPinLen;
	info->pin_max = raw->ulMaxPinLen;
}

CK_RV slot_refresh(struct slot *s)
{
	CK_RV rv;

	owner_module(s->module->name);
	rv = s->module->fn->C_GetTokenInfo(s->id, &s->raw);
	if (rv == CKR_OK)
		describe(s);
	return rv;
}

static bool same_field(const uint8_t *a, const uint8_t *b, size_t len)
{
	const size_t n = text_trimmed(a, len);

	return n == text_trimmed(b, len) && !memcmp(a, b, n);
}

#define SAME(a, b, field) same_field((a)->raw.field, (b)->raw.field, sizeof((a)->raw.field))

bool slot_same_token(const struct slot *a, const struct slot *b)
{
	return a->module == b->module && SAME(a, b, serialNumber) && SAME(a, b, label) &&
	       (*a->info.serial || a->id == b->id);
}

/* Asking for the number first is what makes a module look for new tokens (PKCS#11 v2.40 section
 * 5.5); the list itself may have grown by the time it is fetched, hence the spare places. */
CK_RV slot_ids(const struct module *m, bool only_with_token, CK_SLOT_ID ids[SLOTS_MAX], CK_ULONG *n)
{
	const CK_BBOOL which = only_with_token ? CK_TRUE : CK_FALSE;
	CK_ULONG count = 0;
	CK_RV rv;

	owner_module(m->name);
	rv = m->fn->C_GetSlotList(which, NULL, &count);
	*n = SLOTS_MAX;
	if (rv == CKR_OK)
		rv = m->fn->C_GetSlotList(which, ids, n);
	if (rv == CKR_OK && *n > SLOTS_MAX)
		rv = CKR_GENERAL_ERROR;
	return rv;
}

/* " (reader ACS ACR 38U)", as far as the module tells. */
static void reader_of(char *out, size_t size, const struct slot *s)
{
	CK_SLOT_INFO info;
	char name[193];

	*out = '\0';
	if (s->module->fn->C_GetSlotInfo(s->id, &info) != CKR_OK)
		return;
	CLEAN(name, info.slotDescription);
	snprintf(out, size, " (reader %s)", name);
}

static void note_unread(struct troubles *t, const struct slot *s, CK_RV rv)
{
	char reader[256];
	char scratch[32];
	struct err e;

	reader_of(reader, sizeof(reader), s);
	err_set(&e, ERR_TOKEN, "slots",
		"cannot read the token in slot %lu%s of the module %s: C_GetTokenInfo: %s (%s)",
		s->id, reader, s->module->name, rv_means(rv), rv_name(rv, scratch));
	err_hint(&e, "pull it out and put it in again; if that does not help, restart the reader "
		     "service (systemctl restart pcscd); \"ctlclient doctor\" looks further");
	trouble_add(t, &e);
}

static int add_module(struct slot **list, size_t *n, struct troubles *unread, struct module *m,
		      struct err *e)
{
	CK_SLOT_ID ids[SLOTS_MAX];
	CK_ULONG count = 0;
	CK_RV rv = slot_ids(m, true, ids, &count);
	struct slot *grown;

	if (rv != CKR_OK) {
		rv_err(e, rv, "slots", "cannot list the tokens of the module %s: C_GetSlotList",
		       m->name);
		return err_hint(e, "\"ctlclient doctor\" looks for the reason");
	}
	grown = realloc(*list, (*n + count + 1) * sizeof(**list));
	if (!grown)
		return err_nomem(e);
	*list = grown;
	for (CK_ULONG i = 0; i < count; i++) {
		struct slot *s = &grown[*n];

		*s = (struct slot){.module = m, .id = ids[i]};
		rv = slot_refresh(s);
		/* A token that was pulled out since is no error. */
		if (rv == CKR_OK)
			(*n)++;
		else if (!rv_is_absence(rv))
			note_unread(unread, s, rv);
	}
	return 0;
}

static bool same_words(const struct slot *a, const struct slot *b, enum uri_detail detail)
{
	return SAME(a, b, serialNumber) && SAME(a, b, label) &&
	       (detail == URI_SERIAL || (SAME(a, b, model) && SAME(a, b, manufacturerID))) &&
	       (detail < URI_SLOT || a->id == b->id);
}

void slots_name(struct slot *list, size_t n)
{
	const struct span none = span_of(NULL, 0);

	for (size_t i = 0; i < n; i++) {
		struct slot *s = &list[i];

		s->detail = *s->info.serial ? URI_SERIAL : URI_SLOT;
		for (size_t k = 0; k < n; k++)
			while (k != i && s->detail < URI_MODULE &&
			       same_words(s, &list[k], s->detail))
				s->detail++;
		uri_format(s->info.uri, sizeof(s->info.uri), s, s->detail, none, none);
	}
}

int slots_list(struct slot **out, size_t *out_n, struct tokens *ts, struct module *only,
	       struct err *e)
{
	struct slot *list = NULL;
	size_t n = 0;
	int failed = 0; /* the kind of the last error */

	ts->unread.n = 0;
	if (modules_need(ts, e))
		return (int)e->kind;
	for (size_t i = 0; i < ts->n; i++) {
		if (only && only != &ts->modules[i])
			continue;
		if (add_module(&list, &n, &ts->unread, &ts->modules[i], e)) {
			failed = (int)e->kind;
			trouble_add(&ts->unread, e);
		}
	}
	/* One module in trouble must not hide the tokens of the others. */
	if (failed && !n) {
		free(list);
		return failed;
	}
	slots_name(list, n);
	*out = list;
	*out_n = n;
	return 0;
}

int tokens_list(struct tokens *ts, struct token_info **out, size_t *out_n, struct err *e)
{
	struct token_info *list;
	struct slot *slots;
	size_t n;
	int rc;

	owner_task("list its tokens", 1);
	rc = slots_list(&slots, &n, ts, NULL, e);
	if (rc)
		return rc;
	if (!n && ts->unread.n) {
		free(slots);
		*e = ts->unread.list[0];
		return (int)e->kind;
	}
	list = calloc(n + 1, sizeof(*list));
	for (size_t i = 0; list && i < n; i++)
		list[i] = slots[i].info;
	free(slots);
	if (!list)
		return err_nomem(e);
	*out = list;
	*out_n = n;
	return 0;
}

const struct err *tokens_unread(const struct tokens *ts, size_t *n)
{
	*n = ts->unread.n;
	return ts->unread.list;
}

bool token_is_software(const struct token_info *info)
{
	static const char *const known[] = {"SoftHSM", "Mozilla Foundation", "Gnome Keyring"};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strncasecmp(info->manufacturer, known[i], strlen(known[i])) ||
		    !strncasecmp(info->model, known[i], strlen(known[i])))
			return true;
	return false;
}
