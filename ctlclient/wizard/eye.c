#include "ctlclient/wizard/eye.h"

#include "pkcs11/watch.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { LOOK_MS = 1000 };

struct eye {
	struct desk *desk;
	struct watch *watch;
	pthread_t thread;
	int stop; /* an eventfd */
	pthread_mutex_t lock;
	struct sight newest; /* under the lock */
	/* the thread's own: */
	struct token_info here[SIGHT_TOKENS_MAX];
	size_t n;
	struct sight next;
};

/* ---- sights ---- */

static void forget_tokens(struct sight *s)
{
	for (size_t i = 0; i < SIGHT_TOKENS_MAX; i++)
		for (size_t k = 0; k < SIGHT_CERTS_MAX; k++)
			X509_free(s->tokens[i].certs[k]);
	memset(s->tokens, 0, sizeof(s->tokens));
	s->n = 0;
}

void sight_free(struct sight *s)
{
	forget_tokens(s);
	*s = (struct sight){0};
}

static void copy_sight(struct sight *to, const struct sight *from)
{
	forget_tokens(to);
	*to = *from;
	for (size_t i = 0; i < SIGHT_TOKENS_MAX; i++)
		for (size_t k = 0; k < SIGHT_CERTS_MAX; k++)
			if (to->tokens[i].certs[k])
				X509_up_ref(to->tokens[i].certs[k]);
}

/* ---- looking, on the owner's thread ---- */

static void read_certs(struct seen_token *seen, struct tokens *ts)
{
	struct token_cert *certs = NULL;
	struct token *t = NULL;
	struct err ignored;
	size_t n = 0;

	seen->unread = token_find(&t, ts, seen->info.uri, &ignored) != 0;
	if (seen->unread)
		return;
	seen->unread = token_certs(t, &certs, &n, &ignored) != 0;
	seen->n_certs = n;
	for (size_t i = 0; i < n && i < SIGHT_CERTS_MAX; i++) {
		if (X509_up_ref(certs[i].cert))
			seen->certs[i] = certs[i].cert;
		snprintf(seen->uris[i], sizeof(seen->uris[i]), "%s", certs[i].uri);
	}
	token_certs_free(certs, n);
	token_free(t);
}

static bool is_same(const struct token_info *a, const struct token_info *b)
{
	return !strcmp(a->serial, b->serial) && !strcmp(a->module, b->module) &&
	       !strcmp(a->label, b->label);
}

static void drop(struct eye *eye, const struct token_info *gone)
{
	size_t kept = 0;

	for (size_t i = 0; i < eye->n; i++)
		if (!is_same(&eye->here[i], gone))
			eye->here[kept++] = eye->here[i];
	eye->n = kept;
}

static void take_in(struct eye *eye, const struct watch_event *ev)
{
	struct sight *s = &eye->next;

	switch (ev->kind) {
	case WATCH_TOKEN_CAME:
		drop(eye, &ev->token);
		if (eye->n < SIGHT_TOKENS_MAX)
			eye->here[eye->n++] = ev->token;
		s->unreadable[0] = '\0';
		break;
	case WATCH_TOKEN_LEFT:
		drop(eye, &ev->token);
		break;
	case WATCH_CARD_UNREADABLE:
		snprintf(s->unreadable, sizeof(s->unreadable), "%s", ev->text);
		break;
	case WATCH_CARD_GONE:
	case WATCH_READER_CAME:
	case WATCH_READER_LEFT:
		s->unreadable[0] = '\0';
		break;
	case WATCH_MODULE_FAILS:
		snprintf(s->trouble, sizeof(s->trouble), "%.100s: %.150s", ev->text, ev->why);
		break;
	case WATCH_MODULE_WORKS:
		s->trouble[0] = '\0';
		break;
	case WATCH_ADVICE:
		snprintf(s->advice, sizeof(s->advice), "%s", ev->text);
		snprintf(s->remedy, sizeof(s->remedy), "%s", ev->why);
		break;
	}
}

static int job_look(struct tokens *ts, void *arg, struct err *e)
{
	struct eye *eye = arg;
	const struct watch_event *events;
	size_t n;
	const int rc = watch_look(eye->watch, ts, e);

	if (rc)
		return rc;
	events = watch_events(eye->watch, &n);
	for (size_t i = 0; i < n; i++)
		take_in(eye, &events[i]);
	if (!n && eye->next.number)
		return 0;
	eye->next.number++;
	eye->next.n = eye->n;
	for (size_t i = 0; i < eye->n; i++) {
		eye->next.tokens[i].info = eye->here[i];
		if (eye->here[i].initialized)
			read_certs(&eye->next.tokens[i], ts);
	}
	return 0;
}

/* ---- the thread ---- */

static void publish(struct eye *eye)
{
	pthread_mutex_lock(&eye->lock);
	if (eye->newest.number != eye->next.number)
		copy_sight(&eye->newest, &eye->next);
	pthread_mutex_unlock(&eye->lock);
	forget_tokens(&eye->next);
}

static void *watch_on(void *arg)
{
	struct eye *eye = arg;
	struct err e;

	do {
		if (desk_run(eye->desk, job_look, eye, &e)) {
			eye->next.number++;
			snprintf(eye->next.trouble, sizeof(eye->next.trouble), "%.255s", e.what);
		}
		publish(eye);
	} while (!watch_wait(eye->watch, LOOK_MS, eye->stop));
	return NULL;
}

int eye_open(struct eye **out, struct desk *d, struct err *e)
{
	struct eye *eye = calloc(1, sizeof(*eye));
	int rc;

	if (!eye)
		return err_nomem(e);
	eye->desk = d;
	pthread_mutex_init(&eye->lock, NULL);
	eye->stop = eventfd(0, EFD_CLOEXEC);
	rc = eye->stop < 0 ? err_set(e, ERR_FAILED, "eventfd", "cannot make an eventfd")
			   : watch_open(&eye->watch, e);
	if (!rc && pthread_create(&eye->thread, NULL, watch_on, eye))
		rc = err_set(e, ERR_FAILED, "thread", "cannot start a thread");
	if (rc) {
		watch_close(eye->watch);
		if (eye->stop >= 0)
			close(eye->stop);
		free(eye);
		return rc;
	}
	*out = eye;
	return 0;
}

void eye_close(struct eye *eye)
{
	if (!eye)
		return;
	(void)eventfd_write(eye->stop, 1);
	pthread_join(eye->thread, NULL);
	watch_close(eye->watch);
	close(eye->stop);
	sight_free(&eye->newest);
	sight_free(&eye->next);
	pthread_mutex_destroy(&eye->lock);
	free(eye);
}

bool eye_look(struct eye *eye, struct sight *s)
{
	bool newer;

	pthread_mutex_lock(&eye->lock);
	newer = eye->newest.number != s->number;
	if (newer)
		copy_sight(s, &eye->newest);
	pthread_mutex_unlock(&eye->lock);
	return newer;
}
