/* The doctor's way to the provider and its list. */
#include "ctlclient/doctor.h"

#include "common/hex.h"
#include "common/json.h"
#include "common/text.h"
#include "ctlclient/client_cert.h"
#include "ctlclient/cluster_view.h"
#include "ctlclient/link.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char why_reach[] = "a signed list gets to the phones only through the provider";
static const char why_pinned[] =
	"somebody in between could read the password and show a false cluster";
static const char why_login[] = "only an administrator may see the cluster and push a list";
static const char why_release[] = "client and provider of different releases may not understand "
				  "each other";
static const char why_list[] = "phones refuse servers that the list does not show as they are";
static const char why_in_list[] =
	"phones follow only what a token of the list they have has signed";

static const char *const provider_steps[] = {"provider", "provider-certificate", "login", "release",
					     "list",     "token-in-list"};

enum { REACH, PINNED, LOGIN, RELEASE, LIST, IN_LIST, STEPS };

struct visit {
	struct doctor *doctor;
	struct api_opts opts;
	uint8_t fingerprint[API_FINGERPRINT_LEN];
	struct secret password;
	char version[64]; /* of the provider */
};

/* Nobody signs when it is about a phone. */
static void skip_from(struct doctor *d, size_t first, const char *why)
{
	for (size_t i = first; i < (d->phone.name ? IN_LIST : STEPS); i++)
		doctor_skip(d, provider_steps[i], "%s", why);
	if (d->phone.name)
		doctor_phone_unknown(d, why);
}

static struct doctor_step *wrong(struct doctor *d, size_t step, const char *why,
				 const struct err *e)
{
	return doctor_error(d, provider_steps[step], why, e);
}

/* ---- reached, and the right one ---- */

static void read_version(struct visit *v, const struct buf *body)
{
	const char *version = NULL;
	json_t *doc = NULL;
	struct err ignored;
	struct buf shown = {0};

	if (json_read(&doc, buf_view(body), &ignored))
		return;
	if (!json_unpack(doc, "{s:s}", "version", &version)) {
		text_printable(&shown, span_of(version, strlen(version)));
		snprintf(v->version, sizeof(v->version), "%s",
			 buf_cstr(&shown) ? buf_cstr(&shown) : "?");
	}
	buf_free(&shown);
	json_decref(doc);
}

static bool never_met(const struct visit *v)
{
	return !v->opts.ca && !v->opts.fingerprint;
}

static void mend_unknown(struct doctor_step *s, const struct visit *v,
			 const uint8_t seen[API_FINGERPRINT_LEN])
{
	struct buf hex = {0};

	hex_upper(&hex, span_of(seen, API_FINGERPRINT_LEN), ':');
	snprintf(s->mend, sizeof(s->mend),
		 "ctlclient cluster status --server %s:%u, and say y if the fingerprint %s is what "
		 "\"ctladmin node show\" prints there",
		 v->opts.server.host, v->opts.server.port, buf_cstr(&hex) ? buf_cstr(&hex) : "");
	buf_free(&hex);
}

static bool tell_certificate(struct visit *v, struct api *api, int rc, const struct err *e)
{
	struct doctor *d = v->doctor;
	uint8_t seen[API_FINGERPRINT_LEN];
	struct doctor_step *s;

	if (!rc) {
		doctor_ok(d, provider_steps[PINNED], "known by %s",
			  v->opts.ca ? v->opts.ca : "its fingerprint");
		return true;
	}
	if (!never_met(v) || !api_seen_fingerprint(api, seen)) {
		wrong(d, PINNED, why_pinned, e);
		return false;
	}
	s = doctor_wrong(d, provider_steps[PINNED], ERR_REFUSED, why_pinned,
			 "the provider %s:%u is not known here yet", v->opts.server.host,
			 v->opts.server.port);
	mend_unknown(s, v, seen);
	return false;
}

static bool visit_first(struct visit *v)
{
	struct doctor *d = v->doctor;
	struct api *api = NULL;
	struct api_reply reply;
	struct doctor_step *s;
	struct err e;
	bool good = false;
	int rc = link_pin(&v->opts, v->fingerprint, &d->cluster, &e);

	if (!rc)
		rc = api_open(&api, &v->opts, &e);
	if (!rc)
		rc = api_get(api, "/api/v1/version", &reply, &e);
	if (!rc) {
		read_version(v, &reply.body);
		buf_free(&reply.body);
	}
	if (rc && strcmp(e.id, "provider-certificate") != 0) {
		s = wrong(d, REACH, why_reach, &e);
		if (!strcmp(e.id, "provider-down"))
			snprintf(
				s->mend, sizeof(s->mend),
				"on %s: systemctl start ctlproviderd; if it runs, open TCP port %u "
				"between here and there",
				v->opts.server.host, v->opts.server.port);
		skip_from(d, PINNED, "the provider is not reached");
	} else {
		doctor_ok(d, provider_steps[REACH], "%s:%u answers", v->opts.server.host,
			  v->opts.server.port);
		good = tell_certificate(v, api, rc, &e);
		if (!good)
			skip_from(d, LOGIN, "the provider is not known for sure");
	}
	api_close(api);
	return good;
}

/* ---- logged in ---- */

static bool has_password(const struct doctor *d)
{
	const char *file = getenv("CTL_PASSWORD_FILE");

	return d->cluster.password_source || (file && *file) || isatty(STDIN_FILENO);
}

static void tell_release(const struct visit *v)
{
	struct doctor *d = v->doctor;
	struct doctor_step *s;

	if (!strcmp(v->version, CTL_VERSION)) {
		doctor_ok(d, provider_steps[RELEASE], "client and provider are both %s",
			  CTL_VERSION);
		return;
	}
	s = doctor_wrong(d, provider_steps[RELEASE], ERR_FAILED, why_release,
			 "the provider is of release %s, ctlclient of %s",
			 *v->version ? v->version : "unknown", CTL_VERSION);
	snprintf(s->mend, sizeof(s->mend), "install the same release of ctlsuite on both");
}

static void tell_list(struct doctor *d, const struct cluster_view *view)
{
	struct buf lines = {0};
	struct err e;
	struct doctor_step *s;

	if (!view->list) {
		doctor_ok(d, provider_steps[LIST],
			  "there is none yet: \"ctlclient cluster set-mode "
			  "mixed\" makes the first");
		return;
	}
	if (cluster_view_outdated(view, &lines, &e)) {
		wrong(d, LIST, why_list, &e);
	} else if (!lines.len) {
		doctor_ok(d, provider_steps[LIST], "generation %lld, in line with the cluster",
			  (long long)view->generation);
	} else {
		s = doctor_wrong(
			d, provider_steps[LIST], ERR_REFUSED, why_list,
			"generation %lld is behind the cluster: %.*s", (long long)view->generation,
			(int)strcspn((const char *)buf_cstr(&lines), "\n"), buf_cstr(&lines));
		snprintf(s->mend, sizeof(s->mend), "ctlclient cluster update --signer %s%s%s",
			 d->certs.n ? "'" : "", d->certs.n ? d->certs.certs[0].where : "URI",
			 d->certs.n ? "'" : "");
	}
	buf_free(&lines);
}

/* The first of the tokens here that is in the list, or NULL. */
static const struct desk_cert *token_in(const struct doctor *d, const struct tl *l)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct tl_record *r = &l->records[i];
		const struct desk_cert *here = NULL;

		if (r->role == TL_SAST && r->cert)
			here = at_desk_has(&d->certs, r->cert);
		if (here)
			return here;
	}
	return NULL;
}

static void tell_token(struct doctor *d, const struct tl *l)
{
	const struct desk_cert *here = l ? token_in(d, l) : NULL;
	struct doctor_step *s;

	if (!l) {
		doctor_skip(d, provider_steps[IN_LIST], "there is no list yet");
	} else if (!d->certs.n) {
		doctor_skip(d, provider_steps[IN_LIST], "no token here that could sign");
	} else if (here) {
		doctor_ok(d, provider_steps[IN_LIST], "%s may sign", here->where);
	} else {
		s = doctor_wrong(d, provider_steps[IN_LIST], ERR_REFUSED, why_in_list,
				 "%s is not in the cluster's list",
				 d->certs.n == 1 ? d->certs.certs[0].where : "no token here");
		snprintf(s->mend, sizeof(s->mend),
			 "put in a token of the list, then: ctlclient cluster add-token '%s' "
			 "--signer URI",
			 d->certs.certs[0].where);
	}
}

static void visit_cluster(struct visit *v)
{
	struct doctor *d = v->doctor;
	struct cluster_view view = {0};
	struct client_cert *cert = NULL;
	struct api *api = NULL;
	struct doctor_step *s;
	struct err e;
	json_t *doc = NULL;
	int rc;

	v->opts.user = d->cluster.user;
	v->opts.password = &v->password;
	rc = link_password(&v->password, &d->cluster, &e);
	if (!rc)
		rc = client_cert_open(&cert, &d->cluster, &e);
	v->opts.identity = client_cert_identity(cert);
	if (!rc)
		rc = api_open(&api, &v->opts, &e);
	if (!rc)
		rc = api_get_json(api, "/api/v1/cluster", &doc, &e);
	json_decref(doc);
	if (rc) {
		s = wrong(d, LOGIN, why_login, &e);
		if (!*s->mend)
			snprintf(s->mend, sizeof(s->mend),
				 "ctlclient cluster status --user %s --password-source prompt",
				 d->cluster.user);
		tell_release(v);
		skip_from(d, LIST, "not logged in");
		goto out;
	}
	doctor_ok(d, provider_steps[LOGIN], "%s may log in", d->cluster.user);
	tell_release(v);
	rc = cluster_view_get(&view, api, &e);
	if (rc) {
		wrong(d, LIST, why_list, &e);
		skip_from(d, IN_LIST, "the list cannot be read");
	} else {
		tell_list(d, &view);
		if (d->phone.name)
			doctor_phone_known(d, api, &view);
		else
			tell_token(d, view.list);
	}
	cluster_view_free(&view);
out:
	api_close(api);
	client_cert_close(cert);
	secret_free(&v->password);
}

void doctor_provider(struct doctor *d)
{
	struct visit v = {.doctor = d};

	if (!d->cluster.server) {
		skip_from(d, REACH, "no provider was named: --server HOST or CTL_PROVIDER");
		return;
	}
	if (!visit_first(&v))
		return;
	if (d->cluster.user && has_password(d)) {
		visit_cluster(&v);
		return;
	}
	doctor_skip(d, provider_steps[LOGIN], "not tried: %s",
		    d->cluster.user ? "no password was given; --password-source says where it is"
				    : "no account was named: --user NAME or CTL_USER");
	tell_release(&v);
	skip_from(d, LIST, "not logged in");
}
