#include "server/net/capf_message.h"

#include <stdio.h>
#include <string.h>

enum {
	INNER_HEAD = 5, /* bytes in front of the DER in CERTIFICATE */
	INNER_TAG = 1,
	SUDI_CERTIFICATE = 0, /* numbers of the parts of SUDI_DATA */
	LENGTH_AT = 6,        /* in the head */
};

/* ---- taking apart ---- */

int capf_frame(size_t *n, struct span bytes, const uint32_t *session, struct err *e)
{
	struct rd r = rd_of(bytes);
	uint32_t id;
	uint16_t length;

	*n = 0;
	if (bytes.len < CAPF_HEAD)
		return 0;
	if (rd_u8(&r) != CAPF_PROTOCOL)
		return err_set(e, ERR_REFUSED, "capf-protocol",
			       "a message starts with 0x%02x, not 0x%02x", bytes.data[0],
			       CAPF_PROTOCOL);
	rd_u8(&r);
	id = rd_u32(&r);
	if (session && id != *session)
		return err_set(e, ERR_REFUSED, "capf-session",
			       "a message is for session %08x, not %08x", id, *session);
	length = rd_u16(&r);
	if (length > CAPF_BODY_MAX)
		return err_set(e, ERR_REFUSED, "capf-length",
			       "a message announces %u bytes of elements; %d are the limit", length,
			       CAPF_BODY_MAX);
	*n = (size_t)CAPF_HEAD + length;
	return 0;
}

bool capf_fill(struct buf *in, struct span *bytes, size_t n)
{
	const size_t missing = n > in->len ? n - in->len : 0;
	const size_t take = missing < bytes->len ? missing : bytes->len;

	buf_put(in, bytes->data, take);
	bytes->data += take;
	bytes->len -= take;
	return in->len >= n;
}

/* What length a number has; 0 for elements that are none. */
static size_t number_len(uint8_t tag)
{
	switch (tag) {
	case CAPF_REASON:
	case CAPF_CERTIFICATE_TYPE:
	case CAPF_VERSION_TAG:
	case CAPF_AUTH_TYPE:
	case CAPF_KEY_TYPE:
	case CAPF_CURVE:
		return 1;
	case CAPF_KEY_SIZE:
		return 2;
	default:
		return 0;
	}
}

static int take_element(struct capf_message *m, struct rd *r, struct err *e)
{
	const uint8_t tag = rd_u8(r);
	const uint16_t len = rd_u16(r);
	const struct span value = rd_take(r, len);
	const size_t number = number_len(tag);

	if (r->bad)
		return err_set(e, ERR_REFUSED, "capf-element",
			       "element %u runs past the end of its message", tag);
	if (number && len != number)
		return err_set(e, ERR_REFUSED, "capf-element",
			       "element %u has %u bytes instead of %zu", tag, len, number);
	if (!tag || tag >= CAPF_TAGS)
		return 0;
	if (m->value[tag].data)
		return err_set(e, ERR_REFUSED, "capf-element", "element %u occurs twice", tag);
	m->value[tag] = value;
	return 0;
}

int capf_parse(struct capf_message *m, struct span message, struct err *e)
{
	struct rd r = rd_of(message);
	int rc = 0;

	*m = (struct capf_message){0};
	rd_u8(&r);
	m->command = rd_u8(&r);
	m->session = rd_u32(&r);
	if (rd_u16(&r) != r.left || r.bad)
		return err_set(e, ERR_REFUSED, "capf-length", "a message is cut off");
	while (!rc && r.left)
		rc = take_element(m, &r, e);
	return rc;
}

bool capf_number(const struct capf_message *m, enum capf_tag tag, unsigned *v)
{
	struct rd r = rd_of(m->value[tag]);

	if (!r.p)
		return false;
	*v = number_len((uint8_t)tag) == 2 ? rd_u16(&r) : rd_u8(&r);
	return !r.bad;
}

bool capf_string(const struct capf_message *m, enum capf_tag tag, struct span *text)
{
	const struct span v = m->value[tag];

	/* The first NUL is the last byte. */
	if (!v.len || memchr(v.data, '\0', v.len) != v.data + v.len - 1)
		return false;
	*text = span_of(v.data, v.len - 1);
	return true;
}

bool capf_certificate(const struct capf_message *m, struct span *der)
{
	struct rd r = rd_of(m->value[CAPF_CERTIFICATE]);
	struct rd inner;
	uint16_t len;

	rd_u8(&r);
	len = rd_u16(&r);
	/* Bytes behind what it measures may be further entries, of which nothing is known. */
	inner = rd_of(rd_take(&r, len));
	rd_u16(&inner);
	*der = span_of(inner.p, inner.left);
	return !r.bad && !inner.bad && der->len;
}

bool capf_sha2(const struct capf_message *m, struct capf_sha2 *s)
{
	struct rd r = rd_of(m->value[CAPF_SHA2_SIGNED_DATA]);

	s->digest = rd_u8(&r);
	s->signature = rd_take(&r, rd_u16(&r));
	return !r.bad && !r.left && s->signature.len;
}

static struct span sudi_part(struct rd *r, uint8_t number)
{
	if (rd_u8(r) != number)
		r->bad = true;
	return rd_take(r, rd_u16(r));
}

bool capf_sudi(const struct capf_message *m, struct capf_sudi *s)
{
	struct rd r = rd_of(m->value[CAPF_SUDI_DATA]);

	s->certificate = sudi_part(&r, SUDI_CERTIFICATE);
	s->sha1 = sudi_part(&r, CAPF_SHA1);
	s->sha512 = sudi_part(&r, CAPF_SHA512);
	return !r.bad && !r.left && s->certificate.len && s->sha1.len && s->sha512.len;
}

const char *capf_command_name(uint8_t command, char scratch[16])
{
	static const char *const names[CAPF_COMMANDS] = {
		[CAPF_AUTH_REQUEST] = "AUTH_REQUEST",
		[CAPF_AUTH_RESPONSE] = "AUTH_RESPONSE",
		[CAPF_KEY_GENERATE_REQUEST] = "KEY_GENERATE_REQUEST",
		[CAPF_KEY_GENERATE_RESPONSE] = "KEY_GENERATE_RESPONSE",
		[CAPF_STORE_CERTIFICATE_REQUEST] = "STORE_CERTIFICATE_REQUEST",
		[CAPF_STORE_CERTIFICATE_RESPONSE] = "STORE_CERTIFICATE_RESPONSE",
		[CAPF_FETCH_CERTIFICATE_REQUEST] = "FETCH_CERTIFICATE_REQUEST",
		[CAPF_FETCH_CERTIFICATE_RESPONSE] = "FETCH_CERTIFICATE_RESPONSE",
		[CAPF_DELETE_CERTIFICATE_REQUEST] = "DELETE_CERTIFICATE_REQUEST",
		[CAPF_DELETE_CERTIFICATE_RESPONSE] = "DELETE_CERTIFICATE_RESPONSE",
		[CAPF_END_SESSION] = "END_SESSION",
		[CAPF_REQUEST_IN_PROGRESS] = "REQUEST_IN_PROGRESS",
		[CAPF_ABORT_REQUEST] = "ABORT_REQUEST",
		[CAPF_ABORT_RESPONSE] = "ABORT_RESPONSE",
	};

	if (command < CAPF_COMMANDS && names[command])
		return names[command];
	snprintf(scratch, 16, "command %u", command);
	return scratch;
}

/* ---- putting together ---- */

size_t capf_begin(struct buf *b, enum capf_command command, uint32_t session)
{
	const size_t start = b->len;

	buf_u8(b, CAPF_PROTOCOL);
	buf_u8(b, (uint8_t)command);
	buf_u32(b, session);
	buf_u16(b, 0);
	return start;
}

void capf_end(struct buf *b, size_t start)
{
	const size_t length = b->len - start - CAPF_HEAD;

	if (b->bad || length > UINT16_MAX) {
		b->bad = true;
		return;
	}
	b->data[start + LENGTH_AT] = (uint8_t)(length >> 8);
	b->data[start + LENGTH_AT + 1] = (uint8_t)length;
}

static void put_length(struct buf *b, size_t n)
{
	if (n > UINT16_MAX)
		b->bad = true;
	buf_u16(b, (uint16_t)n);
}

static void put_head(struct buf *b, enum capf_tag tag, size_t n)
{
	buf_u8(b, (uint8_t)tag);
	put_length(b, n);
}

void capf_put_u8(struct buf *b, enum capf_tag tag, unsigned v)
{
	put_head(b, tag, 1);
	buf_u8(b, (uint8_t)v);
}

void capf_put_u16(struct buf *b, enum capf_tag tag, unsigned v)
{
	put_head(b, tag, 2);
	buf_u16(b, (uint16_t)v);
}

void capf_put_bytes(struct buf *b, enum capf_tag tag, struct span value)
{
	put_head(b, tag, value.len);
	buf_span(b, value);
}

void capf_put_string(struct buf *b, enum capf_tag tag, struct span text)
{
	put_head(b, tag, text.len + 1);
	buf_span(b, text);
	buf_u8(b, 0);
}

void capf_put_certificate(struct buf *b, enum capf_certificate_type type, struct span der)
{
	put_head(b, CAPF_CERTIFICATE, INNER_HEAD + der.len);
	buf_u8(b, INNER_TAG);
	put_length(b, der.len + 2);
	buf_u8(b, 0);
	buf_u8(b, (uint8_t)type);
	buf_span(b, der);
}

void capf_put_sha2(struct buf *b, const struct capf_sha2 *s)
{
	put_head(b, CAPF_SHA2_SIGNED_DATA, 3 + s->signature.len);
	buf_u8(b, s->digest);
	put_length(b, s->signature.len);
	buf_span(b, s->signature);
}

static void put_sudi_part(struct buf *b, uint8_t number, struct span part)
{
	buf_u8(b, number);
	put_length(b, part.len);
	buf_span(b, part);
}

void capf_put_sudi(struct buf *b, const struct capf_sudi *s)
{
	put_head(b, CAPF_SUDI_DATA, 9 + s->certificate.len + s->sha1.len + s->sha512.len);
	put_sudi_part(b, SUDI_CERTIFICATE, s->certificate);
	put_sudi_part(b, CAPF_SHA1, s->sha1);
	put_sudi_part(b, CAPF_SHA512, s->sha512);
}
