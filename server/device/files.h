/* Names of the configuration file that a device asks for, by model and protocol. */
#ifndef SERVER_DEVICE_FILES_H
#define SERVER_DEVICE_FILES_H

#include "server/device/model.h"
#include "server/device/name.h"

enum { DEVICE_FILE_MAX = DEVICE_NAME_MAX + 24 }; /* bytes, NUL included */

enum device_file_form {
	DEVICE_FILE_PLAIN,     /* without ".sgn", which is put behind it where files are signed */
	DEVICE_FILE_ENCRYPTED, /* complete: ".enc.sgn" is part of it where the model has that */
};

/* The n-th name (from 0) by which the device may ask for that file: the usual one first, then what
 * else is accepted. False if there are no more. */
bool device_file_name(char out[DEVICE_FILE_MAX], const struct device_model *m,
		      enum device_protocol protocol, const char *name, enum device_file_form file,
		      unsigned n);

#endif
