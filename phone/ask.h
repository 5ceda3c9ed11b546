/*
 * Which file a phone asks for next: by what it trusts and what it remembers. Pure.
 * Source: doc/formats.md, "What a phone asks for".
 */
#ifndef PHONE_ASK_H
#define PHONE_ASK_H

#include "phone/stored.h"
#include "server/device/files.h"

enum ask_form {
	ASK_PLAIN,     /* as it is */
	ASK_SIGNED,    /* .sgn */
	ASK_ENCRYPTED, /* .enc.sgn, for the phone's own key */
	ASK_TYPED,     /* encrypted with the key that somebody typed in */
};

struct ask {
	char name[DEVICE_FILE_MAX];
	enum ask_form form;
	bool verify;     /* the phone looks at the signature */
	const char *why; /* static */
};

/* True if a list in force has a TFTP service with a certificate that can sign: the phone then takes
 * nothing unsigned. */
bool ask_is_signed(const struct stored *s);

/* The configuration. not_encrypted: the server has no encrypted one, which lets phones with a key
 * of their own, and only those, go on to the signed one. False if the model asks for none. */
bool ask_config(struct ask *a, const struct stored *s, bool not_encrypted);

/* What is asked for if there is no configuration of the device; false if the phone does not ask for
 * it. */
bool ask_default(struct ask *a, const struct stored *s);

#endif
