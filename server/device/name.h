/* Names of devices: SEP001122334455, ATA001122334455, or what a softphone is called. */
#ifndef SERVER_DEVICE_NAME_H
#define SERVER_DEVICE_NAME_H

#include "common/err.h"

#include <stdbool.h>

enum {
	DEVICE_NAME_MAX = 16, /* bytes with the NUL: what fits into SCCP's Register */
	DEVICE_MAC_DIGITS = 12,
};

/* Puts text into the form that is stored: names that end in a MAC address, and bare MAC addresses
 * ("00:11:22:33:44:55", "0011.2233.4455", "00-11-22-33-44-55", "001122334455"), which become SEP
 * names, in upper case; others as they are. ERR_USAGE "device-name" for anything but 1 to 15
 * letters, digits, dots, dashes and underscores. */
int device_name_parse(char out[DEVICE_NAME_MAX], const char *text, struct err *e);

/* The 12 hexadecimal digits at the end of a name such as SEP001122334455; NULL if it has none.
 * Points into name. */
const char *device_name_mac(const char *name);

#endif
