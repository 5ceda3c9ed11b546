/*
 * Logins in the audit log. Accepted ones are written one by one (once for as long as a login is
 * remembered); refused ones, which anybody can cause, at a pace that fills no disk: a few at once,
 * then one row every ten seconds, which says how many were left out. Safe from any thread.
 */
#ifndef SERVER_PROVIDER_LOGIN_AUDIT_H
#define SERVER_PROVIDER_LOGIN_AUDIT_H

#include "common/log.h"
#include "server/store/store.h"

enum {
	LOGIN_AUDIT_AT_ONCE = 20,
	LOGIN_AUDIT_PACE_MS = 10 * 1000,
};

struct login_audit;

struct login_audit *login_audit_new(const struct log *log); /* NULL if out of memory */
void login_audit_free(struct login_audit *a);

/* Notes what became of a login through s (see store_act_as()); detail says for what, or why not. */
void login_audit_note(struct login_audit *a, struct store *s, bool accepted, const char *detail,
		      int64_t now_ms);

#endif
