#include "server/tftp/makers.h"

#include "common/file.h"
#include "common/sha256.h"
#include "common/text.h"
#include "server/store/store_phone.h"
#include "server/tftp/static_files.h"

#include <stdlib.h>
#include <string.h>

/* A name whose tag stands for all that signing depends on: security mode, key, digest. */
#define SIGNED_BY_ALL "XMLDefault.cnf.xml.sgn"

static const char suffix[] = ".sgn";

enum { SUFFIX = sizeof(suffix) - 1 };

struct maker {
	struct store *store;
	struct device_files *files;
	struct static_files *folder; /* NULL: none */
	char *capf;                  /* path of CAPF's folder */
	struct static_files *crl;    /* in it; NULL: not there yet */
};

int maker_open(struct maker **out, const struct makers_setup *setup, struct err *e)
{
	struct maker *m = calloc(1, sizeof(*m));
	struct device_files_setup files = {
		.key = setup->key, .digest = setup->digest, .ports = setup->ports};
	int rc;

	if (!m)
		return err_nomem(e);
	m->capf = file_join(setup->state, "capf");
	rc = m->capf ? store_open(&m->store, setup->state, STORE_READ, e) : err_nomem(e);
	files.store = m->store;
	if (!rc)
		rc = device_files_open(&m->files, &files, e);
	if (!rc && setup->folder)
		rc = static_files_open(&m->folder, setup->folder, e);
	if (rc) {
		maker_close(m);
		return rc;
	}
	*out = m;
	return 0;
}

void maker_close(struct maker *m)
{
	if (!m)
		return;
	static_files_close(m->folder);
	static_files_close(m->crl);
	free(m->capf);
	device_files_close(m->files);
	store_close(m->store);
	free(m);
}

/* ---- configurations ---- */

bool maker_takes(const struct name *n)
{
	return device_file_is_config(span_of(n->text, n->len));
}

static const char *outcome_of(enum device_file_kind kind)
{
	return kind == DEVICE_FILE_MINIMAL ? "minimal" : "sent";
}

static void take_file(struct catalog_job *j, struct device_file *f)
{
	_Static_assert((int)DEVICE_FILE_TAG_LEN == (int)CONTENT_OWNER, "an owner is a SHA-256");
	j->content = content_new(&f->bytes);
	if (!j->content) {
		err_nomem(&j->e);
		return;
	}
	j->content->secret = f->has_secrets;
	for (size_t i = 0; i < f->nowners; i++) {
		memcpy(j->content->owner[i], f->owners[i], CONTENT_OWNER);
		j->content->has_owner[i] = true;
	}
	j->content->stamp = f->stamp;
	j->content->outcome = outcome_of(f->kind);
	j->made = CATALOG_MADE;
}

void maker_config(struct catalog_job *j, void *own)
{
	struct maker *m = own;
	const struct span name = span_of(j->name.text, j->name.len);
	struct device_file f;

	_Static_assert(sizeof(f.tag) <= sizeof(j->tag.bytes), "a tag has to hold it");
	if (device_file_rebuild(&f, m->files, name, j->was.bytes, &j->e))
		return;
	/* An administrator may have put files of unknown phones into the folder. */
	if (f.kind == DEVICE_FILE_SAME)
		j->made = CATALOG_UNCHANGED;
	else if (f.kind == DEVICE_FILE_NONE)
		j->made = *f.device ? CATALOG_NONE : CATALOG_FOREIGN;
	else
		take_file(j, &f);
	memcpy(j->tag.bytes, f.tag, sizeof(f.tag));
	device_file_free(&f);
}

/* ---- static files ---- */

/* The whole of a file, which may be on the disk. */
static int read_content(struct buf *out, const struct content *c, struct err *e)
{
	const size_t n = (size_t)c->size;
	uint8_t *room;
	struct span piece;

	if (c->size > STATIC_SIGNED_MAX)
		return err_set(e, ERR_REFUSED, "static", "it is too large to be signed");
	room = buf_room(out, n);
	if (!room)
		return err_nomem(e);
	piece = content_piece(c, 0, n, room);
	if (piece.len != n)
		return err_set(e, ERR_FAILED, "static", "it became shorter while it was read");
	if (piece.data != room && n)
		memcpy(room, piece.data, n);
	out->len += n;
	return 0;
}

/* Puts what the signature depends on behind the tag of the file. */
static int tag_signed(struct catalog_job *j, struct maker *m, const struct catalog_tag *file)
{
	uint8_t all[DEVICE_FILE_TAG_LEN];
	const struct span name = span_of(SIGNED_BY_ALL, sizeof(SIGNED_BY_ALL) - 1);

	_Static_assert(STATIC_TAG + sizeof(all) <= sizeof(j->tag.bytes), "a tag has to hold both");
	if (device_file_tag(all, m->files, name, &j->e))
		return (int)j->e.kind;
	memcpy(j->tag.bytes, file->bytes, STATIC_TAG);
	memcpy(j->tag.bytes + STATIC_TAG, all, sizeof(all));
	return 0;
}

/* Signs a file that was found without the suffix. */
static void sign(struct catalog_job *j, struct maker *m, const struct catalog_job *plain)
{
	struct buf file = {0}, out = {0};
	bool absent = true;
	int rc;

	if (tag_signed(j, m, &plain->tag))
		return;
	if (!memcmp(&j->tag, &j->was, sizeof(j->tag))) {
		j->made = CATALOG_UNCHANGED;
		return;
	}
	rc = read_content(&file, plain->content, &j->e);
	if (!rc)
		rc = device_files_sign(&out, &absent, m->files, j->name.text, buf_view(&file),
				       &j->e);
	buf_free(&file);
	if (!rc && absent)
		j->made = CATALOG_NONE;
	else if (!rc && (j->content = content_new(&out)))
		j->made = CATALOG_MADE;
	else if (!rc)
		err_nomem(&j->e);
	buf_free(&out);
}

static void make_signed(struct catalog_job *j, struct maker *m)
{
	struct catalog_job plain = {.made = CATALOG_FAILED, .name = j->name};

	plain.name.len -= SUFFIX;
	plain.name.text[plain.name.len] = plain.name.key[plain.name.len] = '\0';
	static_files_make(&plain, m->folder);
	if (plain.made == CATALOG_MADE)
		sign(j, m, &plain);
	else
		j->made = plain.made;
	if (plain.made == CATALOG_FAILED)
		j->e = plain.e;
	content_unref(plain.content);
}

void maker_static(struct catalog_job *j, void *own)
{
	struct maker *m = own;

	/* One that was signed elsewhere comes first. */
	static_files_make(j, m->folder);
	if (j->made == CATALOG_NONE && text_ends_in(j->name.text, suffix))
		make_signed(j, m);
}

/* ---- CAPF's list of revoked certificates ---- */

bool maker_takes_crl(const struct name *n)
{
	return !strcmp(n->key, "capf.crl");
}

void maker_crl(struct catalog_job *j, void *own)
{
	struct maker *m = own;
	struct err ignored;

	/* ctlcapfd makes the folder, perhaps later than we start. */
	if (!m->crl && static_files_open(&m->crl, m->capf, &ignored)) {
		m->crl = NULL;
		j->made = CATALOG_FOREIGN;
		return;
	}
	static_files_make(j, m->crl);
}
