/* JSON, both ways, on jansson: strict when reading, one document when writing. */
#ifndef COMMON_JSON_H
#define COMMON_JSON_H

#include "common/bytes.h"
#include "common/err.h"

#include <jansson.h>

/* Reads one document: duplicate keys, bytes behind it and broken UTF-8 are refused ("json").
 * On success *out is the caller's; give it to json_decref(). */
int json_read(json_t **out, struct span text, struct err *e);

/* Prints doc and a newline on standard output, and lets go of it. Returns the exit code: ERR_FAILED
 * if it could not be written. A NULL doc is a failed allocation and said so. */
int json_print(json_t *doc);

/* A string value from bytes of strangers: what is not UTF-8 is shown as \xNN. NULL if out of
 * memory. */
json_t *json_text(struct span s);

/* As json_text, from a string. */
json_t *json_chars(const char *text);

/* A string value of lower-case hexadecimal digits. */
json_t *json_hex(struct span s);

#endif
