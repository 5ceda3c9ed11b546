#include "ctlclient/key_file.h"

#include "common/file.h"
#include "common/secret.h"
#include "trustfile/pkey.h"

#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

enum { FILE_MAX = 256 * 1024 };

/* The passphrase, while the key is read. */
struct passphrase {
	const struct key_file *file;
	struct err e;
	int rc; /* of reading it; 0 also if it was not wanted */
	bool wanted;
};

/* A pem_password_cb. */
static int give(char *buf, int size, int writing, void *arg)
{
	struct passphrase *p = arg;
	struct secret s = {0};
	char prompt[512];
	int len = -1;

	(void)writing;
	p->wanted = true;
	snprintf(prompt, sizeof(prompt), "Passphrase of %s %s", p->file->whose, p->file->path);
	p->rc = secret_read(&s, p->file->pin_source, prompt, "passphrase", p->file->option, &p->e);
	if (!p->rc && s.len <= (size_t)size) {
		memcpy(buf, s.text, s.len);
		len = (int)s.len;
	}
	secret_free(&s);
	return len;
}

int key_file_read(EVP_PKEY **out, const struct key_file *f, struct err *e)
{
	struct passphrase p = {.file = f};
	struct buf content = {0};
	int rc = file_read(f->path, FILE_MAX, &content, e);

	if (rc)
		goto out;
	rc = pkey_from_pem(out, buf_view(&content), give, &p, e);
	if (!rc)
		goto out;
	if (p.rc)
		*e = p.e;
	else if (p.wanted)
		err_set(e, ERR_FAILED, f->id, "the passphrase does not open %s %s", f->whose,
			f->path);
	else
		err_set(e, ERR_FAILED, f->id, "there is no private key (PEM) in %s", f->path);
	rc = (int)e->kind;
	ERR_clear_error();
out:
	buf_wipe(&content);
	return rc;
}
