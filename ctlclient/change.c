#include "ctlclient/change.h"

#include "common/json.h"

#include <stdlib.h>
#include <string.h>

static const char *const names[] = {
	[CHANGE_MODE] = "set-mode",       [CHANGE_UPDATE] = "update",
	[CHANGE_ADD_TOKEN] = "add-token", [CHANGE_REMOVE_TOKEN] = "remove-token",
	[CHANGE_ADD_TFTP] = "add-tftp",   [CHANGE_REMOVE_TFTP] = "remove-tftp",
};

const char *change_name(enum change_kind kind)
{
	return names[kind];
}

bool change_parse(enum change_kind *kind, const char *name)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i], name)) {
			*kind = (enum change_kind)i;
			return true;
		}
	return false;
}

bool change_is_of_tftp(enum change_kind kind)
{
	return kind == CHANGE_ADD_TFTP || kind == CHANGE_REMOVE_TFTP;
}

int change_read_files(struct change *c, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < c->n; i++) {
		struct change_token *t = &c->tokens[i];
		struct desk_cert cert = {0};

		if (t->cert || desk_is_uri(t->name))
			continue;
		rc = desk_cert(&cert, NULL, t->name, e);
		t->cert = cert.cert;
	}
	return rc;
}

void change_free(struct change *c)
{
	for (size_t i = 0; i < c->n; i++)
		X509_free(c->tokens[i].cert);
	tftp_wish_free(&c->tftp);
	*c = (struct change){0};
}

bool change_makes_mixed(const struct change *c, const struct cluster_view *v)
{
	return c->kind == CHANGE_MODE ? c->mixed : v->mixed;
}

static int needs_list(const struct change *c, const struct cluster_view *v, struct err *e)
{
	if (v->list || (c->kind == CHANGE_MODE && c->mixed))
		return 0;
	err_set(e, ERR_REFUSED, "no-ctl", "the cluster has no trust list yet%s",
		c->kind == CHANGE_MODE ? ", and is non-secure" : "");
	return err_hint(e, "make the first one with \"ctlclient cluster set-mode mixed\" and two "
			   "tokens");
}

static int add_token(struct draft *d, struct desk *desk, const struct change_token *t,
		     struct err *e)
{
	return t->cert ? draft_add_sast(d, t->cert, e) : sign_add_sast(d, desk, t->name, e);
}

static int remove_tftp(struct draft *d, const struct cluster_view *v, const char *name,
		       struct err *e)
{
	const char *type = cluster_view_type(v, name);

	if (!type) {
		err_set(e, ERR_REFUSED, "server-unknown", "the cluster has no server \"%s\"", name);
		return err_hint(e, "\"ctlclient cluster show\" shows those that it has");
	}
	if (strcmp(type, CLUSTER_TFTP_SERVER) != 0) {
		err_set(e, ERR_REFUSED, "server-in-use",
			"%s is a node of the cluster; only TFTP servers outside it are deleted by "
			"hand",
			name);
		return err_hint(e, "if the node is gone for good: \"ctladmin node remove\" on the "
				   "first node, then \"ctlclient cluster update\"");
	}
	return draft_remove_server(d, name, false, e);
}

/* In mixed mode with its certificate, as all servers. One of that name is replaced. */
static int add_tftp(struct draft *d, const struct cluster_view *v, const struct draft_server *s,
		    bool mixed, struct err *e)
{
	const char *type = cluster_view_type(v, s->dns);
	struct draft_server in_mode = *s;
	int rc = 0;

	if (type && strcmp(type, CLUSTER_TFTP_SERVER) != 0) {
		err_set(e, ERR_REFUSED, "server-exists", "%s is a node of the cluster", s->dns);
		return err_hint(e, "its record comes from the cluster by itself: \"ctlclient "
				   "cluster update\"");
	}
	if (type)
		rc = draft_remove_server(d, s->dns, false, e);
	if (!mixed)
		in_mode.cert = NULL;
	return rc ? rc : draft_add_server(d, &in_mode, e);
}

static int fill_servers(struct draft *d, const struct change *c, const struct cluster_view *v,
			struct err *e)
{
	const bool mixed = change_makes_mixed(c, v);
	int rc;

	draft_clear_servers(d);
	rc = cluster_view_servers(v, d, mixed, e);
	for (size_t i = 0; !rc && i < c->tftp.n_removed; i++)
		rc = remove_tftp(d, v, c->tftp.removed[i], e);
	for (size_t i = 0; !rc && i < c->tftp.n_added; i++)
		rc = add_tftp(d, v, &c->tftp.added[i], mixed, e);
	return rc;
}

static int fill_draft(struct draft *d, const struct change *c, const struct cluster_view *v,
		      struct desk *desk, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < c->n; i++)
		rc = add_token(d, desk, &c->tokens[i], e);
	if (!rc && c->kind == CHANGE_REMOVE_TOKEN)
		rc = draft_remove_sast(d, c->serial, e);
	for (size_t i = 0; !rc && i < c->n_removed; i++)
		rc = draft_remove_sast(d, c->removed[i], e);
	return rc ? rc : fill_servers(d, c, v, e);
}

int change_draft(struct draft **out, const struct change *c, const struct cluster_view *v,
		 struct desk *desk, struct err *e)
{
	struct draft *d = NULL;
	int rc = needs_list(c, v, e);

	if (!rc)
		rc = draft_new(&d, v->list, e);
	if (!rc)
		rc = fill_draft(d, c, v, desk, e);
	if (rc)
		draft_free(d);
	else
		*out = d;
	return rc;
}

enum tl_digest change_digest(const struct change *c, const struct cluster_view *v)
{
	if (c->digest)
		return c->digest;
	return v->list ? v->list->digest : TL_SHA1;
}

static int record_state(const struct change_job *job, struct err *e)
{
	const struct cluster_view *v = job->view;
	char *text;
	int rc;

	if (!job->transcript)
		return 0;
	text = json_dumps(v->doc, JSON_COMPACT | JSON_SORT_KEYS);
	if (!text)
		return err_nomem(e);
	rc = transcript_step(job->transcript, "cluster", 0,
			     json_pack("{s:s, s:O*, s:I, s:b, s:o}", "change",
				       change_name(job->change->kind), "name",
				       json_object_get(v->doc, "name"), "generation",
				       (json_int_t)v->generation, "mixed", v->mixed, "description",
				       transcript_bytes(NULL, span_of(text, strlen(text)))),
			     e);
	free(text);
	return rc;
}

static int open_signer(struct change_job *job, struct err *e)
{
	int rc = desk_open(&job->desk, job->desk_opts, e);

	if (!rc)
		rc = desk_signer_find(&job->signer, job->desk, job->signer_uri, e);
	return transcript_step(job->transcript, "token", rc, NULL, e);
}

/* The provider cannot see where a key is; this desk can, for the tokens it knows. */
int change_check_hardware(const struct cluster_view *v, const struct desk_cert *by, struct err *e)
{
	if (!by->software || !json_is_true(json_object_get(v->doc, "require_hardware")))
		return 0;
	err_set(e, ERR_REFUSED, "software-token",
		"%s is a software token, and the cluster asks for hardware", by->where);
	return err_hint(e, "sign with a token whose key cannot be copied; \"require-hardware\" in "
			   "the provider's configuration asks for it");
}

int change_job_run(struct buf *out, struct change_job *job, struct err *e)
{
	struct draft *draft = NULL;
	struct sign_job sign;
	int rc;

	rc = record_state(job, e);
	if (!rc)
		rc = needs_list(job->change, job->view, e);
	if (!rc)
		rc = open_signer(job, e);
	if (!rc)
		rc = change_check_hardware(job->view, desk_signer_cert(job->signer), e);
	if (!rc)
		rc = change_draft(&draft, job->change, job->view, job->desk, e);
	if (rc)
		return rc;
	sign = (struct sign_job){
		.draft = draft,
		.desk = job->desk,
		.signer = job->signer,
		.old = job->view->list,
		.history = job->history,
		.digest = change_digest(job->change, job->view),
		.purpose = "to sign the CTL of the cluster",
		.transcript = job->transcript,
		.dry_run = job->dry_run,
		.yes = job->yes,
		.quiet = job->quiet,
	};
	rc = sign_list(out, &sign, e);
	draft_free(draft);
	return rc;
}

void change_job_end(struct change_job *job)
{
	desk_signer_free(job->signer);
	desk_close(job->desk);
	job->signer = NULL;
	job->desk = NULL;
}
