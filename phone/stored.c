#include "phone/stored.h"

#include "common/file.h"
#include "common/hex.h"
#include "common/json.h"
#include "server/device/words.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SMALL_FILE_MAX = 4096 };

static const char *const list_names[STORED_LISTS] = {TL_CTL_NAME, TL_ITL_NAME};
static const char full_name[] = "config.cnf";
static const char minimal_name[] = "minimal.cnf";
static const char digest_name[] = "digest.json";
static const char key_name[] = "config.key";
static const char phone_name[] = "phone.json";

/* ---- reading ---- */

/* Appends a file of the folder to out. *there is false if there is no such file. */
static int read_part(struct buf *out, const struct stored *s, const char *name, size_t max,
		     bool *there, struct err *e)
{
	char *path = file_join(s->dir, name);
	int rc = path ? file_read(path, max, out, e) : err_nomem(e);

	free(path);
	*there = !rc;
	if (rc && !strcmp(e->id, "file-missing"))
		rc = 0;
	return rc;
}

static int unusable_list(const struct stored_list *l, struct err *e)
{
	e->kind = ERR_FAILED;
	snprintf(e->id, sizeof(e->id), "stored-list");
	err_wrap(e, "the stored list %s cannot be trusted any more", l->path);
	return err_hint(e,
			"erase it as one would on the phone (delete the file) if the next list may "
			"be trusted as it comes, or put a good copy back");
}

static int load_list(struct stored *s, enum stored_kind kind, struct err *e)
{
	struct stored_list *l = &s->lists[kind];
	bool there;
	int rc;

	l->path = file_join(s->dir, list_names[kind]);
	if (!l->path)
		return err_nomem(e);
	rc = read_part(&l->bytes, s, list_names[kind], TL_FILE_MAX, &there, e);
	if (!rc && !there)
		return 0;
	if (!rc)
		rc = tl_parse(&l->tl, buf_view(&l->bytes), e);
	if (!rc)
		rc = tl_verify(l->tl, list_names[kind], e);
	if (!rc)
		return 0;
	tl_free(l->tl);
	l->tl = NULL;
	return unusable_list(l, e);
}

static int unusable(const struct stored *s, const char *name, struct err *e)
{
	e->kind = ERR_FAILED;
	snprintf(e->id, sizeof(e->id), "stored-phone");
	err_wrap(e, "%s/%s is unusable", s->dir, name);
	return err_hint(e, "remove that file: the phone gets a new one");
}

static enum device_naming naming_of(const struct stored *s)
{
	return device_ability(s->model, s->protocol)->naming;
}

static int load_config(struct stored_config *c, const struct stored *s, const char *name,
		       struct err *e)
{
	int rc = read_part(&c->bytes, s, name, CONFIG_FILE_MAX, &c->there, e);

	if (!rc && c->there)
		rc = config_parse_as(&c->config, naming_of(s), buf_view(&c->bytes), e);
	if (!rc)
		return 0;
	c->there = false;
	return unusable(s, name, e);
}

static int read_json(json_t **doc, const struct stored *s, const char *name, struct err *e)
{
	struct buf text = {0};
	bool there;
	int rc = read_part(&text, s, name, SMALL_FILE_MAX, &there, e);

	*doc = NULL;
	if (!rc && there)
		rc = json_read(doc, buf_view(&text), e);
	buf_wipe(&text);
	return rc ? unusable(s, name, e) : 0;
}

static int load_phone(struct stored *s, struct err *e)
{
	const char *device = "", *model = STORED_MODEL_DEFAULT, *protocol = "";
	json_t *doc;
	int rc = read_json(&doc, s, phone_name, e);

	if (rc || !doc)
		return rc;
	if (json_unpack(doc, "{s?s, s?s, s?s}", "device", &device, "model", &model, "protocol",
			&protocol) ||
	    !device_model_find(model) || strlen(device) >= sizeof(s->device)) {
		err_set(e, ERR_FAILED, "stored-phone", "it does not say what the phone is");
		rc = unusable(s, phone_name, e);
	} else {
		snprintf(s->device, sizeof(s->device), "%s", device);
		s->model = device_model_find(model);
		device_protocol_of(&s->protocol, protocol);
	}
	json_decref(doc);
	return rc;
}

static int load_digest(struct stored *s, struct err *e)
{
	const char *user = NULL, *password = NULL;
	json_t *doc;
	int rc = read_json(&doc, s, digest_name, e);

	if (rc || !doc)
		return rc;
	if (json_unpack(doc, "{s:s, s:s}", "user", &user, "password", &password) ||
	    strlen(user) >= sizeof(s->digest_user)) {
		err_set(e, ERR_FAILED, "stored-phone", "there are no credentials in it");
		rc = unusable(s, digest_name, e);
	} else {
		s->has_digest = true;
		snprintf(s->digest_user, sizeof(s->digest_user), "%s", user);
		if (*password)
			rc = secret_set(&s->digest_password, password, strlen(password), e);
	}
	json_decref(doc);
	return rc;
}

static bool is_zero(const struct buf *b)
{
	for (size_t i = 0; i < b->len; i++)
		if (b->data[i])
			return false;
	return true;
}

/* A key of zeros is how one takes the key out of a phone. */
static int load_key(struct stored *s, struct err *e)
{
	const size_t short_key = device_key_len(DEVICE_CIPHER_AES);
	const size_t long_key = device_key_len(DEVICE_CIPHER_RC4);
	struct buf text = {0};
	bool there;
	int rc = read_part(&text, s, key_name, SMALL_FILE_MAX, &there, e);

	while (text.len && strchr(" \r\n", text.data[text.len - 1]))
		text.len--;
	if (!rc && there &&
	    (!hex_parse(&s->key, (const char *)text.data, text.len) ||
	     (s->key.len != short_key && s->key.len != long_key))) {
		err_set(e, ERR_FAILED, "stored-phone", "a key has %zu or %zu hexadecimal digits",
			2 * short_key, 2 * long_key);
		rc = unusable(s, key_name, e);
	}
	buf_wipe(&text);
	if (rc || is_zero(&s->key))
		buf_wipe(&s->key);
	return rc;
}

/* SIP, unless the model does not speak it. */
static void choose_protocol(struct stored *s)
{
	if (s->protocol && device_ability(s->model, s->protocol)->there)
		return;
	s->protocol = s->model->sip.there ? DEVICE_SIP : DEVICE_SCCP;
}

int stored_load(struct stored *s, const char *dir, struct err *e)
{
	int rc = 0;

	*s = (struct stored){.model = device_model_find(STORED_MODEL_DEFAULT)};
	choose_protocol(s);
	if (!dir)
		return 0;
	s->dir = strdup(dir);
	if (!s->dir)
		return err_nomem(e);
	for (enum stored_kind k = 0; !rc && k < STORED_LISTS; k++)
		rc = load_list(s, k, e);
	if (!rc)
		rc = load_phone(s, e);
	choose_protocol(s);
	if (!rc)
		rc = own_cert_load(&s->own[OWN_LSC], dir, OWN_LSC, e);
	if (!rc)
		rc = own_cert_load(&s->own[OWN_MIC], dir, OWN_MIC, e);
	if (!rc)
		rc = load_config(&s->full, s, full_name, e);
	if (!rc)
		rc = load_config(&s->minimal, s, minimal_name, e);
	if (!rc)
		rc = load_digest(s, e);
	if (!rc)
		rc = load_key(s, e);
	return rc;
}

/* ---- writing ---- */

static bool is_kept(const struct stored *s)
{
	return s->dir && !s->read_only;
}

static int write_part(const struct stored *s, const char *name, struct span data, mode_t mode,
		      struct err *e)
{
	char *path;
	int rc;

	if (!is_kept(s))
		return 0;
	rc = file_mkdirs(s->dir, 0755, e);
	if (rc)
		return rc;
	path = file_join(s->dir, name);
	rc = path ? file_write(path, data, mode, e) : err_nomem(e);
	free(path);
	return rc;
}

static int write_json(const struct stored *s, const char *name, json_t *doc, struct err *e)
{
	char *text = doc ? json_dumps(doc, JSON_COMPACT) : NULL;
	int rc = text ? write_part(s, name, span_of(text, strlen(text)), 0600, e) : err_nomem(e);

	if (text)
		OPENSSL_cleanse(text, strlen(text));
	free(text);
	json_decref(doc);
	return rc;
}

int stored_be(struct stored *s, const char *device, const struct device_model *model,
	      enum device_protocol protocol, struct err *e)
{
	const bool is_new = strcmp(device, s->device) != 0 || (model && model != s->model) ||
			    (protocol && protocol != s->protocol);

	if (!is_new)
		return 0;
	if (device != s->device)
		snprintf(s->device, sizeof(s->device), "%s", device);
	s->model = model ? model : s->model;
	s->protocol = protocol ? protocol : s->protocol;
	choose_protocol(s);
	return write_json(s, phone_name,
			  json_pack("{s:s, s:s, s:s}", "device", s->device, "model", s->model->name,
				    "protocol", device_protocol_word(s->protocol)),
			  e);
}

int stored_put_list(struct stored *s, enum stored_kind kind, struct span file, struct err *e)
{
	struct stored_list *l = &s->lists[kind];
	struct buf bytes = {0};
	struct tl *tl = NULL;
	int rc;

	buf_span(&bytes, file);
	rc = bytes.bad ? err_nomem(e) : tl_parse(&tl, buf_view(&bytes), e);
	if (!rc)
		rc = write_part(s, list_names[kind], file, 0644, e);
	if (rc) {
		tl_free(tl);
		buf_free(&bytes);
		return rc;
	}
	tl_free(l->tl);
	buf_free(&l->bytes);
	l->tl = tl;
	l->bytes = bytes;
	return 0;
}

static void config_drop(struct stored_config *c)
{
	if (c->there)
		config_free(&c->config);
	buf_wipe(&c->bytes);
	c->there = false;
}

static int remove_part(const struct stored *s, const char *name, struct err *e)
{
	char *path;
	int rc = 0;

	if (!is_kept(s))
		return 0;
	path = file_join(s->dir, name);
	if (!path)
		return err_nomem(e);
	if (unlink(path) && errno != ENOENT)
		rc = err_set(e, ERR_FAILED, "file-write", "cannot remove %s: %s", path,
			     strerror(errno));
	free(path);
	return rc;
}

static int put_digest(struct stored *s, const struct config *c, struct err *e)
{
	const char *password = c->digest_password.text ? c->digest_password.text : "";
	int rc = 0;

	if (!c->has_digest)
		return 0;
	secret_free(&s->digest_password);
	if (*password)
		rc = secret_set(&s->digest_password, password, strlen(password), e);
	s->has_digest = true;
	snprintf(s->digest_user, sizeof(s->digest_user), "%s", c->digest_user);
	if (rc)
		return rc;
	return write_json(s, digest_name,
			  json_pack("{s:s, s:s}", "user", s->digest_user, "password", password), e);
}

int stored_put_config(struct stored *s, struct span file, struct err *e)
{
	struct stored_config neu = {.there = true};
	struct stored_config *old;
	int rc;

	buf_span(&neu.bytes, file);
	if (neu.bytes.bad)
		return err_nomem(e);
	rc = config_parse_as(&neu.config, naming_of(s), file, e);
	if (rc) {
		buf_wipe(&neu.bytes);
		return rc;
	}
	old = neu.config.full ? &s->full : &s->minimal;
	rc = put_digest(s, &neu.config, e);
	if (!rc)
		rc = write_part(s, neu.config.full ? full_name : minimal_name, file, 0600, e);
	if (!rc && neu.config.full)
		rc = remove_part(s, minimal_name, e);
	if (rc) {
		config_drop(&neu);
		return rc;
	}
	if (neu.config.full)
		config_drop(&s->minimal);
	config_drop(old);
	*old = neu;
	return 0;
}

/* ---- asking ---- */

const struct config *stored_last(const struct stored *s)
{
	if (s->minimal.there)
		return &s->minimal.config;
	return s->full.there ? &s->full.config : NULL;
}

const struct own_cert *stored_own(const struct stored *s, const char *hash)
{
	for (size_t i = 0; *hash && i < sizeof(s->own) / sizeof(s->own[0]); i++)
		if (s->own[i].cert && !strcmp(s->own[i].hash, hash))
			return &s->own[i];
	return NULL;
}

void stored_free(struct stored *s)
{
	for (enum stored_kind k = 0; k < STORED_LISTS; k++) {
		tl_free(s->lists[k].tl);
		buf_free(&s->lists[k].bytes);
		free(s->lists[k].path);
	}
	own_cert_free(&s->own[OWN_LSC]);
	own_cert_free(&s->own[OWN_MIC]);
	config_drop(&s->full);
	config_drop(&s->minimal);
	secret_free(&s->digest_password);
	buf_wipe(&s->key);
	free(s->dir);
	*s = (struct stored){0};
}
