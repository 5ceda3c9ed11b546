/* What the files about phones, profiles, templates and digest users share. */
#ifndef SERVER_STORE_PHONE_PRIV_H
#define SERVER_STORE_PHONE_PRIV_H

#include "server/store/store_phone.h"
#include "server/store/store_priv.h"

/* The version for what changes in this transaction: greater than all before it, and not smaller
 * than the time in seconds, so that a restored backup does not hand versions out again. */
int phone_next_version(struct store *s, int64_t *version, struct err *e);

/* ERR_CONFLICT "stale-version" unless expected is STORE_ANY_VERSION or version. what names
 * the thing ("the profile x"). */
int phone_check_version(int64_t expected, int64_t version, const char *what, struct err *e);

/* Whether a text of people may be stored: printable, no blanks at its ends, not empty unless
 * may_be_empty. ERR_USAGE id; field names it in the message. */
int phone_check_text(const char *text, bool may_be_empty, const char *id, const char *field,
		     struct err *e);

/* As store_profile_get(), but phones is 0: counting them takes a look at each. */
int phone_profile_get(struct store *s, const char *name, struct store_profile *p, bool *found,
		      struct err *e);

/* The template of that name, or 0. */
int phone_template_id(struct store *s, const char *name, int64_t *id, struct err *e);

/* Names and values of parameters: ERR_USAGE "parameter", "parameter-value". */
int phone_check_values(const struct store_values *v, struct err *e);

/* ERR_REFUSED slug: "why: it is used by a, b and 7 more". q was started with a statement that gives
 * names of phones for the id. */
int phone_refuse_in_use(struct query *q, int64_t id, const char *slug, const char *why,
			struct err *e);

/* ERR_USAGE "auth-string" unless text is an authentication string, or empty. */
int phone_check_string(struct span text, struct err *e);

/* ERR_CONFLICT "auth-string-taken" if the string that the phone has is one that another phone is
 * waiting with for CAPF. */
int phone_check_string_free(struct store *s, int64_t id, struct err *e);

/* As store_phone_get(), but ERR_FAILED "no-phone" if there is none. */
int phone_need(struct store *s, const char *name, struct store_phone *p, struct err *e);

/* "there is no phone ..." */
int phone_refuse_unknown(const char *name, struct err *e);

#endif
