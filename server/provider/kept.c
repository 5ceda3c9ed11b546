#include "server/provider/kept.h"

#include <stdlib.h>

struct kept {
	struct store *store;
	struct kept_answer answers[KEPT_MAX];
};

int kept_new(struct kept **out, const char *state, struct err *e)
{
	struct kept *k = calloc(1, sizeof(*k));

	if (!k)
		return err_nomem(e);
	if (store_open(&k->store, state, STORE_READ, e)) {
		free(k);
		return (int)e->kind;
	}
	*out = k;
	return 0;
}

void kept_free(struct kept *k)
{
	if (!k)
		return;
	for (size_t i = 0; i < KEPT_MAX; i++)
		buf_free(&k->answers[i].body);
	store_close(k->store);
	free(k);
}

bool kept_moment(struct kept *k, int64_t *moment)
{
	struct err ignored;

	return !store_change_counter(k->store, moment, &ignored);
}

const struct kept_answer *kept_find(const struct kept *k, const void *route, int64_t moment,
				    int64_t now_ms)
{
	for (size_t i = 0; i < KEPT_MAX; i++) {
		const struct kept_answer *a = &k->answers[i];

		if (a->route == route && a->moment == moment && now_ms < a->ends_ms)
			return a;
	}
	return NULL;
}

/* Where the route's answer was, or a free place, or the oldest. */
static struct kept_answer *place_for(struct kept *k, const void *route)
{
	struct kept_answer *oldest = &k->answers[0];

	for (size_t i = 0; i < KEPT_MAX; i++) {
		if (k->answers[i].route == route)
			return &k->answers[i];
		if (k->answers[i].ends_ms < oldest->ends_ms)
			oldest = &k->answers[i];
	}
	return oldest;
}

void kept_put(struct kept *k, const struct kept_answer *a, int64_t now_ms)
{
	struct kept_answer *to = place_for(k, a->route);

	buf_free(&to->body);
	*to = *a;
	to->body = (struct buf){0};
	to->ends_ms = now_ms + KEPT_MS;
	buf_span(&to->body, buf_view(&a->body));
	if (to->body.bad) {
		buf_free(&to->body);
		*to = (struct kept_answer){0};
	}
}
