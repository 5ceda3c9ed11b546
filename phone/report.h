/* The outcome of a boot for scripts: doc/json.md, "ctlphone". */
#ifndef PHONE_REPORT_H
#define PHONE_REPORT_H

#include "common/json.h"
#include "phone/boot.h"

/* One document. failed is NULL if nothing went wrong. NULL if out of memory. */
json_t *report_json(const struct boot *b, const struct err *failed);

/* A configuration without its secrets; null for NULL. */
json_t *report_config_json(const struct config *c);

#endif
