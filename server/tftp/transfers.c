/* Transfers that run: what is sent, what comes back, and what does not. */
#include "server/tftp/listener_priv.h"

#include <stddef.h>
#include <string.h>

/* Bytes of IPv4, UDP and the shortest request there is: what an answer may have for nothing. */
enum { REQUEST_BYTES = 44 };

void session_wait(struct listener *l, struct session *s, uint32_t ms)
{
	const struct timeval tick = {0, WHEEL_TICK_MS * 1000};

	wheel_set(&l->wheel, &s->timer, l->now_ms + ms);
	if (!event_pending(l->tick, EV_TIMEOUT, NULL))
		event_add(l->tick, &tick);
}

void session_end(struct listener *l, struct session *s)
{
	catalog_leave(&s->waiter);
	wheel_stop(&l->wheel, &s->timer);
	sessions_remove(l->sessions, s);
}

/* ---- sending ---- */

/* An address that somebody forged is not flooded: what goes to it before it answers has a limit,
 * however often it is asked for. */
static bool may_send(struct listener *l, struct session *s, const struct transfer_packet *p)
{
	const size_t n = p->head_len + p->len;

	if (s->transfer.proven || n <= REQUEST_BYTES)
		return true;
	if (!limits_take(l->serve->limits, LIMIT_UNPROVEN, &s->peer, (uint32_t)n, l->now_ms))
		return false;
	s->unproven += (uint32_t)n;
	return true;
}

static bool send_packet(struct listener *l, struct session *s, const struct transfer_packet *p)
{
	struct udp_outbox *out = port_for(l, &s->peer)->outbox;
	const struct span head = span_of(p->head, p->head_len);
	const struct udp_piece piece = {s->content, p->at, p->len};

	if (p->len)
		return udp_send_piece(out, &s->peer, &s->local, head, &piece);
	udp_send(out, &s->peer, &s->local, head);
	return true;
}

void session_go_on(struct listener *l, struct session *s)
{
	struct transfer_packet p;

	while (transfer_next(&s->transfer, &p)) {
		if (!may_send(l, s, &p))
			break;
		if (!send_packet(l, s, &p)) {
			log_limited(&l->log, LOG_LEVEL_WARN,
				    "%s has changed while it was being sent", s->name);
			send_error(port_for(l, &s->peer), &s->peer, &s->local, TFTP_UNDEFINED,
				   "The file has changed");
			session_end(l, s);
			return;
		}
	}
	session_wait(l, s, transfer_wait_ms(&s->transfer));
}

void session_serve(struct listener *l, struct session *s, struct content *content)
{
	const uint32_t most = content->fd < 0 ? TFTP_BLKSIZE_MAX : UDP_PIECE_MAX;

	s->content = content_ref(content);
	transfer_start(&s->transfer, content->size, most, &s->asked);
	session_go_on(l, s);
}

/* ---- answers ---- */

static void prove(struct listener *l, struct session *s)
{
	sessions_proven(l->sessions, s);
	if (s->unproven)
		limits_give_back(l->serve->limits, LIMIT_UNPROVEN, &s->peer, s->unproven);
	s->unproven = 0;
}

static void note_end(struct listener *l, const struct session *s, const char *outcome)
{
	if (!s->probe)
		note_asked(l, &s->peer, span_of(s->name, strlen(s->name)), outcome, s->content);
}

static void finished(struct listener *l, struct session *s)
{
	char who[UDP_TEXT_MAX];

	note_end(l, s, NULL);

	if (log_limit_open(&l->log, LOG_LEVEL_INFO))
		log_limited(&l->log, LOG_LEVEL_INFO, "%s has %s, %zu bytes",
			    udp_text(&s->peer, who), s->name, (size_t)s->transfer.size);
	session_end(l, s);
}

static void on_ack(struct listener *l, struct session *s, uint16_t block)
{
	if (!s->content || !transfer_ack(&s->transfer, block))
		return;
	if (s->is_stranger)
		prove(l, s);
	if (transfer_done(&s->transfer))
		finished(l, s);
	else
		session_go_on(l, s);
}

static void on_error(struct listener *l, struct session *s, const struct tftp_packet *p)
{
	char who[UDP_TEXT_MAX];

	if (log_limit_open(&l->log, LOG_LEVEL_INFO))
		log_limited(&l->log, LOG_LEVEL_INFO, "%s does not want %s: error %u, \"%.*s\"",
			    udp_text(&s->peer, who), s->name, p->code, shown(p->text),
			    (const char *)p->text.data);
	note_end(l, s, "broken-off");
	session_end(l, s);
}

void on_transfer(struct listener *l, struct port *port, const struct udp_in *in)
{
	struct session *s = sessions_find(l->sessions, &in->peer);
	struct tftp_packet p;

	if (!tftp_parse(&p, in->data) || in->cut)
		return;
	if (s && port_for(l, &in->peer) != port)
		s = NULL;
	if (!s) {
		if (p.op != TFTP_ERROR)
			send_error(port, &in->peer, &in->local, TFTP_UNKNOWN_TID,
				   "Unknown transfer ID");
	} else if (p.op == TFTP_ACK) {
		on_ack(l, s, p.block);
	} else if (p.op == TFTP_ERROR) {
		on_error(l, s, &p);
	}
}

void session_due(void *arg, struct wheel_timer *t)
{
	struct listener *l = arg;
	struct session *s = (struct session *)(void *)((char *)t - offsetof(struct session, timer));
	char who[UDP_TEXT_MAX];

	if (s->content && transfer_timeout(&s->transfer)) {
		session_go_on(l, s);
		return;
	}
	if (log_limit_open(&l->log, LOG_LEVEL_INFO))
		log_limited(&l->log, LOG_LEVEL_INFO,
			    "%s no longer answers; the transfer of %s ends",
			    udp_text(&s->peer, who), s->name);
	if (s->transfer.proven)
		note_end(l, s, "broken-off");
	session_end(l, s);
}
