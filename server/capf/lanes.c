#include "server/capf/lanes.h"

#include "server/capf/conn.h"

#include <netdb.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LOG_PER_SECOND = 50 };

struct lanes {
	struct lanes_opts opts;
	struct lane *lanes; /* nlanes of them run */
	size_t nlanes;
	size_t next;                  /* whose turn it is */
	atomic_size_t nconns;         /* in all */
	atomic_uint_fast32_t next_id; /* of a session */
};

/* A connection on its way from the accepting loop, or the word to stop. */
struct arrival {
	struct letter letter;
	struct lane *lane;
	int fd; /* -1: stop */
	char peer[CONN_PEER_MAX];
};

/* ---- on a lane's thread ---- */

static void *run(void *arg)
{
	struct lane *lane = arg;

	event_base_loop(lane->base, EVLOOP_NO_EXIT_ON_EMPTY);
	return NULL;
}

static void on_arrival(void *arg)
{
	struct arrival *a = arg;
	struct lane *lane = a->lane;

	if (a->fd < 0)
		lane_stop(lane);
	else
		conn_open(lane, a->fd, a->peer);
	free(a);
}

static int lane_open(struct lane *lane, struct lanes *l, struct err *e)
{
	*lane = (struct lane){
		.tls = l->opts.tls,
		.desk = l->opts.desk,
		.nconns = &l->nconns,
		.next_id = &l->next_id,
		.connections_max = l->opts.connections_max,
		.patience_s = l->opts.patience_s,
		.log = {.log = l->opts.log, .per_second = LOG_PER_SECOND},
	};
	TAILQ_INIT(&lane->silent);
	TAILQ_INIT(&lane->working);
	lane->base = event_base_new();
	return lane->base ? mailbox_new(&lane->mailbox, lane->base, e) : err_nomem(e);
}

static void lane_close(struct lane *lane)
{
	mailbox_free(lane->mailbox);
	if (lane->base)
		event_base_free(lane->base);
}

/* ---- on the accepting loop ---- */

static void peer_text(char peer[CONN_PEER_MAX], const struct sockaddr *sa, socklen_t n)
{
	static const char mapped[] = "::ffff:";
	char text[CONN_PEER_MAX];
	const char *from = text;

	if (getnameinfo(sa, n, text, sizeof(text), NULL, 0, NI_NUMERICHOST))
		strcpy(text, "unknown");
	/* An IPv4 phone on an IPv6 socket. */
	if (!strncmp(text, mapped, strlen(mapped)) && strchr(text, '.'))
		from += strlen(mapped);
	snprintf(peer, CONN_PEER_MAX, "%s", from);
}

static void send_to(struct lane *lane, int fd, const struct sockaddr *sa, socklen_t n)
{
	struct arrival *a = calloc(1, sizeof(*a));

	if (!a) {
		if (fd >= 0)
			close(fd);
		return;
	}
	a->letter = (struct letter){.fn = on_arrival, .arg = a};
	a->lane = lane;
	a->fd = fd;
	if (sa)
		peer_text(a->peer, sa, n);
	mailbox_post(lane->mailbox, &a->letter);
}

void lanes_take(struct lanes *l, int fd, const struct sockaddr *sa, socklen_t n)
{
	send_to(&l->lanes[l->next++ % l->nlanes], fd, sa, n);
}

static int start_one(struct lanes *l, struct err *e)
{
	struct lane *lane = &l->lanes[l->nlanes];
	int why;

	if (lane_open(lane, l, e)) {
		lane_close(lane);
		return (int)e->kind;
	}
	why = pthread_create(&lane->thread, NULL, run, lane);
	if (why) {
		lane_close(lane);
		return err_set(e, ERR_FAILED, "lanes", "cannot start a thread: %s", strerror(why));
	}
	l->nlanes++;
	return 0;
}

static int start_all(struct lanes *l, struct err *e)
{
	uint32_t id;
	sigset_t all, before;
	int rc = 0;

	/* A phone signs the id of its session: one that starts at random is not met again. */
	if (RAND_bytes((unsigned char *)&id, sizeof(id)) != 1)
		return err_openssl(e, ERR_FAILED, "lanes", "no random numbers");
	atomic_init(&l->next_id, id);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (!rc && l->nlanes < l->opts.lanes)
		rc = start_one(l, e);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc;
}

int lanes_start(struct lanes **out, const struct lanes_opts *opts, struct err *e)
{
	struct lanes *l = calloc(1, sizeof(*l));
	int rc;

	if (!l)
		return err_nomem(e);
	l->opts = *opts;
	l->lanes = calloc(opts->lanes, sizeof(*l->lanes));
	rc = l->lanes ? start_all(l, e) : err_nomem(e);
	if (rc)
		lanes_stop(l);
	else
		*out = l;
	return rc;
}

void lanes_stop(struct lanes *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->nlanes; i++)
		send_to(&l->lanes[i], -1, NULL, 0);
	for (size_t i = 0; i < l->nlanes; i++) {
		pthread_join(l->lanes[i].thread, NULL);
		lane_close(&l->lanes[i]);
	}
	free(l->lanes);
	free(l);
}
