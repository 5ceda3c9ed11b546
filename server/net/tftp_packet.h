/*
 * TFTP packets as bytes, for the server and for the phone: taken apart and put together.
 *
 * RFC 1350 (protocol), RFC 2347 (options), RFC 2348 (blksize), RFC 2349 (timeout, tsize),
 * RFC 7440 (windowsize). Nothing here allocates or keeps anything: views point into the datagram
 * that was parsed.
 */
#ifndef SERVER_NET_TFTP_PACKET_H
#define SERVER_NET_TFTP_PACKET_H

#include "common/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	TFTP_HEAD = 4,              /* bytes in front of a DATA packet's content; a whole ACK */
	TFTP_BLKSIZE_DEFAULT = 512, /* RFC 1350 section 2 */
	TFTP_BLKSIZE_MIN = 8,       /* RFC 2348 */
	TFTP_BLKSIZE_MAX = 65464,   /* RFC 2348; with its head it fits a UDP datagram over IPv4 */
	TFTP_TIMEOUT_MIN = 1,       /* seconds, RFC 2349 */
	TFTP_TIMEOUT_MAX = 255,
	TFTP_WINDOW_MAX = 65535, /* blocks, RFC 7440 section 3; 1 at least */
	TFTP_REQUEST_MAX = 512,  /* of a request we write: RFC 2347, "Packet Formats" */
	TFTP_OPTIONS_MAX = 16,   /* options of one packet that are looked at */
	TFTP_OACK_MAX = 128,     /* room for every OACK we write */
	TFTP_ERROR_MAX = 132,    /* room for every ERROR we write */
};

enum tftp_op {
	TFTP_RRQ = 1,
	TFTP_WRQ = 2,
	TFTP_DATA = 3,
	TFTP_ACK = 4,
	TFTP_ERROR = 5,
	TFTP_OACK = 6,
};

/* RFC 1350 section 5 and appendix; 8 is of RFC 2347. */
enum tftp_code {
	TFTP_UNDEFINED = 0, /* see the text */
	TFTP_NOT_FOUND = 1,
	TFTP_ACCESS = 2,
	TFTP_DISK_FULL = 3,
	TFTP_ILLEGAL = 4,
	TFTP_UNKNOWN_TID = 5,
	TFTP_EXISTS = 6,
	TFTP_NO_USER = 7,
	TFTP_BAD_OPTION = 8,
};

enum tftp_mode { TFTP_OCTET, TFTP_NETASCII, TFTP_MAIL, TFTP_OTHER_MODE };

struct tftp_options {
	uint32_t blksize; /* bytes; 0: not there */
	uint32_t timeout; /* seconds; 0: not there */
	bool has_tsize;
	uint64_t tsize;      /* bytes */
	uint32_t windowsize; /* blocks; 0: not there */
};

struct tftp_packet {
	enum tftp_op op;
	struct span name;            /* RRQ, WRQ: without its NUL */
	enum tftp_mode mode;         /* RRQ, WRQ */
	struct tftp_options options; /* RRQ, WRQ, OACK */
	bool probe;                  /* RRQ: it has the option of tftp_put_probe() */
	uint16_t block;              /* DATA, ACK */
	uint16_t code;               /* ERROR: an enum tftp_code, or what else the peer wrote */
	struct span text;            /* DATA: the content; ERROR: the text without its NUL */
};

/* Takes a datagram apart. False if it is none of the six packets or too short for what it claims
 * to be; p->op is then what it claims (0 if unknown), the rest of p is empty.
 *
 * Tolerant where that is harmless: the NUL of an error text may be missing, bytes behind an ACK do
 * not count, an option without a proper end is not there. Option names are compared without case.
 * An option that is unknown, out of its RFC's range or not a decimal number is not there, except
 * that a blksize above the maximum is the maximum. Of an option that occurs twice the first counts.
 */
bool tftp_parse(struct tftp_packet *p, struct span datagram);

/* Each writes one packet to out, which has room for max bytes, and returns its length; 0 if it does
 * not fit. Options that are not there are not written. */
size_t tftp_put_request(uint8_t *out, size_t max, enum tftp_op op, const char *name,
			const struct tftp_options *o);
size_t tftp_put_oack(uint8_t *out, size_t max, const struct tftp_options *o);

/* Appends to a request of n bytes, as tftp_put_request() made it, an option of our own,
 * x-ctl-probe: no phone asks, and nobody shall take it for one. Servers that do not know it pass
 * over it (RFC 2347). The new length; 0 if it does not fit. */
size_t tftp_put_probe(uint8_t *out, size_t max, size_t n);

/* text is cut to what fits. */
size_t tftp_put_error(uint8_t *out, size_t max, enum tftp_code code, const char *text);

/* The TFTP_HEAD bytes of an ACK, or those in front of a DATA packet's content. */
void tftp_put_head(uint8_t out[TFTP_HEAD], enum tftp_op op, uint16_t block);

/* True if there is an option in o at all. */
bool tftp_any_option(const struct tftp_options *o);

#endif
