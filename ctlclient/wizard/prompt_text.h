/* What the token prompt says of what it sees, and the way out of it. */
#ifndef CTLCLIENT_WIZARD_PROMPT_TEXT_H
#define CTLCLIENT_WIZARD_PROMPT_TEXT_H

#include "ctlclient/wizard/prompt.h"

/* Appends sentences for the verdict on the sight. */
void prompt_text(struct buf *b, const struct verdict *v, const struct sight *s);

#endif
