#include "pkcs11/cryptoki.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

static int find_class(struct token *t, CK_OBJECT_CLASS class, struct span id,
		      CK_OBJECT_HANDLE **list, size_t *n, struct err *e)
{
	CK_ATTRIBUTE template[] = {
		{CKA_CLASS, &class, sizeof(class)},
		{CKA_ID, (void *)id.data, id.len},
	};

	return objects_find(t, template, id.len ? 2 : 1, list, n, e);
}

static int has_object(bool *has, struct token *t, CK_OBJECT_CLASS class, struct span id,
		      struct err *e)
{
	CK_OBJECT_HANDLE *list;
	size_t n;
	const int rc = find_class(t, class, id, &list, &n, e);

	if (rc)
		return rc;
	free(list);
	*has = n > 0;
	return 0;
}

/* Before the login private keys are hidden. A public key of the same CKA_ID then speaks for one;
 * where there is none either, the certificate of an authority is not taken for a signer's. */
static int seems_to_have_key(bool *has, struct token *t, const struct token_cert *c, struct err *e)
{
	const struct span id = span_of(c->id, c->id_len);
	int rc = 0;

	*has = false;
	if (id.len)
		rc = has_object(has, t, CKO_PRIVATE_KEY, id, e);
	if (!rc && id.len && !*has)
		rc = has_object(has, t, CKO_PUBLIC_KEY, id, e);
	if (!rc && !*has)
		*has = !X509_check_ca(c->cert);
	return rc;
}

X509 *cert_read(const struct token *t, CK_OBJECT_HANDLE object)
{
	uint8_t *der = malloc(CERT_MAX);
	const uint8_t *p = der;
	X509 *cert = NULL;
	size_t len;

	if (der && object_attr(t, object, CKA_VALUE, der, CERT_MAX, &len) == CKR_OK)
		cert = d2i_X509(NULL, &p, (long)len);
	if (cert && p != der + len) {
		X509_free(cert);
		cert = NULL;
	}
	free(der);
	ERR_clear_error();
	return cert;
}

/* A certificate object as far as it can be read: without a certificate that decodes, cert is
 * NULL. */
static void read_cert(struct token_cert *c, const struct token *t, CK_OBJECT_HANDLE object,
		      uint8_t label[LABEL_MAX], size_t *label_len)
{
	*c = (struct token_cert){.cert = cert_read(t, object)};
	if (object_attr(t, object, CKA_ID, c->id, sizeof(c->id), &c->id_len) != CKR_OK)
		c->id_len = 0;
	if (object_attr(t, object, CKA_LABEL, label, LABEL_MAX, label_len) != CKR_OK)
		*label_len = 0;
	text_show(c->label, sizeof(c->label), label, *label_len);
}

static bool admitted(const struct token *t, const struct token_cert *c, struct span label)
{
	const struct span object = uri_object(t->uri);
	const struct span id = uri_id(t->uri);

	return (!object.data || span_eq(object, label)) &&
	       (!id.data || span_eq(id, span_of(c->id, c->id_len)));
}

/* A label names a certificate only if no other one of the token bears it. */
static bool label_is_unique(struct token *t, struct span label)
{
	CK_OBJECT_CLASS class = CKO_CERTIFICATE;
	CK_ATTRIBUTE template[] = {
		{CKA_CLASS, &class, sizeof(class)},
		{CKA_LABEL, (void *)label.data, label.len},
	};
	CK_OBJECT_HANDLE *list;
	struct err ignored;
	size_t n;

	if (!label.len || objects_find(t, template, 2, &list, &n, &ignored))
		return false;
	free(list);
	return n == 1;
}

static void put_uri(struct token_cert *c, struct token *t, struct span label)
{
	if (label.len > ID_MAX)
		label.len = 0; /* its URI would be too long */
	uri_format(c->uri, sizeof(c->uri), &t->at, t->at.detail, label,
		   label_is_unique(t, label) ? span_of(NULL, 0) : span_of(c->id, c->id_len));
}

/* Adds the object to the list if it is what token_certs() promises. */
static int consider(struct token_cert *list, size_t *n, struct token *t, CK_OBJECT_HANDLE object,
		    struct err *e)
{
	struct token_cert *c = &list[*n];
	uint8_t text[LABEL_MAX];
	struct span label = {text, 0};
	bool has_key = false;
	int rc = 0;

	read_cert(c, t, object, text, &label.len);
	if (c->cert && admitted(t, c, label))
		rc = seems_to_have_key(&has_key, t, c, e);
	if (rc || !has_key) {
		X509_free(c->cert);
		return rc;
	}
	put_uri(c, t, label);
	(*n)++;
	return 0;
}

int token_certs(struct token *t, struct token_cert **out, size_t *out_n, struct err *e)
{
	CK_OBJECT_HANDLE *objects;
	struct token_cert *list;
	size_t found;
	size_t n = 0;
	int rc = find_class(t, CKO_CERTIFICATE, span_of(NULL, 0), &objects, &found, e);

	if (rc)
		return rc;
	list = calloc(found + 1, sizeof(*list));
	if (!list) {
		free(objects);
		return err_nomem(e);
	}
	for (size_t i = 0; !rc && i < found; i++)
		rc = consider(list, &n, t, objects[i], e);
	free(objects);
	/* Certificates that could not be read were left out. */
	if (!rc)
		rc = session_check(t, e);
	if (rc) {
		token_certs_free(list, n);
		return rc;
	}
	*out = list;
	*out_n = n;
	return 0;
}

static bool describe_if_same(struct token_cert *c, struct token *t, CK_OBJECT_HANDLE object)
{
	struct token_cert there;
	uint8_t text[LABEL_MAX];
	struct span label = {text, 0};
	bool same;

	read_cert(&there, t, object, text, &label.len);
	same = there.cert && !X509_cmp(there.cert, c->cert);
	X509_free(there.cert);
	if (!same)
		return false;
	there.cert = c->cert;
	*c = there;
	put_uri(c, t, label);
	return true;
}

int token_cert_find(struct token_cert *c, struct token *t, struct err *e)
{
	CK_OBJECT_HANDLE *objects;
	size_t n;
	bool found = false;
	int rc = find_class(t, CKO_CERTIFICATE, span_of(NULL, 0), &objects, &n, e);

	if (rc)
		return rc;
	for (size_t i = 0; i < n && !found; i++)
		found = describe_if_same(c, t, objects[i]);
	free(objects);
	if (found)
		return 0;
	rc = session_check(t, e);
	return rc ? rc
		  : err_set(e, ERR_TOKEN, "certificate-missing",
			    "the token %s (serial %s) does not show it", t->at.info.label,
			    t->at.info.serial);
}

void token_certs_free(struct token_cert *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		X509_free(list[i].cert);
	free(list);
}

static int no_cert(const struct token *t, struct err *e)
{
	const struct token_info *info = &t->at.info;

	err_set(e, ERR_TOKEN, "certificate-missing",
		"the token %s (serial %s) holds no certificate%s%s to sign with", info->label,
		info->serial, t->object ? " named " : "", t->object ? t->object : "");
	return err_hint(e,
			"\"ctlclient token show '%s'\" lists what is on it; \"ctlclient token "
			"keygen\" makes a key and its certificate, \"csr\" asks for one for a key "
			"that is there",
			info->uri);
}

static int many_certs(const struct token *t, const struct token_cert *list, size_t n, struct err *e)
{
	const struct token_info *info = &t->at.info;

	err_set(e, ERR_TOKEN, "certificate-ambiguous",
		"the token %s (serial %s) holds %zu certificates that may be meant: %s, %s%s",
		info->label, info->serial, n, list[0].label, list[1].label, n > 2 ? ", ..." : "");
	if (strcmp(list[0].uri, list[1].uri) != 0)
		return err_hint(e, "name one: '%s' or '%s'", list[0].uri, list[1].uri);
	return err_hint(e, "they bear the same label and id, so that no URI can tell them apart; "
			   "\"ctlclient token import-cert --replace\" leaves the one you need");
}

int token_signing_cert(X509 **out, struct token *t, struct err *e)
{
	struct token_cert *list = NULL;
	size_t n = 0;
	int rc = token_certs(t, &list, &n, e);

	if (rc)
		return rc;
	if (n != 1) {
		rc = n ? many_certs(t, list, n, e) : no_cert(t, e);
	} else {
		*out = list[0].cert;
		list[0].cert = NULL;
	}
	token_certs_free(list, n);
	return rc;
}

int cert_id(struct token *t, const X509 *cert, uint8_t id[ID_MAX], size_t *id_len, struct err *e)
{
	CK_OBJECT_HANDLE *objects;
	size_t n;
	const int rc = find_class(t, CKO_CERTIFICATE, span_of(NULL, 0), &objects, &n, e);

	*id_len = 0;
	if (rc)
		return rc;
	for (size_t i = 0; i < n && !*id_len; i++) {
		X509 *there = cert_read(t, objects[i]);

		if (there && !X509_cmp(there, cert) &&
		    object_attr(t, objects[i], CKA_ID, id, ID_MAX, id_len) != CKR_OK)
			*id_len = 0;
		X509_free(there);
	}
	free(objects);
	return 0;
}

/* PKCS#11 v2.40 section 4.6.3: names and serial number as their DER encoding. */
CK_RV cert_store(const struct token *t, CK_SESSION_HANDLE session, X509 *cert, struct span label,
		 struct span id)
{
	CK_OBJECT_CLASS class = CKO_CERTIFICATE;
	CK_CERTIFICATE_TYPE type = CKC_X_509;
	CK_BBOOL yes = CK_TRUE;
	CK_BBOOL no = CK_FALSE;
	CK_OBJECT_HANDLE object;
	CK_RV rv = CKR_HOST_MEMORY;
	uint8_t *der = NULL, *subject = NULL, *issuer = NULL, *serial = NULL;
	const int der_len = i2d_X509(cert, &der);
	const int subject_len = i2d_X509_NAME(X509_get_subject_name(cert), &subject);
	const int issuer_len = i2d_X509_NAME(X509_get_issuer_name(cert), &issuer);
	const int serial_len = i2d_ASN1_INTEGER(X509_get0_serialNumber(cert), &serial);

	if (der_len > 0 && subject_len > 0 && issuer_len > 0 && serial_len > 0) {
		CK_ATTRIBUTE template[] = {
			{CKA_CLASS, &class, sizeof(class)},
			{CKA_CERTIFICATE_TYPE, &type, sizeof(type)},
			{CKA_TOKEN, &yes, sizeof(yes)},
			{CKA_PRIVATE, &no, sizeof(no)},
			{CKA_LABEL, (void *)label.data, label.len},
			{CKA_ID, (void *)id.data, id.len},
			{CKA_SUBJECT, subject, (CK_ULONG)subject_len},
			{CKA_ISSUER, issuer, (CK_ULONG)issuer_len},
			{CKA_SERIAL_NUMBER, serial, (CK_ULONG)serial_len},
			{CKA_VALUE, der, (CK_ULONG)der_len},
		};

		rv = t->at.module->fn->C_CreateObject(
			session, template, sizeof(template) / sizeof(template[0]), &object);
	}
	OPENSSL_free(der);
	OPENSSL_free(subject);
	OPENSSL_free(issuer);
	OPENSSL_free(serial);
	return rv;
}
