/* What the record of a ceremony (transcript.h) says of modules and tokens. */
#ifndef CTLCLIENT_RECORD_H
#define CTLCLIENT_RECORD_H

#include "ctlclient/desk.h"
#include "ctlclient/transcript.h"

/* The step "modules": each PKCS#11 module with the SHA-256 of its file. As transcript_step(). */
int record_modules(struct transcript *t, struct desk *d, struct err *e);

/* The step "token": what the token that is worked on says of itself before. As transcript_step().
 */
int record_token(struct transcript *t, const struct token_info *info, struct err *e);

/* The same as facts: an object, or NULL if out of memory. */
json_t *record_token_json(const struct token_info *info);

#endif
