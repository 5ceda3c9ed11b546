#include "server/provider/views.h"

#include "common/json.h"
#include "server/provider/when.h"
#include "trustfile/cert.h"
#include "trustfile/list.h"

#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

const char *view_mode(bool mixed)
{
	return mixed ? "mixed" : "nonsecure";
}

static json_t *json_when(int64_t seconds)
{
	char text[WHEN_MAX];

	return json_string(when_text(text, seconds));
}

static json_t *json_chars(const char *text)
{
	return json_text(span_of(text, strlen(text)));
}

static int finish(json_t **out, json_t *doc, struct err *e)
{
	*out = doc;
	return doc ? 0 : err_nomem(e);
}

/* ---- certificates ---- */

static json_t *json_name(const X509_NAME *name)
{
	struct buf text = {0};
	struct err ignored;
	json_t *v = cert_name(&text, name, &ignored) ? json_string("") : json_text(buf_view(&text));

	buf_free(&text);
	return v;
}

static json_t *json_serial(const X509 *cert)
{
	struct buf serial = {0};
	json_t *v;

	cert_serial(&serial, cert);
	v = json_hex(buf_view(&serial));
	buf_free(&serial);
	return v;
}

static json_t *json_sha256(const X509 *cert)
{
	struct buf digest = {0};
	json_t *v;

	cert_sha256(&digest, cert);
	v = json_hex(buf_view(&digest));
	buf_free(&digest);
	return v;
}

static json_t *json_not_after(const X509 *cert)
{
	struct tm tm;

	if (!ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm))
		return json_string("");
	return json_when(timegm(&tm));
}

static json_t *json_pem(X509 *cert)
{
	BIO *bio = BIO_new(BIO_s_mem());
	json_t *v = NULL;
	char *text;
	long n;

	if (bio && PEM_write_bio_X509(bio, cert) && (n = BIO_get_mem_data(bio, &text)) > 0)
		v = json_stringn(text, (size_t)n);
	BIO_free(bio);
	return v;
}

static json_t *json_cert(const char *role, X509 *cert)
{
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "role", role, "subject",
			 json_name(X509_get_subject_name(cert)), "issuer",
			 json_name(X509_get_issuer_name(cert)), "serial", json_serial(cert),
			 "sha256", json_sha256(cert), "not_after", json_not_after(cert),
			 "certificate", json_pem(cert));
}

/* ---- the cluster ---- */

/* A node also has certificates that do not go into the CTL. */
static bool is_for_ctl(const struct store_cert *c)
{
	uint16_t role;

	return tl_role_parse(&role, c->role) && role != TL_SAST;
}

static int add_certs(json_t *roles, json_t *certs, const struct store_node *n, struct err *e)
{
	for (size_t i = 0; i < n->ncerts; i++) {
		const struct store_cert *c = &n->certs[i];
		X509 *cert;
		int failed;

		if (!is_for_ctl(c))
			continue;
		if (cert_from_der(&cert, c->der, e)) {
			err_wrap(e, "the %s certificate of %s", c->role, n->name);
			e->kind = ERR_FAILED;
			return ERR_FAILED;
		}
		failed = json_array_append_new(certs, json_cert(c->role, cert)) ||
			 json_array_append_new(roles, json_string(c->role));
		X509_free(cert);
		if (failed)
			return err_nomem(e);
	}
	return 0;
}

static int add_node(json_t *nodes, const struct store_node *n, struct err *e)
{
	json_t *roles = json_array(), *certs = json_array(), *addresses = json_array();
	json_t *node;
	int rc;

	if (*n->ip)
		json_array_append_new(addresses, json_string(n->ip));
	rc = add_certs(roles, certs, n, e);
	node = json_pack("{s:s, s:s, s:o, s:o, s:o}", "name", n->name, "type",
			 n->first ? "publisher" : "subscriber", "roles", roles, "addresses",
			 addresses, "certificates", certs);
	if (json_array_append_new(nodes, node) && !rc)
		rc = err_nomem(e);
	return rc;
}

int view_cluster(json_t **out, struct store *s, struct err *e)
{
	char name[STORE_NAME_MAX];
	struct store_node *list = NULL;
	struct store_ctl c = {0};
	json_t *nodes = json_array();
	size_t n = 0;
	int rc = store_cluster_name(s, name, e);

	if (!rc)
		rc = store_ctl_current(s, &c, e);
	if (!rc)
		rc = store_nodes(s, &list, &n, e);
	for (size_t i = 0; !rc && i < n; i++)
		rc = add_node(nodes, &list[i], e);
	if (!rc)
		rc = finish(out,
			    json_pack("{s:o, s:s, s:I, s:O}", "name", json_chars(name),
				      "security_mode", view_mode(c.mixed), "generation",
				      (json_int_t)c.generation, "nodes", nodes),
			    e);
	json_decref(nodes);
	store_ctl_free(&c);
	store_nodes_free(list, n);
	return rc;
}

/* ---- distribution and history ---- */

static json_t *json_dist(const struct store_dist *d)
{
	return json_pack("{s:s, s:I, s:s, s:o, s:o}", "node", d->name, "generation",
			 (json_int_t)d->generation, "state", store_dist_word(d->state), "detail",
			 json_chars(d->detail), "time", json_when(d->time));
}

int view_distribution(json_t **out, struct store *s, struct err *e)
{
	struct store_dist *list = NULL;
	struct store_ctl c = {0};
	json_t *array = json_array();
	size_t n = 0;
	int rc = store_ctl_current(s, &c, e);

	if (!rc)
		rc = store_dist_list(s, &list, &n, e);
	for (size_t i = 0; !rc && i < n; i++)
		if (json_array_append_new(array, json_dist(&list[i])))
			rc = err_nomem(e);
	if (!rc)
		rc = finish(out,
			    json_pack("{s:I, s:O}", "generation", (json_int_t)c.generation,
				      "distribution", array),
			    e);
	json_decref(array);
	free(list);
	store_ctl_free(&c);
	return rc;
}

static json_t *json_generation(const struct store_ctl *c)
{
	return json_pack(
		"{s:I, s:o, s:s, s:s, s:s, s:I, s:o, s:{s:o, s:o, s:o}, s:o}", "generation",
		(json_int_t)c->generation, "time", json_when(c->time), "user", c->user, "address",
		c->address, "security_mode", view_mode(c->mixed), "size", (json_int_t)c->size,
		"sha256", json_hex(span_of(c->sha256, sizeof(c->sha256))), "signer", "subject",
		json_chars(c->signer.subject), "issuer", json_chars(c->signer.issuer), "serial",
		json_chars(c->signer.serial), "difference", json_text(buf_view(&c->difference)));
}

int view_history(json_t **out, struct store *s, size_t limit, struct err *e)
{
	struct store_ctl *list = NULL;
	json_t *array = json_array();
	size_t n = 0;
	int rc = store_ctl_history(s, limit, &list, &n, e);

	for (size_t i = 0; i < n; i++) {
		if (!rc && json_array_append_new(array, json_generation(&list[i])))
			rc = err_nomem(e);
		store_ctl_free(&list[i]);
	}
	if (!rc)
		rc = finish(out, json_pack("{s:O}", "generations", array), e);
	json_decref(array);
	free(list);
	return rc;
}
