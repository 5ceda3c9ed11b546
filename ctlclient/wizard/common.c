/* What the pages share. */
#include "ctlclient/wizard/wizard.h"

#include "common/file.h"
#include "common/hex.h"
#include "common/text.h"
#include "trustfile/cert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- pages ---- */

bool wizard_page(struct wizard *w, struct wiz_page *p, int *button, enum wiz_step *step)
{
	/* A terminal that is gone shows nothing more. */
	*button = w->hangup ? WIZ_HANGUP : w->ui->page(w->ui, p);
	page_end(p);
	switch (*button) {
	case WIZ_INTERRUPT:
		*step = STEP_QUIT;
		return true;
	case WIZ_QUIT:
		*step = STEP_LEAVE;
		return true;
	case WIZ_HANGUP:
		*step = STEP_HANGUP;
		return true;
	case WIZ_BACK:
		*step = STEP_BACK;
		return true;
	default:
		return false;
	}
}

enum wiz_step wizard_tell(struct wizard *w, const char *title, const char *text, const char *help,
			  const char *button, enum wiz_step next)
{
	struct wiz_page p = {.title = title, .help = help};
	enum wiz_step step;
	int chosen;

	buf_str(&p.text, text);
	if (button)
		page_button(&p, button, WIZ_NEXT);
	page_button(&p, _("Back"), WIZ_BACK);
	if (!wizard_page(w, &p, &chosen, &step))
		return next;
	return step == STEP_BACK && !button ? next : step;
}

int wizard_task(struct wizard *w, const char *title, const char *text, bool late, task_fn *fn,
		struct err *e)
{
	const int rc = task_run(w->ui, title, text,
				_("The phones notice nothing of this. They keep the list they have "
				  "until a new one is accepted. Then they fetch it at their next "
				  "reset."),
				late ? NULL : &w->brake, &w->hangup, fn, w, e);

	if (!rc || late || !task_was_broken_off(&w->brake))
		return rc;
	return err_set(e, ERR_FAILED, "interrupted", "%s", _("broken off"));
}

/* ---- what is kept ---- */

void wizard_keep(struct wizard *w)
{
	struct buf text = {0};
	struct err ignored;

	if (!w->state_path || w->state_lock < 0 || !state_is_worth_keeping(&w->state))
		return;
	if (!state_put(&text, &w->state, &ignored))
		(void)file_write(w->state_path, buf_view(&text), 0600, &ignored);
	buf_free(&text);
}

void wizard_forget(struct wizard *w)
{
	state_clear(&w->state);
	if (w->state_path && w->state_lock >= 0)
		(void)unlink(w->state_path);
}

void wizard_end_change(struct wizard *w)
{
	wizard_drop_draft(w);
	wizard_forget(w);
	cluster_session_close(&w->session);
	w->known = false;
	w->resumed = false;
}

/* ---- the cluster ---- */

void wizard_place(struct wizard *w)
{
	const char *name = json_string_value(json_object_get(w->view.doc, "name"));
	struct buf shown = {0};

	buf_str(&shown, _("Trust list wizard"));
	if (name) {
		buf_str(&shown, "  |  ");
		text_printable(&shown, span_of(name, strlen(name)));
		buf_printf(&shown, " (%s)  |  %s", w->state.server,
			   w->view.mixed ? _("mixed mode") : _("non-secure mode"));
	}
	if (buf_cstr(&shown))
		w->ui->place(w->ui, buf_cstr(&shown));
	buf_free(&shown);
}

int wizard_fetch(struct wizard *w, struct err *e)
{
	struct api *api = link_api(w->link);
	struct err ignored;
	int rc;

	wizard_drop_draft(w);
	cluster_view_free(&w->view);
	json_decref(w->distribution);
	json_decref(w->history);
	w->distribution = w->history = NULL;
	w->outdated.len = 0;
	rc = cluster_view_get(&w->view, api, e);
	if (!rc)
		rc = cluster_view_outdated(&w->view, &w->outdated, e);
	if (!rc)
		rc = api_get_json(api, "/api/v1/ctl/distribution", &w->distribution, e);
	if (rc) {
		cluster_view_free(&w->view);
		return rc;
	}
	if (w->view.list)
		(void)api_get_json(api, "/api/v1/ctl/history?limit=1000", &w->history, &ignored);
	wizard_place(w);
	return 0;
}

/* ---- the draft ---- */

void wizard_drop_draft(struct wizard *w)
{
	sign_plan_free(&w->plan);
	desk_signer_free(w->signer);
	w->signer = NULL;
	tl_free(w->preview);
	w->preview = NULL;
	buf_free(&w->preview_file);
	draft_free(w->draft);
	w->draft = NULL;
}

/* The change borrows everything from the state. */
static void fill_change(struct change *c, const struct wiz_state *s)
{
	*c = (struct change){.kind = s->goal == GOAL_UPDATE ? CHANGE_UPDATE : CHANGE_MODE,
			     .mixed = s->goal == GOAL_MIXED};
	for (size_t i = 0; i < s->n_added; i++)
		c->tokens[c->n++] =
			(struct change_token){.name = s->added[i].label, .cert = s->added[i].cert};
	for (size_t i = 0; i < s->n_removed; i++)
		c->removed[c->n_removed++] = s->removed[i];
	c->tftp = s->tftp;
}

bool wizard_is_outside(const struct wizard *w, const char *name)
{
	const char *type = w->view.doc ? cluster_view_type(&w->view, name) : NULL;

	return type && !strcmp(type, CLUSTER_TFTP_SERVER);
}

/* Whoever it will be that signs: for the look of the list any token in it does. */
static X509 *somebody(const struct wizard *w)
{
	if (w->state.n_added)
		return w->state.added[0].cert;
	for (size_t i = 0; w->view.list && i < w->view.list->n; i++) {
		const struct tl_record *r = &w->view.list->records[i];
		char sha256[STATE_SHA256_MAX];

		if (r->role != TL_SAST || !r->cert)
			continue;
		wizard_sha256(sha256, r->cert);
		if (!state_is_removed(&w->state, sha256))
			return r->cert;
	}
	return NULL;
}

int wizard_draft(struct wizard *w, struct err *e)
{
	X509 *signer;
	int rc;

	wizard_drop_draft(w);
	fill_change(&w->change, &w->state);
	rc = change_draft(&w->draft, &w->change, &w->view, NULL, e);
	signer = somebody(w);
	if (rc || !signer)
		return rc;
	rc = draft_plan(&w->preview_plan, w->draft, signer, change_digest(&w->change, &w->view), e);
	if (!rc)
		rc = tl_build_preview(&w->preview_file, &w->preview_plan, e);
	if (!rc)
		rc = tl_parse(&w->preview, buf_view(&w->preview_file), e);
	return rc;
}

/* ---- tokens ---- */

static int open_desk(void *arg, struct err *e)
{
	struct wizard *w = arg;

	return desk_open(&w->desk, &w->desk_opts, e);
}

int wizard_desk(struct wizard *w, struct err *e)
{
	int rc;

	if (w->desk)
		return 0;
	rc = wizard_task(w, _("Security token"), _("Loading the modules of the tokens ..."), true,
			 open_desk, e);
	if (!rc)
		desk_interrupt(w->desk, w->brake.fd);
	return rc;
}

void wizard_name(struct buf *b, const X509 *cert)
{
	const X509_NAME *name = X509_get_subject_name(cert);
	const int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
	const ASN1_STRING *text =
		at < 0 ? NULL : X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
	struct buf whole = {0};
	struct err ignored;

	if (text) {
		text_printable(
			b, span_of(ASN1_STRING_get0_data(text), (size_t)ASN1_STRING_length(text)));
		return;
	}
	if (!cert_name(&whole, name, &ignored))
		text_printable(b, buf_view(&whole));
	buf_free(&whole);
}

void wizard_sha256(char out[STATE_SHA256_MAX], const X509 *cert)
{
	struct buf sha256 = {0}, text = {0};

	cert_sha256(&sha256, cert);
	hex_lower(&text, buf_view(&sha256), 0);
	snprintf(out, STATE_SHA256_MAX, "%s", buf_cstr(&text) ? buf_cstr(&text) : "");
	buf_free(&sha256);
	buf_free(&text);
}

void wizard_fingerprint(struct buf *b, const uint8_t *sha256, size_t len)
{
	buf_str(b, "    ");
	hex_upper(b, span_of(sha256, len / 2), ':');
	buf_str(b, "\n    ");
	hex_upper(b, span_of(sha256 + len / 2, len - len / 2), ':');
}

void wizard_listed(struct buf *b, const struct wizard *w)
{
	bool any = false;

	for (size_t i = 0; w->view.list && i < w->view.list->n; i++) {
		const struct tl_record *r = &w->view.list->records[i];

		if (r->role != TL_SAST || !r->cert)
			continue;
		buf_str(b, any ? ", " : "");
		wizard_name(b, r->cert);
		any = true;
	}
}
