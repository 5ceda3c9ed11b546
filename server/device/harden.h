/*
 * Parameters of the phone itself that the configuration file sets: those the hardening guides speak
 * of, each with its own meaning of 0 and 1. There is no common polarity, and no helper that would
 * pretend one.
 */
#ifndef SERVER_DEVICE_HARDEN_H
#define SERVER_DEVICE_HARDEN_H

#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>

enum {
	HARDEN_VALUES = 4,
	HARDEN_NAME_MAX = 64,   /* bytes of a parameter's name, NUL included */
	HARDEN_VALUE_MAX = 256, /* bytes of a value, NUL included */
};

struct harden_value {
	const char *text; /* as the file has it: "1", "true" */
	const char *word; /* what it means: "disabled" */
};

struct harden_param {
	const char *name; /* of the XML element, below /device/vendorConfig unless path says else */
	const char *path; /* below /device: "commonProfile/phonePassword"; NULL: vendorConfig */
	struct harden_value values[HARDEN_VALUES]; /* up to a NULL text; none: free text */
	const char *normal;   /* what the phone does without it; NULL: not known */
	const char *hardened; /* what the guides recommend; NULL: a matter of the site */
	const char *models;   /* only for these, separated by spaces; NULL: all */
	bool secret;          /* never listed, and encrypted in the store */
	const char *meaning;  /* one line for people */
};

/* By its exact name (names are case-sensitive, as in XML); NULL: not in the table. */
const struct harden_param *harden_find(const char *name);

/* One after the other, from 0; NULL behind the last. */
const struct harden_param *harden_at(size_t i);

/* Whether name may be set at all: it is in the table, or is an XML name (letters, digits, dot, dash
 * and underscore) written as "vendorConfig/NAME". ERR_USAGE "parameter", with the nearest ones. */
int harden_check_name(const char *name, struct err *e);

/* Puts value into the form that the file has: words of the table ("disabled") become their value.
 * ERR_USAGE "parameter-value" with those there are. */
int harden_value(char out[HARDEN_VALUE_MAX], const char *name, const char *value, struct err *e);

/* The word for a value in the file; the value itself if there is none. */
const char *harden_word(const struct harden_param *p, const char *value);

/* Whether the model has the parameter. */
bool harden_applies(const struct harden_param *p, const char *model);

#endif
