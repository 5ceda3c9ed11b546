#include "server/capf/trace.h"

#include "common/file.h"

#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_file_name(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_.-";

	return *name && *name != '.' && name[strspn(name, allowed)] == '\0';
}

static int to_text(struct buf *text, struct span der, struct err *e)
{
	const unsigned char *p = der.data;
	X509 *x = d2i_X509(NULL, &p, (long)der.len);
	BIO *bio = BIO_new(BIO_s_mem());
	char *data;
	long n = 0;

	if (x && bio && X509_print(bio, x) && PEM_write_bio_X509(bio, x))
		n = BIO_get_mem_data(bio, &data);
	if (n > 0)
		buf_put(text, data, (size_t)n);
	BIO_free(bio);
	X509_free(x);
	return n > 0 && !text->bad ? 0
				   : err_openssl(e, ERR_REFUSED, "capf-proof",
						 "what the phone gave back is no certificate");
}

int trace_write(const char *state, const char *device, const char *kind, struct span der,
		struct err *e)
{
	char *folder = file_join(state, "capf/trace");
	struct buf text = {0};
	char *path = NULL;
	int rc;

	if (!is_file_name(device)) {
		rc = err_set(e, ERR_REFUSED, "capf-name", "\"%s\" cannot be the name of a file",
			     device);
		goto out;
	}
	rc = folder && asprintf(&path, "%s/%s-%s.pem", folder, device, kind) > 0 ? 0 : err_nomem(e);
	if (!rc)
		rc = file_mkdirs(folder, 0750, e);
	if (!rc)
		rc = to_text(&text, der, e);
	if (!rc)
		rc = file_write(path, buf_view(&text), 0640, e);
out:
	buf_free(&text);
	free(path);
	free(folder);
	return rc;
}
