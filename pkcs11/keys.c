#include "pkcs11/cryptoki.h"
#include "pkcs11/owner.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

/* ---- private keys by what the URI says ---- */

static void read_key(struct token_key *k, uint8_t label[LABEL_MAX], size_t *label_len,
		     const struct token *t, CK_OBJECT_HANDLE object)
{
	*k = (struct token_key){0};
	if (object_attr(t, object, CKA_ID, k->id, sizeof(k->id), &k->id_len) != CKR_OK)
		k->id_len = 0;
	if (object_attr(t, object, CKA_LABEL, label, LABEL_MAX, label_len) != CKR_OK)
		*label_len = 0;
	text_show(k->label, sizeof(k->label), label, *label_len);
}

static bool uri_admits(const struct token *t, const struct token_key *k, struct span label)
{
	const struct span object = uri_object(t->uri);
	const struct span id = uri_id(t->uri);

	return (!object.data || span_eq(object, label)) &&
	       (!id.data || span_eq(id, span_of(k->id, k->id_len)));
}

/* Some cards show the modulus only with the public key of the same CKA_ID. */
static EVP_PKEY *public_of(struct token *t, const struct token_key *k, CK_OBJECT_HANDLE object)
{
	CK_OBJECT_CLASS class = CKO_PUBLIC_KEY;
	CK_ATTRIBUTE template[] = {
		{CKA_CLASS, &class, sizeof(class)},
		{CKA_ID, (void *)k->id, k->id_len},
	};
	EVP_PKEY *key = key_public(t, object);
	CK_OBJECT_HANDLE *list;
	struct err ignored;
	size_t n;

	if (key || !k->id_len || objects_find(t, template, 2, &list, &n, &ignored))
		return key;
	if (n)
		key = key_public(t, list[0]);
	free(list);
	return key;
}

static int private_keys(struct token *t, CK_OBJECT_HANDLE **list, size_t *n, struct err *e)
{
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof(class)}};

	return objects_find(t, template, 1, list, n, e);
}

static int none(const struct token *t, struct err *e)
{
	const struct token_info *info = &t->at.info;

	err_set(e, ERR_TOKEN, "key-missing",
		"the token %s (serial %s) shows no private RSA key%s%s", info->label, info->serial,
		t->object ? " named " : "", t->object ? t->object : "");
	return err_hint(e, "\"ctlclient token keygen\" makes one");
}

static int many(const struct token *t, size_t n, const struct token_key *first,
		const struct token_key *second, struct err *e)
{
	const struct token_info *info = &t->at.info;
	const struct token_key *const keys[] = {first, second};
	char uri[2][768];

	for (int i = 0; i < 2; i++)
		uri_format(uri[i], sizeof(uri[i]), &t->at, t->at.detail, span_of(NULL, 0),
			   span_of(keys[i]->id, keys[i]->id_len));
	err_set(e, ERR_TOKEN, "key-ambiguous",
		"the token %s (serial %s) holds %zu keys that may be meant: %s, %s%s", info->label,
		info->serial, n, first->label, second->label, n > 2 ? ", ..." : "");
	return err_hint(e, "name one: '%s' or '%s'", uri[0], uri[1]);
}

int token_key(struct token_key *out, struct token *t, struct err *e)
{
	struct token_key found[2] = {0};
	CK_OBJECT_HANDLE *list;
	size_t n, fit = 0;
	int rc = private_keys(t, &list, &n, e);

	if (rc)
		return rc;
	for (size_t i = 0; i < n; i++) {
		uint8_t text[LABEL_MAX];
		struct span label = {text, 0};
		struct token_key k;

		read_key(&k, text, &label.len, t, list[i]);
		if (uri_admits(t, &k, label))
			k.public = public_of(t, &k, list[i]);
		if (!k.public)
			continue;
		if (fit < 2)
			found[fit] = k;
		else
			token_key_free(&k);
		fit++;
	}
	free(list);
	if (fit == 1) {
		*out = found[0];
		return 0;
	}
	rc = session_check(t, e);
	if (!rc)
		rc = fit ? many(t, fit, &found[0], &found[1], e) : none(t, e);
	token_key_free(&found[0]);
	token_key_free(&found[1]);
	return rc;
}

void token_key_free(struct token_key *k)
{
	EVP_PKEY_free(k->public);
	k->public = NULL;
}

/* ---- a certificate from elsewhere ---- */

struct import {
	struct token *t;
	X509 *cert;
	struct token_key key;     /* its key on the token */
	uint8_t label[LABEL_MAX]; /* CKA_LABEL to be */
	size_t label_len;
	CK_OBJECT_HANDLE old[OBJECTS_MAX]; /* certificates of the same key, n of them */
	size_t n;
	bool there; /* the very same one is stored already */
};

/* By comparing moduli here: not every module searches by them. */
static int find_key(struct import *im, struct err *e)
{
	const EVP_PKEY *wanted = X509_get0_pubkey(im->cert);
	const struct token_info *info = &im->t->at.info;
	CK_OBJECT_HANDLE *list;
	size_t n;
	bool found = false;

	if (private_keys(im->t, &list, &n, e))
		return (int)e->kind;
	for (size_t i = 0; wanted && i < n && !found; i++) {
		EVP_PKEY *public;

		read_key(&im->key, im->label, &im->label_len, im->t, list[i]);
		public = public_of(im->t, &im->key, list[i]);
		found = public && EVP_PKEY_eq(public, wanted) == 1;
		EVP_PKEY_free(public);
	}
	free(list);
	ERR_clear_error();
	if (found)
		return 0;
	if (session_check(im->t, e))
		return (int)e->kind;
	err_set(e, ERR_TOKEN, "key-missing",
		"the certificate's private key is not on the token %s (serial %s)", info->label,
		info->serial);
	return err_hint(e, "it belongs to another token, or was made for another request: "
			   "\"ctlclient token csr\" makes one for the key that is there");
}

/* A URI that names a certificate of this key names the key, too. */
static int check_uri(const struct import *im, struct err *e)
{
	const struct token_info *info = &im->t->at.info;
	const struct span id = uri_id(im->t->uri);

	if (!id.data || span_eq(id, span_of(im->key.id, im->key.id_len)))
		return 0;
	err_set(e, ERR_USAGE, "uri",
		"the certificate belongs to another key of the token %s (serial %s) than the one "
		"the URI names",
		info->label, info->serial);
	return err_hint(e, "leave the id out of the URI: the key is known by the certificate");
}

static int find_old(struct import *im, struct err *e)
{
	CK_OBJECT_CLASS class = CKO_CERTIFICATE;
	CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof(class)}};
	CK_OBJECT_HANDLE *list;
	size_t n;

	if (objects_find(im->t, template, 1, &list, &n, e))
		return (int)e->kind;
	for (size_t i = 0; i < n; i++) {
		X509 *there = cert_read(im->t, list[i]);
		const EVP_PKEY *key = there ? X509_get0_pubkey(there) : NULL;

		if (there && !X509_cmp(there, im->cert))
			im->there = true;
		else if (key && EVP_PKEY_eq(key, X509_get0_pubkey(im->cert)) == 1)
			im->old[im->n++] = list[i];
		X509_free(there);
	}
	free(list);
	ERR_clear_error();
	return 0;
}

static int refuse_old(const struct import *im, struct err *e)
{
	const struct token_info *info = &im->t->at.info;

	err_set(e, ERR_TOKEN, "certificate-exists",
		"the token %s (serial %s) holds %zu other certificate%s for this key already",
		info->label, info->serial, im->n, im->n == 1 ? "" : "s");
	return err_hint(e,
			"--replace puts the new one in %s place; lists and phones that know the "
			"old one do not know the new one by itself",
			im->n == 1 ? "its" : "their");
}

static void choose_label(struct import *im, const char *label)
{
	if (label) {
		im->label_len = strlen(label);
		memcpy(im->label, label, im->label_len);
	} else if (im->n && object_attr(im->t, im->old[0], CKA_LABEL, im->label, sizeof(im->label),
					&im->label_len) != CKR_OK) {
		im->label_len = 0;
	}
}

/* The new one first, so that there is always one. A module that keeps one certificate for each key
 * shows it in the old one's place by now. */
static int replace_old(struct import *im, CK_SESSION_HANDLE session, size_t *replaced,
		       struct err *e)
{
	CK_FUNCTION_LIST *fn = im->t->at.module->fn;

	for (size_t i = 0; i < im->n; i++) {
		X509 *there = cert_read(im->t, im->old[i]);
		const bool gone = !there || !X509_cmp(there, im->cert);
		const CK_RV rv = gone ? CKR_OK : fn->C_DestroyObject(session, im->old[i]);

		X509_free(there);
		if (rv != CKR_OK)
			return rv_err(e, rv, "import",
				      "the new certificate is on the token %s, but an old one "
				      "could not be taken out",
				      im->t->at.info.label);
		(*replaced)++;
	}
	return 0;
}

static int store(struct import *im, size_t *replaced, struct err *e)
{
	CK_SESSION_HANDLE session;
	CK_RV rv = CKR_OK;
	int rc = session_for_writing(&session, im->t, e);

	if (rc)
		return rc;
	if (!im->there)
		rv = cert_store(im->t, session, im->cert, span_of(im->label, im->label_len),
				span_of(im->key.id, im->key.id_len));
	if (rv != CKR_OK)
		rc = rv_err(e, rv, "import",
			    "the token %s (serial %s) did not store the "
			    "certificate",
			    im->t->at.info.label, im->t->at.info.serial);
	else
		rc = replace_old(im, session, replaced, e);
	(void)im->t->at.module->fn->C_CloseSession(session);
	return rc;
}

int token_import_cert(struct token *t, X509 *cert, const char *label, bool replace,
		      size_t *replaced, struct err *e)
{
	struct import *im;
	int rc;

	*replaced = 0;
	if (label && strlen(label) > ID_MAX)
		return err_set(e, ERR_USAGE, "label", "a label has at most %d bytes, not %zu",
			       ID_MAX, strlen(label));
	im = calloc(1, sizeof(*im));
	if (!im)
		return err_nomem(e);
	owner_task("store a certificate", 1);
	im->t = t;
	im->cert = cert;
	rc = find_key(im, e);
	if (!rc)
		rc = check_uri(im, e);
	if (!rc)
		rc = find_old(im, e);
	if (!rc && im->n && !replace)
		rc = refuse_old(im, e);
	if (!rc) {
		choose_label(im, label);
		rc = store(im, replaced, e);
	}
	free(im);
	return rc;
}
