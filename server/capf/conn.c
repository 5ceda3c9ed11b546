#include "server/capf/conn.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	HANDSHAKE_S = 15,
	LINGER_S = 2, /* for the phone to hang up first */
	KEEPALIVE_S = 60,
};

enum state {
	CONN_HANDSHAKE,
	CONN_SESSION, /* waiting for the phone */
	CONN_DESK,    /* waiting for the desk; nothing is read */
	CONN_LAST,    /* the last message is leaving */
	CONN_LINGER,  /* it has left */
};

struct conn {
	struct lane *lane;
	enum state state;
	bool silent; /* in that list */
	bool lost;   /* the phone went away while the desk was at work */
	struct bufferevent *bev;
	struct event *deadline;
	struct session session;
	struct desk_call call;
	char peer[CONN_PEER_MAX];
	TAILQ_ENTRY(conn) link;
};

static void conn_free(struct conn *c)
{
	struct lane *lane = c->lane;

	TAILQ_REMOVE(c->silent ? &lane->silent : &lane->working, c, link);
	atomic_fetch_sub(lane->nconns, 1);
	desk_call_free(&c->call);
	session_free(&c->session);
	event_free(c->deadline);
	bufferevent_free(c->bev);
	free(c);
	if (lane->stopping && TAILQ_EMPTY(&lane->silent) && TAILQ_EMPTY(&lane->working))
		event_base_loopbreak(lane->base);
}

static void set_deadline(struct conn *c, unsigned seconds)
{
	const struct timeval tv = {.tv_sec = (time_t)seconds};

	event_add(c->deadline, &tv);
}

/* From the last message on, however many bytes of the next one have come. */
static unsigned limit_s(const struct conn *c)
{
	return c->session.step == SESSION_AUTH ? c->lane->patience_s : session_limit_s(&c->session);
}

static void set_working(struct conn *c)
{
	if (!c->silent)
		return;
	TAILQ_REMOVE(&c->lane->silent, c, link);
	TAILQ_INSERT_TAIL(&c->lane->working, c, link);
	c->silent = false;
}

/* ---- the session's wishes ---- */

/* One message, one write, one TLS record: phones stall on a message in two parts. */
static void send_out(struct conn *c)
{
	struct buf *out = &c->session.out;
	struct evbuffer *to = bufferevent_get_output(c->bev);

	if (out->len && !c->lost) {
		evbuffer_expand(to, out->len);
		evbuffer_add(to, out->data, out->len);
	}
	buf_free(out);
}

static void take_what_came(struct conn *c);

static void say_good_bye(struct conn *c)
{
	if (c->lost || !evbuffer_get_length(bufferevent_get_output(c->bev))) {
		conn_free(c);
		return;
	}
	c->state = CONN_LAST;
	set_deadline(c, SESSION_ANSWER_S);
}

/* What to do next. May end the connection. */
static void go_on(struct conn *c)
{
	send_out(c);
	switch (c->session.want) {
	case SESSION_BYTES:
		c->state = CONN_SESSION;
		set_deadline(c, limit_s(c));
		bufferevent_enable(c->bev, EV_READ);
		/* It may have come already. */
		take_what_came(c);
		break;
	case SESSION_JUDGE:
	case SESSION_ISSUE:
	case SESSION_RECORD:
		c->state = CONN_DESK;
		event_del(c->deadline);
		bufferevent_disable(c->bev, EV_READ);
		if (!desk_serve(c->lane->desk, &c->call))
			conn_free(c);
		break;
	case SESSION_END:
		say_good_bye(c);
		break;
	}
}

static void lose(struct conn *c)
{
	if (*c->session.why == '\0' && c->session.step == SESSION_AUTH)
		log_limited(&c->lane->log, LOG_LEVEL_DEBUG,
			    "%s: the connection ended before anything was said", c->peer);
	session_lost(&c->session);
	go_on(c);
}

static void on_desk_done(void *arg)
{
	struct conn *c = arg;

	if (c->session.step != SESSION_AUTH)
		set_working(c);
	if (c->session.want == SESSION_BYTES && (c->lost || c->lane->stopping)) {
		c->lost = true;
		lose(c);
		return;
	}
	go_on(c);
}

static void take_what_came(struct conn *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);
	struct evbuffer_iovec v;
	size_t used;

	while (c->session.want == SESSION_BYTES && evbuffer_peek(in, -1, NULL, &v, 1) > 0) {
		const enum session_step before = c->session.step;
		const unsigned progress = c->session.progress;

		session_take(&c->session, span_of(v.iov_base, v.iov_len), &used);
		evbuffer_drain(in, used);
		if (c->session.progress != progress || c->session.step != before)
			set_deadline(c, limit_s(c));
	}
	if (c->session.want == SESSION_BYTES)
		return;
	if (c->session.want == SESSION_END && *c->session.why)
		log_limited(&c->lane->log, LOG_LEVEL_INFO, "%s (%s): %s",
			    *c->session.device ? c->session.device : "a phone", c->peer,
			    c->session.why);
	go_on(c);
}

/* ---- what happens on a connection ---- */

static void begin_session(struct conn *c)
{
	session_start(&c->session, (uint32_t)atomic_fetch_add(c->lane->next_id, 1));
	c->call = (struct desk_call){
		.session = &c->session,
		.peer = c->peer,
		.home = c->lane->mailbox,
		.log = &c->lane->log,
		.done = on_desk_done,
		.arg = c,
	};
	go_on(c);
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct conn *c = arg;

	if (c->state == CONN_SESSION)
		take_what_came(c);
	else if (c->state == CONN_LAST || c->state == CONN_LINGER)
		evbuffer_drain(bufferevent_get_input(bev),
			       evbuffer_get_length(bufferevent_get_input(bev)));
}

static void on_write(struct bufferevent *bev, void *arg)
{
	struct conn *c = arg;

	if (c->state != CONN_LAST)
		return;
	/* Closing at once might reset the connection, and the phone would not see the end. */
	c->state = CONN_LINGER;
	set_deadline(c, LINGER_S);
	SSL_shutdown(bufferevent_openssl_get_ssl(bev));
	shutdown(bufferevent_getfd(bev), SHUT_WR);
	bufferevent_enable(bev, EV_READ);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct conn *c = arg;

	(void)bev;
	if (what & BEV_EVENT_CONNECTED) {
		begin_session(c);
		return;
	}
	ERR_clear_error();
	switch (c->state) {
	case CONN_HANDSHAKE:
		log_limited(&c->lane->log, LOG_LEVEL_INFO, "%s: no TLS connection came about: %s",
			    c->peer,
			    what & BEV_EVENT_EOF ? "it hung up"
						 : "what it offers does not suit this service");
		conn_free(c);
		break;
	case CONN_DESK:
		c->lost = true;
		break;
	case CONN_SESSION:
		/* The half of a message may be answered still. */
		c->lost = !(what & BEV_EVENT_EOF);
		lose(c);
		break;
	case CONN_LAST:
	case CONN_LINGER:
		conn_free(c);
		break;
	}
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	(void)what;
	if (c->state != CONN_SESSION) {
		conn_free(c);
		return;
	}
	log_limited(&c->lane->log, LOG_LEVEL_INFO, "%s (%s): no answer within %u seconds",
		    *c->session.device ? c->session.device : "a phone", c->peer, limit_s(c));
	lose(c);
}

/* ---- beginning and end ---- */

static void make_room(struct lane *lane)
{
	struct conn *c = TAILQ_FIRST(&lane->silent);

	while (c && c->state == CONN_DESK)
		c = TAILQ_NEXT(c, link);
	if (c)
		conn_free(c);
}

static struct bufferevent *bev_new(struct lane *lane, int fd)
{
	SSL *ssl = SSL_new(lane->tls);
	struct bufferevent *bev =
		ssl ? bufferevent_openssl_socket_new(lane->base, fd, ssl, BUFFEREVENT_SSL_ACCEPTING,
						     BEV_OPT_CLOSE_ON_FREE)
		    : NULL;

	if (ssl && !bev)
		SSL_free(ssl);
	return bev;
}

static void set_socket(int fd)
{
	const int yes = 1, seconds = KEEPALIVE_S;

	/* The first message must not wait for an acknowledgement; and of a phone that is switched
	 * off while it makes its key nobody would hear. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof(yes));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof(seconds));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &seconds, sizeof(seconds));
}

void conn_open(struct lane *lane, int fd, const char *peer)
{
	struct conn *c = NULL;

	if (atomic_load(lane->nconns) >= lane->connections_max)
		make_room(lane);
	if (!lane->stopping && atomic_load(lane->nconns) < lane->connections_max)
		c = calloc(1, sizeof(*c));
	if (c)
		c->deadline = evtimer_new(lane->base, on_deadline, c);
	if (c && c->deadline)
		c->bev = bev_new(lane, fd);
	if (!c || !c->bev) {
		if (c && c->deadline)
			event_free(c->deadline);
		free(c);
		close(fd);
		return;
	}
	set_socket(fd);
	c->lane = lane;
	c->silent = true;
	snprintf(c->peer, sizeof(c->peer), "%s", peer);
	TAILQ_INSERT_TAIL(&lane->silent, c, link);
	atomic_fetch_add(lane->nconns, 1);
	bufferevent_setcb(c->bev, on_read, on_write, on_event, c);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
	set_deadline(c, lane->patience_s < HANDSHAKE_S ? lane->patience_s : HANDSHAKE_S);
}

static void stop_list(struct conn_list *list)
{
	struct conn *next;

	for (struct conn *c = TAILQ_FIRST(list); c; c = next) {
		next = TAILQ_NEXT(c, link);
		if (c->state != CONN_DESK)
			conn_free(c);
	}
}

void lane_stop(struct lane *lane)
{
	lane->stopping = true;
	stop_list(&lane->silent);
	stop_list(&lane->working);
	if (TAILQ_EMPTY(&lane->silent) && TAILQ_EMPTY(&lane->working))
		event_base_loopbreak(lane->base);
}
