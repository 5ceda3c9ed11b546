#include "shim.h"

#include <stdio.h>
#include <string.h>

enum { MECHANISMS_MAX = 512, EVENT_LOOK_MS = 50 };

static void pad(CK_UTF8CHAR *field, size_t size, const char *text, size_t len)
{
	memset(field, ' ', size);
	memcpy(field, text, len < size ? len : size);
}

/* The list, its lies included. */
static CK_RV list_slots(CK_BBOOL present, CK_SLOT_ID *list, CK_ULONG *n)
{
	const struct rule *lie =
		control_for(&shim.control, list ? "slot-list-length" : "slot-count", 0, NULL);
	struct slot_view views[SLOT_VIEWS_MAX];
	const size_t count = slot_views(views);
	const CK_ULONG room = *n;
	CK_RV rv = CKR_OK;

	*n = 0;
	for (size_t i = 0; i < count; i++) {
		if (present && !views[i].token)
			continue;
		if (list && *n < room)
			list[*n] = views[i].id;
		(*n)++;
	}
	if (list && *n > room)
		rv = CKR_BUFFER_TOO_SMALL;
	else if (lie)
		*n = rule_number(lie, 1, 0);
	return rv;
}

CK_RV shim_C_GetSlotList(CK_BBOOL present, CK_SLOT_ID *list, CK_ULONG *n)
{
	struct call c;
	CK_RV rv = call_begin(&c, FN_C_GetSlotList);

	if (rv == CKR_OK && !n)
		rv = CKR_ARGUMENTS_BAD;
	if (rv == CKR_OK && !list) {
		rv = tokens_rediscover();
		tokens_update(false);
	}
	if (rv == CKR_OK)
		rv = list_slots(present, list, n);
	return call_end(&c, rv);
}

CK_RV shim_C_GetSlotInfo(CK_SLOT_ID slot, CK_SLOT_INFO *info)
{
	static const char maker[] = "ctlsuite tests (simulated)";
	struct slot_view view = {0};
	char text[64];
	struct call c;
	CK_RV rv = call_begin(&c, FN_C_GetSlotInfo);

	if (rv == CKR_OK && !info)
		rv = CKR_ARGUMENTS_BAD;
	if (rv == CKR_OK && !slot_find(slot, &view))
		rv = CKR_SLOT_ID_INVALID;
	if (rv == CKR_OK) {
		*info = (CK_SLOT_INFO){.flags = CKF_REMOVABLE_DEVICE | CKF_HW_SLOT};
		if (view.token)
			info->flags |= CKF_TOKEN_PRESENT;
		snprintf(text, sizeof(text), "Simulated reader %lu", slot);
		pad(info->slotDescription, sizeof(info->slotDescription), text, strlen(text));
		pad(info->manufacturerID, sizeof(info->manufacturerID), maker, sizeof(maker) - 1);
	}
	return call_end(&c, rv);
}

static void put_text(const struct token *t, const char *key, CK_UTF8CHAR *field, size_t size)
{
	const struct rule *r = control_for(&shim.control, key, 1, t);

	if (r)
		pad(field, size, r->word[2], r->len[2]);
}

CK_RV shim_C_GetTokenInfo(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
	struct call c;
	CK_RV rv = call_slot(&c, FN_C_GetTokenInfo, slot);

	if (rv == CKR_OK)
		rv = shim.real->C_GetTokenInfo(c.token->real, info);
	if (rv == CKR_OK) {
		c.token->info = *info;
		put_text(c.token, "label", info->label, sizeof(info->label));
		put_text(c.token, "serial", info->serialNumber, sizeof(info->serialNumber));
		put_text(c.token, "manufacturer", info->manufacturerID,
			 sizeof(info->manufacturerID));
		put_text(c.token, "model", info->model, sizeof(info->model));
		info->flags = pin_flags(c.token, info->flags);
		if (pin_pad(c.token))
			info->flags |= CKF_PROTECTED_AUTHENTICATION_PATH;
	}
	return call_end(&c, rv);
}

/* ---- mechanisms ---- */

CK_RV shim_C_GetMechanismList(CK_SLOT_ID slot, CK_MECHANISM_TYPE *list, CK_ULONG *n)
{
	CK_MECHANISM_TYPE all[MECHANISMS_MAX];
	CK_ULONG count = MECHANISMS_MAX;
	CK_ULONG kept = 0;
	struct call c;
	CK_RV rv = call_slot(&c, FN_C_GetMechanismList, slot);

	if (rv == CKR_OK && !n)
		rv = CKR_ARGUMENTS_BAD;
	if (rv == CKR_OK)
		rv = shim.real->C_GetMechanismList(c.token->real, all, &count);
	for (CK_ULONG i = 0; rv == CKR_OK && i < count; i++)
		if (mechanism_check(c.token, all[i]) == CKR_OK)
			all[kept++] = all[i];
	if (rv == CKR_OK && list && *n < kept)
		rv = CKR_BUFFER_TOO_SMALL;
	else if (rv == CKR_OK && list)
		memcpy(list, all, kept * sizeof(all[0]));
	if (rv == CKR_OK || rv == CKR_BUFFER_TOO_SMALL)
		*n = kept;
	return call_end(&c, rv);
}

CK_RV shim_C_GetMechanismInfo(CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info)
{
	struct call c;
	CK_RV rv = call_slot(&c, FN_C_GetMechanismInfo, slot);

	if (rv == CKR_OK)
		rv = mechanism_check(c.token, type);
	if (rv == CKR_OK)
		rv = shim.real->C_GetMechanismInfo(c.token->real, type, info);
	return call_end(&c, rv);
}

/* ---- events ---- */

static bool events_are(const char *how)
{
	const struct rule *r = control_for(&shim.control, "slot-events", 0, NULL);

	return r && !strcmp(r->word[1], how);
}

/* The next change that was not reported yet. */
static bool take_event(CK_SLOT_ID *slot)
{
	for (size_t i = 0; i < shim.token_count; i++) {
		struct token *t = &shim.tokens[i];
		const unsigned long now = token_shows(t) ? t->insertion + 1 : 0;
		const struct rule *moved = control_for(&shim.control, "slot", 1, t);

		if (now == t->reported)
			continue;
		t->reported = now;
		*slot = moved ? rule_number(moved, 2, 0) : t->number;
		return true;
	}
	return false;
}

CK_RV shim_C_WaitForSlotEvent(CK_FLAGS flags, CK_SLOT_ID *slot, void *reserved)
{
	struct call c;
	CK_RV rv = call_begin(&c, FN_C_WaitForSlotEvent);

	if (rv == CKR_OK && (!slot || reserved))
		rv = CKR_ARGUMENTS_BAD;
	if (rv == CKR_OK && events_are("none"))
		rv = CKR_FUNCTION_NOT_SUPPORTED;
	while (rv == CKR_OK && (events_are("lost") || !take_event(slot))) {
		if (flags & CKF_DONT_BLOCK) {
			rv = CKR_NO_EVENT;
			break;
		}
		shim_pause(EVENT_LOOK_MS);
		if (!shim.initialized)
			rv = CKR_CRYPTOKI_NOT_INITIALIZED;
		else
			tokens_update(false);
	}
	return call_end(&c, rv);
}
