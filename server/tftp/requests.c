/* What arrives at the well-known port. */
#include "server/tftp/listener_priv.h"

#include <stdio.h>
#include <string.h>

/* A file that is being made: for so long a client is remembered who no longer asks for it. */
enum { PARKED_MS = 60000 };

/* Says no to a request, and why in the log. */
static void refuse(struct listener *l, const struct udp_in *in, enum tftp_code code,
		   const char *text, struct span name)
{
	char who[UDP_TEXT_MAX];

	if (log_limit_open(&l->log, LOG_LEVEL_INFO))
		log_limited(&l->log, LOG_LEVEL_INFO, "%s asks for \"%.*s\": %s",
			    udp_text(&in->peer, who), shown(name), (const char *)name.data, text);
	send_error(port_for(l, &in->peer), &in->peer, &in->local, code, text);
}

/* ---- a new transfer ---- */

/* Room for one more: who has not answered for longest is most likely nobody. */
static struct session *session_place(struct listener *l, const union udp_addr *peer)
{
	struct session *s = sessions_add(l->sessions, peer);
	struct session *stranger = s ? NULL : sessions_stranger(l->sessions);

	if (stranger) {
		session_end(l, stranger);
		s = sessions_add(l->sessions, peer);
	}
	if (!s)
		log_limited(&l->log, LOG_LEVEL_WARN,
			    "all %d places are taken; a client has to ask again", SESSIONS_MAX);
	return s;
}

static void on_ready(struct catalog_waiter *w, struct content *content, const struct err *e)
{
	struct listener *l = w->arg;
	struct session *s =
		(struct session *)(void *)((char *)w - offsetof(struct session, waiter));
	struct port *port = port_for(l, &s->peer);

	event_active(l->flush, EV_TIMEOUT, 0);
	if (content) {
		session_serve(l, s, content);
		return;
	}
	if (e)
		log_limited(&l->log, LOG_LEVEL_WARN, "%s cannot be served: %s", s->name, e->what);
	else if (!s->probe)
		note_asked(l, &s->peer, span_of(s->name, strlen(s->name)), "not-found", NULL);
	send_error(port, &s->peer, &s->local, e ? TFTP_UNDEFINED : TFTP_NOT_FOUND,
		   e ? "Not available at the moment" : "File not found");
	session_end(l, s);
}

static struct session *session_begin(struct listener *l, const struct udp_in *in,
				     const struct tftp_packet *p, uint64_t request)
{
	struct session *s = session_place(l, &in->peer);

	if (!s)
		return NULL;
	s->local = in->local;
	s->request = request;
	s->started_ms = l->now_ms;
	s->asked = p->options;
	s->probe = p->probe;
	s->waiter = (struct catalog_waiter){.ready = on_ready, .arg = l};
	snprintf(s->name, sizeof(s->name), "%.*s", shown(p->name), (const char *)p->name.data);
	return s;
}

/* The file is being made, or will be: the client is remembered until then. */
static void park(struct listener *l, const struct udp_in *in, const struct tftp_packet *p,
		 const struct serve_ask *what, uint64_t request)
{
	struct session *s = session_begin(l, in, p, request);
	struct content *content;
	const struct err *e;

	if (!s)
		return;
	if (serve_find(l->serve, what, &s->waiter, &content, &e) == CATALOG_LATER) {
		session_wait(l, s, PARKED_MS);
		return;
	}
	session_end(l, s);
	refuse(l, in, TFTP_UNDEFINED, "Not available at the moment", p->name);
}

static void ask(struct listener *l, const struct udp_in *in, const struct tftp_packet *p,
		const struct name *name, uint64_t request)
{
	const struct serve_ask what = {.name = name, .peer = &in->peer, .now_ms = l->now_ms};
	struct content *content;
	const struct err *e;
	struct session *s;

	switch (serve_find(l->serve, &what, NULL, &content, &e)) {
	case CATALOG_HERE:
		s = session_begin(l, in, p, request);
		if (s)
			session_serve(l, s, content);
		break;
	case CATALOG_LATER:
		park(l, in, p, &what, request);
		break;
	case CATALOG_ABSENT:
		if (!p->probe)
			note_asked(l, &in->peer, p->name, "not-found", NULL);
		refuse(l, in, TFTP_NOT_FOUND, "File not found", p->name);
		break;
	case CATALOG_TROUBLE:
		refuse(l, in, TFTP_UNDEFINED, "Not available at the moment", p->name);
		break;
	}
}

/* ---- requests ---- */

/* The same request once more from a client that is being served. Before its first answer it may
 * have missed our packet, or its file is not made yet; shortly afterwards this is a late copy;
 * later the client has started anew, and the session must not stand in its way. True if the request
 * is dealt with. */
static bool repeated(struct listener *l, struct session *s, uint64_t request)
{
	const bool late_copy = s->transfer.proven && l->now_ms - s->started_ms < TRANSFER_WAIT_MS;

	if (s->request != request || (s->transfer.proven && !late_copy))
		return false;
	if (!s->content) {
		session_wait(l, s, PARKED_MS);
		return true;
	}
	transfer_repeat_first(&s->transfer);
	session_go_on(l, s);
	return true;
}

static void on_read_request(struct listener *l, const struct udp_in *in,
			    const struct tftp_packet *p)
{
	const uint64_t request = sessions_hash(l->sessions, in->data);
	struct session *s = sessions_find(l->sessions, &in->peer);
	struct name name;

	if (s && repeated(l, s, request))
		return;
	if (s)
		session_end(l, s);
	if (p->mode != TFTP_OCTET)
		refuse(l, in, TFTP_UNDEFINED, "Only octet (binary) mode is served", p->name);
	else if (!name_take(&name, p->name))
		refuse(l, in, TFTP_NOT_FOUND, "File not found", p->name);
	else
		ask(l, in, p, &name, request);
}

/* What is no request gets no answer here, least of all an error: two servers, each taken for the
 * other's client, would never stop. */
void on_request(struct listener *l, const struct udp_in *in)
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
