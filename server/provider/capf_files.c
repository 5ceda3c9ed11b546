#include "server/provider/capf_files.h"

#include "common/file.h"
#include "trustfile/cert.h"

#include <dirent.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WANTED_MAX = 64, NAME_SIZE = 32, FILE_SIZE_MAX = 1 << 20 };

/* What should be there. */
struct wanted {
	struct {
		char name[NAME_SIZE];
		struct buf content;
	} files[WANTED_MAX];
	size_t n;
	struct buf all; /* PEM */
};

static void wanted_free(struct wanted *w)
{
	for (size_t i = 0; i < w->n; i++)
		buf_free(&w->files[i].content);
	buf_free(&w->all);
}

static void want(struct wanted *w, const char *name, struct span content)
{
	if (w->n == WANTED_MAX)
		return;
	snprintf(w->files[w->n].name, NAME_SIZE, "%s", name);
	buf_span(&w->files[w->n++].content, content);
}

static bool is_wanted(const struct wanted *w, const char *name)
{
	for (size_t i = 0; i < w->n; i++)
		if (!strcmp(w->files[i].name, name))
			return true;
	return false;
}

static int want_cert(struct wanted *w, struct span der, struct err *e)
{
	char hash[NAME_SIZE - 8], name[NAME_SIZE];
	struct buf pem = {0};
	X509 *x;
	int rc = cert_from_der(&x, der, e);

	if (rc)
		return rc;
	for (unsigned i = 0; i < WANTED_MAX; i++) {
		snprintf(hash, sizeof(hash), "%08lx.%u", X509_subject_name_hash(x), i);
		if (!is_wanted(w, hash))
			break;
	}
	cert_pem(&pem, x);
	rc = pem.bad ? err_nomem(e) : 0;
	if (!rc) {
		want(w, hash, buf_view(&pem));
		snprintf(name, sizeof(name), "%s.pem", hash);
		want(w, name, buf_view(&pem));
		snprintf(name, sizeof(name), "%s.der", hash);
		want(w, name, der);
		buf_span(&w->all, buf_view(&pem));
	}
	buf_free(&pem);
	X509_free(x);
	return rc;
}

/* A CAPF certificate that was renewed has issued phone certificates that are still good. */
static int want_if_capf(struct wanted *w, const struct store_cert *c, struct span *newest,
			struct err *e)
{
	if (!strcmp(c->role, "capf"))
		*newest = c->der;
	else if (strcmp(c->role, "capf-before") != 0 &&
		 strcmp(c->role, STORE_ROLE_CAPF_ISSUER) != 0 &&
		 strcmp(c->role, STORE_ROLE_CAPF_EXTERNAL) != 0)
		return 0;
	return want_cert(w, c->der, e);
}

static int want_all(struct wanted *w, struct store *s, struct err *e)
{
	struct span newest = {0};
	struct store_node *list;
	size_t n;
	int rc = store_nodes(s, &list, &n, e);

	if (rc)
		return rc;
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; !rc && k < list[i].ncerts; k++)
			rc = want_if_capf(w, &list[i].certs[k], &newest, e);
	if (!rc && newest.len) {
		want(w, "capf.cer", newest);
		want(w, "capf.pem", buf_view(&w->all));
	}
	store_nodes_free(list, n);
	return rc;
}

/* ---- the folder ---- */

static int put_file(const char *folder, const char *name, struct span content, struct err *e)
{
	char *path = file_join(folder, name);
	struct buf there = {0};
	struct err ignored;
	int rc = 0;

	if (!path)
		return err_nomem(e);
	if (file_read(path, FILE_SIZE_MAX, &there, &ignored) || !span_eq(buf_view(&there), content))
		rc = file_write(path, content, 0644, e);
	buf_free(&there);
	free(path);
	return rc;
}

/* <hash>.<n>, perhaps with .pem or .der behind it. */
static bool is_ours(const char *name)
{
	size_t digits;

	if (strspn(name, "0123456789abcdef") != 8 || name[8] != '.')
		return false;
	name += 9;
	digits = strspn(name, "0123456789");
	name += digits;
	return digits && (!*name || !strcmp(name, ".pem") || !strcmp(name, ".der"));
}

static void drop_others(const char *folder, const struct wanted *w)
{
	DIR *d = opendir(folder);
	const struct dirent *entry;

	while (d && (entry = readdir(d)))
		if (is_ours(entry->d_name) && !is_wanted(w, entry->d_name))
			(void)unlinkat(dirfd(d), entry->d_name, 0);
	if (d)
		closedir(d);
}

int capf_files_write(const char *state, struct store *s, struct err *e)
{
	struct wanted *w = calloc(1, sizeof(*w));
	char *folder = file_join(state, "trust/capf");
	int rc;

	if (!w || !folder) {
		rc = err_nomem(e);
		goto out;
	}
	rc = want_all(w, s, e);
	if (!rc)
		rc = file_mkdirs(folder, 0755, e);
	for (size_t i = 0; !rc && i < w->n; i++)
		rc = put_file(folder, w->files[i].name, buf_view(&w->files[i].content), e);
	if (!rc)
		drop_others(folder, w);
out:
	if (w)
		wanted_free(w);
	free(w);
	free(folder);
	return rc;
}
