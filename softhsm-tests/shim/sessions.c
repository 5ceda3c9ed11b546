#include "shim.h"

struct session *session_find(CK_SESSION_HANDLE handle)
{
	for (size_t i = 0; handle && i < SESSIONS_MAX; i++)
		if (shim.sessions[i].handle == handle)
			return &shim.sessions[i];
	return NULL;
}

void session_drop(struct session *s)
{
	*s = (struct session){0};
}

/* SoftHSM knows nothing of it: its sessions are closed, and with the last one its login ends. */
void sessions_lose(const struct token *t)
{
	for (size_t i = 0; i < SESSIONS_MAX; i++) {
		struct session *s = &shim.sessions[i];

		if (s->handle && s->token == t && !s->lost) {
			(void)shim.real->C_CloseSession(s->real);
			s->lost = true;
		}
	}
}

bool sessions_any(const struct token *t)
{
	for (size_t i = 0; i < SESSIONS_MAX; i++)
		if (shim.sessions[i].handle && !shim.sessions[i].lost &&
		    (!t || shim.sessions[i].token == t))
			return true;
	return false;
}

static struct session *free_place(void)
{
	for (size_t i = 0; i < SESSIONS_MAX; i++)
		if (!shim.sessions[i].handle)
			return &shim.sessions[i];
	return NULL;
}

CK_RV shim_C_OpenSession(CK_SLOT_ID slot, CK_FLAGS flags, void *application, CK_NOTIFY notify,
			 CK_SESSION_HANDLE *out)
{
	struct session *s = NULL;
	CK_SESSION_HANDLE real;
	struct call c;
	CK_RV rv = call_slot(&c, FN_C_OpenSession, slot);

	if (rv == CKR_OK) {
		s = free_place();
		rv = s ? CKR_OK : CKR_SESSION_COUNT;
	}
	if (rv == CKR_OK)
		rv = shim.real->C_OpenSession(c.token->real, flags, application, notify, &real);
	if (rv == CKR_OK) {
		*s = (struct session){.handle = ++shim.last_session,
				      .real = real,
				      .slot = slot,
				      .token = c.token};
		*out = s->handle;
	}
	return call_end(&c, rv);
}

CK_RV shim_C_CloseSession(CK_SESSION_HANDLE session)
{
	struct call c;
	CK_RV rv = call_session(&c, FN_C_CloseSession, session);

	if (rv == CKR_OK)
		rv = shim.real->C_CloseSession(c.real);
	if (rv == CKR_OK)
		session_drop(c.session);
	return call_end(&c, rv);
}

CK_RV shim_C_CloseAllSessions(CK_SLOT_ID slot)
{
	struct call c;
	CK_RV rv = call_slot(&c, FN_C_CloseAllSessions, slot);

	if (rv == CKR_OK)
		rv = shim.real->C_CloseAllSessions(c.token->real);
	for (size_t i = 0; rv == CKR_OK && i < SESSIONS_MAX; i++)
		if (shim.sessions[i].handle && shim.sessions[i].token == c.token)
			session_drop(&shim.sessions[i]);
	return call_end(&c, rv);
}

CK_RV shim_C_GetSessionInfo(CK_SESSION_HANDLE session, CK_SESSION_INFO *info)
{
	struct call c;
	CK_RV rv = call_session(&c, FN_C_GetSessionInfo, session);

	if (rv == CKR_OK)
		rv = shim.real->C_GetSessionInfo(c.real, info);
	if (rv == CKR_OK)
		info->slotID = c.session->slot;
	return call_end(&c, rv);
}
