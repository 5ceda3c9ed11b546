/* What a phone in a given state would do with a file, of whatever kind. */
#ifndef PHONE_VERIFY_H
#define PHONE_VERIFY_H

#include "phone/boot.h"

/* Looks at file as if the server had sent it. name is its path, from which, together with what is
 * in it, its kind is seen: a trust list, a signed or encrypted file, a configuration in the clear,
 * or something else. as is the name by which the phone would have asked for it; NULL: the last part
 * of name if a phone could have asked for that, else what the file calls itself. b is set up as for
 * boot_run() (its device, "" if nobody said, is the folder's then) and filled in likewise; nothing
 * is written. Returns 0 if the phone would take it; else errors as of boot_run(), and ERR_REFUSED
 * "file-unsigned" for a file that should be signed. */
int verify_file(struct boot *b, const char *name, const char *as, struct span file, struct err *e);

#endif
