/* ctladmin backup create|restore: store and keys of a node in one file, under a passphrase. */
#include "server/admin/commands.h"

#include "common/cli.h"
#include "common/file.h"
#include "common/secret.h"
#include "server/admin/state_opt.h"
#include "server/admin/vault.h"
#include "server/store/audit.h"
#include "server/store/store.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEYS_FOLDER "keys"
#define STORE_NAME "store.db"

enum {
	OPT_STATE = 1000,
	OPT_PASSPHRASE_SOURCE,
	PASSPHRASE_MIN = 12,
	CONTENT_MB = 60, /* the whole backup is held in memory */
	CONTENT_MAX = CONTENT_MB << 20,
	KEY_FILE_MAX = 1 << 20,
	NAME_CHARS_MAX = 200,
	FILES_MAX = 1000,
};

struct options {
	const char *file, *passphrase_source, *conf, *state;
};

static const struct argp_option option_table[] = {
	{.name = "passphrase-source",
	 .key = OPT_PASSPHRASE_SOURCE,
	 .arg = "X",
	 .doc = "prompt, env:NAME, file:PATH, fd:N or askpass"},
	{.name = "config",
	 .key = 'c',
	 .arg = "FILE",
	 .doc = "configuration (" CONF_DEFAULT_FILE ")"},
	{.name = "state", .key = OPT_STATE, .arg = "DIR", .doc = "folder of the node's state"},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case OPT_PASSPHRASE_SOURCE:
		o->passphrase_source = arg;
		return 0;
	case 'c':
		o->conf = arg;
		return 0;
	case OPT_STATE:
		o->state = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (o->file)
			argp_error(state, "one file at a time");
		o->file = arg;
		return 0;
	case ARGP_KEY_END:
		if (!o->file)
			argp_error(state, "the name of the file is missing");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int run(int (*job)(const struct options *o, const char *state, struct err *e),
	       const char *doc, int argc, char **argv)
{
	const struct argp argp = {
		.options = option_table, .parser = parse, .args_doc = "FILE", .doc = doc};
	struct options o = {0};
	char *state = NULL;
	struct err e;
	int rc;

	cli_parse(&argp, argc, argv, &o);
	umask(077);
	rc = state_opt(&state, o.state, o.conf, &e);
	if (!rc)
		rc = job(&o, state, &e);
	free(state);
	if (rc)
		err_print(&e, argv[0]);
	return rc;
}

/* ---- the content: every file as 16 bits of length and its name ("store.db", "keys/ccm.key"), 32
 * bits of mode, 32 bits of length and its bytes ---- */

static int put_file(struct buf *content, const char *name, const char *path, mode_t mode,
		    struct err *e)
{
	struct buf file = {0};
	int rc = file_read(path, CONTENT_MAX, &file, e);

	if (rc ? !strcmp(e->id, "file-too-large") : content->len + file.len > CONTENT_MAX) {
		err_set(e, ERR_FAILED, "backup-size",
			"the backup would have more than %d MB, which is its limit", CONTENT_MB);
		rc = err_hint(e, "nothing was written; stop the services and copy the state "
				 "folder of this node to a safe place instead");
	}
	if (!rc) {
		buf_u16(content, (uint16_t)strlen(name));
		buf_str(content, name);
		buf_u32(content, (uint32_t)mode);
		buf_u32(content, (uint32_t)file.len);
		buf_span(content, buf_view(&file));
	}
	buf_wipe(&file);
	return !rc && content->bad ? err_nomem(e) : rc;
}

static int put_key(struct buf *content, const char *state, const char *key, struct err *e)
{
	char name[sizeof(KEYS_FOLDER) + 1 + NAME_CHARS_MAX];
	struct stat st;
	char *path;
	int rc = 0;

	if ((size_t)snprintf(name, sizeof(name), KEYS_FOLDER "/%s", key) >= sizeof(name))
		return err_set(e, ERR_FAILED, "backup", "the name %s is too long", key);
	path = file_join(state, name);
	if (!path)
		return err_nomem(e);
	if (lstat(path, &st))
		rc = err_set(e, ERR_FAILED, "backup", "cannot read %s: %s", path, strerror(errno));
	else if (S_ISREG(st.st_mode))
		rc = put_file(content, name, path, st.st_mode & 0777, e);
	free(path);
	return rc;
}

static int put_keys(struct buf *content, const char *state, struct err *e)
{
	char *path = file_join(state, KEYS_FOLDER);
	DIR *folder = path ? opendir(path) : NULL;
	const struct dirent *entry;
	int rc = 0;

	if (!path)
		return err_nomem(e);
	if (!folder)
		rc = err_set(e, ERR_FAILED, "backup", "cannot open %s: %s", path, strerror(errno));
	/* An editor's leftover is no key, and restoring would refuse the whole backup for it. */
	while (!rc && (entry = readdir(folder)))
		if (*entry->d_name != '.')
			rc = put_key(content, state, entry->d_name, e);
	if (folder)
		closedir(folder);
	free(path);
	return rc;
}

/* A copy of the store as it is at one moment, in a folder that nobody else can read. */
static int put_store(struct buf *content, struct store *s, const char *state, struct err *e)
{
	char *folder = file_join(state, "backup.XXXXXX");
	char *path = NULL;
	int rc = 0;

	if (!folder)
		return err_nomem(e);
	if (!mkdtemp(folder)) {
		rc = err_set(e, ERR_FAILED, "backup", "cannot make a folder in %s: %s", state,
			     strerror(errno));
		goto out;
	}
	path = file_join(folder, STORE_NAME);
	rc = path ? store_copy(s, path, e) : err_nomem(e);
	if (!rc)
		rc = put_file(content, STORE_NAME, path, 0600, e);
	if (path)
		unlink(path);
	rmdir(folder);
out:
	free(path);
	free(folder);
	return rc;
}

/* ---- create ---- */

typedef int read_fn(struct secret *s, const char *source, const char *prompt, const char *what,
		    const char *option, struct err *e);

static int read_passphrase(struct secret *p, const struct options *o, read_fn *read, struct err *e)
{
	return read(p, o->passphrase_source, "Passphrase of the backup", "passphrase",
		    "--passphrase-source", e);
}

static int read_new_passphrase(struct secret *p, const struct options *o, struct err *e)
{
	int rc = read_passphrase(p, o, secret_read_new, e);

	if (!rc && p->len < PASSPHRASE_MIN) {
		rc = err_set(e, ERR_FAILED, "passphrase",
			     "the passphrase has %zu characters; keys that phones trust for years "
			     "need %d",
			     p->len, PASSPHRASE_MIN);
		secret_free(p);
	}
	return rc;
}

static int note(struct store *s, const char *what, const char *file, struct err *e)
{
	char text[1024];
	const struct audit_entry a = {.action = "backup", .accepted = true, .detail = text};

	snprintf(text, sizeof(text), "%s %s", what, file);
	return audit_add(s, &a, e);
}

static int seal_to(const char *path, const struct buf *content, const struct secret *passphrase,
		   struct err *e)
{
	struct buf sealed = {0};
	int rc = vault_seal(&sealed, buf_view(content), passphrase, e);

	if (!rc)
		rc = file_write(path, buf_view(&sealed), 0600, e);
	buf_free(&sealed);
	return rc;
}

static int create(const struct options *o, const char *state, struct err *e)
{
	struct buf content = {0};
	struct secret passphrase = {0};
	struct store *s = NULL;
	int rc = store_open(&s, state, STORE_WRITE, e);

	if (!rc)
		rc = read_new_passphrase(&passphrase, o, e);
	/* First, so that the copy tells of itself. */
	if (!rc)
		rc = note(s, "created", o->file, e);
	if (!rc)
		rc = put_store(&content, s, state, e);
	if (!rc)
		rc = put_keys(&content, state, e);
	if (!rc)
		rc = seal_to(o->file, &content, &passphrase, e);
	if (!rc)
		printf("store and keys of %s are in %s\nwithout its passphrase it is worthless; "
		       "keep the two apart\n",
		       state, o->file);
	buf_wipe(&content);
	secret_free(&passphrase);
	store_close(s);
	return rc;
}

/* ---- restore ---- */

struct entry {
	char name[sizeof(KEYS_FOLDER) + 1 + NAME_CHARS_MAX];
	mode_t mode;
	struct span bytes;
};

static bool name_is_safe(const char *name)
{
	const char *key = name + strlen(KEYS_FOLDER "/");

	if (!strcmp(name, STORE_NAME))
		return true;
	return !strncmp(name, KEYS_FOLDER "/", strlen(KEYS_FOLDER "/")) && *key && *key != '.' &&
	       !strchr(key, '/');
}

static int next_entry(struct entry *t, struct rd *r, struct err *e)
{
	const struct span name = rd_take(r, rd_u16(r));
	const uint32_t mode = rd_u32(r);

	t->bytes = rd_take(r, rd_u32(r));
	if (r->bad || name.len >= sizeof(t->name) || memchr(name.data, 0, name.len))
		return err_set(e, ERR_FAILED, "backup-format",
			       "the content of the backup is broken");
	memcpy(t->name, name.data, name.len);
	t->name[name.len] = '\0';
	t->mode = mode & 0777;
	if (name_is_safe(t->name))
		return 0;
	return err_set(e, ERR_FAILED, "backup-format", "the backup has a file of another place");
}

static int write_entry(const struct entry *t, const char *state, struct err *e)
{
	char *path = file_join(state, t->name);
	const int rc = path ? file_write(path, t->bytes, t->mode, e) : err_nomem(e);

	free(path);
	return rc;
}

/* The keys first: a node that has its store is complete. */
static int write_all(struct span content, const char *state, struct err *e)
{
	struct entry store = {{0}, 0, {0}}, t;
	struct rd r = rd_of(content);
	int rc = 0;

	for (int i = 0; !rc && r.left && i < FILES_MAX; i++) {
		rc = next_entry(&t, &r, e);
		if (!rc && !strcmp(t.name, STORE_NAME))
			store = t;
		else if (!rc)
			rc = write_entry(&t, state, e);
	}
	if (!rc && (r.left || !*store.name))
		rc = err_set(e, ERR_FAILED, "backup-format", "the backup holds no store");
	return rc ? rc : write_entry(&store, state, e);
}

static int make_folders(const char *state, struct err *e)
{
	static const struct {
		const char *name;
		mode_t mode;
	} folders[] = {{KEYS_FOLDER, 0700}, {"tftp", 0755}, {"run", 0755}};
	int rc = file_mkdirs(state, 0755, e);

	for (size_t i = 0; !rc && i < sizeof(folders) / sizeof(folders[0]); i++) {
		char *path = file_join(state, folders[i].name);

		rc = path ? file_mkdirs(path, folders[i].mode, e) : err_nomem(e);
		free(path);
	}
	return rc;
}

static int check_empty(const char *state, struct err *e)
{
	char *path = file_join(state, STORE_NAME);
	bool there;

	if (!path)
		return err_nomem(e);
	there = !access(path, F_OK);
	free(path);
	if (!there)
		return 0;
	err_set(e, ERR_CONFLICT, "node-exists", "%s is the state of a node already", state);
	return err_hint(e, "nothing was restored; move that folder away first, or choose another "
			   "one with --state");
}

/* Opens the restored store, which also brings it up to date, and notes where it comes from. */
static int wake_up(const struct options *o, const char *state, struct err *e)
{
	struct store *s;
	int rc = store_open(&s, state, STORE_CREATE, e);

	if (rc)
		return rc;
	rc = note(s, "restored from", o->file, e);
	if (!rc)
		rc = store_restored_set(s, e);
	store_close(s);
	return rc;
}

static int restore(const struct options *o, const char *state, struct err *e)
{
	struct buf sealed = {0}, content = {0};
	struct secret passphrase = {0};
	int rc = check_empty(state, e);

	if (!rc)
		rc = file_read(o->file, BUF_MAX, &sealed, e);
	if (!rc)
		rc = read_passphrase(&passphrase, o, secret_read, e);
	if (!rc)
		rc = vault_open(&content, buf_view(&sealed), &passphrase, e);
	if (!rc) {
		umask(022);
		rc = make_folders(state, e);
	}
	if (!rc)
		rc = write_all(buf_view(&content), state, e);
	if (!rc)
		rc = wake_up(o, state, e);
	if (!rc)
		printf("restored into %s\nnext: start ctlproviderd and ctltftpd; a publisher gets "
		       "newer lists back from the other\nnodes. See with \"ctlclient cluster "
		       "status\" that the list is the one that the phones have,\nand bring it up "
		       "to "
		       "date with \"ctlclient cluster update\"\n",
		       state);
	buf_wipe(&content);
	buf_free(&sealed);
	secret_free(&passphrase);
	return rc;
}

/* ---- the way in ---- */

int cmd_backup_create(int argc, char **argv, void *ctx)
{
	(void)ctx;
	return run(
		create,
		"Writes store and keys of this node into FILE, encrypted under a passphrase. The "
		"services may run meanwhile.",
		argc, argv);
}

int cmd_backup_restore(int argc, char **argv, void *ctx)
{
	(void)ctx;
	return run(restore, "Makes a node from a backup, where there is none yet.", argc, argv);
}
