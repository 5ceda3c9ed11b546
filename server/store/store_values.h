/* Parameters of phones by name (server/device/harden.h), as templates and phones have them. */
#ifndef SERVER_STORE_STORE_VALUES_H
#define SERVER_STORE_STORE_VALUES_H

#include "server/device/harden.h"

struct store_value {
	char name[HARDEN_NAME_MAX];
	char value[HARDEN_VALUE_MAX]; /* "" where it is secret and was not asked for */
	bool secret;
};

/* Sorted by name. Start it as {0}. */
struct store_values {
	struct store_value *list; /* n of them, owned */
	size_t n;
};

void store_values_free(struct store_values *v); /* wipes them */

/* The one of that name, or NULL. */
const struct store_value *store_values_find(const struct store_values *v, const char *name);

/* Sets one, replacing what is there. */
int store_values_set(struct store_values *v, const struct store_value *value, struct err *e);

/* Takes one out, if it is there. */
void store_values_remove(struct store_values *v, const char *name);

#endif
