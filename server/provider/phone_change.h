/* Writing a phone with all that can be given along with it, as one change. On a worker. */
#ifndef SERVER_PROVIDER_PHONE_CHANGE_H
#define SERVER_PROVIDER_PHONE_CHANGE_H

#include "server/provider/phone_json.h"

/* Gives p the profile that it is to have, which is made if there is none: the predefined one if it
 * names none; with an authentication mode or key size in x that is not the profile's, the one that
 * is like it otherwise. Takes both out of x. ERR_USAGE "bad-request": p has no protocol. */
int phone_choose_profile(struct store *s, struct store_phone *p, struct phone_extras *x,
			 struct err *e);

/* Adds p (name is NULL), or gives the phone called name what p says (store_phone_put()), with the
 * extras x and the profile as above; p is then as it is in the store. Errors: those of the store
 * and those above; "certificate", "phone-key", "auth-string", ERR_USAGE. */
int phone_change(struct store *s, const char *name, struct store_phone *p, struct phone_extras *x,
		 int64_t expected, struct err *e);

#endif
