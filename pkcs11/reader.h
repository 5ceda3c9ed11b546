/*
 * Why no token shows: what is to be said of the reader service (pcscd), of what is on the USB bus
 * and of the modules. The judgement is pure.
 */
#ifndef PKCS11_READER_H
#define PKCS11_READER_H

#include "pkcs11/usb.h"

/* True if the reader service, pcscd, can be reached: its socket (/run/pcscd/pcscd.comm, or where
 * PCSCLITE_CSOCK_NAME says) takes a connection. */
bool reader_service_is_up(void);

/* True if a module of that name, path or description reaches its tokens through pcscd. */
bool reader_is_used_by(const char *module);

/* What there is to go by. */
struct reader_scene {
	bool module;  /* a module that reaches its tokens through pcscd is in use */
	bool service; /* reader_service_is_up() */
	bool readers; /* such a module shows a reader, or a token */
	bool has_usb; /* there is a token or reader on USB; the first one: */
	struct usb_device usb;
};

enum reader_state {
	READER_FINE,           /* nothing to say */
	READER_NO_MODULE,      /* something on USB, and no module for it */
	READER_NO_SERVICE,     /* a module for it, and no pcscd */
	READER_NO_SERVICE_USB, /* the same, with something on USB */
	READER_NOT_SHOWN,      /* on USB, pcscd there, and the module does not show it */
};

enum reader_state reader_judge(const struct reader_scene *s);

/* The judgement as a sentence without full stop, and what to do about it; "" if there is nothing
 * to say. */
void reader_text(char *out, size_t size, const struct reader_scene *s);
const char *reader_remedy(enum reader_state state);

#endif
