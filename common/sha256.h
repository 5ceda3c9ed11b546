/* SHA-256 as fingerprints of files and records. */
#ifndef COMMON_SHA256_H
#define COMMON_SHA256_H

#include "common/bytes.h"
#include "common/err.h"

enum { SHA256_LEN = 32 };

int sha256_of(uint8_t out[SHA256_LEN], struct span data, struct err *e);

/* As sha256_of, in 64 lower-case hexadecimal digits and a NUL. */
int sha256_text(char out[2 * SHA256_LEN + 1], struct span data, struct err *e);

#endif
