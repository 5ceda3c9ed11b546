/*
 * Names the way phones ask for them: in any case, with or without a slash in front, with either
 * slash between the parts. What could lead out of a folder is no name.
 */
#ifndef SERVER_TFTP_NAME_H
#define SERVER_TFTP_NAME_H

#include "common/bytes.h"

#include <stdbool.h>

enum { NAME_BYTES = 256 }; /* with its NUL */

struct name {
	char text[NAME_BYTES]; /* as asked for, but with "/" between the parts and none in front */
	/* The same in lower case: equal for equal names. Signed files name themselves in what is
	 * signed, and a phone compares that with what it asked for: of those, as asked for. */
	char key[NAME_BYTES];
	size_t len;
};

/* Takes a stranger's name. False if it is none that a file could have here: empty, too long, a
 * byte that is no printable ASCII, an empty part, or one that begins with a dot. */
bool name_take(struct name *n, struct span asked);

/* As before for the path of a request over HTTP (RFC 3986 section 2.1: "%20" is a space). */
bool name_take_path(struct name *n, const char *path);

/* "CTLFile.tlv" or "CTLSEP<12 hexadecimal digits>.tlv": the active trust list. */
bool name_is_ctl(const struct name *n);

enum { NAME_DEVICE = 16 }; /* "SEP001122334455" and its NUL */

/* The device that a name speaks of: the letters "SEP" and the twelve hexadecimal digits in
 * CTLSEP<MAC>.tlv, ITLSEP<MAC>.tlv, SEP<MAC>.cnf.xml, SIP<MAC>.cnf, LD<MAC> and so on; "ATA" and
 * them where the name has that. False if none. */
bool name_device(char device[NAME_DEVICE], const struct name *n);

/* Whether it is the device's own configuration, in whatever form. */
bool name_is_config(const struct name *n);

#endif
