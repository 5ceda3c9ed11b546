/* Templates: sets of parameters (hardening, as a rule) that many phones share. */
#ifndef SERVER_STORE_STORE_TEMPLATE_H
#define SERVER_STORE_STORE_TEMPLATE_H

#include "server/store/store_profile.h"
#include "server/store/store_values.h"

struct store_template {
	int64_t id;
	char name[STORE_LABEL_MAX]; /* unique in any case */
	char description[STORE_TEXT_MAX];
	struct store_values values; /* owned */
	int64_t version;            /* read, never written */
	int64_t phones;             /* that use it: read, never written */
};

void store_template_free(struct store_template *t);

/* Sets id and version. ERR_CONFLICT "template-exists". */
int store_template_add(struct store *s, struct store_template *t, struct err *e);

/* *found tells whether there is one of that name, in any case. Secret values are empty.
 * store_template_free() it. */
int store_template_get(struct store *s, const char *name, struct store_template *t, bool *found,
		       struct err *e);

/* All, by name, without their values. *list is n elements; free() it. */
int store_templates(struct store *s, struct store_template **list, size_t *n, struct err *e);

/* Gives the template called name what t says, its name included. A secret value that is empty in t
 * stays as it is. ERR_FAILED "no-template"; ERR_CONFLICT "template-exists", "stale-version". */
int store_template_put(struct store *s, const char *name, struct store_template *t,
		       int64_t expected, struct err *e);

/* ERR_REFUSED "template-in-use". */
int store_template_remove(struct store *s, const char *name, int64_t expected, struct err *e);

#endif
