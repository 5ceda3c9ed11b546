#include "ctlclient/cluster_view.h"

#include "common/i18n.h"
#include "trustfile/cert.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

enum { FETCH_TRIES = 5 };

static int unexpected(const char *what, struct err *e)
{
	err_set(e, ERR_FAILED, "provider-answer", "the provider's description of the cluster %s",
		what);
	return err_hint(e, "are client and provider of the same release? compare \"ctlclient "
			   "--version\" and \"ctlproviderd --version\"");
}

static int fetch_list(struct cluster_view *v, struct api *api, struct err *e)
{
	struct api_reply reply;
	int rc = api_get(api, "/api/v1/ctl", &reply, e);

	v->generation = 0;
	if (rc && !strcmp(e->id, "no-ctl"))
		return 0;
	if (rc)
		return rc;
	v->generation = reply.generation;
	v->file = reply.body;
	return 0;
}

static int read_doc(struct cluster_view *v, json_int_t *generation, struct err *e)
{
	const char *mode = NULL;

	if (json_unpack(v->doc, "{s:s, s:I}", "security_mode", &mode, "generation", generation))
		return unexpected("has no security_mode or generation", e);
	v->mixed = !strcmp(mode, "mixed");
	return 0;
}

static int fetch_once(struct cluster_view *v, struct api *api, bool *torn, struct err *e)
{
	json_int_t generation = -1;
	int rc = api_get_json(api, "/api/v1/cluster", &v->doc, e);

	if (!rc)
		rc = fetch_list(v, api, e);
	if (!rc)
		rc = read_doc(v, &generation, e);
	*torn = generation != v->generation;
	return rc;
}

static int check_list(struct cluster_view *v, struct err *e)
{
	int rc;

	if (!v->generation)
		return 0;
	rc = tl_parse(&v->list, buf_view(&v->file), e);
	if (!rc)
		rc = tl_verify(v->list, TL_CTL_NAME, e);
	if (rc)
		err_wrap(e, "the list that the provider holds");
	return rc;
}

int cluster_view_get(struct cluster_view *v, struct api *api, struct err *e)
{
	bool torn = true;

	*v = (struct cluster_view){0};
	for (int i = 0; torn && i < FETCH_TRIES; i++) {
		int rc;

		cluster_view_free(v);
		rc = fetch_once(v, api, &torn, e);
		if (rc)
			return rc;
	}
	if (torn)
		return err_set(e, ERR_CONFLICT, "stale-generation",
			       "the cluster keeps changing; try again in a moment");
	return check_list(v, e);
}

int cluster_view_from(struct cluster_view *v, json_t *doc, int64_t generation, struct span list,
		      struct err *e)
{
	json_int_t described = -1;
	int rc;

	*v = (struct cluster_view){.doc = json_incref(doc), .generation = generation};
	buf_span(&v->file, list);
	rc = v->file.bad ? err_nomem(e) : read_doc(v, &described, e);
	if (!rc && (described != generation || !generation != !list.len))
		rc = unexpected("is not that of the list beside it", e);
	return rc ? rc : check_list(v, e);
}

void cluster_view_free(struct cluster_view *v)
{
	tl_free(v->list);
	buf_free(&v->file);
	json_decref(v->doc);
	*v = (struct cluster_view){0};
}

/* Called for each certificate of each node that belongs into the list. */
typedef int server_fn(void *arg, const struct draft_server *s, struct err *e);

static int one_server(const char *name, const char *ip, json_t *cert, server_fn *fn, void *arg,
		      struct err *e)
{
	struct draft_server s = {0};
	const char *role = NULL;
	const char *pem = NULL;
	int rc;

	if (json_unpack(cert, "{s:s, s:s}", "role", &role, "certificate", &pem))
		return unexpected("has a certificate without role or text", e);
	if (!tl_role_parse(&s.role, role) || s.role == TL_SAST)
		return 0; /* the provider's own certificate, or a role of a later release */
	if (strlen(name) >= sizeof(s.dns))
		return unexpected("has a node name that is too long", e);
	snprintf(s.dns, sizeof(s.dns), "%s", name);
	s.has_ip = ip && inet_pton(AF_INET, ip, s.ip) == 1;
	rc = cert_from_file_bytes(&s.cert, span_of(pem, strlen(pem)), e);
	if (!rc)
		rc = fn(arg, &s, e);
	else
		err_wrap(e, "the %s certificate of %s", role, name);
	X509_free(s.cert);
	return rc;
}

/* The first IPv4 address, or NULL. */
static const char *first_ipv4(json_t *addresses)
{
	uint8_t ip[TL_IP_LEN];
	json_t *a;
	size_t i;

	json_array_foreach(addresses, i, a)
	{
		const char *text = json_string_value(a);

		if (text && inet_pton(AF_INET, text, ip) == 1)
			return text;
	}
	return NULL;
}

static int each_server(const struct cluster_view *v, server_fn *fn, void *arg, struct err *e)
{
	json_t *node;
	size_t i;

	json_array_foreach(json_object_get(v->doc, "nodes"), i, node)
	{
		json_t *addresses = NULL;
		json_t *certs = NULL;
		json_t *cert;
		const char *name = NULL;
		size_t k;

		if (json_unpack(node, "{s:s, s:o, s:o}", "name", &name, "addresses", &addresses,
				"certificates", &certs))
			return unexpected("has a node without name, addresses or certificates", e);
		json_array_foreach(certs, k, cert)
		{
			const int rc = one_server(name, first_ipv4(addresses), cert, fn, arg, e);

			if (rc)
				return rc;
		}
	}
	return 0;
}

const char *cluster_view_type(const struct cluster_view *v, const char *name)
{
	json_t *node;
	size_t i;

	json_array_foreach(json_object_get(v->doc, "nodes"), i, node)
	{
		const char *known = json_string_value(json_object_get(node, "name"));

		if (known && !strcmp(known, name))
			return json_string_value(json_object_get(node, "type"));
	}
	return NULL;
}

struct to_draft {
	struct draft *draft;
	bool mixed;
};

static int put_into_draft(void *arg, const struct draft_server *s, struct err *e)
{
	const struct to_draft *t = arg;
	struct draft_server bare = *s;

	if (t->mixed || s->role == TL_CAPF)
		return draft_add_server(t->draft, s, e);
	bare.cert = NULL;
	return draft_add_server(t->draft, &bare, e);
}

int cluster_view_servers(const struct cluster_view *v, struct draft *d, bool mixed, struct err *e)
{
	struct to_draft t = {d, mixed};

	return each_server(v, put_into_draft, &t, e);
}

struct comparison {
	const struct cluster_view *view;
	struct buf *lines;
	size_t matched; /* records of the list that have a node */
};

static const struct tl_record *find_record(const struct tl *l, const struct draft_server *s)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct tl_record *r = &l->records[i];
		const struct span dns = tl_text(r->dns);

		if (r->role == s->role && span_eq(dns, span_of(s->dns, strlen(s->dns))))
			return r;
	}
	return NULL;
}

static int compare_server(void *arg, const struct draft_server *s, struct err *e)
{
	struct comparison *c = arg;
	const struct tl_record *r = find_record(c->view->list, s);
	char scratch[16];
	const char *role = tl_role_name(s->role, scratch);

	(void)e;
	if (!r) {
		buf_printf(c->lines, _("%s is not in the list as %s\n"), s->dns, role);
		return 0;
	}
	c->matched++;
	if (r->cert && X509_cmp(r->cert, s->cert) != 0)
		buf_printf(c->lines, _("%s has another %s certificate now\n"), s->dns, role);
	if (s->has_ip && !span_eq(r->ip, span_of(s->ip, TL_IP_LEN)))
		buf_printf(c->lines, _("%s has another address now (%s)\n"), s->dns, role);
	return 0;
}

int cluster_view_outdated(const struct cluster_view *v, struct buf *lines, struct err *e)
{
	struct comparison c = {v, lines, 0};
	size_t servers = 0;
	int rc;

	if (!v->list)
		return 0;
	rc = each_server(v, compare_server, &c, e);
	for (size_t i = 0; i < v->list->n; i++)
		if (v->list->records[i].role != TL_SAST)
			servers++;
	if (!rc && servers > c.matched)
		buf_printf(
			lines,
			ngettext("%zu server record in the list without a node in the cluster\n",
				 "%zu server records in the list without a node in the cluster\n",
				 servers - c.matched),
			servers - c.matched);
	if (!rc && lines->bad)
		rc = err_nomem(e);
	return rc;
}
