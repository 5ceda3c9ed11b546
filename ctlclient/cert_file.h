/* A certificate in a file of its own, or together with its key. */
#ifndef CTLCLIENT_CERT_FILE_H
#define CTLCLIENT_CERT_FILE_H

#include "common/err.h"

#include <openssl/x509.h>

enum { CERT_FILE_MAX = 256 * 1024 }; /* bytes */

/* The certificate in a PEM or DER file: cert_from_file_bytes(), trustfile/cert.h. *out is the
 * caller's (X509_free). The error, of file_read() or of that, names the file. */
int cert_file_read(X509 **out, const char *path, struct err *e);

#endif
