#include "server/net/https.h"

#include "server/net/http_head.h"
#include "server/net/problem.h"
#include "server/net/sockets.h"

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/listener.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	LISTENERS_MAX = 8,
	REPLY_HEAD_BYTES = 1024, /* more than heads of ours have */
	SEND_S = 30,             /* for a reply to leave */
	LINGER_S = 5,            /* for the rest of a request that was refused */
	LINGER_BYTES = 32 << 20, /* of which so much is read, and dropped */
	PIECE_BYTES = 64 << 10,  /* of a source, at a time */
	DATE_BYTES = 32,
};

enum state {
	CONN_HEAD,    /* handshake, or waiting for a head, or for the rest of it */
	CONN_BODY,    /* waiting for the rest of the body */
	CONN_HANDLED, /* the handler has it; nothing is read */
	CONN_REPLY,   /* the reply is leaving; nothing is read */
	CONN_LINGER,  /* the reply has left; what the client still sends is dropped */
};

struct https_request {
	struct http_head head;
	struct buf text; /* what head points into */
	struct buf body;
};

TAILQ_HEAD(conn_list, conn);

/* A connection has one request at a time. */
struct conn {
	struct https_request r; /* first, so that a request leads back to its connection */
	enum state state;
	bool fresh;  /* no byte of the next head has come yet */
	bool broken; /* the peer went away while the handler was at work */
	bool unread; /* the peer has sent, or may send, what will not be read */
	size_t drained;
	struct https_server *server;
	struct bufferevent *bev;
	struct event *deadline;
	struct https_source source; /* of the reply that is leaving; read is NULL: none */
	char peer[HTTPS_PEER_MAX];
	struct sockaddr_storage peer_addr;
	TAILQ_ENTRY(conn) link;
};

struct https_server {
	struct https_opts opts;
	struct evconnlistener *listeners[LISTENERS_MAX];
	size_t nlisteners;
	struct conn_list conns; /* the one that moved last is at the end */
	size_t nconns;
	time_t date_of; /* when date was right */
	char date[DATE_BYTES];
	void (*drained)(void *arg); /* set: draining */
	void *drained_arg;
};

/* ---- connections ---- */

static struct conn *conn_of(const struct https_request *r)
{
	return (struct conn *)r;
}

static void request_clear(struct https_request *r)
{
	/* The head holds a password, the body perhaps others. */
	buf_wipe(&r->text);
	buf_wipe(&r->body);
	r->head = (struct http_head){0};
}

static bool is_idle(const struct conn *c)
{
	return c->state == CONN_HEAD || c->state == CONN_LINGER;
}

static void source_end(struct conn *c)
{
	if (c->source.read && c->source.done)
		c->source.done(c->source.arg);
	c->source = (struct https_source){0};
}

static void conn_free(struct conn *c)
{
	struct https_server *s = c->server;

	TAILQ_REMOVE(&s->conns, c, link);
	s->nconns--;
	source_end(c);
	request_clear(&c->r);
	event_free(c->deadline);
	bufferevent_free(c->bev);
	free(c);
	if (s->drained && !s->nconns)
		s->drained(s->drained_arg);
}

/* To the end of the list, and so many seconds to live in its present state. */
static void conn_moved(struct conn *c, unsigned seconds)
{
	const struct timeval tv = {.tv_sec = (time_t)seconds};

	TAILQ_REMOVE(&c->server->conns, c, link);
	TAILQ_INSERT_TAIL(&c->server->conns, c, link);
	event_add(c->deadline, &tv);
}

/* ---- sending ---- */

static const char *reason_of(int status)
{
	switch (status) {
	case 200:
		return "OK";
	case 206:
		return "Partial Content";
	case 304:
		return "Not Modified";
	case 404:
		return "Not Found";
	default:
		return status < 400 ? "Done" : "Refused";
	}
}

static const char *date(struct https_server *s)
{
	const time_t now = time(NULL);
	struct tm tm;

	if (now != s->date_of)
		strftime(s->date, sizeof(s->date), "%a, %d %b %Y %H:%M:%S GMT",
			 gmtime_r(&now, &tm));
	s->date_of = now;
	return s->date;
}

static uint64_t length_of(const struct https_reply *reply)
{
	return reply->source ? reply->source->len : reply->body.len;
}

static void put_head(struct https_server *s, struct evbuffer *out, const struct https_reply *reply,
		     bool keep_alive)
{
	evbuffer_add_printf(out, "HTTP/1.1 %d %s\r\nDate: %s\r\n", reply->status,
			    reason_of(reply->status), date(s));
	if (reply->status != 304)
		evbuffer_add_printf(out, "Content-Length: %" PRIu64 "\r\n", length_of(reply));
	if (reply->type)
		evbuffer_add_printf(out, "Content-Type: %s\r\n", reply->type);
	for (size_t i = 0; i < HTTPS_FIELDS_MAX && reply->fields[i].name; i++)
		evbuffer_add_printf(out, "%s: %s\r\n", reply->fields[i].name,
				    reply->fields[i].value);
	evbuffer_add_printf(out, "Cache-Control: %s\r\nX-Content-Type-Options: nosniff\r\n%s\r\n",
			    reply->may_keep ? "no-cache" : "no-store",
			    keep_alive ? "" : "Connection: close\r\n");
}

/* Puts the next piece of the source out; false if it cannot be read. */
static bool put_piece(struct conn *c)
{
	struct https_source *source = &c->source;
	const size_t n = source->len < PIECE_BYTES ? (size_t)source->len : PIECE_BYTES;
	struct evbuffer *out = bufferevent_get_output(c->bev);
	struct evbuffer_iovec room;

	if (!n)
		return true;
	if (evbuffer_reserve_space(out, (ev_ssize_t)n, &room, 1) != 1 ||
	    !source->read(source->arg, source->at, room.iov_base, n))
		return false;
	room.iov_len = n;
	evbuffer_commit_space(out, &room, 1);
	source->at += n;
	source->len -= n;
	return true;
}

static void put_body(struct conn *c, struct evbuffer *out, const struct https_reply *reply)
{
	const bool head_only = c->r.head.method && !strcmp(c->r.head.method, "HEAD");

	if (reply->source) {
		c->source = *reply->source;
		if (head_only)
			c->source.len = 0;
		/* What cannot be read now cannot be read later: on_write() breaks off. */
		(void)put_piece(c);
		if (!c->source.len)
			source_end(c);
	} else if (!head_only) {
		evbuffer_add(out, reply->body.data, reply->body.len);
	}
}

void https_reply(struct https_request *r, const struct https_reply *reply)
{
	struct conn *c = conn_of(r);
	struct evbuffer *out = bufferevent_get_output(c->bev);
	const uint64_t body = length_of(reply);

	if (c->broken) {
		if (reply->source && reply->source->done)
			reply->source->done(reply->source->arg);
		conn_free(c);
		return;
	}
	/* What OpenSSL has taken from the socket already, no event would tell of. */
	if (c->server->opts.tls && SSL_pending(bufferevent_openssl_get_ssl(c->bev)))
		c->unread = true;
	/* More connections than there may be, after a reload. */
	if (c->server->nconns > c->server->opts.connections_max)
		r->head.keep_alive = false;
	if (c->unread || c->server->drained)
		r->head.keep_alive = false;
	/* In one piece it leaves as one record. */
	evbuffer_expand(out, REPLY_HEAD_BYTES + (body < PIECE_BYTES ? (size_t)body : PIECE_BYTES));
	put_head(c->server, out, reply, r->head.keep_alive);
	put_body(c, out, reply);
	c->state = CONN_REPLY;
	conn_moved(c, SEND_S);
}

void https_reply_problem(struct https_request *r, const struct err *e, json_t *extra,
			 const struct http_field *field)
{
	struct https_reply reply = {.status = problem_status(e), .type = PROBLEM_TYPE};
	struct buf doc = {0};

	if (field)
		reply.fields[0] = *field;
	problem_write(&doc, e, extra);
	reply.body = buf_view(&doc);
	https_reply(r, &reply);
	buf_free(&doc);
}

/* A request that does not reach the handler. */
static void refuse(struct conn *c, const struct err *e)
{
	bufferevent_disable(c->bev, EV_READ);
	c->unread = true;
	https_reply_problem(&c->r, e, NULL, NULL);
}

/* ---- receiving ---- */

static void handle(struct conn *c)
{
	c->state = CONN_HANDLED;
	event_del(c->deadline);
	bufferevent_disable(c->bev, EV_READ);
	c->server->opts.handler(&c->r, c->server->opts.arg);
}

static void read_body(struct conn *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);
	const size_t length = (size_t)c->r.head.length;
	uint8_t *to;
	struct err e;

	if (evbuffer_get_length(in) < length)
		return;
	to = buf_room(&c->r.body, length);
	if (!to) {
		err_nomem(&e);
		refuse(c, &e);
		return;
	}
	evbuffer_remove(in, to, length);
	c->r.body.len = length;
	handle(c);
}

static void begin_body(struct conn *c)
{
	const struct https_opts *o = &c->server->opts;
	struct http_head *h = &c->r.head;
	size_t most = o->body_max;
	struct err e;

	if (h->length > o->body_max && h->length <= o->body_max_trusted && o->trusts &&
	    o->trusts(&c->r, o->arg)) {
		most = o->body_max_trusted;
		bufferevent_setwatermark(c->bev, EV_READ, 0, most);
	}
	if (h->length > most) {
		err_set(&e, ERR_REFUSED, "too-large", "the body has %llu bytes; %zu are the limit",
			(unsigned long long)h->length, most);
		refuse(c, &e);
		return;
	}
	c->state = CONN_BODY;
	conn_moved(c, o->body_s);
	if (h->expect_continue && !evbuffer_get_length(bufferevent_get_input(c->bev)))
		evbuffer_add_printf(bufferevent_get_output(c->bev),
				    "HTTP/1.1 100 Continue\r\n\r\n");
	read_body(c);
}

static bool take_head(struct conn *c, size_t n, struct err *e)
{
	struct buf *text = &c->r.text;
	char *to = (char *)buf_room(text, n);

	if (!to)
		return err_nomem(e), false;
	evbuffer_remove(bufferevent_get_input(c->bev), to, n);
	text->len = n;
	return !http_head_parse(&c->r.head, to, n, e);
}

static void read_head(struct conn *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);
	struct evbuffer_ptr end;
	struct err e;

	if (c->fresh && evbuffer_get_length(in)) {
		c->fresh = false;
		conn_moved(c, c->server->opts.head_s);
	}
	end = evbuffer_search(in, "\r\n\r\n", 4, NULL);
	if (end.pos < 0 && evbuffer_get_length(in) < HTTP_HEAD_MAX)
		return;
	if (end.pos < 0 || end.pos + 4 > HTTP_HEAD_MAX) {
		err_set(&e, ERR_USAGE, "head-too-large", "the head of the request is over %d bytes",
			HTTP_HEAD_MAX);
		refuse(c, &e);
	} else if (!take_head(c, (size_t)end.pos + 4, &e)) {
		refuse(c, &e);
	} else {
		begin_body(c);
	}
}

static void drain(struct conn *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);

	c->drained += evbuffer_get_length(in);
	evbuffer_drain(in, evbuffer_get_length(in));
	if (c->drained > LINGER_BYTES)
		conn_free(c);
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct conn *c = arg;

	(void)bev;
	switch (c->state) {
	case CONN_HEAD:
		read_head(c);
		break;
	case CONN_BODY:
		read_body(c);
		break;
	case CONN_LINGER:
		drain(c);
		break;
	case CONN_HANDLED:
	case CONN_REPLY:
		break;
	}
}

/* ---- what happens on a connection ---- */

static void next_request(struct conn *c)
{
	request_clear(&c->r);
	c->state = CONN_HEAD;
	c->fresh = true;
	conn_moved(c, c->server->opts.idle_s);
	bufferevent_enable(c->bev, EV_READ);
	/* It may have come already, behind the one before. */
	read_head(c);
}

/* Closing with unread bytes would reset the connection, and the client might never see the reply:
 * say that there is no more, and hear it out for a while. */
static void linger(struct conn *c)
{
	c->state = CONN_LINGER;
	conn_moved(c, LINGER_S);
	if (c->server->opts.tls)
		SSL_shutdown(bufferevent_openssl_get_ssl(c->bev));
	shutdown(bufferevent_getfd(c->bev), SHUT_WR);
	bufferevent_enable(c->bev, EV_READ);
	drain(c);
}

/* A piece has left. */
static void go_on_sending(struct conn *c)
{
	if (!put_piece(c)) {
		conn_free(c);
		return;
	}
	if (!c->source.len)
		source_end(c);
	conn_moved(c, SEND_S);
}

static void on_write(struct bufferevent *bev, void *arg)
{
	struct conn *c = arg;

	(void)bev;
	if (c->state != CONN_REPLY)
		return;
	if (c->source.read) {
		go_on_sending(c);
		return;
	}
	if (c->r.head.keep_alive)
		next_request(c);
	else if (c->unread)
		linger(c);
	else
		conn_free(c);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct conn *c = arg;

	(void)bev;
	if (what & BEV_EVENT_CONNECTED)
		return;
	if (c->state == CONN_HANDLED)
		c->broken = true;
	else
		conn_free(c);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;
	struct err e;

	(void)fd;
	(void)what;
	if ((c->state == CONN_HEAD && !c->fresh) || c->state == CONN_BODY) {
		err_set(&e, ERR_USAGE, "request-timeout", "the request did not arrive in time");
		refuse(c, &e);
	} else {
		conn_free(c);
	}
}

/* ---- accepting ---- */

static void peer_text(char peer[HTTPS_PEER_MAX], const struct sockaddr *sa, socklen_t n)
{
	static const char mapped[] = "::ffff:";
	char text[HTTPS_PEER_MAX];
	const char *from = text;

	if (getnameinfo(sa, n, text, sizeof(text), NULL, 0, NI_NUMERICHOST))
		strcpy(text, "unknown");
	/* An IPv4 client on an IPv6 socket. */
	if (!strncmp(text, mapped, strlen(mapped)) && strchr(text, '.'))
		from += strlen(mapped);
	snprintf(peer, HTTPS_PEER_MAX, "%s", from);
}

static void make_room(struct https_server *s)
{
	struct conn *c;

	TAILQ_FOREACH(c, &s->conns, link)
	{
		if (is_idle(c)) {
			conn_free(c);
			return;
		}
	}
}

static struct bufferevent *bev_new(struct https_server *s, evutil_socket_t fd)
{
	struct event_base *base = s->opts.base;
	struct bufferevent *bev;
	SSL *ssl;

	if (!s->opts.tls)
		return bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	ssl = SSL_new(s->opts.tls);
	if (!ssl)
		return NULL;
	bev = bufferevent_openssl_socket_new(base, fd, ssl, BUFFEREVENT_SSL_ACCEPTING,
					     BEV_OPT_CLOSE_ON_FREE);
	if (!bev)
		SSL_free(ssl);
	return bev;
}

static struct conn *conn_new(struct https_server *s, evutil_socket_t fd)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->server = s;
	c->fresh = true;
	c->deadline = evtimer_new(s->opts.base, on_deadline, c);
	c->bev = c->deadline ? bev_new(s, fd) : NULL;
	if (!c->bev) {
		if (c->deadline)
			event_free(c->deadline);
		free(c);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&s->conns, c, link);
	s->nconns++;
	return c;
}

static void on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *sa, int salen,
		      void *arg)
{
	struct https_server *s = arg;
	const size_t most = s->opts.body_max > HTTP_HEAD_MAX ? s->opts.body_max : HTTP_HEAD_MAX;
	const int yes = 1;
	struct conn *c;

	(void)l;
	if (s->nconns >= s->opts.connections_max)
		make_room(s);
	c = s->nconns < s->opts.connections_max ? conn_new(s, fd) : NULL;
	if (!c) {
		close(fd);
		return;
	}
	/* An answer is more than one record: none shall wait for the one before to be acknowledged.
	 */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	peer_text(c->peer, sa, (socklen_t)salen);
	memcpy(&c->peer_addr, sa, (size_t)salen);
	bufferevent_setcb(c->bev, on_read, on_write, on_event, c);
	bufferevent_setwatermark(c->bev, EV_READ, 0, most);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
	conn_moved(c, s->opts.head_s);
}

/* Out of descriptors or memory: an idle connection has both. */
static void on_accept_error(struct evconnlistener *l, void *arg)
{
	(void)l;
	make_room(arg);
}

/* ---- the server ---- */

/* The sockets are the server's from here on, whatever happens. */
static int listen_on(struct https_server *s, const int *sockets, size_t n, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; i < n; i++) {
		struct evconnlistener *l = NULL;

		evutil_make_socket_nonblocking(sockets[i]);
		if (s->nlisteners < LISTENERS_MAX)
			l = evconnlistener_new(s->opts.base, on_accept, s,
					       LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0,
					       sockets[i]);
		if (l) {
			evconnlistener_set_error_cb(l, on_accept_error);
			s->listeners[s->nlisteners++] = l;
		} else {
			close(sockets[i]);
			rc = err_nomem(e);
		}
	}
	return rc;
}

static int bind_and_listen(struct https_server *s, struct err *e)
{
	int fds[LISTENERS_MAX];
	size_t n;
	struct err ignored;
	const int rc = sockets_bind(fds, LISTENERS_MAX, &n, SOCK_STREAM, s->opts.listen, e);

	return listen_on(s, fds, n, rc ? &ignored : e) || rc ? (int)e->kind : 0;
}

int https_listen(struct https_server **out, const struct https_opts *opts, struct err *e)
{
	struct https_server *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return err_nomem(e);
	s->opts = *opts;
	TAILQ_INIT(&s->conns);
	rc = opts->nsockets ? listen_on(s, opts->sockets, opts->nsockets, e)
			    : bind_and_listen(s, e);
	s->opts.listen = NULL;
	s->opts.sockets = NULL;
	if (rc)
		https_free(s);
	else
		*out = s;
	return rc;
}

void https_set_connections_max(struct https_server *s, size_t connections_max)
{
	s->opts.connections_max = connections_max;
}

static void stop_listening(struct https_server *s)
{
	while (s->nlisteners)
		evconnlistener_free(s->listeners[--s->nlisteners]);
}

static void close_conns(struct https_server *s, bool only_idle)
{
	struct conn *next;

	for (struct conn *c = TAILQ_FIRST(&s->conns); c; c = next) {
		next = TAILQ_NEXT(c, link);
		if (!only_idle || is_idle(c))
			conn_free(c);
	}
}

void https_drain(struct https_server *s, void (*drained)(void *arg), void *arg)
{
	stop_listening(s);
	close_conns(s, true);
	s->drained = drained;
	s->drained_arg = arg;
	if (!s->nconns)
		drained(arg);
}

void https_set_tls(struct https_server *s, SSL_CTX *tls)
{
	s->opts.tls = tls;
}

void https_free(struct https_server *s)
{
	if (!s)
		return;
	s->drained = NULL;
	stop_listening(s);
	close_conns(s, false);
	free(s);
}

/* ---- a request ---- */

const char *https_method(const struct https_request *r)
{
	return r->head.method;
}

const char *https_path(const struct https_request *r)
{
	return r->head.path;
}

const char *https_query(const struct https_request *r)
{
	return r->head.query;
}

const char *https_header(const struct https_request *r, const char *name)
{
	return http_head_field(&r->head, name);
}

struct span https_body(const struct https_request *r)
{
	return buf_view(&r->body);
}

const char *https_peer(const struct https_request *r)
{
	return conn_of(r)->peer;
}

const struct sockaddr *https_peer_addr(const struct https_request *r)
{
	return (const struct sockaddr *)&conn_of(r)->peer_addr;
}

static SSL *ssl_of(const struct https_request *r)
{
	return bufferevent_openssl_get_ssl(conn_of(r)->bev);
}

X509 *https_peer_cert(const struct https_request *r)
{
	return conn_of(r)->server->opts.tls ? SSL_get0_peer_certificate(ssl_of(r)) : NULL;
}

STACK_OF(X509) * https_peer_chain(const struct https_request *r)
{
	return conn_of(r)->server->opts.tls ? SSL_get_peer_cert_chain(ssl_of(r)) : NULL;
}
