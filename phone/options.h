/* What the commands of ctlphone take alike: which phone it is, and how it tells what it does. */
#ifndef PHONE_OPTIONS_H
#define PHONE_OPTIONS_H

#include "phone/boot.h"

#include <argp.h>

struct phone_options {
	const char *what; /* NAME or FILE */
	const char *state;
	const struct device_model *model; /* NULL: as in the folder */
	enum device_protocol protocol;    /* 0: as in the folder */
	bool json;
};

/* --state, --model, --protocol, --json and the one argument; a child of the command's own parser,
 * whose input is a struct phone_options. */
extern const struct argp phone_options_argp;

/* Lets b tell its steps as the options say: on standard output, or into the report. */
void phone_account(struct boot *b, const struct phone_options *o);

/* The last word on either way of output; rc and e are what came of it. Returns the exit code, and
 * frees b. */
int phone_finish(struct boot *b, const struct phone_options *o, int rc, const struct err *e);

#endif
