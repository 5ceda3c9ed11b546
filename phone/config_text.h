/* Configurations from before XML, "key: value" line by line: SIP<MAC>.cnf and LD<MAC>. */
#ifndef PHONE_CONFIG_TEXT_H
#define PHONE_CONFIG_TEXT_H

#include "phone/config.h"

/* As config_parse(); ERR_REFUSED "config-text" if the file is no such text. */
int config_parse_text(struct config *c, struct span file, struct err *e);

#endif
