#include "phone/tftp_get.h"

#include "common/clock.h"
#include "common/text.h"
#include "server/net/tftp_packet.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DATAGRAM_MAX = TFTP_HEAD + TFTP_BLKSIZE_MAX };

union addr {
	struct sockaddr sa;
	struct sockaddr_in in4;
	struct sockaddr_in6 in6;
};

struct fetch {
	const struct tftp_get *how;
	const char *name;
	struct buf *out;
	size_t got; /* bytes of the file so far */

	int fd;
	union addr server; /* its port is 69 first, then that of its transfer */
	bool locked;       /* the port of the transfer is known */

	struct tftp_options asked;
	uint32_t blksize; /* in force */
	bool oack;        /* the server has answered with an OACK */
	uint64_t next;    /* number of the DATA packet to come, from 1 */
	bool done;

	uint8_t sent[TFTP_REQUEST_MAX]; /* the last packet, to be repeated */
	size_t sent_len;
	unsigned tries;
	int64_t deadline_ms; /* for an answer to it */
	unsigned waited_ms;  /* over all tries of it */

	uint8_t datagram[DATAGRAM_MAX + 1]; /* one byte more shows what is too long */
};

/* ---- addresses ---- */

static uint16_t port_of(const union addr *a)
{
	return ntohs(a->sa.sa_family == AF_INET6 ? a->in6.sin6_port : a->in4.sin_port);
}

static void set_port(union addr *a, uint16_t port)
{
	if (a->sa.sa_family == AF_INET6)
		a->in6.sin6_port = htons(port);
	else
		a->in4.sin_port = htons(port);
}

static bool same_host(const union addr *a, const union addr *b)
{
	if (a->sa.sa_family != b->sa.sa_family)
		return false;
	if (a->sa.sa_family == AF_INET6)
		return IN6_ARE_ADDR_EQUAL(&a->in6.sin6_addr, &b->in6.sin6_addr);
	return a->in4.sin_addr.s_addr == b->in4.sin_addr.s_addr;
}

static socklen_t length_of(const union addr *a)
{
	return a->sa.sa_family == AF_INET6 ? sizeof(a->in6) : sizeof(a->in4);
}

static int resolve(union addr *a, const struct hostport *hp, struct err *e)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_ADDRCONFIG};
	struct addrinfo *list = NULL;
	const int rc = getaddrinfo(hp->host, NULL, &hints, &list);

	if (rc)
		return err_set(e, ERR_FAILED, "tftp-host", "cannot find the TFTP server \"%s\": %s",
			       hp->host, gai_strerror(rc));
	memset(a, 0, sizeof(*a));
	memcpy(a, list->ai_addr, list->ai_addrlen);
	freeaddrinfo(list);
	set_port(a, hp->port);
	return 0;
}

/* ---- sending ---- */

static void transmit(const struct fetch *f, const union addr *to, const uint8_t *packet, size_t n)
{
	/* What does not get out is repeated, as what gets lost on the way. */
	(void)!sendto(f->fd, packet, n, 0, &to->sa, length_of(to));
}

static int wait_ms(unsigned tries)
{
	const int doubled = TFTP_GET_WAIT_MS << tries;

	return doubled < TFTP_GET_WAIT_MAX_MS ? doubled : TFTP_GET_WAIT_MAX_MS;
}

/* Sends the last packet, again or for the first time, and waits longer with every try. */
static void send_last(struct fetch *f)
{
	const int wait = wait_ms(f->tries++);

	transmit(f, &f->server, f->sent, f->sent_len);
	f->deadline_ms = clock_ms() + wait;
	f->waited_ms += (unsigned)wait;
}

static void send_ack(struct fetch *f, uint64_t block)
{
	tftp_put_head(f->sent, TFTP_ACK, (uint16_t)block);
	f->sent_len = TFTP_HEAD;
	f->tries = 0;
	f->waited_ms = 0;
	send_last(f);
}

static void send_error(struct fetch *f, const union addr *to, enum tftp_code code, const char *text)
{
	uint8_t packet[TFTP_ERROR_MAX];

	transmit(f, to, packet, tftp_put_error(packet, sizeof(packet), code, text));
}

static int send_request(struct fetch *f, struct err *e)
{
	f->sent_len = tftp_put_request(f->sent, sizeof(f->sent), TFTP_RRQ, f->name, &f->asked);
	if (f->sent_len && f->how->probe && tftp_any_option(&f->asked))
		f->sent_len = tftp_put_probe(f->sent, sizeof(f->sent), f->sent_len);
	if (!f->sent_len)
		return err_set(e, ERR_FAILED, "tftp-protocol", "the file name is too long");
	send_last(f);
	return 0;
}

/* ---- receiving ---- */

/* While on, "port unreachable" is known at once; without it, it is a timeout. Once a server has
 * answered, nobody's forged ICMP shall end the transfer. */
static void report_icmp(const struct fetch *f, int on)
{
	const bool v6 = f->server.sa.sa_family == AF_INET6;

	(void)setsockopt(f->fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_RECVERR : IP_RECVERR, &on,
			 sizeof(on));
}

static int no_answer(const struct fetch *f, struct err *e)
{
	err_set(e, ERR_FAILED, "tftp-timeout",
		"no answer from the TFTP server %s, port %u, for %u seconds%s", f->how->server.host,
		f->how->server.port, f->waited_ms / 1000,
		f->locked ? " in the middle of the file" : "");
	return err_hint(e,
			"check the address, that the server runs, and that UDP may pass both ways");
}

static int unreachable(const struct fetch *f, int why, struct err *e)
{
	err_set(e, ERR_FAILED, "tftp-unreachable", "cannot reach a TFTP server at %s, port %u: %s",
		f->how->server.host, f->how->server.port, strerror(why));
	return err_hint(e, "check the address and that the server runs");
}

/* True if the datagram came from the other end of this transfer. A stranger is told so (RFC 1350
 * section 4) and changes nothing. */
static bool is_peer(struct fetch *f, const union addr *from)
{
	if (!same_host(from, &f->server))
		return false;
	if (!f->locked || port_of(from) == port_of(&f->server))
		return true;
	send_error(f, from, TFTP_UNKNOWN_TID, "Unknown transfer ID");
	return false;
}

/* From now on, the transfer is with this port of the server. */
static void lock(struct fetch *f, uint16_t port)
{
	if (f->locked)
		return;
	set_port(&f->server, port);
	f->locked = true;
	report_icmp(f, 0);
}

/* Waits for a packet of the other end, repeating our own as often as is right. */
static int receive(struct fetch *f, struct tftp_packet *p, struct err *e)
{
	for (;;) {
		const int64_t left = f->deadline_ms - clock_ms();
		struct pollfd poll_fd = {f->fd, POLLIN, 0};
		union addr from = {0};
		socklen_t from_len = sizeof(from);
		ssize_t n;

		if (left <= 0 && f->tries >= TFTP_GET_TRIES)
			return no_answer(f, e);
		if (left <= 0) {
			send_last(f);
			continue;
		}
		if (poll(&poll_fd, 1, (int)left) <= 0)
			continue;
		n = recvfrom(f->fd, f->datagram, sizeof(f->datagram), MSG_DONTWAIT, &from.sa,
			     &from_len);
		if (n < 0 && !f->locked && errno != EAGAIN && errno != EINTR)
			return unreachable(f, errno, e);
		if (n < 0 || n > DATAGRAM_MAX || !is_peer(f, &from) ||
		    !tftp_parse(p, span_of(f->datagram, (size_t)n)))
			continue;
		lock(f, port_of(&from));
		return 0;
	}
}

/* ---- the three answers ---- */

static int too_large(struct fetch *f, struct err *e)
{
	send_error(f, &f->server, TFTP_DISK_FULL, "The file is too large");
	return err_set(e, ERR_REFUSED, "tftp-too-large",
		       "the server's %s is larger than the %zu bytes a phone would take", f->name,
		       f->how->max);
}

static int nonsense(struct fetch *f, enum tftp_code code, const char *what, struct err *e)
{
	send_error(f, &f->server, code, what);
	return err_set(e, ERR_FAILED, "tftp-protocol", "the TFTP server %s makes no sense: %s",
		       f->how->server.host, what);
}

static int on_oack(struct fetch *f, const struct tftp_options *o, struct err *e)
{
	/* Our ACK got lost: repeat it. */
	if (f->oack && f->next == 1)
		transmit(f, &f->server, f->sent, f->sent_len);
	if (f->oack || f->next > 1)
		return 0;
	if (!tftp_any_option(&f->asked) || o->blksize > f->asked.blksize)
		return nonsense(f, TFTP_BAD_OPTION, "it grants what was not asked for", e);
	if (o->has_tsize && o->tsize > f->how->max)
		return too_large(f, e);
	f->oack = true;
	if (o->blksize)
		f->blksize = o->blksize;
	send_ack(f, 0);
	return 0;
}

static int on_data(struct fetch *f, uint16_t block, struct span data, struct err *e)
{
	/* Our ACK got lost: repeat it. Anything else out of order is an old copy. */
	if (block == (uint16_t)(f->next - 1) && f->next > 1)
		transmit(f, &f->server, f->sent, f->sent_len);
	if (block != (uint16_t)f->next)
		return 0;
	if (data.len > f->blksize)
		return nonsense(f, TFTP_ILLEGAL, "a block is larger than agreed", e);
	if (data.len > f->how->max - f->got)
		return too_large(f, e);
	buf_span(f->out, data);
	if (f->out->bad)
		return err_nomem(e);
	f->got += data.len;
	f->done = data.len < f->blksize;
	send_ack(f, f->next++);
	return 0;
}

static int on_error(const struct fetch *f, uint16_t code, struct span text, struct err *e)
{
	struct buf shown = {0};
	const char *s;

	if (code == TFTP_NOT_FOUND)
		return err_set(e, ERR_FAILED, "tftp-not-found",
			       "File Not Found : %s (at %s, port %u)", f->name, f->how->server.host,
			       f->how->server.port);
	text_printable(&shown, text);
	s = buf_cstr(&shown);
	err_set(e, ERR_FAILED, "tftp-refused", "the TFTP server %s does not give %s: error %u, %s",
		f->how->server.host, f->name, code, s ? s : "");
	buf_free(&shown);
	return (int)e->kind;
}

/* ---- the whole ---- */

static int run(struct fetch *f, struct err *e)
{
	int rc = send_request(f, e);

	while (!rc && !f->done) {
		struct tftp_packet p;

		rc = receive(f, &p, e);
		if (rc)
			break;
		if (p.op == TFTP_OACK)
			rc = on_oack(f, &p.options, e);
		else if (p.op == TFTP_DATA)
			rc = on_data(f, p.block, p.text, e);
		else if (p.op == TFTP_ERROR)
			rc = on_error(f, p.code, p.text, e);
	}
	return rc;
}

static int open_socket(struct fetch *f, struct err *e)
{
	f->fd = socket(f->server.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (f->fd < 0)
		return err_set(e, ERR_FAILED, "tftp-socket", "cannot make a UDP socket: %s",
			       strerror(errno));
	report_icmp(f, 1);
	return 0;
}

static int attempt(struct buf *out, const struct tftp_get *how, const char *name,
		   const union addr *server, const struct tftp_options *asked, struct err *e)
{
	struct fetch f = {
		.how = how,
		.name = name,
		.out = out,
		.server = *server,
		.asked = *asked,
		.blksize = TFTP_BLKSIZE_DEFAULT,
		.next = 1,
	};
	int rc = open_socket(&f, e);

	if (rc)
		return rc;
	rc = run(&f, e);
	close(f.fd);
	return rc;
}

int tftp_get(struct buf *out, const struct tftp_get *how, const char *name, struct err *e)
{
	const struct tftp_options none = {0};
	const struct tftp_options asked = {
		.blksize = how->blksize,
		.timeout = TFTP_GET_WAIT_MS / 1000,
		.has_tsize = true,
	};
	const size_t start = out->len;
	union addr server;
	int rc = resolve(&server, &how->server, e);

	if (rc)
		return rc;
	rc = attempt(out, how, name, &server, &asked, e);
	if (rc && !strcmp(e->id, "tftp-refused") && out->len == start)
		rc = attempt(out, how, name, &server, &none, e);
	return rc;
}
