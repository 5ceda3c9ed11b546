#include "server/store/seal.h"

#include "common/file.h"
#include "server/store/store_priv.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_LEN = 32, NONCE_LEN = 12, TAG_LEN = 16, VERSION = 1, HEAD_LEN = 1 + NONCE_LEN };

#define KEYS_FOLDER "keys"
#define KEY_FILE "secrets.key"

/* ---- the key ---- */

static int make_key(const char *path, struct err *e)
{
	uint8_t key[KEY_LEN];
	struct err why;
	int rc;

	if (RAND_priv_bytes(key, sizeof(key)) != 1)
		return err_openssl(e, ERR_FAILED, "secrets-key", "cannot make %s", path);
	rc = file_create(path, span_of(key, sizeof(key)), 0600, &why);
	OPENSSL_cleanse(key, sizeof(key));
	/* Another process was quicker: its key will do. */
	if (!rc || !strcmp(why.id, "file-exists"))
		return 0;
	*e = why;
	return rc;
}

static int read_key(struct store *s, const char *path, struct err *e)
{
	struct buf file = {0};
	int rc = file_read(path, KEY_LEN, &file, e);

	if (!rc && file.len != KEY_LEN)
		rc = err_set(e, ERR_FAILED, "secrets-key", "%s is no key: it has not %d bytes",
			     path, KEY_LEN);
	if (!rc) {
		s->secrets_key = OPENSSL_memdup(file.data, KEY_LEN);
		rc = s->secrets_key ? 0 : err_nomem(e);
	}
	buf_wipe(&file);
	return rc;
}

static int find_key(struct store *s, const char *folder, bool make, struct err *e)
{
	char *path = file_join(folder, KEY_FILE);
	struct err why;
	int rc;

	if (!path)
		return err_nomem(e);
	rc = read_key(s, path, &why);
	if (rc && make && !strcmp(why.id, "file-missing")) {
		rc = file_mkdirs(folder, 0700, e);
		if (!rc)
			rc = make_key(path, e);
		if (!rc)
			rc = read_key(s, path, e);
	} else if (rc) {
		*e = why;
	}
	free(path);
	return rc;
}

/* Beside the node's other keys, so that a backup has it, and never in the store. */
static int need_key(struct store *s, bool make, struct err *e)
{
	char *state, *folder = NULL, *slash;
	int rc;

	if (s->secrets_key)
		return 0;
	state = strdup(s->path);
	slash = state ? strrchr(state, '/') : NULL;
	if (slash)
		*slash = '\0';
	folder = state ? file_join(slash ? state : ".", KEYS_FOLDER) : NULL;
	rc = folder ? find_key(s, folder, make, e) : err_nomem(e);
	if (rc) {
		err_wrap(e, "the key of the stored secrets");
		snprintf(e->id, sizeof(e->id), "secrets-key");
		e->kind = ERR_FAILED;
		err_hint(e, "restore " KEYS_FOLDER "/" KEY_FILE " from a backup; without it the "
			    "stored secrets have to be set anew");
	}
	free(folder);
	free(state);
	return rc ? (int)e->kind : 0;
}

void seal_forget(struct store *s)
{
	OPENSSL_clear_free(s->secrets_key, KEY_LEN);
	s->secrets_key = NULL;
}

/* ---- sealing ---- */

static bool encrypt(EVP_CIPHER_CTX *ctx, const uint8_t *key, const uint8_t nonce[NONCE_LEN],
		    const char *what, struct span plain, uint8_t *out)
{
	int n;

	return EVP_EncryptInit_ex2(ctx, EVP_aes_256_gcm(), key, nonce, NULL) &&
	       EVP_EncryptUpdate(ctx, NULL, &n, (const uint8_t *)what, (int)strlen(what)) &&
	       EVP_EncryptUpdate(ctx, out, &n, plain.data, (int)plain.len) &&
	       EVP_EncryptFinal_ex(ctx, out + plain.len, &n) &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_LEN, out + plain.len);
}

int seal(struct store *s, struct buf *out, const char *what, struct span plain, struct err *e)
{
	uint8_t *at;
	EVP_CIPHER_CTX *ctx;
	int rc = 0;

	if (need_key(s, true, e))
		return (int)e->kind;
	ctx = EVP_CIPHER_CTX_new();
	at = buf_room(out, HEAD_LEN + plain.len + TAG_LEN);
	if (!ctx || !at) {
		rc = err_nomem(e);
		goto out;
	}
	at[0] = VERSION;
	if (RAND_bytes(at + 1, NONCE_LEN) != 1 ||
	    !encrypt(ctx, s->secrets_key, at + 1, what, plain, at + HEAD_LEN))
		rc = err_openssl(e, ERR_FAILED, "sealed", "cannot encrypt the %s", what);
	else
		out->len += HEAD_LEN + plain.len + TAG_LEN;
out:
	EVP_CIPHER_CTX_free(ctx);
	return rc;
}

static bool decrypt(EVP_CIPHER_CTX *ctx, const uint8_t *key, struct span nonce, const char *what,
		    struct span text, struct span tag, uint8_t *out)
{
	uint8_t expected[TAG_LEN];
	int n;

	memcpy(expected, tag.data, TAG_LEN);
	return EVP_DecryptInit_ex2(ctx, EVP_aes_256_gcm(), key, nonce.data, NULL) &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_LEN, expected) &&
	       EVP_DecryptUpdate(ctx, NULL, &n, (const uint8_t *)what, (int)strlen(what)) &&
	       EVP_DecryptUpdate(ctx, out, &n, text.data, (int)text.len) &&
	       EVP_DecryptFinal_ex(ctx, out + text.len, &n) > 0;
}

static int refuse(const char *what, struct err *e)
{
	err_set(e, ERR_FAILED, "sealed",
		"the %s in the store does not open with the key of this node", what);
	return err_hint(e, "was the store moved here without " KEYS_FOLDER "/" KEY_FILE
			   "? Bring that, or set the secret anew");
}

int unseal(struct store *s, struct buf *plain, const char *what, struct span sealed, struct err *e)
{
	struct rd r = rd_of(sealed);
	const uint8_t version = rd_u8(&r);
	const struct span nonce = rd_take(&r, NONCE_LEN);
	const struct span text = rd_take(&r, r.left > TAG_LEN ? r.left - TAG_LEN : 0);
	const struct span tag = rd_take(&r, TAG_LEN);
	EVP_CIPHER_CTX *ctx;
	uint8_t *at;
	int rc = 0;

	if (r.bad || version != VERSION)
		return refuse(what, e);
	if (need_key(s, false, e))
		return (int)e->kind;
	ctx = EVP_CIPHER_CTX_new();
	at = buf_room(plain, text.len + 1);
	if (!ctx || !at)
		rc = err_nomem(e);
	else if (!decrypt(ctx, s->secrets_key, nonce, what, text, tag, at))
		rc = refuse(what, e);
	else
		plain->len += text.len;
	EVP_CIPHER_CTX_free(ctx);
	return rc;
}

int seal_mark(struct store *s, uint8_t mark[SEAL_MARK_LEN], const char *kind, struct span plain,
	      struct err *e)
{
	struct buf text = {0};
	size_t n = 0;
	int rc = need_key(s, true, e);

	if (rc)
		return rc;
	buf_put(&text, kind, strlen(kind) + 1);
	buf_span(&text, plain);
	if (text.bad)
		rc = err_nomem(e);
	else if (!EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, s->secrets_key, KEY_LEN, text.data,
			    text.len, mark, SEAL_MARK_LEN, &n) ||
		 n != SEAL_MARK_LEN)
		rc = err_openssl(e, ERR_FAILED, "sealed", "cannot mark the %s", kind);
	buf_wipe(&text);
	return rc;
}
