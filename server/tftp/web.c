#include "server/tftp/web.h"

#include "common/clock.h"
#include "common/log_limit.h"
#include "common/sha256.h"
#include "common/text.h"
#include "server/net/http_file.h"
#include "server/net/https.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	HEAD_S = 10, /* for the handshake and the head of a request */
	BODY_S = 5,
	BODY_MAX = 4096, /* of a request that is refused then */
	IDLE_S = 30,
	LOG_PER_SECOND = 20,
	RANGE_TEXT = 72,
	CN_MAX = 65,
};

static const char plain_text[] = "text/plain; charset=utf-8";

/* A request whose file is being made. */
struct pending {
	struct catalog_waiter waiter; /* first */
	TAILQ_ENTRY(pending) link;
	struct https_request *request;
};

struct web {
	struct https_server *server;
	SSL_CTX *tls;
	struct serve *serve;
	struct log_limit log;
	TAILQ_HEAD(, pending) pendings;
};

/* ---- short answers ---- */

static void reply_text(struct https_request *r, int status, const char *text,
		       const struct http_field *field)
{
	struct https_reply reply = {
		.status = status, .type = plain_text, .body = span_of(text, strlen(text))};

	if (field)
		reply.fields[0] = *field;
	https_reply(r, &reply);
}

static void reply_absent(struct https_request *r)
{
	reply_text(r, 404, "File not found\n", NULL);
}

static void reply_trouble(struct https_request *r)
{
	static const struct http_field later = {"Retry-After", "2"};

	reply_text(r, 503, "Not available at the moment\n", &later);
}

static void note(struct web *w, const struct https_request *r, const char *outcome,
		 const struct content *content)
{
	struct name name;
	const struct asked_note what = {
		.name = &name, .address = https_peer(r), .outcome = outcome, .content = content};

	/* Who asks for the head alone has not got the file. */
	if (!strcmp(https_method(r), "GET") && !https_header(r, "Ctl-Probe") &&
	    name_take_path(&name, https_path(r)))
		asked_note(w->serve->asked, &what);
}

/* ---- who asks ---- */

/* The name in the certificate that the client showed; NULL if there is none. */
static const char *device_of(const struct https_request *r, char cn[CN_MAX])
{
	X509 *cert = https_peer_cert(r);
	const int n = cert ? X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName,
						       cn, CN_MAX)
			   : -1;

	return n > 0 ? cn : NULL;
}

/* Whether the client has shown the phone's own certificate. */
static bool is_owner(const struct https_request *r, const struct content *c)
{
	X509 *cert = https_peer_cert(r);
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (!cert || !X509_digest(cert, EVP_sha256(), digest, &len) || len != CONTENT_OWNER)
		return false;
	for (size_t i = 0; i < CONTENT_OWNERS; i++)
		if (c->has_owner[i] && !memcmp(c->owner[i], digest, CONTENT_OWNER))
			return true;
	return false;
}

/* ---- the file ---- */

static bool read_piece(void *arg, uint64_t at, uint8_t *to, size_t n)
{
	const struct span piece = content_piece(arg, at, n, to);

	if (piece.len == n && piece.data != to)
		memcpy(to, piece.data, n);
	return piece.len == n;
}

static void piece_done(void *arg)
{
	content_unref(arg);
}

static const char *type_of(const struct https_request *r)
{
	return text_ends_in(https_path(r), ".xml") ? "text/xml" : "application/octet-stream";
}

static void reply_part(struct https_request *r, struct content *c, enum http_range what,
		       struct https_source *source)
{
	char range[RANGE_TEXT];
	struct https_reply reply = {.status = 200,
				    .type = type_of(r),
				    .source = source,
				    .may_keep = true,
				    .fields = {{"ETag", c->etag}, {"Accept-Ranges", "bytes"}}};

	if (what == HTTP_RANGE_PART) {
		snprintf(range, sizeof(range), "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, source->at,
			 source->at + source->len - 1, c->size);
		reply.status = 206;
		reply.fields[2] = (struct http_field){"Content-Range", range};
	}
	content_ref(c);
	https_reply(r, &reply);
}

static void reply_bad_range(struct https_request *r, const struct content *c)
{
	char range[RANGE_TEXT];
	const struct http_field field = {"Content-Range", range};

	snprintf(range, sizeof(range), "bytes */%" PRIu64, c->size);
	reply_text(r, 416, "There is no such part of the file\n", &field);
}

static void reply_file(struct web *w, struct https_request *r, struct content *c)
{
	const struct http_range_ask ask = {
		.range = https_header(r, "Range"),
		.if_range = https_header(r, "If-Range"),
		.etag = c->etag,
		.size = c->size,
	};
	struct https_source source = {read_piece, piece_done, c, 0, c->size};
	enum http_range what;

	if (w->tls && c->secret && !is_owner(r, c)) {
		log_limited(
			&w->log, LOG_LEVEL_WARN,
			"%s asks for %s, which is for the phone itself, without its certificate",
			https_peer(r), https_path(r));
		reply_absent(r);
		return;
	}
	note(w, r, NULL, c);
	if (http_etag_matches(https_header(r, "If-None-Match"), c->etag)) {
		https_reply(r, &(struct https_reply){.status = 304,
						     .may_keep = true,
						     .fields = {{"ETag", c->etag}}});
		return;
	}
	what = http_range_parse(&ask, &source.at, &source.len);
	if (what == HTTP_RANGE_BAD)
		reply_bad_range(r, c);
	else
		reply_part(r, c, what, &source);
}

/* ---- requests ---- */

static struct https_request *pending_end(struct pending *p)
{
	struct web *w = p->waiter.arg;
	struct https_request *r = p->request;

	catalog_leave(&p->waiter);
	TAILQ_REMOVE(&w->pendings, p, link);
	free(p);
	return r;
}

static void on_ready(struct catalog_waiter *waiter, struct content *c, const struct err *e)
{
	struct web *w = waiter->arg;
	struct https_request *r = pending_end((struct pending *)(void *)waiter);

	if (c) {
		reply_file(w, r, c);
	} else if (e) {
		log_limited(&w->log, LOG_LEVEL_WARN, "%s cannot be served: %s", https_path(r),
			    e->what);
		reply_trouble(r);
	} else {
		note(w, r, "not-found", NULL);
		reply_absent(r);
	}
}

static void park(struct web *w, struct https_request *r, const struct serve_ask *ask)
{
	struct pending *p = calloc(1, sizeof(*p));
	struct content *content;
	const struct err *e;

	if (!p) {
		reply_trouble(r);
		return;
	}
	p->request = r;
	p->waiter = (struct catalog_waiter){.ready = on_ready, .arg = w};
	TAILQ_INSERT_TAIL(&w->pendings, p, link);
	if (serve_find(w->serve, ask, &p->waiter, &content, &e) != CATALOG_LATER)
		reply_trouble(pending_end(p));
}

static void answer(struct web *w, struct https_request *r, const struct serve_ask *ask)
{
	struct content *content;
	const struct err *e;

	switch (serve_find(w->serve, ask, NULL, &content, &e)) {
	case CATALOG_HERE:
		reply_file(w, r, content);
		break;
	case CATALOG_LATER:
		park(w, r, ask);
		break;
	case CATALOG_ABSENT:
		note(w, r, "not-found", NULL);
		reply_absent(r);
		break;
	case CATALOG_TROUBLE:
		reply_trouble(r);
		break;
	}
}

static void on_request(struct https_request *r, void *arg)
{
	static const struct http_field allow = {"Allow", "GET, HEAD"};
	struct web *w = arg;
	char cn[CN_MAX];
	struct name name;
	union udp_addr peer;
	const struct serve_ask ask = {.name = &name,
				      .peer = &peer,
				      .device = device_of(r, cn),
				      .now_ms = (uint64_t)clock_ms()};

	memcpy(&peer, https_peer_addr(r), sizeof(peer));
	if (strcmp(https_method(r), "GET") != 0 && strcmp(https_method(r), "HEAD") != 0)
		reply_text(r, 405, "Nothing is written here\n", &allow);
	else if (!name_take_path(&name, https_path(r)))
		reply_absent(r);
	else
		answer(w, r, &ask);
}

/* ---- beginning and end ---- */

int web_open(struct web **out, const struct web_opts *opts, struct err *e)
{
	struct web *w = calloc(1, sizeof(*w));
	const struct https_opts https = {
		.base = opts->base,
		.tls = opts->tls,
		.listen = opts->at,
		.sockets = opts->sockets,
		.nsockets = opts->nsockets,
		.connections_max = WEB_CONNECTIONS,
		.body_max = BODY_MAX,
		.head_s = HEAD_S,
		.body_s = BODY_S,
		.idle_s = IDLE_S,
		.handler = on_request,
		.arg = w,
	};

	if (!w)
		return err_nomem(e);
	w->serve = opts->serve;
	w->log = (struct log_limit){.log = opts->log, .per_second = LOG_PER_SECOND};
	TAILQ_INIT(&w->pendings);
	if (https_listen(&w->server, &https, e)) {
		free(w);
		return (int)e->kind;
	}
	w->tls = opts->tls;
	*out = w;
	return 0;
}

void web_close(struct web *w)
{
	if (!w)
		return;
	while (!TAILQ_EMPTY(&w->pendings))
		reply_trouble(pending_end(TAILQ_FIRST(&w->pendings)));
	https_free(w->server);
	SSL_CTX_free(w->tls);
	free(w);
}
