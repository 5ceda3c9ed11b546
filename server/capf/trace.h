/* What Troubleshoot has read back from a phone, for people: files in STATE/capf/trace. */
#ifndef SERVER_CAPF_TRACE_H
#define SERVER_CAPF_TRACE_H

#include "common/bytes.h"
#include "common/err.h"

/* Writes STATE/capf/trace/DEVICE-KIND.pem, kind "lsc" or "mic": the certificate as text and in PEM
 * form. ERR_FAILED "file-write"; ERR_REFUSED "capf-proof" (it is none), "capf-name" (the device's
 * name cannot be part of a file's). */
int trace_write(const char *state, const char *device, const char *kind, struct span der,
		struct err *e);

#endif
