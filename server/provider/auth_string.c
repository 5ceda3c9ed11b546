#include "server/provider/auth_string.h"

#include <openssl/rand.h>
#include <stdint.h>

int auth_string_make(char text[AUTH_STRING_DIGITS + 1], struct err *e)
{
	size_t n = 0;
	uint8_t r;

	while (n < AUTH_STRING_DIGITS) {
		if (RAND_priv_bytes(&r, 1) != 1)
			return err_openssl(e, ERR_FAILED, "auth-string",
					   "cannot make an authentication string");
		/* 250 is the last multiple of ten: no digit is likelier than another. */
		if (r < 250)
			text[n++] = (char)('0' + r % 10);
	}
	text[n] = '\0';
	return 0;
}
