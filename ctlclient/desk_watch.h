/* Waiting for tokens to come and go (pkcs11/watch.h), with a time limit and Ctrl-C. */
#ifndef CTLCLIENT_DESK_WATCH_H
#define CTLCLIENT_DESK_WATCH_H

#include "ctlclient/desk.h"
#include "pkcs11/watch.h"

/* Called on the caller's thread after the first look and after each that found something new, and
 * for a while after that again with n = 0: a token that has just come may not answer at once. Sets
 * *done when the wait is over. An error ends it too. */
typedef int desk_news_fn(void *arg, const struct watch_event *events, size_t n, bool *done,
			 struct err *e);

enum { DESK_WATCH_FOREVER = -1 };

/* Looks until news(arg) says that it is done, at most that many seconds (at least one look is
 * taken). ERR_TOKEN "token-wait" when they are over, with the reason why no token may show as its
 * hint; ERR_FAILED "interrupted" after Ctrl-C. */
int desk_watch(struct desk *d, int seconds, desk_news_fn *news, void *arg, struct err *e);

/* True if what went wrong may be mended by waiting: a token that is missing, a module in trouble.
 */
bool desk_watch_may_pass(const struct err *e);

/* The event as one line for people, without newline; "" if there is nothing to say. */
void desk_watch_text(char *out, size_t size, const struct watch_event *ev);

#endif
