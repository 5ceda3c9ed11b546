/* Errors as problem documents (RFC 7807), as doc/api.md describes them. */
#ifndef SERVER_NET_PROBLEM_H
#define SERVER_NET_PROBLEM_H

#include "common/bytes.h"
#include "common/err.h"

#include <jansson.h>

#define PROBLEM_TYPE "application/problem+json"

/* The HTTP status of an error: by its id, else by its kind. */
int problem_status(const struct err *e);

/* Appends the document. extra, an object that the call lets go of, or NULL, gives further members.
 * What a stranger has no use for (the text of a status 500) is left out. */
void problem_write(struct buf *out, const struct err *e, json_t *extra);

#endif
