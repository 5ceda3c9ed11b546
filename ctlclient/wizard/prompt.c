#include "ctlclient/wizard/prompt.h"

#include "ctlclient/change.h"

#include <string.h>

/* ---- one token ---- */

static enum prompt_state state_of(const struct err *e)
{
	static const struct {
		const char *id;
		enum prompt_state state;
	} states[] = {
		{"same-token", PROMPT_AGAIN},
		{"ctl-signer-key", PROMPT_WRONG_KEY},
		{"ctl-unknown-signer", PROMPT_NOT_LISTED},
		{"ctl-signer-not-listed", PROMPT_LEAVES},
		{"software-token", PROMPT_SOFTWARE},
	};

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (!strcmp(states[i].id, e->id))
			return states[i].state;
	return PROMPT_REFUSED;
}

static int by_the_rules(const struct prompt *p, const struct seen_token *t, X509 *cert,
			struct err *e)
{
	const struct desk_cert c = {.cert = cert, .software = token_is_software(&t->info)};
	int rc;

	if (p->kind == PROMPT_ADD)
		return draft_check_sast(p->draft, cert, e);
	rc = p->kind == PROMPT_SIGN ? draft_check(p->draft, cert, e)
				    : draft_check_signer(p->draft, cert, e);
	return rc ? rc : change_check_hardware(p->view, &c, e);
}

/* The first certificate that will do, else the verdict on the first one. */
static void judge_certs(struct verdict *v, const struct prompt *p, const struct seen_token *t)
{
	for (size_t i = 0; i < t->n_certs && i < SIGHT_CERTS_MAX && t->certs[i]; i++) {
		struct err e = {0};

		if (!by_the_rules(p, t, t->certs[i], &e)) {
			v->state = PROMPT_READY;
			v->cert = i;
			return;
		}
		if (!i) {
			v->state = state_of(&e);
			v->e = e;
		}
	}
}

static enum prompt_state state_of_pin(const struct token_info *info)
{
	if (info->pin == TOKEN_PIN_LOCKED)
		return PROMPT_LOCKED;
	if (info->pin == TOKEN_PIN_UNSET && info->login_required)
		return PROMPT_NO_PIN;
	return PROMPT_READY;
}

struct verdict prompt_judge_token(const struct prompt *p, const struct sight *s, size_t token)
{
	const struct seen_token *t = &s->tokens[token];
	struct verdict v = {.state = PROMPT_NO_KEY, .token = token};

	if (!t->info.initialized)
		v.state = PROMPT_BLANK;
	else if (t->unread)
		v.state = PROMPT_UNREAD;
	else if (t->n_certs)
		judge_certs(&v, p, t);
	if (v.state == PROMPT_READY)
		v.state = state_of_pin(&t->info);
	return v;
}

/* ---- all of them ---- */

static enum prompt_state state_without_token(const struct sight *s)
{
	if (!s->number)
		return PROMPT_LOOKING;
	if (*s->unreadable)
		return PROMPT_UNREADABLE;
	if (*s->trouble)
		return PROMPT_TROUBLE;
	return *s->advice ? PROMPT_NO_SERVICE : PROMPT_NONE;
}

struct verdict prompt_judge(const struct prompt *p, const struct sight *s)
{
	size_t loose = 0;

	for (size_t i = 0; i < s->n && i < SIGHT_TOKENS_MAX; i++)
		loose += !s->tokens[i].info.fixed;
	if (loose > 1)
		return (struct verdict){.state = PROMPT_TWO};
	if (s->n > 1)
		return (struct verdict){.state = PROMPT_CHOOSE};
	if (!s->n)
		return (struct verdict){.state = state_without_token(s)};
	return prompt_judge_token(p, s, 0);
}
