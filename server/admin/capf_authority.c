/* ctladmin capf authority: the certificate of the key that capf { key } names. */
#include "server/admin/capf_authority.h"

#include "common/conf.h"
#include "common/file.h"
#include "pkcs11/digestinfo.h"
#include "server/admin/commands.h"
#include "server/admin/make_cert.h"
#include "server/admin/node_args.h"
#include "server/admin/node_make.h"
#include "server/config/file_key.h"
#include "server/store/notify.h"
#include "trustfile/cert.h"

#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { YEARS = 5, DAYS = YEARS * 365, CERT_FILE_MAX = 256 * 1024, SIG_MAX = 512, NAME_SIZE = 16 };

/* ---- making one ---- */

int capf_authority_subject(X509_NAME **out, const struct store_cert *present, const char *cn,
			   struct err *e)
{
	X509_NAME *name;
	X509 *x;
	int at;

	if (cert_from_der(&x, present->der, e))
		return (int)e->kind;
	name = X509_NAME_dup(X509_get_subject_name(x));
	X509_free(x);
	at = name ? X509_NAME_get_index_by_NID(name, NID_commonName, -1) : -1;
	if (at >= 0)
		X509_NAME_ENTRY_free(X509_NAME_delete_entry(name, at));
	if (!name || !X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
						 (const unsigned char *)cn, -1, 0, 0)) {
		X509_NAME_free(name);
		return err_openssl(e, ERR_FAILED, "certificate", "no certificate can name %s", cn);
	}
	*out = name;
	return 0;
}

/* As the present certificate of CAPF is called, with a CN of its own. */
static int name_of(X509_NAME **out, const struct store_cert *present, struct err *e)
{
	char text[NAME_SIZE];
	uint8_t r[4];

	if (RAND_bytes(r, sizeof(r)) != 1)
		return err_openssl(e, ERR_FAILED, "certificate", "no random numbers");
	snprintf(text, sizeof(text), "CAPF-%02x%02x%02x%02x", r[0], r[1], r[2], r[3]);
	return capf_authority_subject(out, present, text, e);
}

static int make(X509 **cert, const char *key, const struct store_cert *present, struct err *e)
{
	const struct file_key_where where = {key, NULL};
	X509_NAME *subject = NULL;
	int rc = name_of(&subject, present, e);

	if (!rc)
		rc = file_key_certify(cert, &where, subject, DAYS, e);
	X509_NAME_free(subject);
	return rc;
}

/* ---- taking one ---- */

static int check(X509 *x, const char *file, struct err *e)
{
	const uint32_t usage = X509_get_key_usage(x);

	if (X509_check_ca(x) != 1 || !(usage & KU_KEY_CERT_SIGN) || !(usage & KU_CRL_SIGN)) {
		err_set(e, ERR_REFUSED, "capf-authority",
			"%s is no certificate of an authority that issues certificates and CRLs",
			file);
		return err_hint(e, "it needs basicConstraints CA:TRUE, and keyUsage keyCertSign "
				   "and cRLSign");
	}
	if (X509_cmp_current_time(X509_get0_notBefore(x)) > 0 ||
	    X509_cmp_current_time(X509_get0_notAfter(x)) < 0)
		return err_set(e, ERR_REFUSED, "capf-authority", "%s is not valid now", file);
	return 0;
}

static int take(X509 **cert, const char *file, struct err *e)
{
	struct buf content = {0};
	int rc = file_read(file, CERT_FILE_MAX, &content, e);

	if (!rc)
		rc = cert_from_file_bytes(cert, buf_view(&content), e);
	if (!rc)
		rc = check(*cert, file, e);
	buf_free(&content);
	return rc;
}

/* ---- the pair ---- */

/* A signature is what shows that key and certificate belong together, and that the token works. */
static int try_pair(const char *key, const char *cert, struct err *e)
{
	const struct file_key_where where = {key, cert};
	struct file_signer signer;
	struct file_key *k;
	struct buf info = {0};
	uint8_t sig[SIG_MAX];
	size_t n;
	int rc;

	if (file_key_open(&k, &where, e))
		return (int)e->kind;
	file_signer_take(&signer, k);
	n = (size_t)EVP_PKEY_get_size(X509_get0_pubkey(signer.cert));
	rc = digestinfo(&info, EVP_sha256(), span_of("ctladmin: probe", 15), e);
	if (!rc)
		rc = n <= sizeof(sig) ? file_signer_sign(&signer, info.data, info.len, sig, n, e)
				      : err_set(e, ERR_REFUSED, "file-key", "the key is too long");
	buf_free(&info);
	file_signer_drop(&signer);
	file_key_close(k);
	return rc;
}

static int write_cert(const char *path, const X509 *cert, struct err *e)
{
	struct buf pem = {0};
	int rc = make_cert_pem(&pem, cert, e);

	if (!rc)
		rc = file_write(path, buf_view(&pem), 0644, e);
	buf_free(&pem);
	return rc;
}

/* ---- what the cluster knows ---- */

/* Puts certificates into a role. Those that had it stay known: what they issued is good until it
 * expires. */
static int update_store(struct store *s, const struct store_node *self, const char *role,
			const struct buf *ders, size_t nders, struct err *e)
{
	struct store_cert *certs = calloc(self->ncerts + nders, sizeof(*certs));
	struct store_node n = *self;
	bool changed;
	int rc;

	if (!certs)
		return err_nomem(e);
	for (size_t i = 0; i < self->ncerts; i++) {
		certs[i] = self->certs[i];
		if (!strcmp(certs[i].role, role))
			snprintf(certs[i].role, sizeof(certs[i].role), "capf-before");
	}
	n.certs = certs;
	for (size_t i = 0; i < nders; i++) {
		snprintf(certs[n.ncerts].role, sizeof(certs[0].role), "%s", role);
		certs[n.ncerts++].der = buf_view(&ders[i]);
	}
	rc = store_node_update(s, &n, &changed, e);
	free(certs);
	return rc;
}

int capf_authority_external(struct store *s, const struct buf *ders, size_t n, struct err *e)
{
	struct store_node self;
	int rc = store_node_self(s, &self, e);

	if (rc)
		return rc;
	if (!store_node_cert(&self, "capf"))
		rc = err_set(e, ERR_FAILED, "role", "this node has no CAPF: the first node has it");
	if (!rc)
		rc = update_store(s, &self, STORE_ROLE_CAPF_EXTERNAL, ders, n, e);
	store_node_free(&self);
	return rc;
}

static int make_known(struct store *s, const struct store_node *self, const X509 *cert,
		      struct err *e)
{
	const struct store_cert *c = store_node_cert(self, STORE_ROLE_CAPF_ISSUER);
	struct buf der = {0};
	int rc = 0;

	cert_der(&der, cert);
	if (der.bad)
		rc = err_nomem(e);
	else if (!c || !span_eq(c->der, buf_view(&der)))
		rc = update_store(s, self, STORE_ROLE_CAPF_ISSUER, &der, 1, e);
	buf_free(&der);
	return rc;
}

/* ---- all of it ---- */

static int put_in_place(const char *state, struct store *s, const struct store_node *self,
			const char *key, const X509 *cert, struct err *e)
{
	char *path = node_key_path(state, "capf-issuer", "crt");
	char *beside = node_key_path(state, "capf-issuer", "new");
	int rc = path && beside ? write_cert(beside, cert, e) : err_nomem(e);

	if (!rc)
		rc = try_pair(key, beside, e);
	if (!rc)
		rc = write_cert(path, cert, e);
	if (beside)
		(void)remove(beside);
	if (!rc)
		rc = make_known(s, self, cert, e);
	if (!rc)
		printf("made %s\n", path);
	free(path);
	free(beside);
	return rc;
}

int capf_authority_make(const char *state, struct store *s, const char *key, const char *file,
			struct err *e)
{
	const struct store_cert *present;
	struct store_node self;
	X509 *cert = NULL;
	int rc = store_node_self(s, &self, e);

	if (rc)
		return rc;
	present = store_node_cert(&self, "capf");
	if (!present)
		rc = err_set(e, ERR_FAILED, "role", "this node has no CAPF: the first node has it");
	if (!rc)
		rc = file ? take(&cert, file, e) : make(&cert, key, present, e);
	if (!rc)
		rc = put_in_place(state, s, &self, key, cert, e);
	X509_free(cert);
	store_node_free(&self);
	return rc;
}

static int authority(const struct node_args *a, struct store *s, const char *state, struct err *e)
{
	struct conf c;
	int rc = conf_load(&c, a->conf, e);

	if (rc)
		return rc;
	if (!c.capf.key) {
		rc = err_set(e, ERR_USAGE, "capf-key",
			     "the configuration has no capf { key }: the authority's key is "
			     "keys/capf.key, with its certificate");
		err_hint(e, "\"ctladmin node renew-cert capf\" makes new ones");
	} else {
		rc = capf_authority_make(state, s, c.capf.key, a->certificate, e);
	}
	if (!rc) {
		notify_all(state);
		printf("restart ctlcapfd; phones need nothing: certificates that were issued "
		       "before stay good\n");
	}
	conf_free(&c);
	return rc;
}

int cmd_capf_authority(int argc, char **argv, void *ctx)
{
	static const struct argp_option options[] = {
		{"certificate", OPT_NODE_CERTIFICATE, "FILE", 0,
		 "Take this one, PEM or DER, instead of making one", 0},
		NODE_OPTIONS_WHERE,
		{0}};
	struct node_args a = {0};

	(void)ctx;
	return node_cmd(&a, options, "",
			"Makes the certificate that issues phones' certificates for the key that "
			"capf { key } names, in a file or on a token: signed by that key itself. "
			"Runs on the first node.",
			STORE_WRITE, authority, argc, argv);
}
