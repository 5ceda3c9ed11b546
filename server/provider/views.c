#include "server/provider/views.h"

#include "common/json.h"
#include "server/cluster/cert_json.h"
#include "server/provider/when.h"
#include "trustfile/cert.h"
#include "trustfile/list.h"

#include <stdlib.h>
#include <string.h>

const char *view_mode(bool mixed)
{
	return mixed ? "mixed" : "nonsecure";
}

static int finish(json_t **out, json_t *doc, struct err *e)
{
	*out = doc;
	return doc ? 0 : err_nomem(e);
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
		failed = json_array_append_new(certs, cert_json(c->role, cert)) ||
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
			 n->outside ? "tftp-server"
			 : n->first ? "publisher"
				    : "subscriber",
			 "roles", roles, "addresses", addresses, "certificates", certs);
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
		rc = store_servers(s, &list, &n, e);
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
