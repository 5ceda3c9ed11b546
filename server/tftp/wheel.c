#include "server/tftp/wheel.h"

static void ring_init(struct wheel_timer *head)
{
	head->prev = head->next = head;
}

static void ring_add(struct wheel_timer *head, struct wheel_timer *t)
{
	t->prev = head->prev;
	t->next = head;
	t->prev->next = t;
	head->prev = t;
}

static void ring_remove(struct wheel_timer *t)
{
	t->prev->next = t->next;
	t->next->prev = t->prev;
	t->prev = t->next = NULL;
}

/* The tick at which a timer is surely due. */
static uint64_t tick_of(uint64_t due_ms)
{
	return due_ms / WHEEL_TICK_MS + 1;
}

void wheel_init(struct wheel *w, uint64_t now_ms)
{
	for (size_t i = 0; i < WHEEL_SLOTS; i++)
		ring_init(&w->slots[i]);
	w->tick = now_ms / WHEEL_TICK_MS;
	w->armed = 0;
}

void wheel_set(struct wheel *w, struct wheel_timer *t, uint64_t due_ms)
{
	uint64_t tick = tick_of(due_ms);

	wheel_stop(w, t);
	/* What is due already must not wait for a whole turn. */
	if (tick < w->tick)
		tick = w->tick;
	t->due_ms = due_ms;
	ring_add(&w->slots[tick % WHEEL_SLOTS], t);
	w->armed++;
}

void wheel_stop(struct wheel *w, struct wheel_timer *t)
{
	if (!t->next)
		return;
	ring_remove(t);
	w->armed--;
}

/* The slot is emptied into a ring of its own first, so that what fn arms in this very slot waits
 * for the next round instead of running at once, for ever. */
static void run_slot(struct wheel *w, struct wheel_timer *slot, uint64_t now_ms, wheel_fn *fn,
		     void *arg)
{
	struct wheel_timer round;

	ring_init(&round);
	while (slot->next != slot) {
		struct wheel_timer *t = slot->next;

		ring_remove(t);
		ring_add(&round, t);
	}
	while (round.next != &round) {
		struct wheel_timer *t = round.next;

		ring_remove(t);
		if (t->due_ms > now_ms) {
			ring_add(slot, t);
			continue;
		}
		w->armed--;
		fn(arg, t);
	}
}

void wheel_run(struct wheel *w, uint64_t now_ms, wheel_fn *fn, void *arg)
{
	const uint64_t now_tick = now_ms / WHEEL_TICK_MS;
	size_t slots = 0;

	/* After a long pause one turn sees every slot. */
	while (w->tick <= now_tick && slots++ < WHEEL_SLOTS) {
		struct wheel_timer *slot = &w->slots[w->tick++ % WHEEL_SLOTS];

		run_slot(w, slot, now_ms, fn, arg);
	}
	if (w->tick <= now_tick)
		w->tick = now_tick + 1;
}
