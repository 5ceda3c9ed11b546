/* Security profiles, templates and parameters as JSON (doc/api.md), both ways. */
#ifndef SERVER_PROVIDER_PROFILE_JSON_H
#define SERVER_PROVIDER_PROFILE_JSON_H

#include "server/store/store_template.h"

#include <jansson.h>

/* NULL if out of memory. */
json_t *profile_json(const struct store_profile *p);
json_t *template_json(const struct store_template *t, bool with_values);
json_t *digest_user_json(const struct store_digest_user *u);

/* Takes the members of doc over into p, which says what is not in doc. ERR_USAGE "bad-request". */
int profile_take(struct store_profile *p, const json_t *doc, struct err *e);
int template_take(struct store_template *t, const json_t *doc, struct err *e);

/* Parameters: {"garp": "1"}, the names of secret ones in an array of their own. NULL if out of
 * memory. */
json_t *values_json(const struct store_values *v);
json_t *values_json_secrets(const struct store_values *v);

/* Takes an object of parameters over: null takes one away, words become values. ERR_USAGE
 * "bad-request", "parameter", "parameter-value". */
int values_take(struct store_values *v, const json_t *doc, struct err *e);

#endif
