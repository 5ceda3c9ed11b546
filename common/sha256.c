#include "common/sha256.h"

#include <openssl/evp.h>
#include <stdio.h>

int sha256_of(uint8_t out[SHA256_LEN], struct span data, struct err *e)
{
	if (EVP_Digest(data.data, data.len, out, NULL, EVP_sha256(), NULL) != 1)
		return err_openssl(e, ERR_FAILED, "digest", "cannot compute SHA-256");
	return 0;
}

int sha256_text(char out[2 * SHA256_LEN + 1], struct span data, struct err *e)
{
	uint8_t digest[SHA256_LEN];
	const int rc = sha256_of(digest, data, e);

	for (size_t i = 0; !rc && i < SHA256_LEN; i++)
		snprintf(out + 2 * i, 3, "%02x", digest[i]);
	return rc;
}
