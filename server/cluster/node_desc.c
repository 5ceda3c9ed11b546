#include "server/cluster/node_desc.h"

#include "common/base64.h"
#include "common/hostport.h"
#include "server/store/store_tftp.h"

#include <arpa/inet.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- fields ---- */

/* A host name or an address, as far as its characters tell. */
static bool is_host(const char *text)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789.-_:";

	return *text && !text[strspn(text, allowed)];
}

int node_name_check(const char *name, struct err *e)
{
	if (is_host(name) && strlen(name) <= NODE_NAME_CHARS_MAX)
		return 0;
	return err_set(e, ERR_USAGE, "node-name",
		       "\"%s\" is no name for a node: a host name or an address of 1 to %d "
		       "characters is",
		       name, NODE_NAME_CHARS_MAX);
}

bool node_is_address(const char *text)
{
	uint8_t scratch[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, text, scratch) == 1 || inet_pton(AF_INET6, text, scratch) == 1;
}

void node_provider_text(char text[STORE_PROVIDER_MAX], const char *host, unsigned port)
{
	const bool v6 = strchr(host, ':') != NULL;

	snprintf(text, STORE_PROVIDER_MAX, "%s%s%s:%u", v6 ? "[" : "", host, v6 ? "]" : "", port);
}

static int refuse(struct err *e, const char *what)
{
	return err_set(e, ERR_REFUSED, "node-description", "the description of a node %s", what);
}

/* ---- writing ---- */

static json_t *cert_json(const struct store_cert *c)
{
	struct buf text = {0};
	json_t *v = NULL;

	base64_put(&text, c->der, BASE64_PLAIN);
	if (!text.bad)
		v = json_pack("{s:s, s:s%}", "role", c->role, "der", (const char *)text.data,
			      text.len);
	buf_free(&text);
	return v;
}

json_t *node_desc_json(const struct store_node *n)
{
	json_t *certs = json_array();

	for (size_t i = 0; i < n->ncerts; i++)
		if (json_array_append_new(certs, cert_json(&n->certs[i]))) {
			json_decref(certs);
			return NULL;
		}
	return json_pack("{s:s, s:s, s:s, s:s, s:b, s:o}", "uid", n->uid, "name", n->name, "ip",
			 n->ip, "provider", n->provider, "publisher", n->first, "certificates",
			 certs);
}

/* An array of all that read finds, each as tell tells it. */
static int list_json(json_t **out, struct store *s,
		     int (*read)(struct store *s, struct store_node **list, size_t *n,
				 struct err *e),
		     json_t *(*tell)(const struct store_node *n), struct err *e)
{
	struct store_node *list;
	json_t *array = json_array();
	size_t n;
	int rc = read(s, &list, &n, e);

	for (size_t i = 0; !rc && i < n; i++)
		if (json_array_append_new(array, tell(&list[i])))
			rc = err_nomem(e);
	store_nodes_free(list, n);
	if (rc)
		json_decref(array);
	else
		*out = array;
	return rc;
}

int nodes_desc_json(json_t **out, struct store *s, struct err *e)
{
	return list_json(out, s, store_nodes, node_desc_json, e);
}

/* ---- reading ---- */

static bool is_uid(const char *text)
{
	return strlen(text) == STORE_UID_MAX - 1 &&
	       strspn(text, "0123456789abcdef") == STORE_UID_MAX - 1;
}

static bool is_provider(const char *text)
{
	struct hostport hp;
	struct err ignored;

	return strlen(text) < STORE_PROVIDER_MAX && !hostport_parse(&hp, text, 0, &ignored) &&
	       hp.port && is_host(hp.host);
}

static int read_fields(struct store_node *n, json_t *doc, struct err *e)
{
	const char *uid, *name, *ip, *provider;
	struct err ignored;
	int publisher;

	if (json_unpack(doc, "{s:s, s:s, s:s, s:s, s:b}", "uid", &uid, "name", &name, "ip", &ip,
			"provider", &provider, "publisher", &publisher))
		return refuse(e, "lacks uid, name, ip, provider or publisher");
	if (!is_uid(uid))
		return refuse(e, "has a uid that is not 32 hexadecimal digits");
	if (node_name_check(name, &ignored))
		return refuse(e, "has a name that is not one of a host");
	if (*ip && !node_is_address(ip))
		return refuse(e, "has an ip that is no address");
	if (*provider && !is_provider(provider))
		return refuse(e, "has a provider that is not HOST:PORT");
	snprintf(n->uid, sizeof(n->uid), "%s", uid);
	snprintf(n->name, sizeof(n->name), "%s", name);
	snprintf(n->ip, sizeof(n->ip), "%s", ip);
	snprintf(n->provider, sizeof(n->provider), "%s", provider);
	n->first = publisher != 0;
	return 0;
}

static bool is_certificate(struct span der)
{
	const unsigned char *p = der.data;
	X509 *x = der.len && der.len <= NODE_CERT_MAX ? d2i_X509(NULL, &p, (long)der.len) : NULL;
	const bool ok = x && p == der.data + der.len;

	X509_free(x);
	return ok;
}

static int read_cert(struct store_node *n, json_t *doc, struct err *e)
{
	struct store_cert *c = &n->certs[n->ncerts];
	struct buf der = {0};
	const char *role, *text;

	if (json_unpack(doc, "{s:s, s:s}", "role", &role, "der", &text))
		return refuse(e, "has a certificate without role or der");
	if (!*role || strlen(role) >= sizeof(c->role))
		return refuse(e, "has a certificate of an unknown role");
	if (!base64_take(&der, span_of(text, strlen(text)), BASE64_PLAIN) ||
	    !is_certificate(buf_view(&der))) {
		buf_free(&der);
		return refuse(e, "has a certificate that does not decode");
	}
	snprintf(c->role, sizeof(c->role), "%s", role);
	c->der = buf_view(&der);
	n->ncerts++;
	return 0;
}

int node_desc_read(struct store_node *n, json_t *doc, struct err *e)
{
	json_t *certs = json_object_get(doc, "certificates");
	const size_t ncerts = json_array_size(certs);
	int rc;

	*n = (struct store_node){0};
	rc = read_fields(n, doc, e);
	if (!rc && (!ncerts || ncerts > NODE_CERTS_MAX))
		rc = refuse(e, "has no certificates, or too many");
	if (!rc) {
		n->certs = calloc(ncerts, sizeof(*n->certs));
		rc = n->certs ? 0 : err_nomem(e);
	}
	for (size_t i = 0; !rc && i < ncerts; i++)
		rc = read_cert(n, json_array_get(certs, i), e);
	if (!rc && !store_node_cert(n, "provider"))
		rc = refuse(e, "has no provider certificate");
	/* All nodes trust what CAPF has issued: no other node may bring a CAPF of its own. */
	if (!rc && !n->first &&
	    (store_node_cert(n, "capf") || store_node_cert(n, "capf-before") ||
	     store_node_cert(n, STORE_ROLE_CAPF_ISSUER) ||
	     store_node_cert(n, STORE_ROLE_CAPF_EXTERNAL)))
		rc = refuse(e, "has a CAPF certificate, but only the publisher has CAPF");
	if (rc)
		store_node_free(n);
	return rc;
}

static int check_together(const struct store_node *list, size_t n, struct err *e)
{
	size_t publishers = 0;

	for (size_t i = 0; i < n; i++) {
		publishers += list[i].first;
		for (size_t k = 0; k < i; k++)
			if (!strcmp(list[i].uid, list[k].uid) ||
			    !strcmp(list[i].name, list[k].name))
				return refuse(e, "is there twice");
	}
	return publishers == 1 ? 0 : refuse(e, "as publisher is not there exactly once");
}

int nodes_desc_read(struct store_node **list, size_t *n, json_t *array, struct err *e)
{
	const size_t count = json_array_size(array);
	struct store_node *nodes;
	int rc = 0;

	if (!count || count > NODES_MAX)
		return err_set(e, ERR_REFUSED, "node-description",
			       "a description of the cluster has 1 to %d nodes", NODES_MAX);
	nodes = calloc(count, sizeof(*nodes));
	if (!nodes)
		return err_nomem(e);
	for (size_t i = 0; !rc && i < count; i++)
		rc = node_desc_read(&nodes[i], json_array_get(array, i), e);
	if (!rc)
		rc = check_together(nodes, count, e);
	if (rc) {
		store_nodes_free(nodes, count);
		return rc;
	}
	*list = nodes;
	*n = count;
	return 0;
}

/* ---- TFTP servers outside the cluster ---- */

int tftp_desc_make(struct store_node *t, const char *name, const char *ip, struct span der,
		   struct err *e)
{
	struct err ignored;
	struct buf copy = {0};

	*t = (struct store_node){.outside = true};
	if (node_name_check(name, &ignored))
		return refuse(e, "has a name that is not one of a host");
	if (*ip && !node_is_address(ip))
		return refuse(e, "has an ip that is no address");
	if (!is_certificate(der))
		return refuse(e, "has a certificate that does not decode");
	buf_span(&copy, der);
	t->certs = calloc(1, sizeof(*t->certs));
	if (copy.bad || !t->certs) {
		buf_free(&copy);
		free(t->certs);
		t->certs = NULL;
		return err_nomem(e);
	}
	snprintf(t->name, sizeof(t->name), "%s", name);
	snprintf(t->ip, sizeof(t->ip), "%s", ip);
	t->certs[t->ncerts++] =
		(struct store_cert){.role = STORE_TFTP_ROLE, .der = buf_view(&copy)};
	return 0;
}

static json_t *tftp_json(const struct store_node *t)
{
	json_t *v = cert_json(&t->certs[0]);

	json_object_del(v, "role");
	json_object_set_new(v, "name", json_string(t->name));
	if (json_object_set_new(v, "ip", json_string(t->ip))) {
		json_decref(v);
		return NULL;
	}
	return v;
}

int tftps_desc_json(json_t **out, struct store *s, struct err *e)
{
	return list_json(out, s, store_tftps, tftp_json, e);
}

static int read_tftp(struct store_node *t, json_t *doc, struct err *e)
{
	const char *name, *ip, *text;
	struct buf der = {0};
	int rc;

	if (json_unpack(doc, "{s:s, s:s, s:s}", "name", &name, "ip", &ip, "der", &text))
		return refuse(e, "lacks name, ip or der");
	if (base64_take(&der, span_of(text, strlen(text)), BASE64_PLAIN))
		rc = tftp_desc_make(t, name, ip, buf_view(&der), e);
	else
		rc = refuse(e, "has a certificate that does not decode");
	buf_free(&der);
	return rc;
}

int tftps_desc_read(struct store_node **list, size_t *n, const json_t *array, struct err *e)
{
	const size_t count = json_array_size(array);
	struct store_node *tftps;
	int rc = 0;

	if (count > TFTPS_MAX)
		return err_set(e, ERR_REFUSED, "node-description",
			       "a description of the cluster has %d TFTP servers at most",
			       TFTPS_MAX);
	tftps = calloc(count ? count : 1, sizeof(*tftps));
	if (!tftps)
		return err_nomem(e);
	for (size_t i = 0; !rc && i < count; i++)
		rc = read_tftp(&tftps[i], json_array_get(array, i), e);
	if (rc) {
		store_nodes_free(tftps, count);
		return rc;
	}
	*list = tftps;
	*n = count;
	return 0;
}
