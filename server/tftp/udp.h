/*
 * UDP in batches: many datagrams per system call, each with the address it was sent to, answers
 * from that very address. Nothing is allocated per datagram.
 */
#ifndef SERVER_TFTP_UDP_H
#define SERVER_TFTP_UDP_H

#include "common/err.h"
#include "common/hostport.h"
#include "server/tftp/content.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum {
	UDP_BATCH = 64,        /* datagrams per system call */
	UDP_IN_MAX = 1536,     /* bytes of a datagram that is taken in; longer ones are cut */
	UDP_HEAD_MAX = 132,    /* bytes in front of the content of an outgoing datagram */
	UDP_RCVBUF = 16 << 20, /* a rebooting fleet asks within the same milliseconds */
	UDP_SNDBUF = 4 << 20,
	UDP_PIECE_MAX = 8192, /* bytes of a file on disk in one datagram */
	UDP_TEXT_MAX = 64,    /* "[2001:db8::1]:50000" and its NUL */
};

union udp_addr {
	struct sockaddr sa;
	struct sockaddr_in in4;
	struct sockaddr_in6 in6;
};

/* Which of our addresses a datagram was sent to. Only meaningful to a socket of the same family. */
union udp_local {
	struct in_pktinfo in4;
	struct in6_pktinfo in6;
};

/* The first address that hp names, to listen at. ERR_FAILED "listen". */
int udp_resolve(union udp_addr *at, const struct hostport *hp, struct err *e);

/* Writes an address with its port; returns text. */
const char *udp_text(const union udp_addr *a, char text[UDP_TEXT_MAX]);

/* The address alone; one of IPv4 on an IPv6 socket as what it is. */
const char *udp_host_text(const union udp_addr *a, char text[UDP_TEXT_MAX]);

uint16_t udp_port(const union udp_addr *a);
void udp_set_port(union udp_addr *a, uint16_t port);
bool udp_same(const union udp_addr *a, const union udp_addr *b);

/* A non-blocking socket bound to at (port 0: a free one) with large buffers, or ERR_FAILED
 * "listen". "::" takes IPv4, too. Close it with close(). */
int udp_open(int *fd, const union udp_addr *at, struct err *e);

/* Makes a socket that the service manager has bound one of ours; *at is where. ERR_FAILED
 * "listen". */
int udp_adopt(int fd, union udp_addr *at, struct err *e);

/* ---- in ---- */

struct udp_in {
	union udp_addr peer;
	union udp_local local;
	struct span data; /* valid until the next udp_receive() */
	bool cut;         /* was longer than UDP_IN_MAX */
	bool to_all;      /* was sent to a broadcast or multicast address */
};

struct udp_inbox;

/* Room for one batch; NULL if out of memory. */
struct udp_inbox *udp_inbox_new(void);
void udp_inbox_free(struct udp_inbox *in);

/* Takes what is waiting at fd, UDP_BATCH datagrams at most; returns their number. */
size_t udp_receive(struct udp_inbox *in, int fd);
void udp_inbox_get(const struct udp_inbox *in, size_t i, struct udp_in *d);

/* ---- out ---- */

struct udp_outbox;

/* Room for one batch on its way out of fd (borrowed); NULL if out of memory. */
struct udp_outbox *udp_outbox_new(int fd);
void udp_outbox_free(struct udp_outbox *out);

/* Queues a datagram to peer, from our address local: head, UDP_HEAD_MAX bytes at most, which are
 * copied. A full outbox is flushed first. */
void udp_send(struct udp_outbox *out, const union udp_addr *peer, const union udp_local *local,
	      struct span head);

/* A part of a file. */
struct udp_piece {
	struct content *content; /* a reference is held until it is sent */
	uint64_t at;
	size_t len; /* UDP_PIECE_MAX at most of a file on disk */
};

/* As before, with a part of a file behind the head. False if it cannot be read any more: nothing is
 * queued then. */
bool udp_send_piece(struct udp_outbox *out, const union udp_addr *peer,
		    const union udp_local *local, struct span head, const struct udp_piece *piece);

/* Sends what is queued. What the kernel does not take is lost, as datagrams may be. */
void udp_flush(struct udp_outbox *out);

#endif
