/* Authentication strings that are made here rather than chosen by a person. */
#ifndef SERVER_PROVIDER_AUTH_STRING_H
#define SERVER_PROVIDER_AUTH_STRING_H

#include "common/err.h"

enum {
	AUTH_STRING_DIGITS = 8,
	AUTH_STRING_TRIES = 20, /* until one is found that nobody else waits with */
};

/* AUTH_STRING_DIGITS random digits and a NUL; the caller wipes them. ERR_FAILED "auth-string" if
 * there are no random numbers. */
int auth_string_make(char text[AUTH_STRING_DIGITS + 1], struct err *e);

#endif
