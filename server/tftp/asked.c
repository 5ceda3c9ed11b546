#include "server/tftp/asked.h"

#include "server/tftp/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BUCKETS = 8192 };

struct one {
	struct one *chain;
	struct store_seen seen;
};

struct asked {
	struct hash_key key;
	size_t count;
	struct one *buckets[BUCKETS];
};

struct asked *asked_new(void)
{
	struct asked *a = calloc(1, sizeof(*a));

	if (a && hash_key_make(&a->key))
		return a;
	free(a);
	return NULL;
}

void asked_take(struct asked *a, struct store_seen **list, size_t *n)
{
	struct store_seen *all = a->count ? calloc(a->count, sizeof(*all)) : NULL;

	*n = 0;
	for (size_t i = 0; i < BUCKETS; i++) {
		struct one *one;

		while ((one = a->buckets[i])) {
			a->buckets[i] = one->chain;
			if (all)
				all[(*n)++] = one->seen;
			free(one);
		}
	}
	a->count = 0;
	*list = all;
}

void asked_free(struct asked *a)
{
	struct store_seen *list;
	size_t n;

	if (!a)
		return;
	asked_take(a, &list, &n);
	free(list);
	free(a);
}

static struct one *need(struct asked *a, const char *device)
{
	const uint64_t hash = hash_bytes(&a->key, span_of(device, strlen(device)));
	struct one **head = &a->buckets[hash % BUCKETS];
	struct one *one = *head;

	while (one && strcmp(one->seen.device, device) != 0)
		one = one->chain;
	if (one || a->count >= ASKED_MAX)
		return one;
	one = calloc(1, sizeof(*one));
	if (!one)
		return NULL;
	snprintf(one->seen.device, sizeof(one->seen.device), "%s", device);
	one->chain = *head;
	*head = one;
	a->count++;
	return one;
}

void asked_note(struct asked *a, const struct asked_note *note)
{
	const char *outcome = note->outcome;
	char device[NAME_DEVICE];
	struct one *one;

	if (!name_device(device, note->name) || !(one = need(a, device)))
		return;
	if (!outcome)
		outcome = note->content->outcome ? note->content->outcome : "sent";
	snprintf(one->seen.file, sizeof(one->seen.file), "%.*s", STORE_FILE_NAME_MAX - 1,
		 note->name->text);
	snprintf(one->seen.address, sizeof(one->seen.address), "%s", note->address);
	snprintf(one->seen.outcome, sizeof(one->seen.outcome), "%s", outcome);
	one->seen.time = time(NULL);
	/* A file that broke off is not what the phone has; one that it got before may be. */
	if (note->content && !note->outcome && note->content->stamp)
		one->seen.stamp = note->content->stamp;
}
