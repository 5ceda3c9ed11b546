#include "server/net/mailbox.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct mailbox {
	pthread_mutex_t lock; /* over the letters: first in, first out */
	struct letter *head, **tail;

	int bell; /* an eventfd that wakes the loop */
	struct event *on_bell;
};

static struct letter *take_all(struct mailbox *m)
{
	struct letter *all;

	pthread_mutex_lock(&m->lock);
	all = m->head;
	m->head = NULL;
	m->tail = &m->head;
	pthread_mutex_unlock(&m->lock);
	return all;
}

static void mailbox_empty(struct mailbox *m)
{
	struct letter *next;

	for (struct letter *l = take_all(m); l; l = next) {
		/* What is called may free the letter. */
		next = l->next;
		l->fn(l->arg);
	}
}

static void on_bell(evutil_socket_t fd, short what, void *arg)
{
	uint64_t count;

	(void)what;
	(void)!read(fd, &count, sizeof(count));
	mailbox_empty(arg);
}

void mailbox_post(struct mailbox *m, struct letter *l)
{
	const uint64_t one = 1;

	l->next = NULL;
	pthread_mutex_lock(&m->lock);
	*m->tail = l;
	m->tail = &l->next;
	/* It can only fail when the counter is full, and then the loop is awake anyway. Before the
	 * lock is let go: afterwards the mailbox may be gone. */
	(void)!write(m->bell, &one, sizeof(one));
	pthread_mutex_unlock(&m->lock);
}

int mailbox_new(struct mailbox **out, struct event_base *base, struct err *e)
{
	struct mailbox *m = calloc(1, sizeof(*m));

	if (!m)
		return err_nomem(e);
	pthread_mutex_init(&m->lock, NULL);
	m->tail = &m->head;
	m->bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (m->bell >= 0)
		m->on_bell = event_new(base, m->bell, EV_READ | EV_PERSIST, on_bell, m);
	if (!m->on_bell || event_add(m->on_bell, NULL)) {
		err_set(e, ERR_FAILED, "mailbox", "cannot set up a mailbox: %s", strerror(errno));
		mailbox_free(m);
		return (int)e->kind;
	}
	*out = m;
	return 0;
}

void mailbox_free(struct mailbox *m)
{
	if (!m)
		return;
	mailbox_empty(m);
	if (m->on_bell)
		event_free(m->on_bell);
	if (m->bell >= 0)
		close(m->bell);
	pthread_mutex_destroy(&m->lock);
	free(m);
}
