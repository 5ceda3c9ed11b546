#include "server/net/tftp_packet.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* The next NUL-terminated string of r, without its NUL; bad if none ends inside r. */
static struct span take_string(struct rd *r)
{
	const uint8_t *nul = r->left ? memchr(r->p, '\0', r->left) : NULL;
	struct span s;

	if (!nul) {
		r->bad = true;
		return span_of(NULL, 0);
	}
	s = rd_take(r, (size_t)(nul - r->p));
	rd_take(r, 1);
	return s;
}

static bool is_word(struct span s, const char *word)
{
	return s.len == strlen(word) && !strncasecmp((const char *)s.data, word, s.len);
}

static bool take_decimal(uint64_t *out, struct span s)
{
	uint64_t n = 0;

	if (!s.len)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		const unsigned digit = s.data[i] - (unsigned)'0';

		if (digit > 9 || n > (UINT64_MAX - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	*out = n;
	return true;
}

static const char probe_name[] = "x-ctl-probe";

static void set_option(struct tftp_options *o, struct span name, uint64_t n)
{
	if (is_word(name, "blksize")) {
		if (!o->blksize && n >= TFTP_BLKSIZE_MIN)
			o->blksize = n < TFTP_BLKSIZE_MAX ? (uint32_t)n : TFTP_BLKSIZE_MAX;
	} else if (is_word(name, "timeout")) {
		if (!o->timeout && n >= TFTP_TIMEOUT_MIN && n <= TFTP_TIMEOUT_MAX)
			o->timeout = (uint32_t)n;
	} else if (is_word(name, "windowsize")) {
		if (!o->windowsize && n >= 1 && n <= TFTP_WINDOW_MAX)
			o->windowsize = (uint32_t)n;
	} else if (is_word(name, "tsize")) {
		if (!o->has_tsize)
			o->tsize = n;
		o->has_tsize = true;
	}
}

static void take_options(struct tftp_packet *p, struct rd *r)
{
	for (int i = 0; i < TFTP_OPTIONS_MAX && r->left; i++) {
		const struct span name = take_string(r);
		const struct span value = take_string(r);
		uint64_t n;

		if (r->bad)
			return;
		if (!take_decimal(&n, value))
			continue;
		p->probe = p->probe || (is_word(name, probe_name) && n == 1);
		set_option(&p->options, name, n);
	}
}

static bool take_request(struct tftp_packet *p, struct rd *r)
{
	struct span mode;

	p->name = take_string(r);
	mode = take_string(r);
	if (r->bad || !p->name.len)
		return false;
	if (is_word(mode, "octet"))
		p->mode = TFTP_OCTET;
	else if (is_word(mode, "netascii"))
		p->mode = TFTP_NETASCII;
	else if (is_word(mode, "mail"))
		p->mode = TFTP_MAIL;
	else
		p->mode = TFTP_OTHER_MODE;
	take_options(p, r);
	return true;
}

static void take_error(struct tftp_packet *p, struct rd *r)
{
	const uint8_t *nul;

	p->code = rd_u16(r);
	p->text = span_of(r->p, r->left);
	nul = r->left ? memchr(r->p, '\0', r->left) : NULL;
	if (nul)
		p->text.len = (size_t)(nul - r->p);
}

static bool take_body(struct tftp_packet *p, uint16_t op, struct rd *r)
{
	switch (op) {
	case TFTP_RRQ:
	case TFTP_WRQ:
		return take_request(p, r);
	case TFTP_DATA:
		p->block = rd_u16(r);
		p->text = span_of(r->p, r->left);
		break;
	case TFTP_ACK:
		p->block = rd_u16(r);
		break;
	case TFTP_ERROR:
		take_error(p, r);
		break;
	case TFTP_OACK:
		take_options(p, r);
		return true;
	default:
		return false;
	}
	return !r->bad;
}

bool tftp_parse(struct tftp_packet *p, struct span datagram)
{
	struct rd r = rd_of(datagram);
	const uint16_t op = rd_u16(&r);
	const bool known = op >= TFTP_RRQ && op <= TFTP_OACK;

	*p = (struct tftp_packet){.op = known ? (enum tftp_op)op : 0};
	if (take_body(p, op, &r))
		return true;
	*p = (struct tftp_packet){.op = p->op};
	return false;
}

/* A packet on its way into a buffer of fixed size; full stays set. */
struct out {
	uint8_t *p;
	size_t left;
	bool full;
};

static void put(struct out *o, const void *data, size_t n)
{
	if (o->full || n > o->left) {
		o->full = true;
		return;
	}
	memcpy(o->p, data, n);
	o->p += n;
	o->left -= n;
}

static void put_u16(struct out *o, uint16_t v)
{
	const uint8_t be[] = {(uint8_t)(v >> 8), (uint8_t)v};

	put(o, be, sizeof(be));
}

static void put_string(struct out *o, const char *s)
{
	put(o, s, strlen(s) + 1);
}

static void put_option(struct out *o, const char *name, uint64_t n)
{
	char digits[24];

	snprintf(digits, sizeof(digits), "%" PRIu64, n);
	put_string(o, name);
	put_string(o, digits);
}

static void put_options(struct out *o, const struct tftp_options *opt)
{
	if (opt->blksize)
		put_option(o, "blksize", opt->blksize);
	if (opt->timeout)
		put_option(o, "timeout", opt->timeout);
	if (opt->has_tsize)
		put_option(o, "tsize", opt->tsize);
	if (opt->windowsize)
		put_option(o, "windowsize", opt->windowsize);
}

static size_t put_length(const struct out *o, size_t max)
{
	return o->full ? 0 : max - o->left;
}

size_t tftp_put_request(uint8_t *out, size_t max, enum tftp_op op, const char *name,
			const struct tftp_options *opt)
{
	struct out o = {out, max, false};

	put_u16(&o, (uint16_t)op);
	put_string(&o, name);
	put_string(&o, "octet");
	put_options(&o, opt);
	return put_length(&o, max);
}

size_t tftp_put_probe(uint8_t *out, size_t max, size_t n)
{
	struct out o = {out + n, max - n, false};

	put_option(&o, probe_name, 1);
	return put_length(&o, max);
}

size_t tftp_put_oack(uint8_t *out, size_t max, const struct tftp_options *opt)
{
	struct out o = {out, max, false};

	put_u16(&o, TFTP_OACK);
	put_options(&o, opt);
	return put_length(&o, max);
}

size_t tftp_put_error(uint8_t *out, size_t max, enum tftp_code code, const char *text)
{
	struct out o = {out, max, false};
	const size_t room = max > TFTP_HEAD ? max - TFTP_HEAD - 1 : 0;

	put_u16(&o, TFTP_ERROR);
	put_u16(&o, (uint16_t)code);
	put(&o, text, strnlen(text, room));
	put(&o, "", 1);
	return put_length(&o, max);
}

void tftp_put_head(uint8_t out[TFTP_HEAD], enum tftp_op op, uint16_t block)
{
	struct out o = {out, TFTP_HEAD, false};

	put_u16(&o, (uint16_t)op);
	put_u16(&o, block);
}

bool tftp_any_option(const struct tftp_options *o)
{
	return o->blksize || o->timeout || o->has_tsize || o->windowsize;
}
