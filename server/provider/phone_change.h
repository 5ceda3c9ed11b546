/* Writing a phone with all that can be given along with it, as one change. On a worker. */
#ifndef SERVER_PROVIDER_PHONE_CHANGE_H
#define SERVER_PROVIDER_PHONE_CHANGE_H

#include "server/provider/phone_json.h"

/* Adds p (name is NULL), or gives the phone called name what p says (store_phone_put()), with the
 * extras x; p is then as it is in the store. An authentication mode or key size that is not the
 * profile's gives the phone the profile that is like its own otherwise, which is made if there is
 * none. Errors: those of the store; "certificate", "phone-key", "auth-string", ERR_USAGE. */
int phone_change(struct store *s, const char *name, struct store_phone *p,
		 const struct phone_extras *x, int64_t expected, struct err *e);

#endif
