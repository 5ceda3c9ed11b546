#include "server/admin/vault.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

static const char magic[] = "ctlsuite backup\n";

enum {
	MAGIC_LEN = sizeof(magic) - 1,
	VERSION = 1,
	SALT_LEN = 16,
	NONCE_LEN = 12,
	TAG_LEN = 16,
	KEY_LEN = 32,
	HEADER_LEN = MAGIC_LEN + 4 + SALT_LEN + NONCE_LEN,
	LOG_N = 16, /* with r = 8 that is 64 MB and a good part of a second */
	LOG_N_MAX = 20,
	R = 8,
	R_MAX = 16,
	P = 1,
	P_MAX = 4,
};

/* What the header says, and what follows from it. */
struct header {
	struct span bytes; /* all of it, to be authenticated */
	unsigned log_n, r, p;
	struct span salt, nonce;
};

static int parse_header(struct header *h, struct rd *r, struct err *e)
{
	struct span id;
	unsigned version;

	h->bytes = span_of(r->p, r->left < HEADER_LEN ? r->left : HEADER_LEN);
	id = rd_take(r, MAGIC_LEN);
	version = rd_u8(r);
	h->log_n = rd_u8(r);
	h->r = rd_u8(r);
	h->p = rd_u8(r);
	h->salt = rd_take(r, SALT_LEN);
	h->nonce = rd_take(r, NONCE_LEN);
	if (r->bad || !span_eq(id, span_of(magic, MAGIC_LEN)))
		return err_set(e, ERR_FAILED, "backup-format", "it is no backup of ctlsuite");
	if (version != VERSION)
		return err_set(e, ERR_FAILED, "backup-format",
			       "it is a backup of version %u; this program knows version %d",
			       version, VERSION);
	/* The limits keep a forged file from taking all memory. */
	if (!h->log_n || h->log_n > LOG_N_MAX || !h->r || h->r > R_MAX || !h->p || h->p > P_MAX)
		return err_set(e, ERR_FAILED, "backup-format",
			       "the header of the backup makes no sense");
	return 0;
}

static int derive(uint8_t key[KEY_LEN], const struct header *h, const struct secret *passphrase,
		  struct err *e)
{
	const uint64_t n = UINT64_C(1) << h->log_n;
	const uint64_t memory = 128 * n * h->r + (8 << 20);

	if (EVP_PBE_scrypt(passphrase->text, passphrase->len, h->salt.data, h->salt.len, n, h->r,
			   h->p, memory, key, KEY_LEN) == 1)
		return 0;
	return err_openssl(e, ERR_FAILED, "backup", "cannot derive the key from the passphrase");
}

static bool begin(EVP_CIPHER_CTX *ctx, const struct header *h, const uint8_t key[KEY_LEN],
		  int encrypt)
{
	int n;

	return ctx &&
	       EVP_CipherInit_ex2(ctx, EVP_aes_256_gcm(), key, h->nonce.data, encrypt, NULL) == 1 &&
	       EVP_CipherUpdate(ctx, NULL, &n, h->bytes.data, (int)h->bytes.len) == 1;
}

/* Appends in, en- or decrypted; the tag is written or compared. False if anything fails. */
static bool cipher(struct buf *out, struct span in, const struct header *h,
		   const uint8_t key[KEY_LEN], uint8_t tag[TAG_LEN], int encrypt)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t *to = buf_room(out, in.len + 1);
	int n = 0, rest = 0;
	bool ok = to && begin(ctx, h, key, encrypt) &&
		  EVP_CipherUpdate(ctx, to, &n, in.data, (int)in.len) == 1;

	if (ok && !encrypt)
		ok = EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG_LEN, tag) == 1;
	ok = ok && EVP_CipherFinal_ex(ctx, to + n, &rest) == 1;
	if (ok && encrypt)
		ok = EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG_LEN, tag) == 1;
	if (ok)
		out->len += (size_t)(n + rest);
	else if (to)
		OPENSSL_cleanse(to, in.len);
	EVP_CIPHER_CTX_free(ctx);
	return ok;
}

static int put_header(struct buf *out, struct err *e)
{
	uint8_t random[SALT_LEN + NONCE_LEN];

	if (RAND_bytes(random, sizeof(random)) != 1)
		return err_openssl(e, ERR_FAILED, "backup", "no random numbers");
	buf_put(out, magic, MAGIC_LEN);
	buf_u8(out, VERSION);
	buf_u8(out, LOG_N);
	buf_u8(out, R);
	buf_u8(out, P);
	buf_put(out, random, sizeof(random));
	return out->bad ? err_nomem(e) : 0;
}

int vault_seal(struct buf *out, struct span plain, const struct secret *passphrase, struct err *e)
{
	struct buf head = {0};
	uint8_t key[KEY_LEN], tag[TAG_LEN];
	struct header h;
	struct rd r;
	int rc = put_header(&head, e);

	if (!rc) {
		r = rd_of(buf_view(&head));
		rc = parse_header(&h, &r, e);
	}
	if (!rc)
		rc = derive(key, &h, passphrase, e);
	if (!rc) {
		buf_span(out, h.bytes);
		if (!cipher(out, plain, &h, key, tag, 1))
			rc = err_openssl(e, ERR_FAILED, "backup", "cannot encrypt the backup");
		buf_put(out, tag, TAG_LEN);
	}
	if (!rc && out->bad)
		rc = err_nomem(e);
	OPENSSL_cleanse(key, sizeof(key));
	buf_free(&head);
	return rc;
}

int vault_open(struct buf *plain, struct span sealed, const struct secret *passphrase,
	       struct err *e)
{
	uint8_t key[KEY_LEN], tag[TAG_LEN];
	struct rd r = rd_of(sealed);
	struct header h;
	struct span content;
	int rc = parse_header(&h, &r, e);

	if (rc)
		return rc;
	content = rd_take(&r, r.left < TAG_LEN ? 0 : r.left - TAG_LEN);
	if (r.left != TAG_LEN)
		return err_set(e, ERR_FAILED, "backup-format", "the backup is cut off");
	memcpy(tag, r.p, TAG_LEN);
	rc = derive(key, &h, passphrase, e);
	if (!rc && !cipher(plain, content, &h, key, tag, 0)) {
		err_set(e, ERR_REFUSED, "backup-passphrase",
			"the passphrase is another one, or the backup was changed");
		rc = err_hint(e, "nothing was restored");
	}
	OPENSSL_cleanse(key, sizeof(key));
	return rc;
}
