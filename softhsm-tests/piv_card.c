/*
 * piv_card PORT FOLDER PIN PUK: a smart card for the virtual reader of vsmartcard-vpcd, as far as
 * OpenSC looks at one: PIV (NIST SP 800-73-4) with RSA keys that are used but never made. A test
 * tool. Goes into the reader that listens on 127.0.0.1:PORT, and is taken out by ending the tool.
 *
 * FOLDER holds, for the slots 9a and 9c, a key 9a.key (PEM) and its certificate 9a.der; a slot
 * without them is empty. 9c asks for the PIN before each signature. PIN and PUK may be given three
 * times in vain; who takes the card out and puts it in again has three tries again.
 */
#include "common/bytes.h"
#include "common/file.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	TRIES = 3,
	PIN_SIZE = 8, /* padded with 0xff */
	ANSWER_MAX = 256,
	OBJECT_MAX = 8192,
	GUID_SIZE = 16,
	RSA_BITS_MAX = 4096,
};

/* ISO 7816-4 section 5.1. */
enum status {
	SW_OK = 0x9000,
	SW_MORE = 0x6100,
	SW_WRONG = 0x63c0, /* and the tries left */
	SW_LENGTH = 0x6700,
	SW_NOT_VERIFIED = 0x6982,
	SW_BLOCKED = 0x6983,
	SW_DATA = 0x6a80,
	SW_NOT_FOUND = 0x6a82,
	SW_REFERENCE = 0x6a88,
	SW_INSTRUCTION = 0x6d00,
	SW_FAILED = 0x6f00,
};

struct pin {
	uint8_t value[PIN_SIZE];
	unsigned tries;
};

/* A key with its certificate; SP 800-73-4 part 1 table 4b. */
struct key {
	uint8_t reference;
	unsigned object; /* tag of the data object with the certificate */
	bool pin_always;
	EVP_PKEY *key;
	struct buf cert;
};

enum { KEYS = 2 };

struct card {
	struct pin pin, puk;
	bool verified, just_verified;
	struct key keys[KEYS];
	uint8_t guid[GUID_SIZE];
	struct buf chain;  /* parts of a command so far */
	struct buf answer; /* what has not been fetched yet */
};

/* ---- TLV (ISO 7816-4 section 5.2.2) ---- */

static void put_tlv(struct buf *out, unsigned tag, struct span value)
{
	for (unsigned shift = 16; shift; shift -= 8)
		if (tag >> shift)
			buf_u8(out, (uint8_t)(tag >> shift));
	buf_u8(out, (uint8_t)tag);
	if (value.len > 0xff) {
		buf_u8(out, 0x82);
		buf_u16(out, (uint16_t)value.len);
	} else {
		if (value.len > 0x7f)
			buf_u8(out, 0x81);
		buf_u8(out, (uint8_t)value.len);
	}
	buf_span(out, value);
}

static void put_wrapped(struct buf *out, unsigned tag, struct buf *inside)
{
	out->bad |= inside->bad;
	put_tlv(out, tag, buf_view(inside));
	buf_free(inside);
}

/* Finds the value of a one-byte tag. */
static struct span get_tlv(struct span in, uint8_t tag)
{
	struct rd r = rd_of(in);

	while (r.left && !r.bad) {
		const uint8_t found = rd_u8(&r);
		size_t len = rd_u8(&r);
		struct span value;

		if (len == 0x81)
			len = rd_u8(&r);
		else if (len == 0x82)
			len = rd_u16(&r);
		value = rd_take(&r, len);
		if (!r.bad && found == tag)
			return value;
	}
	return span_of(NULL, 0);
}

/* ---- data objects (SP 800-73-4 part 1 appendix A) ---- */

static const uint8_t aid[] = {0xa0, 0, 0, 3, 8, 0, 0, 0x10, 0, 1, 0};

enum {
	TAG_DISCOVERY = 0x7e,
	TAG_CHUID = 0x5fc102,
	TAG_CERT_9A = 0x5fc105,
	TAG_CCC = 0x5fc107,
	TAG_CERT_9C = 0x5fc10a,
};

static void put_discovery(struct buf *out)
{
	static const uint8_t pin_policy[] = {0x40, 0}; /* the PIV card's own PIN only */
	struct buf inside = {0};

	put_tlv(&inside, 0x4f, span_of(aid, sizeof(aid)));
	put_tlv(&inside, 0x5f2f, span_of(pin_policy, sizeof(pin_policy)));
	put_wrapped(out, TAG_DISCOVERY, &inside);
}

/* The FASC-N of a card that no federal agency issued: the GUID is what tells cards apart. */
static void put_chuid(struct buf *out, const struct card *c)
{
	static const uint8_t fascn[] = {0xd4, 0xe7, 0x39, 0xda, 0x73, 0x9c, 0xed, 0x39, 0xce,
					0x73, 0x9d, 0x83, 0x68, 0x58, 0x21, 0x08, 0x42, 0x10,
					0x84, 0x21, 0xc8, 0x42, 0x10, 0xc3, 0xeb};
	struct buf inside = {0};

	put_tlv(&inside, 0x30, span_of(fascn, sizeof(fascn)));
	put_tlv(&inside, 0x34, span_of(c->guid, sizeof(c->guid)));
	put_tlv(&inside, 0x35, span_of("20991231", 8));
	put_tlv(&inside, 0x3e, span_of(NULL, 0));
	put_tlv(&inside, 0xfe, span_of(NULL, 0));
	put_wrapped(out, 0x53, &inside);
}

static void put_ccc(struct buf *out)
{
	static const uint8_t capabilities[] = {0xf0, 0,    0xf1, 1, 0x21, 0xf2, 1,    0x21, 0xf3,
					       0,    0xf4, 1,    0, 0xf5, 1,    0x10, 0xfe, 0};

	put_tlv(out, 0x53, span_of(capabilities, sizeof(capabilities)));
}

static void put_cert(struct buf *out, const struct key *k)
{
	static const uint8_t not_compressed[] = {0};
	struct buf inside = {0};

	put_tlv(&inside, 0x70, buf_view(&k->cert));
	put_tlv(&inside, 0x71, span_of(not_compressed, sizeof(not_compressed)));
	put_tlv(&inside, 0xfe, span_of(NULL, 0));
	put_wrapped(out, 0x53, &inside);
}

static enum status get_data(struct card *c, struct span data)
{
	const struct span tag = get_tlv(data, 0x5c);
	unsigned object = 0;

	for (size_t i = 0; i < tag.len && i < 3; i++)
		object = object << 8 | tag.data[i];
	switch (object) {
	case TAG_DISCOVERY:
		put_discovery(&c->answer);
		return SW_OK;
	case TAG_CHUID:
		put_chuid(&c->answer, c);
		return SW_OK;
	case TAG_CCC:
		put_ccc(&c->answer);
		return SW_OK;
	}
	for (size_t i = 0; i < KEYS; i++)
		if (c->keys[i].key && c->keys[i].object == object) {
			put_cert(&c->answer, &c->keys[i]);
			return SW_OK;
		}
	return SW_NOT_FOUND;
}

static enum status select_application(struct card *c, struct span data)
{
	struct buf inside = {0};

	if (data.len < 5 || data.len > sizeof(aid) || memcmp(data.data, aid, data.len) != 0)
		return SW_NOT_FOUND;
	c->verified = false;
	put_tlv(&inside, 0x4f, span_of(aid + 5, sizeof(aid) - 5));
	put_wrapped(&c->answer, 0x61, &inside);
	return SW_OK;
}

/* ---- PINs (SP 800-73-4 part 2 section 3.2) ---- */

static enum status pin_try(struct pin *p, struct span value)
{
	if (!p->tries)
		return SW_BLOCKED;
	if (!span_eq(value, span_of(p->value, PIN_SIZE))) {
		p->tries--;
		return p->tries ? SW_WRONG + p->tries : SW_BLOCKED;
	}
	p->tries = TRIES;
	return SW_OK;
}

static void pin_set(struct pin *p, const uint8_t value[PIN_SIZE])
{
	memcpy(p->value, value, PIN_SIZE);
	p->tries = TRIES;
}

static enum status verify(struct card *c, uint8_t p1, uint8_t p2, struct span data)
{
	enum status sw;

	if (p2 != 0x80)
		return SW_REFERENCE;
	if (p1 == 0xff) {
		c->verified = false;
		return SW_OK;
	}
	if (!data.len && c->verified)
		return SW_OK;
	if (!data.len)
		return c->pin.tries ? SW_WRONG + c->pin.tries : SW_BLOCKED;
	sw = pin_try(&c->pin, data);
	c->verified = sw == SW_OK;
	c->just_verified = c->verified;
	return sw;
}

/* CHANGE REFERENCE DATA: the old value and the new one of PIN or PUK. */
static enum status change(struct card *c, uint8_t p2, struct span data)
{
	struct pin *p = p2 == 0x81 ? &c->puk : &c->pin;
	enum status sw;

	if (p2 != 0x80 && p2 != 0x81)
		return SW_REFERENCE;
	if (data.len != 2 * PIN_SIZE)
		return SW_LENGTH;
	sw = pin_try(p, span_of(data.data, PIN_SIZE));
	if (sw == SW_OK)
		pin_set(p, data.data + PIN_SIZE);
	return sw;
}

/* RESET RETRY COUNTER: the PUK and the new PIN. */
static enum status unblock(struct card *c, uint8_t p2, struct span data)
{
	enum status sw;

	if (p2 != 0x80)
		return SW_REFERENCE;
	if (data.len != 2 * PIN_SIZE)
		return SW_LENGTH;
	sw = pin_try(&c->puk, span_of(data.data, PIN_SIZE));
	if (sw == SW_OK)
		pin_set(&c->pin, data.data + PIN_SIZE);
	return sw;
}

/* ---- GENERAL AUTHENTICATE: the private operation (part 2 section 3.2.4) ---- */

static bool rsa_private(EVP_PKEY *key, struct span in, uint8_t out[RSA_BITS_MAX / 8])
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	size_t n = RSA_BITS_MAX / 8;
	const bool done = ctx && EVP_PKEY_sign_init(ctx) == 1 &&
			  EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) == 1 &&
			  EVP_PKEY_sign(ctx, out, &n, in.data, in.len) == 1 && n == in.len;

	EVP_PKEY_CTX_free(ctx);
	return done;
}

static const struct key *key_by(const struct card *c, uint8_t reference)
{
	for (size_t i = 0; i < KEYS; i++)
		if (c->keys[i].key && c->keys[i].reference == reference)
			return &c->keys[i];
	return NULL;
}

static enum status authenticate(struct card *c, uint8_t p2, bool just_verified, struct span data)
{
	const struct span challenge = get_tlv(get_tlv(data, 0x7c), 0x81);
	const struct key *k = key_by(c, p2);
	uint8_t signature[RSA_BITS_MAX / 8];
	struct buf inside = {0};

	if (!k)
		return SW_REFERENCE;
	if (!c->verified || (k->pin_always && !just_verified))
		return SW_NOT_VERIFIED;
	if (!challenge.len || challenge.len != (size_t)EVP_PKEY_get_size(k->key))
		return SW_DATA;
	if (!rsa_private(k->key, challenge, signature))
		return SW_FAILED;
	put_tlv(&inside, 0x82, span_of(signature, challenge.len));
	put_wrapped(&c->answer, 0x7c, &inside);
	return SW_OK;
}

/* ---- commands (ISO 7816-4 section 5.1) ---- */

static enum status command(struct card *c, const uint8_t head[4], struct span data)
{
	const bool just_verified = c->just_verified;

	c->just_verified = false;
	c->answer.len = 0;
	switch (head[1]) {
	case 0xa4:
		return select_application(c, data);
	case 0xcb:
		return get_data(c, data);
	case 0x20:
		return verify(c, head[2], head[3], data);
	case 0x24:
		return change(c, head[3], data);
	case 0x2c:
		return unblock(c, head[3], data);
	case 0x87:
		return authenticate(c, head[3], just_verified, data);
	}
	return SW_INSTRUCTION;
}

/* Moves as much of the answer as fits into one response, and tells how much is left. */
static void respond(struct card *c, struct buf *out, enum status sw)
{
	const size_t n = c->answer.len < ANSWER_MAX ? c->answer.len : ANSWER_MAX;
	const size_t left = c->answer.len - n;

	if (c->answer.bad || c->chain.bad)
		sw = SW_FAILED;
	if (sw == SW_OK) {
		buf_put(out, c->answer.data, n);
		memmove(c->answer.data, c->answer.data + n, left);
		c->answer.len = left;
	}
	if (sw == SW_OK && left)
		sw = SW_MORE + (left < 0xff ? (unsigned)left : 0);
	buf_u16(out, (uint16_t)sw);
}

static void apdu(struct card *c, struct buf *out, struct span in)
{
	enum { GET_RESPONSE = 0xc0, CHAINED = 0x10 };
	struct rd r = rd_of(in);
	const struct span head = rd_take(&r, 4);
	const struct span data = r.left > 1 ? rd_take(&r, rd_u8(&r)) : span_of(NULL, 0);

	if (r.bad || r.left > 1 || c->chain.len > OBJECT_MAX) {
		buf_u16(out, SW_LENGTH);
		return;
	}
	if (head.data[1] == GET_RESPONSE) {
		respond(c, out, SW_OK);
		return;
	}
	buf_span(&c->chain, data);
	if (head.data[0] & CHAINED) {
		buf_u16(out, SW_OK);
		return;
	}
	respond(c, out, command(c, head.data, buf_view(&c->chain)));
	c->chain.len = 0;
}

/* ---- the reader: vpcd sends a length of two bytes, then a command or one byte of control ---- */

/* vpcd writes length and command apart, and the second waits for the acknowledgement of the first.
 */
static bool receive(int fd, uint8_t *out, size_t n)
{
	const int yes = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &yes, sizeof(yes));
	return recv(fd, out, n, MSG_WAITALL) == (ssize_t)n;
}

static bool transmit(int fd, struct span data)
{
	struct buf out = {0};
	bool sent;

	buf_u16(&out, (uint16_t)data.len);
	buf_span(&out, data);
	sent = !out.bad && send(fd, out.data, out.len, MSG_NOSIGNAL) == (ssize_t)out.len;
	buf_free(&out);
	return sent;
}

static void power(struct card *c)
{
	c->verified = false;
	c->just_verified = false;
	c->chain.len = 0;
	c->answer.len = 0;
}

static bool serve_one(struct card *c, int fd)
{
	/* T=1, historical bytes "ctlsuite", check byte. */
	static const uint8_t atr[] = {0x3b, 0x88, 0x80, 0x01, 'c', 't', 'l',
				      's',  'u',  'i',  't',  'e', 0x0c};
	enum { OFF = 0, ON = 1, RESET = 2, GET_ATR = 4 };
	uint8_t head[2];
	uint8_t in[UINT16_MAX];
	size_t len;
	struct buf out = {0};
	bool sent;

	if (!receive(fd, head, sizeof(head)))
		return false;
	len = (size_t)(head[0] << 8 | head[1]);
	if (!receive(fd, in, len))
		return false;
	if (len == 1 && in[0] == GET_ATR)
		return transmit(fd, span_of(atr, sizeof(atr)));
	if (len == 1) {
		power(c);
		return true;
	}
	apdu(c, &out, span_of(in, len));
	sent = transmit(fd, buf_view(&out));
	buf_free(&out);
	return sent;
}

static int connect_to(const char *port)
{
	const struct sockaddr_in a = {.sin_family = AF_INET,
				      .sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (const struct sockaddr *)&a, sizeof(a)) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static int serve(struct card *c, const char *port, struct err *e)
{
	const int fd = connect_to(port);

	if (fd < 0)
		return err_set(e, ERR_FAILED, "connect", "no reader on 127.0.0.1:%s: %s", port,
			       strerror(errno));
	while (serve_one(c, fd))
		;
	close(fd);
	return 0;
}

/* ---- what the card holds ---- */

static int read_key(struct key *k, const char *folder, const char *name, struct err *e)
{
	char path[256];
	struct buf pem = {0};
	BIO *bio = NULL;
	int rc;

	snprintf(path, sizeof(path), "%s/%s.key", folder, name);
	rc = file_read(path, OBJECT_MAX, &pem, e);
	if (rc)
		return strcmp(e->id, "file-missing") ? rc : 0;
	bio = BIO_new_mem_buf(pem.data, (int)pem.len);
	k->key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
	BIO_free(bio);
	buf_wipe(&pem);
	if (!k->key || !EVP_PKEY_is_a(k->key, "RSA") || EVP_PKEY_get_bits(k->key) > RSA_BITS_MAX)
		return err_set(e, ERR_FAILED, "key", "%s: no RSA key that fits", path);
	snprintf(path, sizeof(path), "%s/%s.der", folder, name);
	return file_read(path, OBJECT_MAX, &k->cert, e);
}

/* Cards with different keys are different cards. */
static void name_card(struct card *c)
{
	uint8_t digest[EVP_MAX_MD_SIZE] = {0};
	const struct buf *cert = &c->keys[c->keys[0].key ? 0 : 1].cert;

	if (EVP_Digest(cert->data, cert->len, digest, NULL, EVP_sha256(), NULL) == 1)
		memcpy(c->guid, digest, sizeof(c->guid));
}

static int set_pin(struct pin *p, const char *text, struct err *e)
{
	const size_t n = strlen(text);

	if (n < 6 || n > PIN_SIZE)
		return err_set(e, ERR_USAGE, "pin", "a PIN has 6 to 8 digits");
	memset(p->value, 0xff, PIN_SIZE);
	memcpy(p->value, text, n);
	p->tries = TRIES;
	return 0;
}

static int card_load(struct card *c, const char *folder, struct err *e)
{
	int rc;

	c->keys[0] = (struct key){.reference = 0x9a, .object = TAG_CERT_9A};
	c->keys[1] = (struct key){.reference = 0x9c, .object = TAG_CERT_9C, .pin_always = true};
	rc = read_key(&c->keys[0], folder, "9a", e);
	if (!rc)
		rc = read_key(&c->keys[1], folder, "9c", e);
	if (!rc)
		name_card(c);
	return rc;
}

int main(int argc, char **argv)
{
	struct card c = {0};
	struct err e;
	int rc;

	if (argc != 5) {
		fprintf(stderr, "usage: piv_card PORT FOLDER PIN PUK\n");
		return ERR_USAGE;
	}
	rc = set_pin(&c.pin, argv[3], &e);
	if (!rc)
		rc = set_pin(&c.puk, argv[4], &e);
	if (!rc)
		rc = card_load(&c, argv[2], &e);
	if (!rc)
		rc = serve(&c, argv[1], &e);
	if (rc)
		err_print(&e, "piv_card");
	return rc;
}
