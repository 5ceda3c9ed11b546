/* What routes share that change phones, profiles and the like. On a worker. */
#ifndef SERVER_PROVIDER_API_CHANGE_H
#define SERVER_PROVIDER_API_CHANGE_H

#include "server/provider/api_call.h"
#include "server/store/store_profile.h"

/* This node must be the publisher; doc becomes the body's JSON (json_decref() it), expected what
 * If-Match says. Either may be NULL. ERR_USAGE "json", "bad-request"; "not-publisher". */
int change_begin(struct call *c, struct store *s, json_t **doc, int64_t *expected, struct err *e);

/* The number of a generation or version as If-Match names it: "4", in quotes. ERR_USAGE
 * "bad-request". */
int etag_parse(int64_t *number, const char *field, struct err *e);

/* ERR_USAGE "no-version": whoever replaces a thing says which one. */
int call_needs_if_match(int64_t expected, struct err *e);

/* Answers with doc, which the call owns from now on, and its version as ETag. NULL: out of memory.
 */
int answer_doc(struct call *c, json_t *doc, int64_t version, struct err *e);
int answer_nothing(struct call *c, struct err *e);

#endif
