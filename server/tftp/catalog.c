#include "server/tftp/catalog.h"

#include "server/tftp/hash.h"

#include <stdlib.h>
#include <string.h>

enum {
	EVICT_LOOKS = 64, /* entries looked at in one go: those that transfers hold stay */
	REPEATS_MAX = 3,  /* of a file that changes faster than it is made */
	SOURCES_MAX = 4,
};

enum known { KNOWN_NOTHING, KNOWN_ABSENT, KNOWN_CONTENT, KNOWN_TROUBLE };

TAILQ_HEAD(waiter_list, catalog_waiter);
TAILQ_HEAD(entry_list, catalog_entry);

/* What is known of one name. */
struct catalog_entry {
	struct catalog *catalog;
	struct catalog_entry *chain;       /* of the same hash */
	TAILQ_ENTRY(catalog_entry) recent; /* the one asked for last is at the end */
	TAILQ_ENTRY(catalog_entry) queued; /* while it waits for its source's workers */
	struct waiter_list waiters;
	uint64_t hash;

	enum known known;
	struct content *content;
	struct err *trouble;
	struct catalog_tag tag;
	uint64_t epoch;     /* of the catalog when it was looked at */
	uint64_t looked_ms; /* when that was */
	unsigned said;      /* the source that said so */
	unsigned source;    /* the one that is asked while busy */

	bool busy;      /* being made: waiting, or with the workers */
	bool in_flight; /* with the workers */
	unsigned repeats;
	size_t len;
	char text[]; /* the name as it was asked for, a NUL, its key, a NUL */
};

/* A job with what the loop has to know when it is done. */
struct build {
	struct catalog_job job;
	struct catalog_entry *entry;
	uint64_t epoch;
};

struct catalog {
	struct catalog_opts opts;
	struct hash_key key;
	struct content *ctl;
	uint64_t epoch;
	uint64_t now_ms; /* of the last question */
	size_t memory;
	size_t count;
	struct entry_list recent;
	struct entry_list queues[SOURCES_MAX];
	unsigned in_flight[SOURCES_MAX];
	struct err full;
	struct catalog_entry *table[CATALOG_ENTRIES];
};

/* ---- entries ---- */

static size_t entry_size(size_t name_len)
{
	return sizeof(struct catalog_entry) + 2 * (name_len + 1);
}

static const char *key_of(const struct catalog_entry *en)
{
	return en->text + en->len + 1;
}

static struct catalog_entry **slot_of(struct catalog *c, uint64_t hash)
{
	return &c->table[hash % CATALOG_ENTRIES];
}

static struct catalog_entry *entry_find(struct catalog *c, const struct name *n, uint64_t hash)
{
	struct catalog_entry *en = *slot_of(c, hash);

	while (en && (en->hash != hash || en->len != n->len || memcmp(key_of(en), n->key, n->len)))
		en = en->chain;
	return en;
}

static struct catalog_entry *entry_add(struct catalog *c, const struct name *n, uint64_t hash)
{
	struct catalog_entry *en = calloc(1, entry_size(n->len));

	if (!en)
		return NULL;
	en->catalog = c;
	en->hash = hash;
	en->len = n->len;
	memcpy(en->text, n->text, n->len);
	memcpy(en->text + n->len + 1, n->key, n->len);
	TAILQ_INIT(&en->waiters);
	TAILQ_INSERT_TAIL(&c->recent, en, recent);
	en->chain = *slot_of(c, hash);
	*slot_of(c, hash) = en;
	c->count++;
	c->memory += entry_size(n->len);
	return en;
}

static void forget(struct catalog_entry *en)
{
	content_unref(en->content);
	free(en->trouble);
	en->content = NULL;
	en->trouble = NULL;
	en->known = KNOWN_NOTHING;
	memset(&en->tag, 0, sizeof(en->tag));
}

static void entry_free(struct catalog_entry *en)
{
	struct catalog *c = en->catalog;
	struct catalog_entry **at = slot_of(c, en->hash);

	while (*at != en)
		at = &(*at)->chain;
	*at = en->chain;
	TAILQ_REMOVE(&c->recent, en, recent);
	c->count--;
	c->memory -= entry_size(en->len);
	forget(en);
	free(en);
}

/* Frees entries nobody needs until there is room, or nothing to be gained. */
static void evict(struct catalog *c, size_t memory_max, size_t count_max)
{
	struct catalog_entry *en = TAILQ_FIRST(&c->recent), *next;

	for (int i = 0; en && i < EVICT_LOOKS; i++, en = next) {
		next = TAILQ_NEXT(en, recent);
		if (c->memory <= memory_max && c->count <= count_max)
			return;
		if (!en->busy && (!en->content || en->content->refs == 1))
			entry_free(en);
	}
}

/* ---- making ---- */

static const struct catalog_source *source_of(const struct catalog_entry *en)
{
	return &en->catalog->opts.sources[en->source];
}

static void enqueue(struct catalog_entry *en)
{
	en->busy = true;
	TAILQ_INSERT_TAIL(&en->catalog->queues[en->source], en, queued);
}

/* The first source at or behind from that may know the name; nsources: none does. */
static unsigned next_source(const struct catalog *c, const struct name *n, unsigned from)
{
	while (from < c->opts.nsources && c->opts.sources[from].takes &&
	       !c->opts.sources[from].takes(n))
		from++;
	return from;
}

static void tell(struct catalog_entry *en)
{
	/* What was made before may be there still, but nobody knows whether it is right. */
	struct content *content = en->known == KNOWN_CONTENT ? content_ref(en->content) : NULL;
	const struct err *e = NULL;
	struct catalog_waiter *w;

	if (en->known == KNOWN_TROUBLE)
		e = en->trouble ? en->trouble : &en->catalog->full;

	while ((w = TAILQ_FIRST(&en->waiters))) {
		TAILQ_REMOVE(&en->waiters, w, link);
		w->entry = NULL;
		w->ready(w, content, e);
	}
	content_unref(content);
}

static void set_trouble(struct catalog_entry *en, const struct err *e)
{
	/* The tag and what was made from it stay: they may turn out to be right. */
	free(en->trouble);
	en->trouble = malloc(sizeof(*en->trouble));
	if (en->trouble)
		*en->trouble = *e;
	en->known = KNOWN_TROUBLE;
}

static void set_content(struct catalog_entry *en, struct catalog_job *j)
{
	forget(en);
	en->known = KNOWN_CONTENT;
	en->content = j->content;
	en->tag = j->tag;
	content_count(en->content, &en->catalog->memory);
	j->content = NULL;
}

static void take_result(struct catalog_entry *en, struct catalog_job *j)
{
	switch (j->made) {
	case CATALOG_MADE:
		set_content(en, j);
		break;
	case CATALOG_UNCHANGED:
		free(en->trouble);
		en->trouble = NULL;
		en->known = en->content ? KNOWN_CONTENT : KNOWN_ABSENT;
		break;
	case CATALOG_FAILED:
		set_trouble(en, &j->e);
		break;
	case CATALOG_NONE:
	case CATALOG_FOREIGN:
		forget(en);
		en->known = KNOWN_ABSENT;
		break;
	}
}

static void finish(struct catalog_entry *en, struct build *b)
{
	struct catalog *c = en->catalog;

	take_result(en, &b->job);
	en->epoch = b->epoch;
	en->looked_ms = c->now_ms;
	en->said = en->source;
	en->repeats = 0;
	tell(en);
	en->busy = false;
	evict(c, c->opts.memory_max, CATALOG_ENTRIES);
}

static void on_done(void *arg)
{
	struct build *b = arg;
	struct catalog_entry *en = b->entry;
	struct catalog *c = en->catalog;
	const unsigned next = next_source(c, &b->job.name, en->source + 1);

	c->in_flight[en->source]--;
	en->in_flight = false;
	if (b->job.made == CATALOG_FOREIGN && next < c->opts.nsources) {
		en->source = next;
		enqueue(en);
	} else if (b->epoch != c->epoch && !source_of(en)->fresh_ms &&
		   en->repeats++ < REPEATS_MAX) {
		/* Who came after the change must not get what was before. */
		enqueue(en);
	} else {
		finish(en, b);
	}
	content_unref(b->job.content);
	free(b);
	catalog_go_on(c);
}

static void on_run(void *arg, void *own)
{
	struct build *b = arg;
	const struct catalog_source *s = source_of(b->entry);

	s->make(&b->job, own);
}

/* Hands an entry to its source's workers; false if they take no more now. */
static bool submit(struct catalog_entry *en)
{
	struct build *b = calloc(1, sizeof(*b));
	struct err ignored;

	if (!b)
		return false;
	b->entry = en;
	b->epoch = en->catalog->epoch;
	b->job.name.len = en->len;
	memcpy(b->job.name.text, en->text, en->len + 1);
	memcpy(b->job.name.key, key_of(en), en->len + 1);
	b->job.was = en->tag;
	b->job.made = CATALOG_FAILED;
	if (worker_submit(source_of(en)->pool, on_run, on_done, b, &ignored)) {
		free(b);
		return false;
	}
	en->in_flight = true;
	return true;
}

static void pump(struct catalog *c, unsigned source)
{
	struct entry_list *q = &c->queues[source];
	struct catalog_entry *en;

	while (c->in_flight[source] < CATALOG_IN_FLIGHT && (en = TAILQ_FIRST(q))) {
		evict(c, c->opts.memory_max, CATALOG_ENTRIES);
		if (c->memory > c->opts.memory_max || !submit(en))
			return;
		TAILQ_REMOVE(q, en, queued);
		c->in_flight[source]++;
	}
}

void catalog_go_on(struct catalog *c)
{
	for (unsigned i = 0; i < c->opts.nsources; i++)
		if (!TAILQ_EMPTY(&c->queues[i]))
			pump(c, i);
}

/* ---- asking ---- */

/* How far what is known of a name can be relied on. */
enum quality { UNKNOWN, STALE, GOOD };

static enum quality quality_of(const struct catalog_entry *en, uint64_t now_ms)
{
	const struct catalog_source *s = &en->catalog->opts.sources[en->said];
	const uint64_t age = now_ms - en->looked_ms;

	if (en->known == KNOWN_NOTHING)
		return UNKNOWN;
	if (en->known == KNOWN_TROUBLE)
		return age < CATALOG_RETRY_MS ? GOOD : UNKNOWN;
	/* Whether an earlier source has it now depends on the store, too. */
	if (en->epoch != en->catalog->epoch)
		return UNKNOWN;
	if (!s->fresh_ms || age < s->fresh_ms)
		return GOOD;
	return age < s->stale_ms ? STALE : UNKNOWN;
}

static enum catalog_answer answer(const struct catalog_entry *en, struct content **out,
				  const struct err **e)
{
	if (en->known == KNOWN_ABSENT)
		return CATALOG_ABSENT;
	if (en->known == KNOWN_CONTENT) {
		*out = en->content;
		return CATALOG_HERE;
	}
	*e = en->trouble ? en->trouble : &en->catalog->full;
	return CATALOG_TROUBLE;
}

static struct catalog_entry *entry_need(struct catalog *c, const struct name *n, bool add)
{
	const uint64_t hash = hash_bytes(&c->key, span_of(n->key, n->len));
	struct catalog_entry *en = entry_find(c, n, hash);

	if (en) {
		TAILQ_REMOVE(&c->recent, en, recent);
		TAILQ_INSERT_TAIL(&c->recent, en, recent);
		return en;
	}
	if (!add)
		return NULL;
	evict(c, SIZE_MAX, CATALOG_ENTRIES - 1);
	return c->count < CATALOG_ENTRIES ? entry_add(c, n, hash) : NULL;
}

/* From which source on an entry is to be made: not from those that had nothing to say, unless the
 * store has changed since. */
static unsigned first_source(const struct catalog_entry *en, const struct name *n)
{
	const bool same = en->known != KNOWN_NOTHING && en->epoch == en->catalog->epoch;

	return next_source(en->catalog, n, same ? en->said : 0);
}

static void look_again(struct catalog_entry *en, const struct name *n)
{
	en->source = first_source(en, n);
	enqueue(en);
	pump(en->catalog, en->source);
}

enum catalog_answer catalog_find(struct catalog *c, const struct name *n, uint64_t now_ms,
				 struct catalog_waiter *w, struct content **out,
				 const struct err **e)
{
	struct catalog_entry *en;
	enum quality quality;

	c->now_ms = now_ms;
	if (name_is_ctl(n)) {
		*out = c->ctl;
		return c->ctl ? CATALOG_HERE : CATALOG_ABSENT;
	}
	if (next_source(c, n, 0) == c->opts.nsources)
		return CATALOG_ABSENT;
	en = entry_need(c, n, w != NULL);
	if (!en && !w)
		return CATALOG_LATER;
	if (!en) {
		*e = &c->full;
		return CATALOG_TROUBLE;
	}
	quality = quality_of(en, now_ms);
	if (quality == STALE && !en->busy)
		look_again(en, n);
	if (quality == GOOD || quality == STALE)
		return answer(en, out, e);
	if (!w)
		return CATALOG_LATER;
	w->entry = en;
	TAILQ_INSERT_TAIL(&en->waiters, w, link);
	if (!en->busy)
		look_again(en, n);
	return CATALOG_LATER;
}

void catalog_leave(struct catalog_waiter *w)
{
	struct catalog_entry *en = w->entry;

	if (!en)
		return;
	w->entry = NULL;
	TAILQ_REMOVE(&en->waiters, w, link);
	if (!TAILQ_EMPTY(&en->waiters) || !en->busy || en->in_flight)
		return;
	TAILQ_REMOVE(&en->catalog->queues[en->source], en, queued);
	en->busy = false;
}

/* ---- beginning, changes, end ---- */

struct catalog *catalog_new(const struct catalog_opts *opts)
{
	struct catalog *c = opts->nsources <= SOURCES_MAX ? calloc(1, sizeof(*c)) : NULL;

	if (!c || !hash_key_make(&c->key)) {
		free(c);
		return NULL;
	}
	c->opts = *opts;
	TAILQ_INIT(&c->recent);
	for (unsigned i = 0; i < SOURCES_MAX; i++)
		TAILQ_INIT(&c->queues[i]);
	err_set(&c->full, ERR_FAILED, "busy", "too many files are being made");
	return c;
}

void catalog_free(struct catalog *c)
{
	struct catalog_entry *en;

	if (!c)
		return;
	while ((en = TAILQ_FIRST(&c->recent)))
		entry_free(en);
	content_unref(c->ctl);
	free(c);
}

void catalog_set_ctl(struct catalog *c, struct content *ctl)
{
	content_unref(c->ctl);
	c->ctl = ctl;
}

void catalog_changed(struct catalog *c)
{
	c->epoch++;
}

size_t catalog_memory(const struct catalog *c)
{
	return c->memory;
}
