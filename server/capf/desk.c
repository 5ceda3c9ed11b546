#include "server/capf/desk.h"

#include "common/sha256.h"
#include "server/capf/trace.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	DAY_S = 24 * 60 * 60,
	/* A phone's clock may be a little behind. */
	BACKDATE_S = 5 * 60,
};

/* One step: some of it on a worker, then perhaps some in the keeper. */
struct job {
	struct desk *d;
	struct desk_call *call;
	struct authority *authority;
	int64_t now;
	struct session_judgement judgement;
	struct buf der; /* the certificate to be sent */
	uint8_t spki[SHA256_LEN];
	int64_t not_before, not_after;
	struct proof_cert read; /* what the phone gave back */
	struct store_capf_note note;
	char text[STORE_DETAIL_MAX]; /* what happened, for the log and the phone's record */
	/* NULL: nothing to keep. */
	int (*change)(struct store *s, void *job, struct err *e);
	int rc;
	struct err e;
	struct keeping keeping;
};

static struct store_capf_limits limits_of(const struct desk *d)
{
	return (struct store_capf_limits){d->conf->attempts, d->conf->key_retries};
}

/* ---- notes ---- */

static int change_note(struct store *s, void *arg, struct err *e)
{
	struct job *j = arg;
	const struct store_capf_limits limits = limits_of(j->d);

	j->note.text = j->text;
	j->note.number = j->call->c->number;
	return store_capf_note(s, j->call->c, &j->note, &limits, e);
}

/* Remembers what happened, which did not end the operation unless the note says so. */
static void keep_note(struct job *j, const char *text)
{
	snprintf(j->text, sizeof(j->text), "%.*s", (int)sizeof(j->text) - 1, text);
	j->change = change_note;
}

/* ---- who is calling? ---- */

static void deny(struct job *j, const char *why)
{
	j->judgement = (struct session_judgement){.end = CAPF_INVALID};
	keep_note(j, why);
}

static bool parse_key(struct key_spec *k, const char *text)
{
	static const char *const curves[CAPF_CURVES] = {"ec:p256", "ec:p384", "ec:p521"};
	unsigned bits;

	for (int i = 0; i < CAPF_CURVES; i++) {
		if (!strcmp(text, curves[i])) {
			*k = (struct key_spec){.type = CAPF_EC, .curve = (enum capf_curve)i};
			return true;
		}
	}
	if (sscanf(text, "rsa:%u", &bits) != 1 || bits < KEY_BITS_MIN || bits > KEY_BITS_MAX)
		return false;
	*k = (struct key_spec){.type = CAPF_RSA, .bits = bits};
	return true;
}

static int change_expire(struct store *s, void *arg, struct err *e)
{
	const struct job *j = arg;

	return store_capf_expire(s, j->now, e);
}

/* What is to be done with a caller that has proved who it is. */
static void decide(struct job *j)
{
	static const enum session_operation operations[] = {
		[STORE_CAPF_NONE] = SESSION_NOTHING,
		[STORE_CAPF_INSTALL] = SESSION_INSTALL,
		[STORE_CAPF_DELETE] = SESSION_DELETE,
		[STORE_CAPF_TROUBLESHOOT] = SESSION_FETCH,
	};
	const struct store_capf_case *c = j->call->c;
	struct session_judgement *o = &j->judgement;

	*o = (struct session_judgement){.end = CAPF_NO_ACTION,
					.always_key_type = j->d->conf->always_key_type,
					.fetch_mic = j->d->conf->fetch_mic};
	if (c->capf.status != STORE_CAPF_PENDING) {
		snprintf(j->text, sizeof(j->text), "nothing is to be done");
		return;
	}
	if (c->capf.by && c->capf.by < j->now) {
		snprintf(j->text, sizeof(j->text), "it comes after the deadline");
		j->change = change_expire;
		return;
	}
	o->operation = operations[c->capf.operation];
	if (o->operation == SESSION_INSTALL && strlen(c->name) > CAPF_CN_MAX)
		deny(j, "its name is too long for a certificate");
	else if (o->operation == SESSION_INSTALL && !parse_key(&o->key, c->key))
		deny(j, "its key is to be of a kind that nobody knows");
}

/* Compared in the keeper, one after the other: many calls at once shall not have many tries. */
static int change_string(struct store *s, void *arg, struct err *e)
{
	static const char *const words[] = {
		[STORE_CAPF_RIGHT] = "",
		[STORE_CAPF_WRONG] = "a wrong authentication string",
		[STORE_CAPF_TOO_EARLY] = "it tries again too early after a wrong authentication "
					 "string",
		[STORE_CAPF_LOCKED] = "too many wrong authentication strings; set the operation "
				      "again",
	};
	struct job *j = arg;
	const struct store_capf_limits limits = limits_of(j->d);
	enum store_capf_check result;
	struct span text;

	if (!capf_string(&j->call->session->said, CAPF_PASSWORD, &text))
		text = span_of("", 0);
	if (store_capf_string(s, j->call->c, text, &limits, j->now, &result, e))
		return (int)e->kind;
	if (result == STORE_CAPF_RIGHT)
		return 0;
	deny(j, words[result]);
	j->note.wrong = result == STORE_CAPF_WRONG;
	return change_note(s, j, e);
}

static int check_serial(struct store *s, const struct proof_cert *c, struct err *e)
{
	bool usable = true;

	if (c->der.len && c->kind == PROOF_LSC && store_capf_usable(s, c->serial, &usable, e))
		return (int)e->kind;
	return usable ? 0
		      : err_set(e, ERR_REFUSED, "capf-revoked",
				"the phone's LSC %s is revoked, deleted or void", c->serial);
}

static void remember(struct desk_call *call, const struct proof_cert *c)
{
	struct buf *b = c->kind == PROOF_MIC ? &call->mic : &call->lsc;

	if (c->der.len && !b->len)
		buf_span(b, c->der);
}

static int check_certificate(struct job *j, struct store *s, struct err *e)
{
	const struct conf_capf *conf = j->d->conf;
	const struct proof_rules rules = {.now = j->now,
					  .expired_lsc = conf->expired_lsc,
					  .expired_mic = conf->expired_mic,
					  .any_name = conf->any_name,
					  .need_sudi = conf->need_sudi};
	const struct proof_trust trust = authority_trust(j->authority);
	struct proof p;
	int rc = proof_check(&p, &j->call->session->said, &trust, &rules, e);

	if (!rc)
		rc = check_serial(s, &p.by, e);
	if (!rc)
		rc = check_serial(s, &p.sudi, e);
	if (!rc) {
		remember(j->call, &p.by);
		remember(j->call, &p.sudi);
	}
	return rc;
}

static int look_up(struct job *j, struct store *s, bool *found)
{
	struct desk_call *call = j->call;

	call->c = malloc(sizeof(*call->c));
	if (!call->c)
		return err_nomem(&j->e);
	if (store_capf_get(s, call->session->device, call->c, found, &j->e) || !*found) {
		free(call->c);
		call->c = NULL;
		return *found ? (int)j->e.kind : 0;
	}
	return 0;
}

static void run_judge(struct job *j, struct store *s)
{
	bool found = true;
	struct err e;

	j->judgement.end = CAPF_INVALID;
	j->rc = look_up(j, s, &found);
	if (j->rc)
		return;
	if (!found) {
		snprintf(j->text, sizeof(j->text), "no such device is configured");
		j->judgement.end = CAPF_UNKNOWN_DEVICE;
		return;
	}
	decide(j);
	switch (j->call->c->auth) {
	case DEVICE_AUTH_STRING:
		/* Used up, and nothing left to protect: no reason to alarm its user. */
		if (j->call->c->capf.has_string || j->call->c->capf.status == STORE_CAPF_PENDING)
			j->change = change_string;
		break;
	case DEVICE_AUTH_LSC:
	case DEVICE_AUTH_MIC:
		if (check_certificate(j, s, &e))
			deny(j, e.what);
		break;
	case DEVICE_AUTH_NULL:
		break;
	}
}

/* ---- a certificate ---- */

static int change_issue(struct store *s, void *arg, struct err *e)
{
	struct job *j = arg;
	struct store_capf_issued i = {.number = j->call->c->number,
				      .der = buf_view(&j->der),
				      .not_before = j->not_before,
				      .not_after = j->not_after,
				      .issued = j->now};
	struct buf instead = {0};
	int rc;

	issue_serial(i.serial, i.der);
	snprintf(i.device, sizeof(i.device), "%s", j->call->c->name);
	memcpy(i.spki, j->spki, sizeof(i.spki));
	rc = store_capf_issue(s, j->call->c, &i, &instead, e);
	if (!rc && instead.len) {
		buf_free(&j->der);
		j->der = instead;
		instead = (struct buf){0};
	}
	buf_free(&instead);
	return rc;
}

static int change_request(struct store *s, void *arg, struct err *e)
{
	struct job *j = arg;
	const struct desk_call *call = j->call;

	if (store_capf_request(s, call->c, call->c->number, call->session->public_key, j->now, e))
		return (int)e->kind;
	return change_note(s, j, e);
}

static int sign(struct job *j, struct err *e)
{
	const struct store_capf_case *c = j->call->c;
	struct issue what = {.device = span_of(c->name, strlen(c->name)),
			     .spki = j->call->session->public_key,
			     .not_before = j->now - BACKDATE_S,
			     .not_after = j->now + (int64_t)j->d->conf->validity * DAY_S};

	if (RAND_bytes(what.serial, sizeof(what.serial)) != 1)
		return err_openssl(e, ERR_FAILED, "capf-authority", "no random numbers");
	/* Never short, never zero. */
	what.serial[0] |= 0x40;
	j->not_before = what.not_before;
	j->not_after = what.not_after < j->authority->issuer.not_after
			       ? what.not_after
			       : j->authority->issuer.not_after;
	return issue_certificate(&j->authority->issuer, &what, &j->der, e);
}

static void run_issue(struct job *j, struct store *s)
{
	const struct session *session = j->call->session;
	char why[STORE_DETAIL_MAX];
	struct err e;

	if (key_check(session->public_key, &session->job.key, &e)) {
		j->note.no_key = true;
		keep_note(j, e.what);
		return;
	}
	j->rc = sha256_of(j->spki, session->public_key, &j->e);
	if (!j->rc)
		j->rc = store_capf_sent(s, j->call->c->number, j->spki, &j->der, &j->e);
	if (j->rc || j->der.len)
		return;
	if (j->authority->external) {
		keep_note(j, "its key waits for the third-party authority: \"ctladmin capf csr "
			     "export\"");
		j->change = change_request;
		return;
	}
	j->change = change_issue;
	j->rc = sign(j, &j->e);
	if (j->rc == ERR_TOKEN) {
		snprintf(why, sizeof(why),
			 "the authority's key does not sign now; the operation stays pending: %.*s",
			 (int)sizeof(why) / 2, j->e.what);
		j->rc = 0;
		keep_note(j, why);
	}
}

/* ---- outcomes ---- */

static int change_finish(struct store *s, void *arg, struct err *e)
{
	struct job *j = arg;
	struct desk_call *call = j->call;
	const bool read = call->c->capf.operation == STORE_CAPF_TROUBLESHOOT;
	struct store_capf_done d = {.number = call->c->number,
				    .now = j->now,
				    .address = call->peer,
				    .serial = *call->serial ? call->serial : NULL,
				    .mic = buf_view(&call->mic)};

	if (read && j->read.kind == PROOF_MIC)
		d.mic = j->read.der;
	else if (read)
		d.lsc = j->read.der;
	return store_capf_finish(s, call->c, &d, e);
}

static int change_mic(struct store *s, void *arg, struct err *e)
{
	const struct job *j = arg;

	return store_phone_cert_set(s, j->call->c->name, STORE_MIC, j->read.der, e);
}

/* A certificate that was shown as a proof is one that was read back, too. */
static int trace_shown(const struct job *j, struct err *e)
{
	const struct desk_call *call = j->call;
	int rc = 0;

	if (call->mic.len)
		rc = trace_write(j->d->state, call->c->name, "mic", buf_view(&call->mic), e);
	if (!rc && call->lsc.len)
		rc = trace_write(j->d->state, call->c->name, "lsc", buf_view(&call->lsc), e);
	return rc;
}

static int look_at_read(struct job *j, struct err *e)
{
	const struct proof_trust trust = authority_trust(j->authority);
	const char *name = j->call->c->name;
	int rc = proof_look(&j->read, j->call->session->certificate, span_of(name, strlen(name)),
			    &trust, e);

	if (!rc)
		rc = trace_write(j->d->state, name, j->read.kind == PROOF_MIC ? "mic" : "lsc",
				 j->read.der, e);
	return rc;
}

static void run_record(struct job *j, struct store *s)
{
	const struct session *session = j->call->session;

	(void)s;
	switch (session->outcome) {
	case SESSION_SUCCEEDED:
		j->change = change_finish;
		if (session->job.operation != SESSION_FETCH)
			return;
		j->rc = trace_shown(j, &j->e);
		if (!j->rc)
			j->rc = look_at_read(j, &j->e);
		return;
	case SESSION_MIC_READ:
		j->rc = look_at_read(j, &j->e);
		if (j->read.kind == PROOF_MIC)
			j->change = change_mic;
		return;
	case SESSION_NO_KEY:
		j->note.no_key = true;
		break;
	case SESSION_NOT_STORED:
		j->note.failed = true;
		break;
	case SESSION_NOT_READ:
	case SESSION_NOT_ERASED:
	case SESSION_ABORTED:
	case SESSION_VANISHED:
	case SESSION_NONE:
		break;
	}
	keep_note(j, session->why);
}

/* ---- from step to step ---- */

static void say(const struct job *j, enum log_level level, const char *text)
{
	const struct session *s = j->call->session;

	log_limited(j->call->log, level, "%s (%s): %s", *s->device ? s->device : "a phone",
		    j->call->peer, text);
}

static void tell_issued(struct job *j)
{
	struct session *s = j->call->session;
	char text[256], kind[16];

	issue_serial(j->call->serial, buf_view(&j->der));
	snprintf(text, sizeof(text), "gets the LSC %s, %s", j->call->serial,
		 key_words(&s->job.key, kind));
	say(j, LOG_LEVEL_INFO, text);
	atomic_fetch_add(&j->d->issued, 1);
}

static void settle_judge(struct job *j)
{
	struct session *s = j->call->session;

	if (j->rc)
		j->judgement = (struct session_judgement){.end = CAPF_INVALID};
	if (j->judgement.operation == SESSION_NOTHING) {
		say(j, LOG_LEVEL_INFO, j->text);
		if (j->judgement.end != CAPF_NO_ACTION)
			atomic_fetch_add(&j->d->refused, 1);
	} else if (j->call->c->auth == DEVICE_AUTH_NULL) {
		say(j, LOG_LEVEL_WARN, "is believed without any proof (null string)");
	}
	session_judged(s, &j->judgement);
}

static void settle_issue(struct job *j)
{
	struct session *s = j->call->session;

	if (j->rc)
		buf_free(&j->der);
	if (j->der.len)
		tell_issued(j);
	else if (*j->text)
		say(j, LOG_LEVEL_WARN, j->text);
	session_issued(s, buf_view(&j->der));
}

static void settle_record(struct job *j)
{
	struct session *s = j->call->session;

	if (*s->why)
		say(j, LOG_LEVEL_INFO, s->why);
	else if (!j->rc && s->outcome == SESSION_SUCCEEDED)
		say(j, LOG_LEVEL_INFO, "has confirmed: the operation is done");
	if (!j->rc && s->outcome == SESSION_SUCCEEDED)
		atomic_fetch_add(&j->d->finished, 1);
	atomic_store(&j->d->news, true);
	session_recorded(s, !j->rc);
}

/* On the session's loop. */
static void settle(struct job *j)
{
	struct desk_call *call = j->call;

	if (j->rc)
		say(j, LOG_LEVEL_ERROR, j->e.what);
	if (call->session->want == SESSION_JUDGE)
		settle_judge(j);
	else if (call->session->want == SESSION_ISSUE)
		settle_issue(j);
	else
		settle_record(j);
	authority_unref(j->authority);
	buf_free(&j->der);
	free(j);
	call->done(call->arg);
}

static void on_kept(void *arg)
{
	struct job *j = arg;

	j->rc = j->keeping.rc;
	if (j->rc)
		j->e = j->keeping.e;
	settle(j);
}

static void on_worked(void *arg)
{
	struct job *j = arg;

	if (j->rc || !j->change) {
		settle(j);
		return;
	}
	j->keeping = (struct keeping){
		.change = j->change, .done = on_kept, .arg = j, .home = j->call->home};
	keeper_put(j->d->keeper, &j->keeping);
}

static void work(void *arg, void *own)
{
	struct job *j = arg;

	if (j->call->session->want == SESSION_JUDGE)
		run_judge(j, own);
	else if (j->call->session->want == SESSION_ISSUE)
		run_issue(j, own);
	else
		run_record(j, own);
}

/* Nothing in it takes a thread of its own. */
static bool is_light(const struct session *s)
{
	return s->want == SESSION_RECORD &&
	       (s->outcome != SESSION_SUCCEEDED || s->job.operation != SESSION_FETCH) &&
	       s->outcome != SESSION_MIC_READ;
}

struct authority *desk_authority(struct desk *d)
{
	struct authority *a;

	pthread_mutex_lock(&d->lock);
	a = authority_ref(d->authority);
	pthread_mutex_unlock(&d->lock);
	return a;
}

bool desk_serve(struct desk *d, struct desk_call *call)
{
	struct job *j = calloc(1, sizeof(*j));
	struct worker_pool *pool;

	if (!j)
		return false;
	j->d = d;
	j->call = call;
	j->now = time(NULL);
	j->authority = desk_authority(d);
	j->note = (struct store_capf_note){.now = j->now, .address = call->peer};
	if (is_light(call->session)) {
		run_record(j, NULL);
		on_worked(j);
		return true;
	}
	pool = call->session->want == SESSION_ISSUE ? d->issuers : d->pool;
	j->rc = worker_submit_from(pool, call->home, work, on_worked, j, &j->e);
	if (j->rc)
		settle(j);
	return true;
}

/* ---- beginning and end ---- */

void desk_init(struct desk *d, struct authority *a)
{
	pthread_mutex_init(&d->lock, NULL);
	d->authority = a;
}

void desk_close(struct desk *d)
{
	authority_unref(d->authority);
	pthread_mutex_destroy(&d->lock);
}

void desk_set_authority(struct desk *d, struct authority *a)
{
	struct authority *old;

	pthread_mutex_lock(&d->lock);
	old = d->authority;
	d->authority = a;
	pthread_mutex_unlock(&d->lock);
	authority_unref(old);
}

void desk_call_free(struct desk_call *call)
{
	free(call->c);
	call->c = NULL;
	buf_free(&call->mic);
	buf_free(&call->lsc);
}
