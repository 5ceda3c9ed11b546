#include "server/admin/export.h"

#include "common/file.h"
#include "common/file_batch.h"
#include "common/hold.h"
#include "common/progress.h"
#include "server/admin/export_list.h"
#include "server/config/device_file.h"
#include "server/device/files.h"
#include "server/store/store_phone.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	STATIC_MAX = 60 << 20, /* bytes of a static file */
	STATIC_DEPTH = 8,
	NAME_ROOM = 512,
	SERVED_MODE = 0644, /* whoever serves them has to read them */
};

/* A phone, as far as the names of its files depend on it. */
struct wanted {
	char name[DEVICE_NAME_MAX];
	const struct device_model *model;
	enum device_protocol protocol;
};

struct export
{
	const struct conf *conf;
	const char *dir;
	struct export_result *result;
	struct store *store;
	struct file_key *key;
	struct device_files *files;
	struct store_active active;
	struct file_batch *batch;
	struct export_list before, now;
	struct wanted *phones;
	size_t n, room;
	struct progress progress;
};

/* ---- writing ---- */

static int put(struct export *x, const char *name, struct span data, struct err *e)
{
	char *path = file_join(x->dir, name);
	int rc = path ? file_batch_add(x->batch, path, data, SERVED_MODE, e) : err_nomem(e);

	if (!rc)
		rc = export_list_add(&x->now, name, e);
	free(path);
	x->result->files += !rc;
	progress_show(&x->progress, x->result->files, 0);
	return rc;
}

static int interrupted(struct err *e)
{
	return err_set(e, ERR_FAILED, "interrupted", "interrupted; nothing was changed");
}

/* ---- lists and configurations ---- */

static int put_list(struct export *x, const char *name, struct err *e)
{
	return x->active.file.len ? put(x, name, buf_view(&x->active.file), e) : 0;
}

static int put_config(struct export *x, const char *name, struct err *e)
{
	struct device_file file;
	int rc = device_file_build(&file, x->files, span_of(name, strlen(name)), e);

	if (rc)
		return rc;
	if (file.kind != DEVICE_FILE_NONE)
		rc = put(x, name, buf_view(&file.bytes), e);
	device_file_free(&file);
	return rc;
}

/* A plain file and its .sgn, whichever of the two there is. */
static int put_both(struct export *x, const char *name, struct err *e)
{
	char with_suffix[DEVICE_FILE_MAX + sizeof(".sgn")];
	const int rc = put_config(x, name, e);

	snprintf(with_suffix, sizeof(with_suffix), "%s.sgn", name);
	return rc ? rc : put_config(x, with_suffix, e);
}

static int put_phone(struct export *x, const struct wanted *p, struct err *e)
{
	char name[DEVICE_FILE_MAX];
	int rc;

	snprintf(name, sizeof(name), "CTL%s.tlv", p->name);
	rc = put_list(x, name, e);
	for (unsigned i = 0;
	     !rc && device_file_name(name, p->model, p->protocol, p->name, DEVICE_FILE_PLAIN, i);
	     i++)
		rc = put_both(x, name, e);
	for (unsigned i = 0; !rc && device_file_name(name, p->model, p->protocol, p->name,
						     DEVICE_FILE_ENCRYPTED, i);
	     i++)
		rc = put_config(x, name, e);
	x->result->phones += !rc;
	return rc;
}

/* ---- static files ---- */

/* Firmware is signed inside by its maker, and lists have their own signature. */
static bool is_signed_already(const char *name)
{
	static const char *const suffixes[] = {".sgn", ".loads", ".sbn",  ".sb2",  ".bin",
					       ".zz",  ".tlv",   ".sbin", ".sebn", ".cop"};
	const size_t n = strlen(name);

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		const size_t m = strlen(suffixes[i]);

		if (n > m && !strcasecmp(name + n - m, suffixes[i]))
			return true;
	}
	return false;
}

static int put_static(struct export *x, const char *name, struct err *e)
{
	char *path = file_join(x->conf->tftp_static, name);
	char with_suffix[NAME_ROOM + sizeof(".sgn")];
	struct buf content = {0}, out = {0};
	bool absent = true;
	int rc = path ? file_read(path, STATIC_MAX, &content, e) : err_nomem(e);

	free(path);
	if (rc && !strcmp(e->id, "file-too-large")) {
		x->result->unreadable++;
		buf_free(&content);
		return 0;
	}
	if (!rc)
		rc = put(x, name, buf_view(&content), e);
	snprintf(with_suffix, sizeof(with_suffix), "%s.sgn", name);
	if (!rc && !is_signed_already(name))
		rc = device_files_sign(&out, &absent, x->files, with_suffix, buf_view(&content), e);
	if (!rc && !absent)
		rc = put(x, with_suffix, buf_view(&out), e);
	buf_free(&content);
	buf_free(&out);
	return rc;
}

static int walk(struct export *x, const char *below, unsigned depth, struct err *e);

/* One entry: no hidden file, nothing that is not a file or a folder itself. */
static int put_entry(struct export *x, const char *below, const char *entry, unsigned depth,
		     struct err *e)
{
	char name[NAME_ROOM];
	struct stat st;
	char *path;
	int rc;

	if (*entry == '.' ||
	    snprintf(name, sizeof(name), "%s%s%s", below, *below ? "/" : "", entry) >= NAME_ROOM)
		return 0;
	path = file_join(x->conf->tftp_static, name);
	rc = path ? lstat(path, &st) : -1;
	free(path);
	if (rc)
		return 0;
	if (S_ISDIR(st.st_mode))
		return depth < STATIC_DEPTH ? walk(x, name, depth + 1, e) : 0;
	return S_ISREG(st.st_mode) ? put_static(x, name, e) : 0;
}

static int walk(struct export *x, const char *below, unsigned depth, struct err *e)
{
	char *path = *below ? file_join(x->conf->tftp_static, below) : strdup(x->conf->tftp_static);
	DIR *d = path ? opendir(path) : NULL;
	const struct dirent *entry;
	int rc = 0;

	if (!d)
		rc = err_set(e, ERR_FAILED, "file-read", "cannot read the folder %s: %s",
			     path ? path : "", strerror(errno));
	while (!rc && (entry = readdir(d)))
		rc = hold_asked() ? interrupted(e) : put_entry(x, below, entry->d_name, depth, e);
	if (d)
		closedir(d);
	free(path);
	return rc;
}

/* ---- phones ---- */

static int note_phone(const struct store_phone *p, void *arg, struct err *e)
{
	enum { FIRST = 256 };
	struct export *x = arg;
	const struct device_model *m = device_model_find(p->model);
	struct wanted *w;

	if (!m)
		return 0;
	if (x->n == x->room) {
		const size_t room = x->room ? 2 * x->room : FIRST;
		struct wanted *grown = reallocarray(x->phones, room, sizeof(*grown));

		if (!grown)
			return err_nomem(e);
		x->phones = grown;
		x->room = room;
	}
	w = &x->phones[x->n++];
	*w = (struct wanted){.model = m, .protocol = p->protocol};
	snprintf(w->name, sizeof(w->name), "%s", p->name);
	return 0;
}

static int put_phones(struct export *x, struct err *e)
{
	const struct store_phone_filter all = STORE_PHONE_FILTER_ALL;
	int rc = store_phone_find(x->store, &all, note_phone, x, e);

	for (size_t i = 0; !rc && i < x->n; i++)
		rc = hold_asked() ? interrupted(e) : put_phone(x, &x->phones[i], e);
	return rc;
}

/* ---- all of it ---- */

static int open_all(struct export *x, struct err *e)
{
	int rc = store_open(&x->store, x->conf->state, STORE_READ, e);
	struct device_files_setup setup = {.digest = x->conf->tftp_sha512 ? TL_SHA512 : TL_SHA1,
					   .ports = device_ports_of(x->conf)};

	if (!rc)
		rc = store_active_get(x->store, &x->active, e);
	if (!rc)
		rc = file_key_of_node(&x->key, x->conf, e);
	if (!rc && x->active.mixed && !x->key)
		rc = err_set(e, ERR_FAILED, "file-key",
			     "the cluster is in mixed mode, and this node has no key to sign with");
	setup.store = x->store;
	setup.key = x->key;
	if (!rc)
		rc = device_files_open(&x->files, &setup, e);
	x->batch = file_batch_new();
	if (!rc && !x->batch)
		rc = err_nomem(e);
	/* Nothing is made for somebody who has no node here. */
	if (!rc)
		rc = file_mkdirs(x->dir, 0755, e);
	return rc ? rc : export_list_read(&x->before, x->conf->state, x->dir, e);
}

static void close_all(struct export *x)
{
	progress_end(&x->progress);
	file_batch_free(x->batch);
	device_files_close(x->files);
	file_key_close(x->key);
	buf_free(&x->active.file);
	store_close(x->store);
	export_list_free(&x->before);
	export_list_free(&x->now);
	free(x->phones);
}

static int make_all(struct export *x, struct err *e)
{
	int rc = put_list(x, "CTLFile.tlv", e);

	if (!rc)
		rc = put_both(x, "XMLDefault.cnf.xml", e);
	if (!rc)
		rc = put_phones(x, e);
	if (!rc && x->conf->tftp_static)
		rc = walk(x, "", 1, e);
	return rc;
}

static int remove_stale(struct export *x, struct err *e)
{
	for (size_t i = 0; i < x->before.n; i++) {
		char *path;
		int rc;

		if (export_list_has(&x->now, x->before.names[i]))
			continue;
		path = file_join(x->dir, x->before.names[i]);
		if (!path)
			return err_nomem(e);
		rc = unlink(path);
		x->result->removed += !rc;
		if (rc && errno != ENOENT)
			rc = err_set(e, ERR_FAILED, "file-remove", "cannot remove %s: %s", path,
				     strerror(errno));
		else
			rc = 0;
		free(path);
		if (rc)
			return rc;
	}
	return 0;
}

/* First it is noted whose the files will be, then they come, then the stale ones go: broken off in
 * between, the next run still knows all of them. */
static int publish(struct export *x, struct err *e)
{
	int rc;

	export_list_sort(&x->now);
	rc = export_list_write(&x->before, &x->now, x->conf->state, x->dir, e);
	if (!rc)
		rc = file_batch_commit(x->batch, e);
	if (!rc)
		rc = remove_stale(x, e);
	return rc ? rc : export_list_write(NULL, &x->now, x->conf->state, x->dir, e);
}

int export_tftp(struct export_result *r, const struct conf *conf, const char *dir, struct err *e)
{
	struct export x = {
		.conf = conf, .dir = dir, .result = r, .progress = {.what = "exporting"}};
	sigset_t before;
	int rc;

	*r = (struct export_result){0};
	hold_begin(&before);
	rc = open_all(&x, e);
	if (!rc)
		rc = make_all(&x, e);
	if (!rc)
		rc = publish(&x, e);
	close_all(&x);
	hold_end(&before);
	return rc;
}
