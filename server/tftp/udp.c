#include "server/tftp/udp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Room for one control message with either kind of packet information. */
enum { CONTROL = CMSG_SPACE(sizeof(struct in6_pktinfo)) };

struct udp_inbox {
	bool ready;  /* what stays the same in msgs is filled in */
	size_t used; /* of msgs, by the last call: their lengths have to be set again */
	struct mmsghdr msgs[UDP_BATCH];
	struct iovec iov[UDP_BATCH];
	union udp_addr peers[UDP_BATCH];
	_Alignas(struct cmsghdr) uint8_t control[UDP_BATCH][CONTROL];
	uint8_t data[UDP_BATCH][UDP_IN_MAX];
};

struct udp_outbox {
	int fd;
	unsigned n;
	bool one_address; /* answers can only come from the address it is bound to */
	struct mmsghdr msgs[UDP_BATCH];
	struct iovec iov[UDP_BATCH][2];
	union udp_addr peers[UDP_BATCH];
	_Alignas(struct cmsghdr) uint8_t control[UDP_BATCH][CONTROL];
	uint8_t heads[UDP_BATCH][UDP_HEAD_MAX];
	uint8_t (
		*room)[UDP_PIECE_MAX]; /* UDP_BATCH pieces of files on disk; NULL: not needed yet */
	struct content *content[UDP_BATCH];
};

/* ---- addresses ---- */

int udp_resolve(union udp_addr *at, const struct hostport *hp, struct err *e)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_PASSIVE};
	struct addrinfo *list = NULL;
	const int rc = getaddrinfo(hp->host, NULL, &hints, &list);

	if (rc)
		return err_set(e, ERR_FAILED, "listen", "cannot find the address of \"%s\": %s",
			       hp->host, gai_strerror(rc));
	memset(at, 0, sizeof(*at));
	memcpy(at, list->ai_addr, list->ai_addrlen);
	freeaddrinfo(list);
	udp_set_port(at, hp->port);
	return 0;
}

const char *udp_text(const union udp_addr *a, char text[UDP_TEXT_MAX])
{
	char host[INET6_ADDRSTRLEN];

	if (a->sa.sa_family == AF_INET6) {
		inet_ntop(AF_INET6, &a->in6.sin6_addr, host, sizeof(host));
		snprintf(text, UDP_TEXT_MAX, "[%s]:%u", host, udp_port(a));
	} else {
		inet_ntop(AF_INET, &a->in4.sin_addr, host, sizeof(host));
		snprintf(text, UDP_TEXT_MAX, "%s:%u", host, udp_port(a));
	}
	return text;
}

const char *udp_host_text(const union udp_addr *a, char text[UDP_TEXT_MAX])
{
	const struct in6_addr *v6 = &a->in6.sin6_addr;

	if (a->sa.sa_family != AF_INET6)
		inet_ntop(AF_INET, &a->in4.sin_addr, text, UDP_TEXT_MAX);
	else if (IN6_IS_ADDR_V4MAPPED(v6))
		inet_ntop(AF_INET, v6->s6_addr + 12, text, UDP_TEXT_MAX);
	else
		inet_ntop(AF_INET6, v6, text, UDP_TEXT_MAX);
	return text;
}

uint16_t udp_port(const union udp_addr *a)
{
	return ntohs(a->sa.sa_family == AF_INET6 ? a->in6.sin6_port : a->in4.sin_port);
}

void udp_set_port(union udp_addr *a, uint16_t port)
{
	if (a->sa.sa_family == AF_INET6)
		a->in6.sin6_port = htons(port);
	else
		a->in4.sin_port = htons(port);
}

bool udp_same(const union udp_addr *a, const union udp_addr *b)
{
	if (a->sa.sa_family != b->sa.sa_family || udp_port(a) != udp_port(b))
		return false;
	if (a->sa.sa_family == AF_INET)
		return a->in4.sin_addr.s_addr == b->in4.sin_addr.s_addr;
	return IN6_ARE_ADDR_EQUAL(&a->in6.sin6_addr, &b->in6.sin6_addr) &&
	       a->in6.sin6_scope_id == b->in6.sin6_scope_id;
}

/* ---- sockets ---- */

static void set_int(int fd, int level, int option, int value)
{
	/* These make it faster or more robust; without them it still works. */
	(void)setsockopt(fd, level, option, &value, sizeof(value));
}

static bool is_any(const union udp_addr *a)
{
	return a->sa.sa_family == AF_INET6 ? IN6_IS_ADDR_UNSPECIFIED(&a->in6.sin6_addr)
					   : a->in4.sin_addr.s_addr == htonl(INADDR_ANY);
}

static void set_options(int fd, const union udp_addr *at)
{
	set_int(fd, SOL_SOCKET, SO_RCVBUF, UDP_RCVBUF);
	set_int(fd, SOL_SOCKET, SO_SNDBUF, UDP_SNDBUF);
	/* With the privilege, beyond the system's usual limit. */
	set_int(fd, SOL_SOCKET, SO_RCVBUFFORCE, UDP_RCVBUF);
	set_int(fd, SOL_SOCKET, SO_SNDBUFFORCE, UDP_SNDBUF);
	/* Large blocks may be fragmented on the way; nobody's forged ICMP shall forbid it. */
	set_int(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
	if (at->sa.sa_family == AF_INET6)
		set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
	/* Costs both ways; at one address there is nothing to tell. */
	if (!is_any(at))
		return;
	if (at->sa.sa_family == AF_INET6)
		set_int(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
	else
		set_int(fd, IPPROTO_IP, IP_PKTINFO, 1);
}

static int cannot_listen(const union udp_addr *at, int why, struct err *e)
{
	char text[UDP_TEXT_MAX];

	err_set(e, ERR_FAILED, "listen", "cannot listen at %s (UDP): %s", udp_text(at, text),
		strerror(why));
	if (why == EADDRINUSE)
		err_hint(e, "another TFTP server runs there; stop it, or set another address or "
			    "port in the configuration: tftp { listen = \"...\" }");
	if (why == EACCES)
		err_hint(e, "a port below 1024 takes root or CAP_NET_BIND_SERVICE; the systemd "
			    "unit gives it, and tftp { listen = \"...\" } takes another port");
	return (int)e->kind;
}

int udp_open(int *fd, const union udp_addr *at, struct err *e)
{
	const socklen_t len = at->sa.sa_family == AF_INET6 ? sizeof(at->in6) : sizeof(at->in4);

	*fd = socket(at->sa.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (*fd < 0)
		return cannot_listen(at, errno, e);
	set_options(*fd, at);
	if (bind(*fd, &at->sa, len)) {
		const int why = errno;

		close(*fd);
		*fd = -1;
		return cannot_listen(at, why, e);
	}
	return 0;
}

int udp_adopt(int fd, union udp_addr *at, struct err *e)
{
	socklen_t len = sizeof(*at);
	const int flags = fcntl(fd, F_GETFL);

	memset(at, 0, sizeof(*at));
	if (getsockname(fd, &at->sa, &len) || flags < 0 ||
	    fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return err_set(e, ERR_FAILED, "listen",
			       "cannot use the socket of the service manager: %s", strerror(errno));
	if (at->sa.sa_family != AF_INET && at->sa.sa_family != AF_INET6)
		return err_set(e, ERR_FAILED, "listen",
			       "the socket of the service manager is not an IP socket");
	set_options(fd, at);
	return 0;
}

/* ---- in ---- */

struct udp_inbox *udp_inbox_new(void)
{
	return calloc(1, sizeof(struct udp_inbox));
}

void udp_inbox_free(struct udp_inbox *in)
{
	free(in);
}

/* What a receive call leaves as it is. */
static void prepare(struct udp_inbox *in)
{
	for (size_t i = 0; i < UDP_BATCH; i++) {
		in->iov[i] = (struct iovec){in->data[i], UDP_IN_MAX};
		in->msgs[i].msg_hdr = (struct msghdr){
			.msg_name = &in->peers[i],
			.msg_iov = &in->iov[i],
			.msg_iovlen = 1,
			.msg_control = in->control[i],
		};
	}
	in->used = UDP_BATCH;
	in->ready = true;
}

size_t udp_receive(struct udp_inbox *in, int fd)
{
	int n;

	if (!in->ready)
		prepare(in);
	for (size_t i = 0; i < in->used; i++) {
		in->msgs[i].msg_hdr.msg_namelen = sizeof(in->peers[i]);
		in->msgs[i].msg_hdr.msg_controllen = sizeof(in->control[i]);
	}
	n = recvmmsg(fd, in->msgs, UDP_BATCH, MSG_DONTWAIT, NULL);
	in->used = n > 0 ? (size_t)n : 0;
	return in->used;
}

static void take_local(struct udp_in *d, struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			d->local.in4.ipi_spec_dst = info.ipi_spec_dst;
			d->to_all = info.ipi_addr.s_addr != info.ipi_spec_dst.s_addr;
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			memcpy(&d->local.in6, CMSG_DATA(c), sizeof(d->local.in6));
			d->to_all = IN6_IS_ADDR_MULTICAST(&d->local.in6.ipi6_addr);
			/* Elsewhere the routing table knows better which way to answer. */
			if (!IN6_IS_ADDR_LINKLOCAL(&d->local.in6.ipi6_addr))
				d->local.in6.ipi6_ifindex = 0;
		}
	}
}

void udp_inbox_get(const struct udp_inbox *in, size_t i, struct udp_in *d)
{
	struct msghdr m = in->msgs[i].msg_hdr;

	*d = (struct udp_in){
		.peer = in->peers[i],
		.data = span_of(in->data[i], in->msgs[i].msg_len),
		.cut = (m.msg_flags & MSG_TRUNC) != 0,
	};
	take_local(d, &m);
}

/* ---- out ---- */

struct udp_outbox *udp_outbox_new(int fd)
{
	struct udp_outbox *out = calloc(1, sizeof(*out));

	union udp_addr at;
	socklen_t len = sizeof(at);

	if (!out)
		return NULL;
	out->fd = fd;
	out->one_address = !getsockname(fd, &at.sa, &len) && !is_any(&at);
	return out;
}

void udp_outbox_free(struct udp_outbox *out)
{
	if (!out)
		return;
	for (unsigned i = 0; i < out->n; i++)
		content_unref(out->content[i]);
	free(out->room);
	free(out);
}

/* Writes the control message that sets the sender's address; returns its length. */
static size_t put_local(uint8_t to[CONTROL], sa_family_t family, const union udp_local *local)
{
	const bool v6 = family == AF_INET6;
	const size_t n = v6 ? sizeof(local->in6) : sizeof(local->in4);
	const struct cmsghdr head = {
		.cmsg_level = v6 ? IPPROTO_IPV6 : IPPROTO_IP,
		.cmsg_type = v6 ? IPV6_PKTINFO : IP_PKTINFO,
		.cmsg_len = CMSG_LEN(n),
	};

	memset(to, 0, CONTROL);
	memcpy(to, &head, sizeof(head));
	memcpy(to + CMSG_LEN(0), local, n);
	return CMSG_SPACE(n);
}

/* The next place in the batch, addressed. */
static unsigned place(struct udp_outbox *out, const union udp_addr *peer,
		      const union udp_local *local, struct span head)
{
	unsigned i;
	struct msghdr *m;

	if (out->n == UDP_BATCH)
		udp_flush(out);
	i = out->n++;
	memcpy(out->heads[i], head.data, head.len);
	out->peers[i] = *peer;
	out->content[i] = NULL;
	out->iov[i][0] = (struct iovec){out->heads[i], head.len};
	m = &out->msgs[i].msg_hdr;
	*m = (struct msghdr){
		.msg_name = &out->peers[i],
		.msg_namelen =
			peer->sa.sa_family == AF_INET6 ? sizeof(peer->in6) : sizeof(peer->in4),
		.msg_iov = out->iov[i],
		.msg_iovlen = 1,
	};
	if (!out->one_address) {
		m->msg_control = out->control[i];
		m->msg_controllen = put_local(out->control[i], peer->sa.sa_family, local);
	}
	return i;
}

void udp_send(struct udp_outbox *out, const union udp_addr *peer, const union udp_local *local,
	      struct span head)
{
	(void)place(out, peer, local, head);
}

bool udp_send_piece(struct udp_outbox *out, const union udp_addr *peer,
		    const union udp_local *local, struct span head, const struct udp_piece *piece)
{
	const unsigned i = place(out, peer, local, head);
	uint8_t *room = NULL;
	struct span body;

	if (piece->content->fd >= 0) {
		if (!out->room)
			out->room = calloc(UDP_BATCH, sizeof(*out->room));
		room = out->room ? out->room[i] : NULL;
	}
	body = piece->content->fd >= 0 && !room
		       ? span_of(NULL, 0)
		       : content_piece(piece->content, piece->at, piece->len, room);
	if (body.len != piece->len) {
		out->n--;
		return false;
	}
	out->content[i] = content_ref(piece->content);
	out->iov[i][1] = (struct iovec){(void *)(uintptr_t)body.data, body.len};
	out->msgs[i].msg_hdr.msg_iovlen = body.len ? 2 : 1;
	return true;
}

void udp_flush(struct udp_outbox *out)
{
	unsigned done = 0;

	while (done < out->n) {
		const int n = sendmmsg(out->fd, out->msgs + done, out->n - done, 0);

		if (n < 0 && errno == EAGAIN)
			break;
		/* Any other error is that of the first datagram of the call: skip only that. */
		done += n > 0 ? (unsigned)n : 1;
	}
	for (unsigned i = 0; i < out->n; i++)
		content_unref(out->content[i]);
	out->n = 0;
}
