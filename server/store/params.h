/* Parameters in the store: for templates and phones, which have them (store_values.h). */
#ifndef SERVER_STORE_PARAMS_H
#define SERVER_STORE_PARAMS_H

#include "server/store/store.h"
#include "server/store/store_values.h"

/* Whose they are: one of the two ids is 0. */
struct params_owner {
	int64_t template_id, phone_id;
};

/* Adds what is stored to to; secret values are empty unless secrets. */
int params_read(struct store *s, const struct params_owner *o, struct store_values *to,
		bool secrets, struct err *e);

/* Brings what is stored in line with v, inside a transaction. A secret that is empty in v stays as
 * it is. */
int params_write(struct store *s, const struct params_owner *o, const struct store_values *v,
		 struct err *e);

#endif
