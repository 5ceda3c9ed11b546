#include "shim.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { HANG_LOOK_MS = 20 };

void shim_pause(unsigned ms)
{
	const struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};

	pthread_mutex_unlock(&shim.lock);
	nanosleep(&t, NULL);
	pthread_mutex_lock(&shim.lock);
	control_refresh(&shim.control);
}

/* The first line with this key about the function, and about the token if at says where one may
 * stand. */
static struct rule *about(const char *key, enum fn f, int at, const struct token *t)
{
	for (size_t i = 0; i < shim.control.n; i++) {
		struct rule *r = &shim.control.rules[i];

		if (!strcmp(r->word[0], key) &&
		    (!strcmp(r->word[1], "*") || !strcmp(r->word[1], fn_names[f])) &&
		    (!at || !r->word[at] || token_named(t, r->word[at], r->len[at])))
			return r;
	}
	return NULL;
}

static void wait_as_told(enum fn f)
{
	const struct rule *slow = about("delay", f, 0, NULL);

	if (slow)
		shim_pause((unsigned)rule_number(slow, 2, 0));
	while (about("hang", f, 0, NULL))
		shim_pause(HANG_LOOK_MS);
}

/* Which functions a program calls, and how often. */
static void trace(enum fn f)
{
	const struct rule *r = control_for(&shim.control, "trace", 0, NULL);
	FILE *out = r ? fopen(r->word[1], "ae") : NULL;

	if (r && !out)
		shim_die("cannot write to %s", r->word[1]);
	if (out) {
		fprintf(out, "%s\n", fn_names[f]);
		fclose(out);
	}
}

static bool needs_start(enum fn f)
{
	return f != FN_C_Initialize && f != FN_C_GetFunctionList;
}

CK_RV call_begin(struct call *c, enum fn f)
{
	struct rule *broken;

	*c = (struct call){.f = f};
	pthread_mutex_lock(&shim.lock);
	control_refresh(&shim.control);
	trace(f);
	wait_as_told(f);
	if (needs_start(f) && !shim.initialized)
		return CKR_CRYPTOKI_NOT_INITIALIZED;
	tokens_update(false);
	broken = about("fail", f, 0, NULL);
	if (broken && rule_due(broken, 3, 4))
		return rule_number(broken, 2, CKR_OK);
	return CKR_OK;
}

/* remove-during and remove-after: at the Nth call, once. */
static bool pull_now(const char *key, const struct call *c)
{
	struct rule *r = c->token ? about(key, c->f, 2, c->token) : NULL;

	return r && ++r->seen == rule_number(r, 3, 1);
}

CK_RV call_slot(struct call *c, enum fn f, CK_SLOT_ID slot)
{
	struct slot_view view;
	CK_RV rv = call_begin(c, f);

	if (rv != CKR_OK)
		return rv;
	if (!slot_find(slot, &view))
		return CKR_SLOT_ID_INVALID;
	if (!view.token)
		return CKR_TOKEN_NOT_PRESENT;
	c->token = view.token;
	if (!pull_now("remove-during", c))
		return CKR_OK;
	token_pull(c->token);
	return CKR_DEVICE_REMOVED;
}

/* Said once for each session; after that its handle means nothing any more. */
static CK_RV lost_answer(struct session *s)
{
	const struct rule *r = control_for(&shim.control, "removed-answer", 0, NULL);

	session_drop(s);
	return r ? rule_number(r, 1, 0) : CKR_DEVICE_REMOVED;
}

CK_RV call_session(struct call *c, enum fn f, CK_SESSION_HANDLE session)
{
	CK_RV rv = call_begin(c, f);

	if (rv != CKR_OK)
		return rv;
	c->session = session_find(session);
	if (!c->session)
		return CKR_SESSION_HANDLE_INVALID;
	c->token = c->session->token;
	c->real = c->session->real;
	if (!c->session->lost && pull_now("remove-during", c))
		token_pull(c->token);
	return c->session->lost ? lost_answer(c->session) : CKR_OK;
}

CK_RV call_end(struct call *c, CK_RV rv)
{
	if (rv == CKR_OK && pull_now("remove-after", c))
		token_pull(c->token);
	pthread_mutex_unlock(&shim.lock);
	return rv;
}

CK_RV mechanism_check(const struct token *t, CK_MECHANISM_TYPE mechanism)
{
	for (size_t i = 0; i < shim.control.n; i++) {
		const struct rule *r = &shim.control.rules[i];

		if (!strcmp(r->word[0], "no-mechanism") && rule_number(r, 1, 0) == mechanism &&
		    (!r->word[2] || token_named(t, r->word[2], r->len[2])))
			return CKR_MECHANISM_INVALID;
	}
	return CKR_OK;
}
