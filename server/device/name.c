#include "server/device/name.h"

#include <ctype.h>
#include <string.h>

enum { PREFIX = 3 }; /* letters in front of the MAC address: SEP, ATA, SIP */

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
static const char digits[] = "0123456789ABCDEFabcdef";

const char *device_name_mac(const char *name)
{
	if (strlen(name) != PREFIX + DEVICE_MAC_DIGITS || strcspn(name, "0123456789._-") < PREFIX)
		return NULL;
	return strspn(name + PREFIX, digits) == DEVICE_MAC_DIGITS ? name + PREFIX : NULL;
}

/* Between every pair of digits the same mark, every two or four digits, or none at all. */
static bool take_mac(char mac[DEVICE_MAC_DIGITS + 1], const char *text)
{
	const size_t first = strspn(text, digits);
	const char mark = text[first];
	size_t n = 0;

	if (first != DEVICE_MAC_DIGITS &&
	    !(mark && strchr(":-.", mark) && (first == 2 || first == 4)))
		return false;
	while (n + first <= DEVICE_MAC_DIGITS && strspn(text, digits) == first) {
		memcpy(mac + n, text, first);
		n += first;
		text += first;
		if (*text && *text != mark)
			return false;
		text += *text && n < DEVICE_MAC_DIGITS;
	}
	mac[n] = '\0';
	return n == DEVICE_MAC_DIGITS && !*text;
}

int device_name_parse(char out[DEVICE_NAME_MAX], const char *text, struct err *e)
{
	char mac[DEVICE_MAC_DIGITS + 1];
	const size_t n = strlen(text);

	if (take_mac(mac, text)) {
		memcpy(out, "SEP", PREFIX);
		memcpy(out + PREFIX, mac, sizeof(mac));
	} else if (n && n < DEVICE_NAME_MAX && strspn(text, alphabet) == n) {
		memcpy(out, text, n + 1);
	} else {
		err_set(e, ERR_USAGE, "device-name",
			"\"%.40s\" is no name of a device: those have 1 to %d letters, digits, "
			"dots, "
			"dashes or underscores",
			text, DEVICE_NAME_MAX - 1);
		return err_hint(e, "desk phones are called SEP and their MAC address, such as "
				   "SEP001122334455; the MAC address alone will do");
	}
	if (device_name_mac(out))
		for (char *p = out; *p; p++)
			*p = (char)toupper((unsigned char)*p);
	return 0;
}
