/*
 * CAPF messages as bytes, for the server and for the phone: framed, taken apart and put together.
 * Source: doc/capf.md, "On the wire".
 *
 * A message is a head of 8 bytes (protocol 0x55, command, session id u32, length u16) and elements
 * (tag u8, length u16, value), all big-endian. Nothing here allocates or keeps anything: views
 * point into the bytes that were parsed.
 */
#ifndef SERVER_NET_CAPF_MESSAGE_H
#define SERVER_NET_CAPF_MESSAGE_H

#include "common/bytes.h"
#include "common/err.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	CAPF_PROTOCOL = 0x55,
	CAPF_HEAD = 8, /* bytes of the head */
	CAPF_BODY_MAX =
		16384,       /* bytes of elements that are taken; the largest ever seen had 2,959 */
	CAPF_VERSION = 3,    /* the newest, and the one that knows key types */
	CAPF_NAME_MAX = 128, /* bytes of a device name, its NUL included */
	CAPF_CN_MAX = 64,    /* characters of a common name: longer names get no certificate */
	CAPF_STRING_MAX = 64, /* bytes of an authentication string that are looked at */
};

enum capf_command {
	CAPF_AUTH_REQUEST = 1, /* server: VERSION, AUTH_TYPE */
	CAPF_AUTH_RESPONSE = 2,
	CAPF_KEY_GENERATE_REQUEST = 3,
	CAPF_KEY_GENERATE_RESPONSE = 4,
	CAPF_STORE_CERTIFICATE_REQUEST = 9,
	CAPF_STORE_CERTIFICATE_RESPONSE = 10,
	CAPF_FETCH_CERTIFICATE_REQUEST = 11,
	CAPF_FETCH_CERTIFICATE_RESPONSE = 12,
	CAPF_DELETE_CERTIFICATE_REQUEST = 13,
	CAPF_DELETE_CERTIFICATE_RESPONSE = 14,
	CAPF_END_SESSION = 15,
	CAPF_REQUEST_IN_PROGRESS = 17,
	CAPF_ABORT_REQUEST = 20,
	CAPF_ABORT_RESPONSE = 21,
	CAPF_COMMANDS = 24,
};

enum capf_tag {
	CAPF_REASON = 1,            /* u8, enum capf_reason */
	CAPF_CERTIFICATE_TYPE = 3,  /* u8, enum capf_certificate_type */
	CAPF_CERTIFICATE = 4,       /* capf_certificate() */
	CAPF_SIGNED_DATA = 6,       /* signature bytes */
	CAPF_VERSION_TAG = 7,       /* u8 */
	CAPF_AUTH_TYPE = 8,         /* u8, 0 always */
	CAPF_PUBLIC_KEY = 9,        /* DER SubjectPublicKeyInfo (RFC 5280 section 4.1) */
	CAPF_KEY_SIZE = 10,         /* u16, bits */
	CAPF_PASSWORD = 11,         /* text and NUL */
	CAPF_DEVICE_NAME = 13,      /* text and NUL */
	CAPF_SUDI_DATA = 16,        /* capf_sudi() */
	CAPF_KEY_TYPE = 17,         /* u8, enum capf_key_type */
	CAPF_CURVE = 18,            /* u8, enum capf_curve */
	CAPF_SHA2_SIGNED_DATA = 20, /* capf_sha2() */
	CAPF_TAGS = 21,
};

enum capf_reason {
	CAPF_NO_ACTION = 0,
	CAPF_DONE = 1, /* a server's: the certificate changed; a phone's: success */
	CAPF_INVALID = 7,
	CAPF_UNKNOWN_DEVICE = 9,
};

enum capf_certificate_type { CAPF_TYPE_LSC = 1, CAPF_TYPE_MIC = 2 };
enum capf_key_type { CAPF_RSA = 0, CAPF_EC = 1 };
enum capf_curve { CAPF_P256 = 0, CAPF_P384 = 1, CAPF_P521 = 2, CAPF_CURVES };

/* Digest numbers inside SUDI_DATA and SHA2_SIGNED_DATA. */
enum capf_digest { CAPF_SHA1 = 1, CAPF_SHA256 = 2, CAPF_SHA512 = 3 };

/* ---- taking apart ---- */

struct capf_message {
	uint8_t command; /* an enum capf_command, or what else the peer wrote */
	uint32_t session;
	struct span value[CAPF_TAGS]; /* by tag; data is NULL where the element is absent */
};

/* How many bytes the message at the beginning of bytes has, head included; 0 if that needs more
 * than the bytes so far (CAPF_HEAD at least). Errors are ERR_REFUSED and do not wait for the body:
 * "capf-protocol", "capf-session" (another id than *session, unless session is NULL) and
 * "capf-length" (a body over CAPF_BODY_MAX). */
int capf_frame(size_t *n, struct span bytes, const uint32_t *session, struct err *e);

/* Moves what in lacks to n bytes from the beginning of bytes to it; true if it has them then. */
bool capf_fill(struct buf *in, struct span *bytes, size_t n);

/* Takes a whole message apart. ERR_REFUSED "capf-element": one that runs past the end, occurs
 * twice, or has a number of a wrong length. Unknown elements are skipped; what is in the others is
 * looked at by the verbs below, because elements that nobody needs may hold anything. */
int capf_parse(struct capf_message *m, struct span message, struct err *e);

/* The number in an element of one byte (KEY_SIZE: two); false if there is none. */
bool capf_number(const struct capf_message *m, enum capf_tag tag, unsigned *v);

/* The text of PASSWORD or DEVICE_NAME without its NUL. False if the element is absent, or its last
 * byte is not its only NUL. */
bool capf_string(const struct capf_message *m, enum capf_tag tag, struct span *text);

/* The DER bytes of CERTIFICATE; false if it is absent or does not hold what it promises. The type
 * byte is not looked at: phones write LSC for a MIC as well. */
bool capf_certificate(const struct capf_message *m, struct span *der);

struct capf_sha2 {
	uint8_t digest; /* an enum capf_digest, or what else the peer wrote */
	struct span signature;
};

/* False if SHA2_SIGNED_DATA is absent or malformed. */
bool capf_sha2(const struct capf_message *m, struct capf_sha2 *s);

struct capf_sudi {
	struct span certificate;  /* DER */
	struct span sha1, sha512; /* signatures */
};

/* False if SUDI_DATA is absent or is not its three parts in order. */
bool capf_sudi(const struct capf_message *m, struct capf_sudi *s);

/* "AUTH_RESPONSE", "END_SESSION"; "command 42" in scratch (16 bytes at least) for what has no name.
 */
const char *capf_command_name(uint8_t command, char scratch[16]);

/* ---- putting together ----
 *
 * capf_begin(), the elements in ascending order of their tags, capf_end(). Failures are sticky in
 * the buffer. */

/* Returns where the message starts, for capf_end(). */
size_t capf_begin(struct buf *b, enum capf_command command, uint32_t session);
void capf_put_u8(struct buf *b, enum capf_tag tag, unsigned v);
void capf_put_u16(struct buf *b, enum capf_tag tag, unsigned v);
void capf_put_bytes(struct buf *b, enum capf_tag tag, struct span value);
void capf_put_string(struct buf *b, enum capf_tag tag, struct span text);
void capf_put_certificate(struct buf *b, enum capf_certificate_type type, struct span der);
void capf_put_sha2(struct buf *b, const struct capf_sha2 *s);
void capf_put_sudi(struct buf *b, const struct capf_sudi *s);
void capf_end(struct buf *b, size_t start);

#endif
