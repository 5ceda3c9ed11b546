/*
 * One file on its way to one client, as a state machine without sockets and clocks: events go in,
 * packets come out. RFC 1350 with the options of RFC 2347, 2348, 2349 and 7440.
 *
 * Packets are numbered without wrapping: 0 is the OACK, n the DATA packet n. One is on its way at a
 * time, or a window of them, if that was agreed. A duplicate ACK is never answered with data (RFC
 * 1123 section 4.2.3.1), except that a client may say once for each window that its first block
 * did not come (RFC 7440 section 4). Else only the clock repeats packets, and not often: a client
 * that has not answered once may be a forged address. It gets TRANSFER_REPEATS_UNPROVEN packets at
 * most that nobody asked for, and never a window.
 */
#ifndef SERVER_TFTP_TRANSFER_H
#define SERVER_TFTP_TRANSFER_H

#include "server/net/tftp_packet.h"

enum {
	TRANSFER_REPEATS = 6,          /* of one packet, then the client is taken for gone */
	TRANSFER_REPEATS_UNPROVEN = 3, /* the same before the client's first answer */
	TRANSFER_WAIT_MS = 1000,       /* before the first repeat, unless a timeout was agreed */
	TRANSFER_WAIT_MAX_MS = 4000,   /* waiting doubles up to here */
	TRANSFER_WINDOW_MAX = 32,      /* blocks; a client that asks for more gets this ... */
	TRANSFER_WINDOW_BYTES = 128 << 10, /* ... or what fits here, but one block at least */
};

struct transfer {
	uint64_t size;               /* bytes of the file */
	struct tftp_options granted; /* what the OACK says; empty: there is no OACK */
	uint32_t blksize;            /* bytes */
	uint64_t last;               /* number of the last DATA packet, which is a short one */
	uint64_t base;               /* number of the first packet that waits for its ACK */
	uint64_t next;               /* number of the packet to send next */
	unsigned repeats;            /* of the packet at base */
	uint32_t window;             /* packets that may be on their way */
	bool proven;                 /* the client has answered */
	bool went_back;              /* the client has asked once for all of the window at base */
};

/* A packet: head, then len bytes of the file from at. */
struct transfer_packet {
	uint8_t head[TFTP_OACK_MAX];
	size_t head_len;
	uint64_t at;
	size_t len;
};

/* Begins to send a file of size bytes with the options that were asked for; blocks are not larger
 * than blksize_max. */
void transfer_start(struct transfer *t, uint64_t size, uint32_t blksize_max,
		    const struct tftp_options *asked);

/* The next packet that is due; false if none is before the next event. */
bool transfer_next(struct transfer *t, struct transfer_packet *p);

/* An ACK came in. False if it is none that is waited for: nothing changes. */
bool transfer_ack(struct transfer *t, uint16_t block);

/* The client has everything. */
bool transfer_done(const struct transfer *t);

/* Nothing came in for transfer_wait_ms(). False if the client is to be given up. */
bool transfer_timeout(struct transfer *t);
uint32_t transfer_wait_ms(const struct transfer *t);

/* The client repeats its request. If it has not answered yet, the first packet is due again. */
void transfer_repeat_first(struct transfer *t);

#endif
