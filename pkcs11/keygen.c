#include "pkcs11/cryptoki.h"
#include "pkcs11/owner.h"

#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

enum {
	NEW_ID_LEN = 20,
	DAYS_MAX = 36500,
};

/* A key pair that has no certificate yet. */
struct token_new_key {
	struct token *t;
	const struct token_keygen *spec;
	X509_NAME *subject;
	CK_SESSION_HANDLE session; /* read-write; the login of t's session holds for it too */
	unsigned generation;       /* the module's, when it was opened */
	CK_OBJECT_HANDLE public, private;
	uint8_t id[ID_MAX];
	size_t id_len;
	EVP_PKEY *key; /* the public half */
};

static int check_spec(const struct token_keygen *spec, struct err *e)
{
	const size_t n = strlen(spec->label);

	if (spec->bits == 3072) {
		err_set(e, ERR_USAGE, "key-size",
			"a 3072-bit key cannot sign trust lists: their format has no code for it");
		return err_hint(e, "use 2048 or 4096");
	}
	if (spec->bits != 1024 && spec->bits != 2048 && spec->bits != 4096) {
		err_set(e, ERR_USAGE, "key-size",
			"a trust list cannot be signed with a key of %u bits", spec->bits);
		return err_hint(e, "the format knows 1024, 2048 and 4096; use 2048");
	}
	if (!spec->days || spec->days > DAYS_MAX)
		return err_set(e, ERR_USAGE, "days",
			       "a certificate is valid for 1 to %d days, not %u", DAYS_MAX,
			       spec->days);
	if (!n || n > ID_MAX)
		return err_set(e, ERR_USAGE, "label", "a key's label has 1 to %d bytes, not %zu",
			       ID_MAX, n);
	return 0;
}

/* The URI may ask for a CKA_ID: on a YubiKey it chooses the slot of the card. */
static int choose_id(struct token_new_key *m, struct err *e)
{
	const struct span asked = uri_id(m->t->uri);

	if (asked.len > sizeof(m->id))
		return err_set(e, ERR_USAGE, "uri", "the id in the URI is longer than %d bytes",
			       ID_MAX);
	m->id_len = asked.len ? asked.len : NEW_ID_LEN;
	if (asked.len)
		memcpy(m->id, asked.data, asked.len);
	else if (RAND_bytes(m->id, NEW_ID_LEN) != 1)
		return err_openssl(e, ERR_FAILED, "random", "no random numbers");
	return 0;
}

static int count(size_t *n, struct token_new_key *m, CK_ATTRIBUTE *template, size_t attributes,
		 struct err *e)
{
	CK_OBJECT_HANDLE *list;
	const int rc = objects_find(m->t, template, attributes, &list, n, e);

	if (!rc)
		free(list);
	return rc;
}

static int refuse_taken(struct token_new_key *m, CK_ATTRIBUTE_TYPE type, struct span value,
			struct err *e)
{
	CK_OBJECT_CLASS class = CKO_CERTIFICATE;
	CK_ATTRIBUTE template[] = {{type, (void *)value.data, value.len},
				   {CKA_CLASS, &class, sizeof(class)}};
	const struct token_info *info = &m->t->at.info;
	const char *name = type == CKA_LABEL ? m->spec->label : "with this id";
	size_t n = 0;
	size_t certs = 0;

	if (count(&n, m, template, 1, e) || (n && count(&certs, m, template, 2, e)))
		return (int)e->kind;
	if (!n)
		return 0;
	if (certs) {
		err_set(e, ERR_TOKEN, "keygen",
			"the token %s holds a key or certificate %s already", info->label, name);
		return err_hint(e, type == CKA_LABEL ? "choose another name with --label"
						     : "choose another id in the URI");
	}
	err_set(e, ERR_TOKEN, "keygen",
		"the token %s holds a key %s already, without a certificate", info->label, name);
	return err_hint(e,
			"was the token pulled out while it was made? \"ctlclient token csr '%s'\" "
			"asks for a certificate for it and \"import-cert\" stores it; or choose "
			"another %s",
			info->uri, type == CKA_LABEL ? "name with --label" : "id in the URI");
}

/* What was left when the token was pulled out in the midst of it. Nobody else made it: the id was
 * not there before. */
static int remove_half_made(struct token_new_key *m, struct err *e)
{
	CK_OBJECT_CLASS classes[] = {CKO_CERTIFICATE, CKO_PRIVATE_KEY, CKO_PUBLIC_KEY};
	const size_t kinds = sizeof(classes) / sizeof(classes[0]);
	struct token *t = m->t;

	for (size_t i = 0; t->half_made.len && i < kinds; i++) {
		CK_ATTRIBUTE template[] = {{CKA_CLASS, &classes[i], sizeof(classes[i])},
					   {CKA_ID, t->half_made.id, t->half_made.len}};
		CK_OBJECT_HANDLE *list;
		size_t n;

		if (objects_find(t, template, 2, &list, &n, e))
			return (int)e->kind;
		for (size_t k = 0; k < n; k++)
			(void)t->at.module->fn->C_DestroyObject(m->session, list[k]);
		free(list);
	}
	t->half_made.len = 0;
	return 0;
}

/* Takes from the new key what a signer's need not do, where the token lets us. Asked for while the
 * key is made, tpm2-pkcs11 would refuse to make it. */
static void only_sign(struct token_new_key *m)
{
	CK_BBOOL no = CK_FALSE;
	CK_ATTRIBUTE uses[] = {{CKA_DECRYPT, &no, sizeof(no)}, {CKA_UNWRAP, &no, sizeof(no)}};

	for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]); i++)
		(void)m->t->at.module->fn->C_SetAttributeValue(m->session, m->private, &uses[i], 1);
}

static int generate(struct token_new_key *m, struct err *e)
{
	CK_MECHANISM mechanism = {CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0};
	CK_BBOOL yes = CK_TRUE;
	CK_BBOOL no = CK_FALSE;
	CK_ULONG bits = m->spec->bits;
	uint8_t exponent[] = {0x01, 0x00, 0x01};
	void *label = (void *)m->spec->label;
	const CK_ULONG label_len = strlen(m->spec->label);
	CK_ATTRIBUTE public[] = {
		{CKA_TOKEN, &yes, sizeof(yes)},
		{CKA_PRIVATE, &no, sizeof(no)},
		{CKA_VERIFY, &yes, sizeof(yes)},
		{CKA_MODULUS_BITS, &bits, sizeof(bits)},
		{CKA_PUBLIC_EXPONENT, exponent, sizeof(exponent)},
		{CKA_LABEL, label, label_len},
		{CKA_ID, m->id, m->id_len},
	};
	CK_ATTRIBUTE private[] = {
		{CKA_TOKEN, &yes, sizeof(yes)},     {CKA_PRIVATE, &yes, sizeof(yes)},
		{CKA_SENSITIVE, &yes, sizeof(yes)}, {CKA_EXTRACTABLE, &no, sizeof(no)},
		{CKA_SIGN, &yes, sizeof(yes)},      {CKA_LABEL, label, label_len},
		{CKA_ID, m->id, m->id_len},
	};
	CK_RV rv;

	memcpy(m->t->half_made.id, m->id, m->id_len);
	m->t->half_made.len = m->id_len;
	rv = m->t->at.module->fn->C_GenerateKeyPair(
		m->session, &mechanism, public, sizeof(public) / sizeof(public[0]), private,
		sizeof(private) / sizeof(private[0]), &m->public, &m->private);

	if (rv == CKR_OK) {
		only_sign(m);
		return 0;
	}
	m->public = m->private = CK_INVALID_HANDLE;
	if (!rv_is_loss(rv))
		m->t->half_made.len = 0;
	session_after(m->t, rv);
	return rv_err(e, rv, "keygen", "the token %s did not make a key of %u bits",
		      m->t->at.info.label, m->spec->bits);
}

static int read_public(struct token_new_key *m, struct err *e)
{
	m->key = key_public(m->t, m->public);
	if (m->key && EVP_PKEY_get_bits(m->key) == (int)m->spec->bits)
		return 0;
	return err_openssl(e, ERR_TOKEN, "keygen",
			   "the token %s does not show the public key it made, or one of another "
			   "size",
			   m->t->at.info.label);
}

static int make(struct token_new_key *m, struct err *e)
{
	const struct span label = span_of(m->spec->label, strlen(m->spec->label));
	int rc;

	rc = check_spec(m->spec, e);
	if (!rc)
		rc = subject_parse(&m->subject, m->spec->subject, e);
	if (!rc)
		rc = choose_id(m, e);
	if (!rc)
		rc = session_for_writing(&m->session, m->t, e);
	if (!rc)
		rc = remove_half_made(m, e);
	if (!rc)
		rc = refuse_taken(m, CKA_LABEL, label, e);
	if (!rc)
		rc = refuse_taken(m, CKA_ID, span_of(m->id, m->id_len), e);
	if (!rc)
		rc = generate(m, e);
	if (!rc)
		rc = read_public(m, e);
	return rc;
}

int token_key_make(struct token_new_key **out, struct token *t, const struct token_keygen *spec,
		   struct err *e)
{
	struct token_new_key *m = calloc(1, sizeof(*m));
	int rc;

	if (!m)
		return err_nomem(e);
	owner_task("make a key", OWNER_PATIENCE);
	m->t = t;
	m->spec = spec;
	m->generation = t->at.module->generation;
	rc = make(m, e);
	if (rc) {
		token_new_key_drop(m);
		return rc;
	}
	*out = m;
	return 0;
}

EVP_PKEY *token_new_key_public(const struct token_new_key *k)
{
	return k->key;
}

const X509_NAME *token_new_key_subject(const struct token_new_key *k)
{
	return k->subject;
}

static bool has_session(const struct token_new_key *m)
{
	return m->session != CK_INVALID_HANDLE && m->generation == m->t->at.module->generation;
}

static void new_key_free(struct token_new_key *m)
{
	if (has_session(m))
		(void)m->t->at.module->fn->C_CloseSession(m->session);
	EVP_PKEY_free(m->key);
	X509_NAME_free(m->subject);
	free(m);
}

static bool destroy(const struct token_new_key *k, CK_OBJECT_HANDLE object)
{
	return object == CK_INVALID_HANDLE ||
	       k->t->at.module->fn->C_DestroyObject(k->session, object) == CKR_OK;
}

void token_new_key_drop(struct token_new_key *k)
{
	if (!k)
		return;
	if (has_session(k) && k->private != CK_INVALID_HANDLE) {
		key_forget(k->t);
		if (destroy(k, k->private) && destroy(k, k->public))
			k->t->half_made.len = 0;
	}
	new_key_free(k);
}

int token_new_key_keep(struct token_new_key *k, X509 *cert, struct err *e)
{
	const char *label = k->spec->label;
	CK_RV rv = CKR_SESSION_CLOSED;

	owner_task("store a certificate", 1);
	if (has_session(k))
		rv = cert_store(k->t, k->session, cert, span_of(label, strlen(label)),
				span_of(k->id, k->id_len));
	if (rv == CKR_OK) {
		k->t->half_made.len = 0;
		new_key_free(k);
		return 0;
	}
	session_after(k->t, rv);
	rv_err(e, rv, "keygen", "the token %s did not store the certificate", k->t->at.info.label);
	token_new_key_drop(k);
	return ERR_TOKEN;
}

/* An issue_sign_fn. */
static int sign_with_new_key(void *arg, const uint8_t *digest_info, size_t len, uint8_t *sig,
			     size_t siglen, struct err *e)
{
	const struct token_new_key *m = arg;
	const struct key key = {m->key, m->private, false};

	return sign_with(m->t, m->session, &key, NULL, digest_info, len, sig, siglen, e);
}

int token_keygen(struct token *t, const struct token_keygen *spec, X509 **cert, struct err *e)
{
	struct token_new_key *k = NULL;
	X509 *made;
	int rc = token_key_make(&k, t, spec, e);

	if (!k)
		return rc;
	rc = cert_issue(&made,
			&(struct issue){
				.subject = k->subject,
				.key = k->key,
				.days = spec->days,
				.kind = spec->authority ? ISSUE_AUTHORITY : ISSUE_SIGNER,
			},
			&(struct issue_by){k->key, sign_with_new_key, k}, e);
	if (rc) {
		token_new_key_drop(k);
		return rc;
	}
	rc = token_new_key_keep(k, made, e);
	if (rc)
		X509_free(made);
	else
		*cert = made;
	return rc;
}
