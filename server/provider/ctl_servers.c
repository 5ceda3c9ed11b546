#include "server/provider/ctl_servers.h"

#include "common/text.h"
#include "trustfile/cert.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

/* The list, with a mark at each record that a node of the cluster has claimed. */
struct servers {
	const struct tl *l;
	bool *claimed;
	bool nonsecure;
};

/* What the cluster demands of one record. */
struct demand {
	const struct store_node *node;
	uint16_t role;
	struct span der; /* of the certificate, where the record is not bare */
	bool bare;
	struct span ip; /* empty: no IPADDRESS */
};

static bool is_call_or_tftp(const struct tl_record *r)
{
	return r->role == TL_CCM || r->role == TL_CCM_TFTP || r->role == TL_TFTP;
}

/* A record without any part of a certificate. */
static bool is_bare(const struct tl_record *r)
{
	return !r->subject.data && !r->issuer.data && !r->serial.data && !r->pubkey.data &&
	       !r->signature.data && !r->der.data && !r->hash.data;
}

static bool names(const struct tl_record *r, const struct demand *d)
{
	return r->role == d->role &&
	       span_eq(r->dns, span_of(d->node->name, strlen(d->node->name) + 1));
}

static bool has_certificate(const struct tl_record *r, const struct demand *d)
{
	return d->bare ? is_bare(r) : r->cert && span_eq(r->der, d->der);
}

static bool has_address(const struct tl_record *r, const struct demand *d)
{
	return span_eq(r->ip, d->ip);
}

static int refuse(const struct servers *s, const struct demand *d, struct err *e)
{
	const struct tl_record *near = NULL;
	char scratch[16];
	const char *role = tl_role_label(d->role, scratch);
	const char *name = d->node->name;

	/* Of several records for the node, the one with the right certificate tells most. */
	for (size_t i = 0; i < s->l->n; i++) {
		const struct tl_record *r = &s->l->records[i];

		if (names(r, d) && (!near || has_certificate(r, d)))
			near = r;
	}
	if (!near) {
		err_set(e, ERR_REFUSED, "ctl-server-missing",
			"the list has no %s record for the node %s", role, name);
		return err_hint(e, "build the list from the cluster: \"ctlclient cluster update\"");
	}
	if (has_certificate(near, d))
		return err_set(e, ERR_REFUSED, "ctl-server-address",
			       "the %s record of the node %s has another address than the node's "
			       "own (%s)",
			       role, name, *d->node->ip ? d->node->ip : "none");
	if (d->bare)
		return err_set(e, ERR_REFUSED, "ctl-server-certificate",
			       "the list is for non-secure mode, but the %s record of the node %s "
			       "carries parts of a certificate",
			       role, name);
	err_set(e, ERR_REFUSED, "ctl-server-certificate",
		"the %s record of the node %s does not carry the certificate that the node has now",
		role, name);
	return err_hint(e, "was it renewed? \"ctlclient cluster update\" takes the present one");
}

static int claim(struct servers *s, const struct demand *d, struct err *e)
{
	for (size_t i = 0; i < s->l->n; i++) {
		const struct tl_record *r = &s->l->records[i];

		if (!s->claimed[i] && names(r, d) && has_certificate(r, d) && has_address(r, d)) {
			s->claimed[i] = true;
			return 0;
		}
	}
	return refuse(s, d, e);
}

/* One bare record speaks for all certificates that a node has in that role. */
static bool spoken_for(const struct store_node *node, size_t cert, const struct demand *d)
{
	for (size_t i = 0; d->bare && i < cert; i++)
		if (!strcmp(node->certs[i].role, node->certs[cert].role))
			return true;
	return false;
}

static int claim_node(struct servers *s, const struct store_node *node, struct err *e)
{
	uint8_t ip[TL_IP_LEN];
	const bool has_ip = inet_pton(AF_INET, node->ip, ip) == 1;
	int rc = 0;

	for (size_t i = 0; !rc && i < node->ncerts; i++) {
		struct demand d = {.node = node, .der = node->certs[i].der};

		/* A node also has certificates that phones need not know. */
		if (!tl_role_parse(&d.role, node->certs[i].role) || d.role == TL_SAST)
			continue;
		d.bare = s->nonsecure && d.role != TL_CAPF;
		if (has_ip)
			d.ip = span_of(ip, sizeof(ip));
		if (!spoken_for(node, i, &d))
			rc = claim(s, &d, e);
	}
	return rc;
}

static int check_mode(const struct tl *l, struct err *e)
{
	const struct tl_record *bare = NULL, *full = NULL;

	for (size_t i = 0; i < l->n; i++) {
		if (!is_call_or_tftp(&l->records[i]))
			continue;
		if (l->records[i].cert)
			full = &l->records[i];
		else
			bare = &l->records[i];
	}
	if (bare && full)
		return err_set(e, ERR_REFUSED, "ctl-mode",
			       "the list is half mixed, half non-secure: some records for call "
			       "control or TFTP carry a certificate, others do not");
	return 0;
}

static int refuse_unknown(const struct tl_record *r, struct err *e)
{
	struct buf shown = {0};
	char scratch[16];

	text_printable(&shown, tl_text(r->dns));
	err_set(e, ERR_REFUSED, "ctl-server-unknown",
		"the list has a %s record \"%s\" that no node of the cluster accounts for",
		tl_role_label(r->role, scratch), buf_cstr(&shown) ? (const char *)shown.data : "");
	buf_free(&shown);
	return err_hint(e, "build the list from the cluster: \"ctlclient cluster update\"");
}

int ctl_servers_check(const struct tl *l, const struct store_node *nodes, size_t nnodes,
		      struct err *e)
{
	struct servers s = {.l = l, .nonsecure = tl_is_nonsecure(l)};
	int rc = check_mode(l, e);

	if (rc)
		return rc;
	s.claimed = calloc(l->n ? l->n : 1, sizeof(*s.claimed));
	if (!s.claimed)
		return err_nomem(e);
	for (size_t i = 0; !rc && i < nnodes; i++)
		rc = claim_node(&s, &nodes[i], e);
	for (size_t i = 0; !rc && i < l->n; i++)
		if (l->records[i].role != TL_SAST && !s.claimed[i])
			rc = refuse_unknown(&l->records[i], e);
	free(s.claimed);
	return rc;
}
