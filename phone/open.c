#include "phone/open.h"

#include "phone/trust.h"
#include "trustfile/encrypted.h"

#include <string.h>

/* ---- signature ---- */

static int verify(const struct sgn *f, const struct stored *s, const struct ask *asked,
		  const struct account *a, struct err *e)
{
	const struct tl *const lists[] = {s->lists[STORED_CTL].tl, s->lists[STORED_ITL].tl};
	const struct tl_record *by;
	char role[16];
	int rc = trust_check_digest(s, f->header.digest, e);

	if (!rc)
		rc = sgn_verify_in(f, lists, STORED_LISTS, asked->name, &by, e);
	if (rc)
		return rc;
	account_say(a, "verifies", "the signature is good, and a trust list has the signer as %s",
		    tl_role_label(by->role, role));
	return 0;
}

/* Takes the wrapping apart and, where the phone cares, verifies it. */
static int unwrap(struct sgn *f, struct buf *signer, const struct stored *s,
		  const struct ask *asked, struct span file, const struct account *a, struct err *e)
{
	static const enum tf_kind kinds[] = {
		[ASK_SIGNED] = TF_SGN,
		[ASK_ENCRYPTED] = TF_ENC,
		[ASK_TYPED] = TF_ENC_MANUAL,
	};
	const int rc = sgn_parse(f, file, kinds[asked->form], e);

	if (rc)
		return rc;
	sgn_signer_text(signer, f);
	account_say(a, "gets", "%s: %zu bytes, signed by %s", asked->name, file.len,
		    buf_cstr(signer) ? buf_cstr(signer) : "");
	if (asked->verify)
		return verify(f, s, asked, a, e);
	account_say(a, "skips", "the signature: a %s does not look at it", s->model->name);
	return 0;
}

/* ---- encryption ---- */

static int no_key(struct err *e)
{
	err_set(e, ERR_REFUSED, "enc-decrypt",
		"the phone has no certificate with a key to decrypt "
		"its configuration");
	return err_hint(e, "it gets one from CAPF: ctlphone enroll");
}

/* The server's word for which certificate it is goes first; the phone may not have it yet. */
static int decrypt(struct buf *plain, const struct sgn *f, const struct stored *s,
		   const struct account *a, struct err *e)
{
	const struct config *last = stored_last(s);
	const struct own_cert *first = last ? stored_own(s, last->cert_hash) : NULL;
	const struct own_cert *const keys[] = {first, &s->own[OWN_LSC], &s->own[OWN_MIC]};

	no_key(e);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (!keys[i] || !keys[i]->key || enc_open(plain, f, keys[i]->key, e))
			continue;
		account_say(a, "decrypts", "with the key of its %s",
			    own_cert_word(keys[i] == &s->own[OWN_MIC] ? OWN_MIC : OWN_LSC));
		return 0;
	}
	return (int)e->kind;
}

/* The two oldest models have neither header nor signature. */
static int open_rc4(struct buf *plain, const struct stored *s, const struct ask *asked,
		    struct span file, const struct account *a, struct err *e)
{
	account_say(a, "gets", "%s: %zu bytes, encrypted", asked->name, file.len);
	return enc_rc4(plain, file, s->key.data, e);
}

static int open_typed(struct buf *plain, struct buf *signer, const struct stored *s,
		      const struct ask *asked, struct span file, const struct account *a,
		      struct err *e)
{
	struct sgn f;
	int rc;

	if (device_ability(s->model, s->protocol)->cipher == DEVICE_CIPHER_RC4)
		return open_rc4(plain, s, asked, file, a, e);
	rc = unwrap(&f, signer, s, asked, file, a, e);
	if (!rc)
		rc = enc_open_manual(plain, &f, s->key.data, e);
	if (!rc)
		account_say(a, "decrypts", "with the key that was typed in");
	return rc;
}

int open_file(struct buf *plain, struct buf *signer, const struct stored *s,
	      const struct ask *asked, struct span file, const struct account *a, struct err *e)
{
	struct sgn f;
	int rc;

	if (asked->form == ASK_TYPED)
		return open_typed(plain, signer, s, asked, file, a, e);
	if (asked->form == ASK_PLAIN) {
		account_say(a, "gets", "%s: %zu bytes, unsigned", asked->name, file.len);
		buf_span(plain, file);
	} else {
		rc = unwrap(&f, signer, s, asked, file, a, e);
		if (!rc && asked->form == ASK_ENCRYPTED)
			rc = decrypt(plain, &f, s, a, e);
		else if (!rc)
			buf_span(plain, f.payload);
		if (rc)
			return rc;
	}
	return plain->bad ? err_nomem(e) : 0;
}
