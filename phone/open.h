/* Taking a configuration out of what it came in: signature, encryption. */
#ifndef PHONE_OPEN_H
#define PHONE_OPEN_H

#include "phone/account.h"
#include "phone/ask.h"
#include "trustfile/signed.h"

/* Appends the configuration that file holds to plain, which is to be wiped, or says why the phone
 * does not take it. Appends the name of the signer, as the file has it, to signer; nothing if it
 * has none. ERR_REFUSED as for settle_update(). */
int open_file(struct buf *plain, struct buf *signer, const struct stored *s,
	      const struct ask *asked, struct span file, const struct account *a, struct err *e);

#endif
