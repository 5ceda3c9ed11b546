/*
 * Members of a JSON object of strangers, one by one: those that are missing leave what is there, so
 * that one function reads a whole thing and a change of it (RFC 7396). The first error stays; the
 * rest then does nothing. All are ERR_USAGE "bad-request" and name the member.
 */
#ifndef SERVER_PROVIDER_JSON_TAKE_H
#define SERVER_PROVIDER_JSON_TAKE_H

#include "common/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct json_take {
	const json_t *doc;
	struct err *e;
	int rc; /* 0, or the kind of e */
};

/* Whether the member is there at all. */
bool take_has(const struct json_take *t, const char *key);

/* null is an empty text. A text of size bytes or more is an error. (json_read() knows no NUL.) */
void take_text(struct json_take *t, const char *key, char *to, size_t size);
void take_bool(struct json_take *t, const char *key, bool *to);
void take_int(struct json_take *t, const char *key, int *to);

/* One of n words (words[0] is not one, nor is an empty one): its index. */
void take_word(struct json_take *t, const char *key, const char *const *words, size_t n,
	       unsigned *to);

/* Every member must be one of these, up to a NULL. */
void take_only(struct json_take *t, const char *const *known);

/* Ends the taking: rc. */
int take_end(const struct json_take *t);

/* The error for a member that is not as it should be: what completes "the member x". */
void take_refuse(struct json_take *t, const char *key, const char *what);

#endif
