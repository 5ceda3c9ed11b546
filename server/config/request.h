/* Names of configuration files, as phones ask for them, taken apart. */
#ifndef SERVER_CONFIG_REQUEST_H
#define SERVER_CONFIG_REQUEST_H

#include "common/bytes.h"
#include "server/device/files.h"
#include "server/device/name.h"

enum request_what {
	REQUEST_OTHER,   /* no configuration file */
	REQUEST_DEVICE,  /* that of a device */
	REQUEST_DEFAULT, /* XMLDefault.cnf.xml */
};

enum {
	REQUEST_MAX = 64,    /* bytes of such a name, NUL included */
	REQUEST_DEVICES = 2, /* that a name may stand for */
};

struct request {
	enum request_what what;
	bool wants_signed;      /* a ".sgn" that is not ".enc.sgn" */
	char name[REQUEST_MAX]; /* as asked for, without slash; without ".sgn" if wants_signed */
	char devices[REQUEST_DEVICES][DEVICE_NAME_MAX]; /* whose it may be; "" behind the last */
};

/* Takes name (bytes of a stranger) apart: any case, with or without one slash in front. */
void request_parse(struct request *r, struct span name);

enum request_form {
	FORM_NONE, /* the device has no file of that name */
	FORM_XML,  /* NAME.cnf.xml */
	FORM_TEXT, /* SIP<MAC>.cnf */
	FORM_LD,   /* LD<MAC> */
};

/* Which of its files the device called device, of that model and protocol, means by the name. */
enum request_form request_form(const struct request *r, const struct device_model *m,
			       enum device_protocol protocol, const char *device, bool *encrypted);

#endif
