/* What is allowed, but will not do what its owner hopes for. Pure. */
#ifndef SERVER_PROVIDER_PHONE_ADVICE_H
#define SERVER_PROVIDER_PHONE_ADVICE_H

#include "server/store/store_phone.h"

/* Calls tell with one sentence after the other. */
void phone_advise(const struct store_phone *p, const struct store_profile *profile,
		  void (*tell)(const char *sentence, void *arg), void *arg);

#endif
