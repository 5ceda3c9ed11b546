#include "server/tftp/listener.h"

#include "common/log_limit.h"
#include "server/tftp/serve.h"
#include "server/tftp/sessions.h"
#include "server/tftp/udp.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
	TID_SOCKETS = 4,       /* ports that transfers run over */
	BATCHES_PER_EVENT = 8, /* then the other sockets have their turn */
	LOG_PER_SECOND = 20,
	TEXT_SHOWN = 100, /* bytes of a stranger's text in a log line */
};

/* One port of the server. */
struct port {
	struct listener *owner;
	int fd;
	struct event *readable;
	struct udp_outbox *outbox;
};

struct listener {
	struct event_base *base;
	struct port well_known; /* where requests arrive; sends nothing */
	struct port tids[TID_SOCKETS];
	struct udp_inbox *inbox;
	struct sessions *sessions;
	struct wheel wheel;
	struct event *tick; /* pending while sessions run */
	struct event *news;
	struct source *source;
	struct serve serve;
	struct log_limit log;
};

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* How much of a stranger's text a log line shows. */
static int shown(struct span text)
{
	return text.len < TEXT_SHOWN ? (int)text.len : TEXT_SHOWN;
}

/* ---- sending ---- */

/* A client always talks with the same of our ports, so its address alone identifies a transfer. */
static struct port *port_for(struct listener *l, const union udp_addr *peer)
{
	return &l->tids[(sessions_hash_peer(l->sessions, peer) >> 32) % TID_SOCKETS];
}

static void send_error(struct port *from, const struct udp_in *in, enum tftp_code code,
		       const char *text)
{
	uint8_t head[TFTP_ERROR_MAX];
	const size_t n = tftp_put_error(head, sizeof(head), code, text);

	udp_send(from->outbox, &in->peer, &in->local, span_of(head, n), span_of(NULL, 0), NULL);
}

/* Sends what is due and sets the clock for the answer. */
static void session_go_on(struct listener *l, struct session *s)
{
	struct transfer_packet p;

	while (transfer_next(&s->transfer, &p))
		udp_send(port_for(l, &s->peer)->outbox, &s->peer, &s->local,
			 span_of(p.head, p.head_len), p.body, s->content);
	wheel_set(&l->wheel, &s->timer, now_ms() + transfer_wait_ms(&s->transfer));
}

static void session_end(struct listener *l, struct session *s)
{
	wheel_stop(&l->wheel, &s->timer);
	sessions_remove(l->sessions, s);
}

/* ---- requests ---- */

/* Says no to a request, and why in the log. */
static void refuse(struct listener *l, const struct udp_in *in, enum tftp_code code,
		   const char *text, struct span name)
{
	char who[UDP_TEXT_MAX];

	log_limited(&l->log, LOG_LEVEL_INFO, "%s asks for \"%.*s\": %s", udp_text(&in->peer, who),
		    shown(name), (const char *)name.data, text);
	send_error(port_for(l, &in->peer), in, code, text);
}

static void session_begin(struct listener *l, const struct udp_in *in, struct content *content,
			  const struct tftp_packet *p, uint64_t request)
{
	const struct timeval tick = {0, WHEEL_TICK_MS * 1000};
	struct session *s = sessions_add(l->sessions, &in->peer);

	if (!s) {
		log_limited(&l->log, LOG_LEVEL_WARN,
			    "all %d places are taken; a client has to ask again", SESSIONS_MAX);
		return;
	}
	s->local = in->local;
	s->request = request;
	s->started_ms = now_ms();
	s->content = content_ref(content);
	snprintf(s->name, sizeof(s->name), "%.*s", shown(p->name), (const char *)p->name.data);
	transfer_start(&s->transfer, buf_view(&content->bytes), &p->options);
	session_go_on(l, s);
	if (!event_pending(l->tick, EV_TIMEOUT, NULL))
		event_add(l->tick, &tick);
}

/* The same request once more from a client that is being served. Before its first answer it may
 * have missed our packet; shortly afterwards this is a late copy; later the client has started
 * anew, and the session must not stand in its way. True if the request is dealt with. */
static bool repeated(struct listener *l, struct session *s, uint64_t request)
{
	const bool late_copy = s->transfer.proven && now_ms() - s->started_ms < TRANSFER_WAIT_MS;

	if (s->request != request || (s->transfer.proven && !late_copy))
		return false;
	transfer_repeat_first(&s->transfer);
	session_go_on(l, s);
	return true;
}

static void on_read_request(struct listener *l, const struct udp_in *in,
			    const struct tftp_packet *p)
{
	const uint64_t request = sessions_hash(l->sessions, in->data);
	struct session *s = sessions_find(l->sessions, &in->peer);
	struct content *content;

	if (s && repeated(l, s, request))
		return;
	if (s)
		session_end(l, s);
	content = serve_find(&l->serve, p->name);
	if (p->mode != TFTP_OCTET)
		refuse(l, in, TFTP_UNDEFINED, "Only octet (binary) mode is served", p->name);
	else if (!content)
		refuse(l, in, TFTP_NOT_FOUND, "File not found", p->name);
	else
		session_begin(l, in, content, p, request);
}

/* What is no request gets no answer here, least of all an error: two servers, each taken for the
 * other's client, would never stop. */
static void on_request(struct listener *l, const struct udp_in *in)
{
	struct tftp_packet p;
	const bool good = tftp_parse(&p, in->data) && !in->cut;

	if (p.op != TFTP_RRQ && p.op != TFTP_WRQ)
		return;
	if (!good)
		refuse(l, in, TFTP_ILLEGAL, "Malformed request", span_of("", 0));
	else if (p.op == TFTP_WRQ)
		refuse(l, in, TFTP_ACCESS, "Access violation: nothing is written here", p.name);
	else
		on_read_request(l, in, &p);
}

/* ---- transfers ---- */

static void on_ack(struct listener *l, struct session *s, uint16_t block)
{
	char who[UDP_TEXT_MAX];

	if (!transfer_ack(&s->transfer, block))
		return;
	if (!transfer_done(&s->transfer)) {
		session_go_on(l, s);
		return;
	}
	log_limited(&l->log, LOG_LEVEL_INFO, "%s has %s, %zu bytes", udp_text(&s->peer, who),
		    s->name, s->transfer.content.len);
	session_end(l, s);
}

static void on_transfer(struct listener *l, struct port *port, const struct udp_in *in)
{
	struct session *s = sessions_find(l->sessions, &in->peer);
	struct tftp_packet p;
	char who[UDP_TEXT_MAX];

	if (!tftp_parse(&p, in->data) || in->cut)
		return;
	if (s && port_for(l, &in->peer) != port)
		s = NULL;
	if (!s) {
		if (p.op != TFTP_ERROR)
			send_error(port, in, TFTP_UNKNOWN_TID, "Unknown transfer ID");
	} else if (p.op == TFTP_ACK) {
		on_ack(l, s, p.block);
	} else if (p.op == TFTP_ERROR) {
		log_limited(&l->log, LOG_LEVEL_INFO, "%s does not want %s: error %u, \"%.*s\"",
			    udp_text(&s->peer, who), s->name, p.code, shown(p.text),
			    (const char *)p.text.data);
		session_end(l, s);
	}
}

static void on_due(void *arg, struct wheel_timer *t)
{
	struct listener *l = arg;
	struct session *s = (struct session *)(void *)((char *)t - offsetof(struct session, timer));
	char who[UDP_TEXT_MAX];

	if (transfer_timeout(&s->transfer)) {
		session_go_on(l, s);
		return;
	}
	log_limited(&l->log, LOG_LEVEL_INFO, "%s no longer answers; the transfer of %s ends",
		    udp_text(&s->peer, who), s->name);
	session_end(l, s);
}

/* ---- the loop ---- */

static void flush_all(struct listener *l)
{
	for (size_t i = 0; i < TID_SOCKETS; i++)
		udp_flush(l->tids[i].outbox);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct listener *l = arg;

	(void)fd;
	(void)what;
	wheel_run(&l->wheel, now_ms(), on_due, l);
	flush_all(l);
	if (!sessions_count(l->sessions))
		event_del(l->tick);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct port *port = arg;
	struct listener *l = port->owner;

	(void)what;
	for (int batch = 0; batch < BATCHES_PER_EVENT; batch++) {
		const size_t n = udp_receive(l->inbox, fd);

		for (size_t i = 0; i < n; i++) {
			struct udp_in in;

			udp_inbox_get(l->inbox, i, &in);
			/* RFC 1123 section 4.2.3.5; and nobody can be answered at port 0. */
			if (in.to_all || !udp_port(&in.peer))
				continue;
			if (port == &l->well_known)
				on_request(l, &in);
			else
				on_transfer(l, port, &in);
		}
		flush_all(l);
		if (n < UDP_BATCH)
			return;
	}
}

static void on_news(evutil_socket_t fd, short what, void *arg)
{
	struct listener *l = arg;
	struct content *ctl;

	(void)fd;
	(void)what;
	if (!source_take(l->source, &ctl))
		return;
	content_unref(l->serve.ctl);
	l->serve.ctl = ctl;
}

/* ---- opening and closing ---- */

/* With a socket of its own at at, unless it has one already. */
static int port_open(struct port *p, struct listener *l, const union udp_addr *at, struct err *e)
{
	if (p->fd < 0 && udp_open(&p->fd, at, e))
		return (int)e->kind;
	p->owner = l;
	p->outbox = udp_outbox_new(p->fd);
	p->readable = event_new(l->base, p->fd, EV_READ | EV_PERSIST, on_readable, p);
	if (!p->outbox || !p->readable || event_add(p->readable, NULL))
		return err_nomem(e);
	return 0;
}

static void port_close(struct port *p)
{
	if (p->readable)
		event_free(p->readable);
	udp_outbox_free(p->outbox);
	if (p->fd >= 0)
		close(p->fd);
}

static int open_ports(struct listener *l, const struct hostport *at, struct err *e)
{
	union udp_addr addr;
	int rc = l->well_known.fd < 0 ? udp_resolve(&addr, at, e)
				      : udp_adopt(l->well_known.fd, &addr, e);

	if (!rc)
		rc = port_open(&l->well_known, l, &addr, e);
	udp_set_port(&addr, 0);
	for (size_t i = 0; i < TID_SOCKETS && !rc; i++)
		rc = port_open(&l->tids[i], l, &addr, e);
	return rc;
}

int listener_open(struct listener **out, struct event_base *base, const struct hostport *at, int fd,
		  const struct log *log, struct err *e)
{
	struct listener *l = calloc(1, sizeof(*l));
	int rc;

	if (!l)
		return err_nomem(e);
	l->log = (struct log_limit){.log = log, .per_second = LOG_PER_SECOND};
	l->base = base;
	l->well_known.fd = fd;
	for (size_t i = 0; i < TID_SOCKETS; i++)
		l->tids[i].fd = -1;
	wheel_init(&l->wheel, now_ms());
	l->inbox = udp_inbox_new();
	l->sessions = sessions_new();
	l->tick = event_new(base, -1, EV_PERSIST, on_tick, l);
	if (l->inbox && l->sessions && l->tick)
		rc = open_ports(l, at, e);
	else
		rc = err_nomem(e);
	if (rc) {
		listener_close(l);
		return rc;
	}
	*out = l;
	return 0;
}

int listener_serve(struct listener *l, struct source *source, struct err *e)
{
	l->source = source;
	l->news = event_new(l->base, source_fd(source), EV_READ | EV_PERSIST, on_news, l);
	if (!l->news || event_add(l->news, NULL))
		return err_nomem(e);
	on_news(source_fd(source), EV_READ, l);
	return 0;
}

void listener_close(struct listener *l)
{
	if (!l)
		return;
	port_close(&l->well_known);
	for (size_t i = 0; i < TID_SOCKETS; i++)
		port_close(&l->tids[i]);
	if (l->tick)
		event_free(l->tick);
	if (l->news)
		event_free(l->news);
	udp_inbox_free(l->inbox);
	sessions_free(l->sessions);
	content_unref(l->serve.ctl);
	free(l);
}
