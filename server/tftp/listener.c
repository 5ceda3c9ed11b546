#include "common/clock.h"
#include "server/tftp/listener_priv.h"

#include <stdlib.h>
#include <unistd.h>

enum {
	BATCHES_PER_EVENT = 8, /* then the other sockets have their turn */
	LOG_PER_SECOND = 20,
};

int shown(struct span text)
{
	return text.len < TEXT_SHOWN ? (int)text.len : TEXT_SHOWN;
}

struct port *port_for(struct listener *l, const union udp_addr *peer)
{
	return &l->tids[(sessions_hash_peer(l->sessions, peer) >> 32) % TID_SOCKETS];
}

void send_error(struct port *from, const union udp_addr *peer, const union udp_local *local,
		enum tftp_code code, const char *text)
{
	uint8_t head[TFTP_ERROR_MAX];
	const size_t n = tftp_put_error(head, sizeof(head), code, text);

	udp_send(from->outbox, peer, local, span_of(head, n));
}

void note_asked(struct listener *l, const union udp_addr *peer, struct span asked,
		const char *outcome, const struct content *content)
{
	char address[UDP_TEXT_MAX];
	struct name name;
	const struct asked_note note = {
		.name = &name, .address = address, .outcome = outcome, .content = content};

	if (!name_take(&name, asked))
		return;
	udp_host_text(peer, address);
	asked_note(l->serve->asked, &note);
}

/* ---- the loop ---- */

static void flush_all(struct listener *l)
{
	for (size_t i = 0; i < TID_SOCKETS; i++)
		udp_flush(l->tids[i].outbox);
	catalog_go_on(l->serve->catalog);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct listener *l = arg;

	(void)fd;
	(void)what;
	l->now_ms = (uint64_t)clock_ms();
	wheel_run(&l->wheel, l->now_ms, session_due, l);
	flush_all(l);
	if (!sessions_count(l->sessions))
		event_del(l->tick);
}

/* Files that have been made are sent together, not one by one. */
static void on_flush(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	flush_all(arg);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct port *port = arg;
	struct listener *l = port->owner;

	(void)what;
	l->now_ms = (uint64_t)clock_ms();
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

int listener_open(struct listener **out, const struct listener_opts *opts, struct err *e)
{
	struct listener *l = calloc(1, sizeof(*l));
	int rc;

	if (!l)
		return err_nomem(e);
	l->log = (struct log_limit){.log = opts->log, .per_second = LOG_PER_SECOND};
	l->base = opts->base;
	l->serve = opts->serve;
	l->well_known.fd = opts->fd;
	for (size_t i = 0; i < TID_SOCKETS; i++)
		l->tids[i].fd = -1;
	wheel_init(&l->wheel, (uint64_t)clock_ms());
	l->inbox = udp_inbox_new();
	l->sessions = sessions_new();
	l->tick = event_new(opts->base, -1, EV_PERSIST, on_tick, l);
	l->flush = event_new(opts->base, -1, 0, on_flush, l);
	if (l->inbox && l->sessions && l->tick && l->flush)
		rc = open_ports(l, opts->at, e);
	else
		rc = err_nomem(e);
	if (rc) {
		listener_close(l);
		return rc;
	}
	*out = l;
	return 0;
}

static void end_sessions(struct listener *l)
{
	struct session *s;

	while ((s = sessions_any(l->sessions)))
		session_end(l, s);
}

void listener_close(struct listener *l)
{
	if (!l)
		return;
	if (l->sessions)
		end_sessions(l);
	port_close(&l->well_known);
	for (size_t i = 0; i < TID_SOCKETS; i++)
		port_close(&l->tids[i]);
	if (l->tick)
		event_free(l->tick);
	if (l->flush)
		event_free(l->flush);
	udp_inbox_free(l->inbox);
	sessions_free(l->sessions);
	free(l);
}
