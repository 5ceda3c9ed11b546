#include "server/capf/session.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- ends and answers ---- */

static enum session_want want(struct session *s, enum session_want w)
{
	s->want = w;
	return w;
}

static void send_number(struct session *s, enum capf_command command, enum capf_tag tag, unsigned v)
{
	const size_t start = capf_begin(&s->out, command, s->id);

	capf_put_u8(&s->out, tag, v);
	capf_end(&s->out, start);
}

static void send_empty(struct session *s, enum capf_command command)
{
	capf_end(&s->out, capf_begin(&s->out, command, s->id));
}

static enum session_want end(struct session *s, enum capf_reason reason)
{
	send_number(s, CAPF_END_SESSION, CAPF_REASON, reason);
	s->step = SESSION_OVER;
	s->outcome = SESSION_NONE;
	return want(s, SESSION_END);
}

/* The phone did what nobody should; the operation stays as it is. */
__attribute__((format(printf, 2, 3))) static enum session_want refuse(struct session *s,
								      const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s->why, sizeof(s->why), fmt, ap);
	va_end(ap);
	return end(s, CAPF_INVALID);
}

static enum session_want record(struct session *s, enum session_outcome outcome)
{
	s->outcome = outcome;
	return want(s, SESSION_RECORD);
}

/* What was said last, authentication string and all, is not kept while a phone makes its key. */
static void forget(struct session *s)
{
	s->said = (struct capf_message){0};
	buf_wipe(&s->in);
}

/* Waits for an answer at that step. */
static enum session_want await(struct session *s, enum session_step step)
{
	forget(s);
	s->step = step;
	return want(s, SESSION_BYTES);
}

/* ---- requests ---- */

static enum session_want ask_for_key(struct session *s)
{
	const struct key_spec *k = &s->job.key;
	const bool knows_types = s->version >= CAPF_VERSION;
	size_t start;

	if (k->type == CAPF_EC && !knows_types)
		return refuse(s, "it speaks version %u of the protocol, which has no EC keys",
			      s->version);
	start = capf_begin(&s->out, CAPF_KEY_GENERATE_REQUEST, s->id);
	if (k->type == CAPF_RSA)
		capf_put_u16(&s->out, CAPF_KEY_SIZE, k->bits);
	if (knows_types || s->job.always_key_type)
		capf_put_u8(&s->out, CAPF_KEY_TYPE, k->type);
	if (k->type == CAPF_EC)
		capf_put_u8(&s->out, CAPF_CURVE, k->curve);
	capf_end(&s->out, start);
	return await(s, SESSION_KEY);
}

enum session_want session_judged(struct session *s, const struct session_judgement *j)
{
	s->job = *j;
	switch (j->operation) {
	case SESSION_INSTALL:
		return ask_for_key(s);
	case SESSION_DELETE:
		send_empty(s, CAPF_DELETE_CERTIFICATE_REQUEST);
		return await(s, SESSION_ERASE);
	case SESSION_FETCH:
		send_empty(s, CAPF_FETCH_CERTIFICATE_REQUEST);
		return await(s, SESSION_READ);
	case SESSION_NOTHING:
		break;
	}
	return end(s, j->end);
}

enum session_want session_issued(struct session *s, struct span der)
{
	size_t start;

	s->public_key = span_of(NULL, 0);
	if (!der.len)
		return end(s, CAPF_INVALID);
	start = capf_begin(&s->out, CAPF_STORE_CERTIFICATE_REQUEST, s->id);
	capf_put_u8(&s->out, CAPF_CERTIFICATE_TYPE, CAPF_TYPE_LSC);
	capf_put_certificate(&s->out, CAPF_TYPE_LSC, der);
	capf_end(&s->out, start);
	return await(s, SESSION_STORE);
}

static enum session_want ask_for_mic(struct session *s)
{
	send_number(s, CAPF_FETCH_CERTIFICATE_REQUEST, CAPF_CERTIFICATE_TYPE, CAPF_TYPE_MIC);
	return await(s, SESSION_READ_MIC);
}

enum session_want session_recorded(struct session *s, bool good)
{
	const enum session_outcome outcome = s->outcome;
	const bool deleting = s->job.operation == SESSION_DELETE;

	s->outcome = SESSION_NONE;
	if (s->step == SESSION_OVER)
		return want(s, SESSION_END);
	if (!good)
		return end(s, CAPF_INVALID);
	switch (outcome) {
	case SESSION_SUCCEEDED:
		if (s->job.operation == SESSION_FETCH)
			return s->job.fetch_mic ? ask_for_mic(s) : end(s, CAPF_NO_ACTION);
		return end(s, CAPF_DONE);
	case SESSION_NOT_ERASED:
		/* The reason that the vendor's phones know, although there was nothing. */
		return end(s, deleting ? CAPF_DONE : CAPF_INVALID);
	case SESSION_NOT_READ:
		return end(s, s->certificate.data ? CAPF_INVALID : CAPF_NO_ACTION);
	case SESSION_MIC_READ:
		return end(s, CAPF_NO_ACTION);
	case SESSION_NO_KEY:
	case SESSION_NOT_STORED:
	case SESSION_ABORTED:
	case SESSION_VANISHED:
	case SESSION_NONE:
		break;
	}
	return end(s, CAPF_INVALID);
}

/* ---- answers of the phone ---- */

/* Printable, without a slash, and short enough to be kept. */
static bool take_device(struct session *s)
{
	struct span name;

	if (!capf_string(&s->said, CAPF_DEVICE_NAME, &name) || !name.len ||
	    name.len >= CAPF_NAME_MAX)
		return false;
	for (size_t i = 0; i < name.len; i++)
		if (name.data[i] <= ' ' || name.data[i] > '~' || name.data[i] == '/')
			return false;
	memcpy(s->device, name.data, name.len);
	s->device[name.len] = '\0';
	return true;
}

static enum session_want on_auth(struct session *s)
{
	if (!capf_number(&s->said, CAPF_VERSION_TAG, &s->version))
		return refuse(s, "it does not say which version of the protocol it speaks");
	if (!s->version || s->version > CAPF_VERSION)
		return refuse(s, "it speaks version %u of the protocol; 1 to %d are known",
			      s->version, CAPF_VERSION);
	if (!take_device(s))
		return refuse(s, "it does not give a device name that can be one");
	return want(s, SESSION_JUDGE);
}

static bool says_done(const struct session *s)
{
	unsigned reason;

	return capf_number(&s->said, CAPF_REASON, &reason) && reason == CAPF_DONE;
}

static enum session_want on_key(struct session *s)
{
	s->public_key = s->said.value[CAPF_PUBLIC_KEY];
	if (s->public_key.len)
		return want(s, SESSION_ISSUE);
	snprintf(s->why, sizeof(s->why), "it could not make a key");
	return record(s, SESSION_NO_KEY);
}

static enum session_want on_stored(struct session *s)
{
	if (says_done(s))
		return record(s, SESSION_SUCCEEDED);
	snprintf(s->why, sizeof(s->why), "it did not store the certificate");
	return record(s, SESSION_NOT_STORED);
}

/* A certificate that cannot be used is another thing than none. */
static enum session_want on_read(struct session *s)
{
	static const uint8_t unusable = 0;

	s->certificate = span_of(NULL, 0);
	if (!says_done(s)) {
		snprintf(s->why, sizeof(s->why), "it has no certificate to give back");
		return record(s, SESSION_NOT_READ);
	}
	if (capf_certificate(&s->said, &s->certificate))
		return record(s, SESSION_SUCCEEDED);
	s->certificate = span_of(&unusable, 0);
	snprintf(s->why, sizeof(s->why), "it gives no certificate back that can be one");
	return record(s, SESSION_NOT_READ);
}

static enum session_want on_mic_read(struct session *s)
{
	if (says_done(s) && capf_certificate(&s->said, &s->certificate))
		return record(s, SESSION_MIC_READ);
	return end(s, CAPF_NO_ACTION);
}

static enum session_want on_erased(struct session *s)
{
	if (says_done(s))
		return record(s, SESSION_SUCCEEDED);
	snprintf(s->why, sizeof(s->why), "it has no certificate to delete");
	return record(s, SESSION_NOT_ERASED);
}

static const struct {
	enum capf_command answer;
	enum session_want (*take)(struct session *s);
	unsigned limit_s;
	const char *words;
} steps[] = {
	[SESSION_AUTH] = {CAPF_AUTH_RESPONSE, on_auth, SESSION_AUTH_S, "before it said who it is"},
	[SESSION_KEY] = {CAPF_KEY_GENERATE_RESPONSE, on_key, SESSION_KEY_S,
			 "while it made its key"},
	[SESSION_STORE] = {CAPF_STORE_CERTIFICATE_RESPONSE, on_stored, SESSION_ANSWER_S,
			   "before it confirmed that it has the certificate"},
	[SESSION_READ] = {CAPF_FETCH_CERTIFICATE_RESPONSE, on_read, SESSION_ANSWER_S,
			  "before it gave its certificate back"},
	[SESSION_READ_MIC] = {CAPF_FETCH_CERTIFICATE_RESPONSE, on_mic_read, SESSION_ANSWER_S,
			      "before it gave its MIC back"},
	[SESSION_ERASE] = {CAPF_DELETE_CERTIFICATE_RESPONSE, on_erased, SESSION_ANSWER_S,
			   "before it confirmed that its certificate is gone"},
	[SESSION_OVER] = {0, NULL, SESSION_ANSWER_S, "at the end"},
};

static enum session_want on_abort(struct session *s)
{
	const bool working = s->step != SESSION_AUTH;

	send_empty(s, CAPF_ABORT_RESPONSE);
	s->step = SESSION_OVER;
	snprintf(s->why, sizeof(s->why), "its user has broken it off");
	return working ? record(s, SESSION_ABORTED) : want(s, SESSION_END);
}

static enum session_want on_message(struct session *s)
{
	char scratch[16];
	struct err e;

	if (capf_parse(&s->said, buf_view(&s->in), &e))
		return refuse(s, "%.120s", e.what);
	if (s->said.command == CAPF_REQUEST_IN_PROGRESS && s->progress++ < SESSION_PROGRESS_MAX)
		return await(s, s->step);
	if (s->said.command == CAPF_ABORT_REQUEST)
		return on_abort(s);
	if (s->said.command != steps[s->step].answer)
		return refuse(s, "it sent %s %s", capf_command_name(s->said.command, scratch),
			      steps[s->step].words);
	return steps[s->step].take(s);
}

/* ---- bytes ---- */

enum session_want session_take(struct session *s, struct span bytes, size_t *used)
{
	const size_t before = bytes.len;
	size_t n = 0;
	struct err e;

	*used = 0;
	if (s->want != SESSION_BYTES || !bytes.len)
		return s->want;
	if (capf_fill(&s->in, &bytes, CAPF_HEAD)) {
		if (capf_frame(&n, buf_view(&s->in), &s->id, &e))
			return refuse(s, "%.120s", e.what);
		if (capf_fill(&s->in, &bytes, n))
			on_message(s);
	}
	*used = before - bytes.len;
	if (s->in.bad)
		return refuse(s, "out of memory");
	return s->want;
}

enum session_want session_lost(struct session *s)
{
	const bool in_a_message = s->want == SESSION_BYTES && s->in.len;

	if (s->step == SESSION_OVER)
		return want(s, SESSION_END);
	snprintf(s->why, sizeof(s->why), "the connection ended %s", steps[s->step].words);
	if (in_a_message)
		send_number(s, CAPF_END_SESSION, CAPF_REASON, CAPF_INVALID);
	if (s->step == SESSION_AUTH || s->step == SESSION_READ_MIC) {
		s->step = SESSION_OVER;
		return want(s, SESSION_END);
	}
	s->step = SESSION_OVER;
	return record(s, SESSION_VANISHED);
}

/* ---- beginning and end ---- */

void session_start(struct session *s, uint32_t id)
{
	size_t start;

	*s = (struct session){.id = id, .want = SESSION_BYTES};
	start = capf_begin(&s->out, CAPF_AUTH_REQUEST, id);
	capf_put_u8(&s->out, CAPF_VERSION_TAG, CAPF_VERSION);
	capf_put_u8(&s->out, CAPF_AUTH_TYPE, 0);
	capf_end(&s->out, start);
}

void session_free(struct session *s)
{
	/* It may hold an authentication string. */
	buf_wipe(&s->in);
	buf_free(&s->out);
	s->want = SESSION_END;
}

unsigned session_limit_s(const struct session *s)
{
	return steps[s->step].limit_s;
}

const char *session_step_words(enum session_step step)
{
	return steps[step].words;
}
