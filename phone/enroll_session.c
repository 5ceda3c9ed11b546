#include "phone/enroll_session.h"

#include <stdio.h>

static enum enroll_want want(struct enroll_session *s, enum enroll_want w)
{
	s->want = w;
	return w;
}

static enum enroll_want broken(struct enroll_session *s, const char *what)
{
	err_set(&s->why, ERR_REFUSED, "capf-protocol", "the CAPF server %s", what);
	return want(s, ENROLL_BROKEN);
}

/* An answer is in out; on with the next request. */
static enum enroll_want await(struct enroll_session *s)
{
	buf_free(&s->in);
	s->certificate = span_of(NULL, 0);
	if (s->out.bad)
		return broken(s, "was to get a message that is too long");
	return want(s, ENROLL_BYTES);
}

/* ---- requests of the server ---- */

static enum enroll_want on_auth(struct enroll_session *s, const struct capf_message *m)
{
	unsigned version;

	if (m->command != CAPF_AUTH_REQUEST || s->started)
		return broken(s, "does not begin with AUTH_REQUEST");
	if (!capf_number(m, CAPF_VERSION_TAG, &version) || !version)
		return broken(s, "does not say which version of the protocol it speaks");
	if (version < s->version)
		s->version = version;
	s->id = m->session;
	s->started = true;
	return want(s, ENROLL_PROVE);
}

static enum enroll_want on_key_request(struct enroll_session *s, const struct capf_message *m)
{
	unsigned type = CAPF_RSA, curve = 0, bits = 0;

	(void)capf_number(m, CAPF_KEY_TYPE, &type);
	if (s->storing)
		return broken(s, "asks for a second key");
	if (type == CAPF_RSA && capf_number(m, CAPF_KEY_SIZE, &bits) && bits >= ENROLL_BITS_MIN &&
	    bits <= ENROLL_BITS_MAX && bits % 8 == 0) {
		s->key_type = CAPF_RSA;
		s->key_bits = bits;
	} else if (type == CAPF_EC && capf_number(m, CAPF_CURVE, &curve) && curve < CAPF_CURVES) {
		s->key_type = CAPF_EC;
		s->curve = (enum capf_curve)curve;
	} else {
		return broken(s, "asks for a key of a kind that no phone can make");
	}
	s->storing = true;
	return want(s, ENROLL_KEY);
}

static enum enroll_want on_store_request(struct enroll_session *s, const struct capf_message *m)
{
	unsigned type;

	if (!s->storing)
		return broken(s, "sends a certificate before it has asked for a key");
	if (!capf_number(m, CAPF_CERTIFICATE_TYPE, &type) || type != CAPF_TYPE_LSC)
		return broken(s, "sends a certificate that is no LSC; no other can be stored");
	if (!capf_certificate(m, &s->certificate))
		return broken(s, "sends no certificate that can be one");
	return want(s, ENROLL_STORE);
}

static enum enroll_want on_fetch_request(struct enroll_session *s, const struct capf_message *m)
{
	unsigned type = CAPF_TYPE_LSC;

	(void)capf_number(m, CAPF_CERTIFICATE_TYPE, &type);
	s->mic = type == CAPF_TYPE_MIC;
	return want(s, ENROLL_READ);
}

static enum enroll_want on_end(struct enroll_session *s, const struct capf_message *m)
{
	if (!capf_number(m, CAPF_REASON, &s->reason))
		return broken(s, "ends the session without a reason");
	return want(s, ENROLL_END);
}

static enum enroll_want on_request(struct enroll_session *s, const struct capf_message *m)
{
	char scratch[16], text[64];

	switch (m->command) {
	case CAPF_KEY_GENERATE_REQUEST:
		return on_key_request(s, m);
	case CAPF_STORE_CERTIFICATE_REQUEST:
		return on_store_request(s, m);
	case CAPF_FETCH_CERTIFICATE_REQUEST:
		return on_fetch_request(s, m);
	case CAPF_DELETE_CERTIFICATE_REQUEST:
		return want(s, ENROLL_ERASE);
	case CAPF_END_SESSION:
		return on_end(s, m);
	default:
		snprintf(text, sizeof(text), "sends %s, which is not a phone's business",
			 capf_command_name(m->command, scratch));
		return broken(s, text);
	}
}

/* ---- bytes ---- */

static enum enroll_want on_message(struct enroll_session *s)
{
	struct capf_message m;

	if (capf_parse(&m, buf_view(&s->in), &s->why))
		return want(s, ENROLL_BROKEN);
	if (m.command == CAPF_END_SESSION && s->started)
		return on_end(s, &m);
	return s->started ? on_request(s, &m) : on_auth(s, &m);
}

enum enroll_want enroll_take(struct enroll_session *s, struct span bytes, size_t *used)
{
	const size_t before = bytes.len;
	size_t n = 0;

	*used = 0;
	if (s->want != ENROLL_BYTES || !bytes.len)
		return s->want;
	if (capf_fill(&s->in, &bytes, CAPF_HEAD)) {
		if (capf_frame(&n, buf_view(&s->in), s->started ? &s->id : NULL, &s->why))
			return want(s, ENROLL_BROKEN);
		if (capf_fill(&s->in, &bytes, n))
			on_message(s);
	}
	*used = before - bytes.len;
	return s->in.bad ? broken(s, "sends more than there is memory for") : s->want;
}

/* ---- answers ---- */

enum enroll_want enroll_proved(struct enroll_session *s, const struct enroll_proof *p)
{
	const size_t start = capf_begin(&s->out, CAPF_AUTH_RESPONSE, s->id);

	capf_put_u8(&s->out, CAPF_REASON, CAPF_DONE);
	if (p->certificate.len) {
		capf_put_certificate(&s->out, CAPF_TYPE_LSC, p->certificate);
		capf_put_bytes(&s->out, CAPF_SIGNED_DATA, p->signed_data);
	}
	capf_put_u8(&s->out, CAPF_VERSION_TAG, s->version);
	if (p->has_password)
		capf_put_string(&s->out, CAPF_PASSWORD, p->password);
	capf_put_string(&s->out, CAPF_DEVICE_NAME, p->device);
	if (p->sudi.certificate.len)
		capf_put_sudi(&s->out, &p->sudi);
	if (p->certificate.len)
		capf_put_sha2(&s->out, &p->sha2);
	capf_end(&s->out, start);
	return await(s);
}

void enroll_progress(struct enroll_session *s)
{
	capf_end(&s->out, capf_begin(&s->out, CAPF_REQUEST_IN_PROGRESS, s->id));
}

static enum enroll_want answer_number(struct enroll_session *s, enum capf_command command,
				      unsigned reason)
{
	const size_t start = capf_begin(&s->out, command, s->id);

	capf_put_u8(&s->out, CAPF_REASON, reason);
	capf_end(&s->out, start);
	return await(s);
}

enum enroll_want enroll_key_made(struct enroll_session *s, struct span spki)
{
	size_t start;

	if (!spki.len)
		return answer_number(s, CAPF_KEY_GENERATE_RESPONSE, CAPF_INVALID);
	start = capf_begin(&s->out, CAPF_KEY_GENERATE_RESPONSE, s->id);
	capf_put_bytes(&s->out, CAPF_PUBLIC_KEY, spki);
	capf_end(&s->out, start);
	return await(s);
}

enum enroll_want enroll_did(struct enroll_session *s, bool good)
{
	const enum capf_command command = s->want == ENROLL_ERASE ? CAPF_DELETE_CERTIFICATE_RESPONSE
								  : CAPF_STORE_CERTIFICATE_RESPONSE;

	return answer_number(s, command, good ? CAPF_DONE : CAPF_INVALID);
}

enum enroll_want enroll_read(struct enroll_session *s, enum capf_certificate_type type,
			     struct span der)
{
	size_t start;

	if (!der.len)
		return answer_number(s, CAPF_FETCH_CERTIFICATE_RESPONSE, CAPF_INVALID);
	start = capf_begin(&s->out, CAPF_FETCH_CERTIFICATE_RESPONSE, s->id);
	capf_put_u8(&s->out, CAPF_REASON, CAPF_DONE);
	capf_put_certificate(&s->out, type, der);
	capf_end(&s->out, start);
	return await(s);
}

/* ---- beginning and end ---- */

void enroll_start(struct enroll_session *s, unsigned version)
{
	*s = (struct enroll_session){.want = ENROLL_BYTES, .version = version};
}

void enroll_free(struct enroll_session *s)
{
	buf_free(&s->in);
	/* It may hold an authentication string. */
	buf_wipe(&s->out);
}
