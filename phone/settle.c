#include "phone/settle.h"

#include "common/hostport.h"
#include "common/sha256.h"
#include "common/text.h"
#include "phone/open.h"
#include "server/device/words.h"

#include <string.h>

/* From the signed file to the encrypted one, and back if that is not there. */
enum { PASSES_MAX = 4 };
enum { SHOWN_MAX = 512 };

static const char status_auth[] = "File auth error";
static const char status_unusable[] = "Configuration not applied";
static const char status_missing[] = "File Not Found : ";

/* One configuration on its way. */
struct settling {
	struct settled *result;
	struct stored *stored;
	const struct account *account;
};

/* ---- telling ---- */

/* Text of strangers, made safe to print. */
static void show(char out[SHOWN_MAX], const char *text)
{
	struct buf b = {0};

	text_printable(&b, span_of(text, strlen(text)));
	snprintf(out, SHOWN_MAX, "%s", buf_cstr(&b) ? buf_cstr(&b) : "");
	buf_free(&b);
}

static void tell_values(const struct settling *t, const struct config *c)
{
	for (size_t i = 0; i < c->nvalues; i++) {
		const struct config_value *v = &c->values[i];
		char word[SHOWN_MAX];

		if (!v->param || v->param->secret)
			continue;
		show(word, harden_word(v->param, v->value));
		account_say(t->account, "applies", "%s: %s", v->name, word);
	}
}

static void tell_config(const struct settling *t, const struct config *c)
{
	const struct stored *s = t->stored;
	char user[SHOWN_MAX];

	show(user, s->digest_user);
	if (!c->full) {
		account_say(t->account, "learns",
			    "that its configuration is encrypted; this is the minimal one");
		return;
	}
	account_say(t->account, "applies", "security mode %s, %zu call manager%s, first %s",
		    device_mode_word(c->mode), c->ncms, c->ncms == 1 ? "" : "s",
		    c->ncms ? c->cms[0].host : "none");
	tell_values(t, c);
	if (c->has_digest)
		account_say(t->account, "applies", "credentials of the digest user \"%s\"", user);
	else if (s->has_digest)
		account_say(t->account, "keeps",
			    "the credentials of the digest user \"%s\": the file has none", user);
}

/* ---- judging ---- */

/* What is in use stays so. Returns rc. */
static int keep(const struct settling *t, const char *status, int rc)
{
	const bool some = t->stored->full.there;

	t->result->result = some ? SETTLE_KEPT : SETTLE_NONE;
	snprintf(t->result->status, sizeof(t->result->status), "%s", status);
	if (rc || some)
		account_say(t->account, "keeps", "%s",
			    some ? "its last good configuration" : "nothing: it has none");
	return rc;
}

static int refuse(const struct settling *t, const struct err *e)
{
	const bool by_signature = !strncmp(e->id, "sgn-", 4) || !strncmp(e->id, "model-", 6);

	account_say(t->account, "refuses", "%s", e->what);
	return keep(t, by_signature ? status_auth : status_unusable, (int)e->kind);
}

static void note_file(struct settled *r, struct span file)
{
	struct err ignored;

	r->found = true;
	r->size = file.len;
	if (sha256_text(r->sha256, file, &ignored))
		*r->sha256 = '\0';
}

static void note_signer(struct settled *r, struct buf *signer)
{
	const char *text = buf_cstr(signer);

	snprintf(r->signer, sizeof(r->signer), "%.*s", SETTLE_SIGNER_MAX - 1, text ? text : "");
}

/* Stores and applies what is in the clear now. */
static int apply(const struct settling *t, struct span plain, struct err *e)
{
	struct stored *s = t->stored;
	struct settled *r = t->result;

	if (s->full.there && !s->minimal.there && span_eq(plain, buf_view(&s->full.bytes))) {
		r->result = SETTLE_UNCHANGED;
		account_say(t->account, "accepts", "the very configuration that it has");
		return 0;
	}
	if (stored_put_config(s, plain, e))
		return refuse(t, e);
	r->result = s->minimal.there ? SETTLE_MINIMAL : SETTLE_TAKEN;
	tell_config(t, stored_last(s));
	return 0;
}

static int apply_default(const struct settling *t, struct span plain, struct err *e)
{
	struct config c;

	if (config_parse_default(&c, plain, e))
		return refuse(t, e);
	t->result->result = SETTLE_DEFAULT;
	account_say(t->account, "accepts",
		    "the configuration of phones that nobody has set up: first call manager %s",
		    c.ncms ? c.cms[0].host : "none");
	config_free(&c);
	return 0;
}

/* Opens the file and goes on with apply. */
static int take(const struct settling *t, struct span file,
		int (*apply_it)(const struct settling *t, struct span plain, struct err *e),
		struct err *e)
{
	struct buf plain = {0}, signer = {0};
	int rc;

	note_file(t->result, file);
	rc = open_file(&plain, &signer, t->stored, &t->result->asked, file, t->account, e);
	note_signer(t->result, &signer);
	rc = rc ? refuse(t, e) : apply_it(t, buf_view(&plain), e);
	buf_wipe(&plain);
	buf_free(&signer);
	return rc;
}

/* ---- fetching ---- */

static int fetch_asked(const struct settling *t, fetch_fn *fetch, void *arg, struct buf *file,
		       bool *missing, struct err *e)
{
	const struct ask *asked = &t->result->asked;
	int rc;

	account_say(t->account, "asks for", "%s: %s", asked->name, asked->why);
	t->result->found = false;
	*t->result->signer = '\0';
	rc = fetch(arg, asked->name, file, e);
	*missing = rc && fetch_is_missing(e);
	if (rc)
		account_say(t->account, "answer", "%s", e->what);
	return *missing ? 0 : rc;
}

/* The device has no file of its own there. */
static int update_default(const struct settling *t, fetch_fn *fetch, void *arg, struct err *e)
{
	struct settled *r = t->result;
	const struct ask own = r->asked;
	char status[sizeof(r->status)];
	struct buf file = {0};
	bool missing = true;
	int rc = 0;

	snprintf(status, sizeof(status), "%s%s", status_missing, own.name);
	if (own.form != ASK_TYPED && ask_default(&r->asked, t->stored))
		rc = fetch_asked(t, fetch, arg, &file, &missing, e);
	if (rc)
		rc = keep(t, status, rc);
	else if (missing)
		rc = keep(t, status, 0);
	else
		rc = take(t, buf_view(&file), apply_default, e);
	if (missing)
		r->asked = own;
	buf_free(&file);
	return rc;
}

static int contradiction(const struct settling *t, struct err *e)
{
	err_set(e, ERR_FAILED, "enc-missing",
		"the server says that the phone's configuration is encrypted, but has no encrypted "
		"one");
	err_hint(e, "see what the TFTP service logs about this phone");
	return refuse(t, e);
}

/* What is to be done after one request. */
enum then { THEN_STOP, THEN_RESET, THEN_FALL_BACK };

/* After a signed file: does it send the phone on to the encrypted one? */
static int after_signed(const struct settling *t, bool was_missing, enum then *then, struct err *e)
{
	struct ask next;

	if (!ask_config(&next, t->stored, false) || next.form != ASK_ENCRYPTED)
		return 0;
	if (was_missing)
		return t->result->result == SETTLE_MINIMAL ? contradiction(t, e) : 0;
	account_say(t->account, "resets", "to ask for the encrypted one");
	*then = THEN_RESET;
	return 0;
}

static int update_once(const struct settling *t, fetch_fn *fetch, void *arg, bool was_missing,
		       enum then *then, struct err *e)
{
	const enum ask_form form = t->result->asked.form;
	struct buf file = {0};
	bool missing;
	int rc = fetch_asked(t, fetch, arg, &file, &missing, e);

	*then = THEN_STOP;
	if (rc)
		rc = keep(t, "", rc);
	else if (missing && form == ASK_ENCRYPTED)
		*then = THEN_FALL_BACK;
	else if (missing)
		rc = update_default(t, fetch, arg, e);
	else
		rc = take(t, buf_view(&file), apply, e);
	if (!rc && !missing && form == ASK_SIGNED)
		rc = after_signed(t, was_missing, then, e);
	buf_wipe(&file);
	return rc;
}

static int update(const struct settling *t, fetch_fn *fetch, void *arg, struct err *e)
{
	struct settled *r = t->result;
	enum then then = THEN_RESET;
	bool was_missing = false;
	int rc = 0;

	for (unsigned i = 0; !rc && then != THEN_STOP && i < PASSES_MAX; i++) {
		was_missing = was_missing || then == THEN_FALL_BACK;
		if (!ask_config(&r->asked, t->stored, was_missing)) {
			account_say(t->account, "asks for", "no configuration: a %s knows none",
				    t->stored->model->name);
			return 0;
		}
		rc = update_once(t, fetch, arg, was_missing, &then, e);
	}
	return rc;
}

/* ---- the two ways ---- */

static bool is_default(const char *name)
{
	return !strncmp(name, "XMLDefault", strlen("XMLDefault"));
}

static void tell_end(const struct settling *t, const struct err *e)
{
	next_decide(&t->result->next, t->stored, e && !strcmp(e->id, "enc-decrypt"));
	account_say(t->account, "next", "%s: %s", next_word(t->result->next.step),
		    t->result->next.why);
}

int settle_update(struct settled *r, struct stored *s, fetch_fn *fetch, void *arg,
		  const struct account *a, struct err *e)
{
	const struct settling t = {r, s, a};
	const int rc = update(&t, fetch, arg, e);

	tell_end(&t, rc ? e : NULL);
	return rc;
}

int settle_take(struct settled *r, struct stored *s, const struct ask *asked, struct span file,
		const struct account *a, struct err *e)
{
	const struct settling t = {r, s, a};
	int rc;

	r->asked = *asked;
	rc = take(&t, file, is_default(asked->name) ? apply_default : apply, e);
	tell_end(&t, rc ? e : NULL);
	return rc;
}

const char *settle_result_word(enum settle_result r)
{
	switch (r) {
	case SETTLE_TAKEN:
		return "taken";
	case SETTLE_UNCHANGED:
		return "unchanged";
	case SETTLE_MINIMAL:
		return "minimal";
	case SETTLE_DEFAULT:
		return "default";
	case SETTLE_KEPT:
		return "kept";
	case SETTLE_NONE:
		break;
	}
	return "none";
}
