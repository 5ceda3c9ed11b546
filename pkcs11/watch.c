#include "pkcs11/watch.h"

#include "common/clock.h"
#include "pkcs11/cryptoki.h"
#include "pkcs11/owner.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	PAUSE_MS = 1000,
	PEEK_MS = 250,        /* between two questions for slot events */
	HOT_MS = 5000,        /* after something happened on USB, look at each PEEK_MS */
	PAUSE_PER_COST = 400, /* a look of 5 ms of processor time: 2 s of pause */
	PAUSE_MAX_MS = 3000,
	SERVICE_MS = 3000,   /* between two tries to reach the reader service */
	NOT_SHOWN_MS = 5000, /* a reader service takes its time with a new device */
	PAST_MAX = 256,      /* tokens remembered */
	EVENTS_DRAINED = 32,
};

struct reader {
	char name[193];
	bool unreadable; /* the card in it */
};

/* What there is at a look. Owned. */
struct sight {
	struct slot *tokens;
	size_t n;
	struct reader *readers;
	size_t nreaders;
};

struct watch {
	struct usb *usb;
	struct sight sight;
	struct slot *past; /* npast tokens that were here */
	size_t npast;
	struct watch_event *events;
	size_t nevents;
	bool started, lost_event; /* lost: out of memory */

	bool peek[MODULES_MAX];    /* the module has slot events */
	bool no_peek[MODULES_MAX]; /* it was asked, and has none */
	bool failing[MODULES_MAX];

	struct reader_scene scene;
	bool shows_reader, shows_token; /* a module that reaches its tokens through pcscd does */
	bool service_came;              /* at the last look */
	enum reader_state judged;       /* what was said last */
	uint16_t judged_vendor;
	int64_t judged_since, service_asked, hot_until, next, next_peek;
};

/* Processor time of this thread, in microseconds. */
static int64_t cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int watch_open(struct watch **out, struct err *e)
{
	struct watch *w = calloc(1, sizeof(*w));

	if (!w)
		return err_nomem(e);
	w->usb = usb_open();
	*out = w;
	return 0;
}

static void sight_free(struct sight *s)
{
	free(s->tokens);
	free(s->readers);
	*s = (struct sight){0};
}

void watch_close(struct watch *w)
{
	if (!w)
		return;
	usb_close(w->usb);
	sight_free(&w->sight);
	free(w->past);
	free(w->events);
	free(w);
}

/* ---- events ---- */

/* A place for a new event; NULL where there is no memory left. */
static struct watch_event *event_add(struct watch *w, enum watch_kind kind)
{
	struct watch_event *grown = realloc(w->events, (w->nevents + 1) * sizeof(*grown));

	if (!grown) {
		w->lost_event = true;
		return NULL;
	}
	w->events = grown;
	grown += w->nevents++;
	*grown = (struct watch_event){.kind = kind, .at_start = !w->started};
	return grown;
}

static void event_text(struct watch *w, enum watch_kind kind, const char *text, const char *why)
{
	struct watch_event *ev = event_add(w, kind);

	if (!ev)
		return;
	snprintf(ev->text, sizeof(ev->text), "%.255s", text);
	snprintf(ev->why, sizeof(ev->why), "%.255s", why);
}

const struct watch_event *watch_events(const struct watch *w, size_t *n)
{
	*n = w->nevents;
	return w->events;
}

/* ---- a look at one module ---- */

/* Modules that read what there is only when they start. */
static bool is_blind(const struct module *m)
{
	static const char *const known[] = {"SoftHSM", "tpm2"};
	const CK_UTF8CHAR *by = m->info.manufacturerID;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (memmem(by, sizeof(m->info.manufacturerID), known[i], strlen(known[i])))
			return true;
	return false;
}

static bool uses_readers(const struct module *m)
{
	char text[256];

	text_show(text, sizeof(text), m->info.libraryDescription,
		  sizeof(m->info.libraryDescription));
	return reader_is_used_by(m->name) || reader_is_used_by(text);
}

/* One physical reader may show as several slots, and in several modules. */
static void add_reader(struct sight *s, const char *name, bool unreadable)
{
	struct reader *grown;

	for (size_t i = 0; i < s->nreaders; i++)
		if (!strcmp(s->readers[i].name, name)) {
			s->readers[i].unreadable |= unreadable;
			return;
		}
	grown = realloc(s->readers, (s->nreaders + 1) * sizeof(*grown));
	if (!grown)
		return;
	s->readers = grown;
	snprintf(grown[s->nreaders].name, sizeof(grown->name), "%s", name);
	grown[s->nreaders++].unreadable = unreadable;
}

static int add_token(struct sight *s, const struct slot *slot, struct err *e)
{
	struct slot *grown = realloc(s->tokens, (s->n + 1) * sizeof(*grown));

	if (!grown)
		return err_nomem(e);
	s->tokens = grown;
	s->tokens[s->n++] = *slot;
	return 0;
}

/* Sets *removable if a token can be pulled out of the slot. */
static int look_at_slot(struct sight *s, struct slot *slot, bool *removable, struct err *e)
{
	const struct module *m = slot->module;
	CK_SLOT_INFO info;
	CK_RV rv = CKR_TOKEN_NOT_PRESENT;
	char name[sizeof(((struct reader *)0)->name)];

	if (m->fn->C_GetSlotInfo(slot->id, &info) != CKR_OK)
		info = (CK_SLOT_INFO){.flags = CKF_TOKEN_PRESENT};
	if (info.flags & CKF_TOKEN_PRESENT)
		rv = slot_refresh(slot);
	if (info.flags & CKF_REMOVABLE_DEVICE) {
		*removable = true;
		text_show(name, sizeof(name), info.slotDescription, sizeof(info.slotDescription));
		add_reader(s, name, rv != CKR_OK && !rv_is_absence(rv));
	}
	slot->info.fixed = !(info.flags & CKF_REMOVABLE_DEVICE);
	if (rv == CKR_OK && (slot->info.initialized || *slot->info.serial))
		return add_token(s, slot, e);
	return 0;
}

static int look_at_slots(struct sight *s, struct module *m, bool *removable, struct err *e)
{
	CK_SLOT_ID ids[SLOTS_MAX];
	CK_ULONG n = 0;
	const CK_RV rv = slot_ids(m, false, ids, &n);

	if (rv != CKR_OK)
		return rv_err(e, rv, "slots", "cannot list the tokens of the module %s", m->name);
	for (CK_ULONG i = 0; i < n; i++) {
		struct slot slot = {.module = m, .id = ids[i]};

		if (look_at_slot(s, &slot, removable, e))
			return (int)e->kind;
	}
	return 0;
}

static void note_failure(struct watch *w, size_t i, const struct module *m, const char *why)
{
	const bool failing = why != NULL;

	if (failing != w->failing[i])
		event_text(w, failing ? WATCH_MODULE_FAILS : WATCH_MODULE_WORKS, m->name,
			   failing ? why : "");
	w->failing[i] = failing;
}

/* A module in trouble gets a new start too, and one whose reader service came back. */
static bool wants_restart(const struct watch *w, const struct module *m, size_t i)
{
	if (!w->started || m->sessions)
		return false;
	return is_blind(m) || w->failing[i] || (w->service_came && uses_readers(m));
}

static void look_at_module(struct watch *w, struct sight *s, struct module *m, size_t i)
{
	const size_t tokens = s->n;
	const size_t readers = s->nreaders;
	bool removable = false;
	struct err e;
	int rc = 0;

	if (wants_restart(w, m, i))
		rc = module_restart(m, &e);
	if (!rc)
		rc = look_at_slots(s, m, &removable, &e);
	note_failure(w, i, m, rc ? e.what : NULL);
	w->peek[i] = removable && !rc && !w->no_peek[i];
	if (uses_readers(m)) {
		w->scene.module = true;
		w->shows_reader |= s->nreaders > readers;
		w->shows_token |= s->n > tokens;
	}
}

/* ---- what changed ---- */

static size_t find_token(const struct slot *list, size_t n, const bool *taken, const struct slot *s)
{
	size_t i = 0;

	while (i < n && (taken[i] || !slot_same_token(&list[i], s)))
		i++;
	return i;
}

static size_t count_tokens(const struct sight *s)
{
	size_t count = 0;

	for (size_t i = 0; i < s->n; i++) {
		const struct token_info *a = &s->tokens[i].info;
		bool counted = !a->initialized;

		for (size_t k = 0; k < i && !counted && *a->serial; k++)
			counted = s->tokens[k].info.initialized &&
				  !strcmp(a->serial, s->tokens[k].info.serial);
		count += !counted;
	}
	return count;
}

/* True if it was here before; remembered if not. */
static bool remember(struct watch *w, const struct slot *s)
{
	struct slot *grown;

	for (size_t i = 0; i < w->npast; i++)
		if (slot_same_token(&w->past[i], s))
			return true;
	grown = w->npast < PAST_MAX ? realloc(w->past, (w->npast + 1) * sizeof(*grown)) : NULL;
	if (grown) {
		w->past = grown;
		w->past[w->npast++] = *s;
	}
	return false;
}

static void event_token(struct watch *w, enum watch_kind kind, const struct slot *s, size_t tokens)
{
	struct watch_event *ev = event_add(w, kind);

	if (!ev)
		return;
	ev->token = s->info;
	ev->tokens = tokens;
	if (kind == WATCH_TOKEN_CAME)
		ev->again = remember(w, s);
}

/* One to one: of two tokens with the same serial number one is the other's twin. Those that left
 * are told first. */
static int compare_tokens(struct watch *w, const struct sight *now, struct err *e)
{
	const struct sight *old = &w->sight;
	const size_t tokens = count_tokens(now);
	bool *kept = calloc(now->n + 1, sizeof(*kept)); /* of now: it was there before */

	if (!kept)
		return err_nomem(e);
	for (size_t i = 0; i < old->n; i++) {
		const size_t at = find_token(now->tokens, now->n, kept, &old->tokens[i]);

		if (at < now->n)
			kept[at] = true;
		else
			event_token(w, WATCH_TOKEN_LEFT, &old->tokens[i], tokens);
	}
	for (size_t i = 0; i < now->n; i++)
		if (!kept[i])
			event_token(w, WATCH_TOKEN_CAME, &now->tokens[i], tokens);
	free(kept);
	return 0;
}

static const struct reader *find_reader(const struct sight *s, const char *name)
{
	for (size_t i = 0; i < s->nreaders; i++)
		if (!strcmp(s->readers[i].name, name))
			return &s->readers[i];
	return NULL;
}

static void compare_readers(struct watch *w, const struct sight *now)
{
	const struct sight *old = &w->sight;

	for (size_t i = 0; i < old->nreaders; i++)
		if (!find_reader(now, old->readers[i].name))
			event_text(w, WATCH_READER_LEFT, old->readers[i].name, "");
	for (size_t i = 0; i < now->nreaders; i++) {
		const struct reader *r = &now->readers[i];
		const struct reader *was = find_reader(old, r->name);

		if (!was)
			event_text(w, WATCH_READER_CAME, r->name, "");
		if (r->unreadable && (!was || !was->unreadable))
			event_text(w, WATCH_CARD_UNREADABLE, r->name, "");
		if (was && was->unreadable && !r->unreadable)
			event_text(w, WATCH_CARD_GONE, r->name, "");
	}
}

/* ---- readers, their service, USB ---- */

/* A token proves that the service is there; a reader does not: OpenSC shows it for ever. */
static void look_for_service(struct watch *w, int64_t now, bool usb_moved)
{
	struct reader_scene *scene = &w->scene;
	const bool was_up = scene->service;

	if (!scene->module)
		return;
	if (w->shows_token) {
		scene->service = true;
	} else if (!w->started || usb_moved || now - w->service_asked >= SERVICE_MS) {
		scene->service = reader_service_is_up();
		w->service_asked = now;
	}
	scene->readers = w->shows_token || (w->shows_reader && scene->service);
	w->service_came = !was_up && scene->service;
}

static void look_around(struct watch *w, int64_t now, bool usb_moved)
{
	struct reader_scene *scene = &w->scene;
	struct usb_device usb[USB_DEVICES_MAX];

	if (!w->started || usb_moved) {
		scene->has_usb = usb_list(w->usb, usb) > 0;
		if (scene->has_usb)
			scene->usb = usb[0];
	}
	look_for_service(w, now, usb_moved);
}

static void judge(struct watch *w, int64_t now)
{
	const enum reader_state state = reader_judge(&w->scene);
	char text[256];

	if (state == w->judged && (!w->scene.has_usb || w->scene.usb.vendor == w->judged_vendor)) {
		w->judged_since = now;
		return;
	}
	if (state == READER_NOT_SHOWN && now - w->judged_since < NOT_SHOWN_MS)
		return;
	reader_text(text, sizeof(text), &w->scene);
	event_text(w, WATCH_ADVICE, text, reader_remedy(state));
	w->judged = state;
	w->judged_vendor = w->scene.usb.vendor;
	w->judged_since = now;
}

const struct reader_scene *watch_scene(const struct watch *w)
{
	return &w->scene;
}

/* ---- when to look ---- */

/* All events that a module has: that there were some is enough. */
static bool has_slot_event(struct watch *w, const struct module *m, size_t i)
{
	bool any = false;

	owner_module(m->name);
	for (int n = 0; n < EVENTS_DRAINED; n++) {
		CK_SLOT_ID slot;
		const CK_RV rv = m->fn->C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL);

		if (rv != CKR_OK) {
			w->no_peek[i] = rv != CKR_NO_EVENT;
			break;
		}
		any = true;
	}
	return any;
}

/* How long to leave a processor alone that was kept busy for so long. */
static int64_t pause_for(int64_t cost_us, int64_t usual)
{
	const int64_t fair = cost_us * PAUSE_PER_COST / 1000;

	if (fair > PAUSE_MAX_MS)
		return PAUSE_MAX_MS;
	return fair > usual ? fair : usual;
}

static bool peeks(const struct watch *w)
{
	for (size_t i = 0; i < MODULES_MAX; i++)
		if (w->peek[i] && !w->no_peek[i])
			return true;
	return false;
}

static bool peek(struct watch *w, const struct tokens *ts)
{
	const int64_t before = cpu_us();
	bool any = false;

	for (size_t i = 0; i < ts->n; i++)
		any |= w->peek[i] && has_slot_event(w, &ts->modules[i], i);
	w->next_peek = clock_ms() + pause_for(cpu_us() - before, PEEK_MS);
	return any;
}

static int look(struct watch *w, struct tokens *ts, int64_t now, bool usb_moved, struct err *e)
{
	struct sight sight = {0};
	int rc;

	w->scene.module = w->scene.readers = w->shows_reader = w->shows_token = false;
	for (size_t i = 0; i < ts->n; i++)
		look_at_module(w, &sight, &ts->modules[i], i);
	slots_name(sight.tokens, sight.n);
	rc = compare_tokens(w, &sight, e);
	if (rc) {
		sight_free(&sight);
		return rc;
	}
	compare_readers(w, &sight);
	look_around(w, now, usb_moved);
	judge(w, now);
	sight_free(&w->sight);
	w->sight = sight;
	w->started = true;
	return w->lost_event ? err_nomem(e) : 0;
}

int watch_look(struct watch *w, struct tokens *ts, struct err *e)
{
	const int64_t now = clock_ms();
	const bool usb_moved = usb_changed(w->usb);
	const bool due = !w->started || usb_moved || now >= w->next;
	int64_t before;
	int rc;

	w->nevents = 0;
	if (usb_moved)
		w->hot_until = now + HOT_MS;
	owner_task("list its tokens", 1);
	if (!due && (now < w->next_peek || !peek(w, ts)))
		return 0;
	before = cpu_us();
	rc = look(w, ts, now, usb_moved, e);
	w->next =
		clock_ms() + pause_for(cpu_us() - before, now < w->hot_until ? PEEK_MS : PAUSE_MS);
	return rc;
}

int watch_pause(const struct watch *w)
{
	const int64_t next = peeks(w) && w->next_peek < w->next ? w->next_peek : w->next;
	const int64_t left = next - clock_ms();

	return left > 0 ? (int)left : 0;
}

int watch_fd(const struct watch *w)
{
	return usb_fd(w->usb);
}

bool watch_wait(const struct watch *w, int ms, int fd)
{
	struct pollfd fds[] = {{watch_fd(w), POLLIN, 0}, {fd, POLLIN, 0}};
	const int pause = watch_pause(w);

	(void)poll(fds, 2, pause < ms ? pause : ms);
	return fds[1].revents & (POLLIN | POLLHUP);
}
