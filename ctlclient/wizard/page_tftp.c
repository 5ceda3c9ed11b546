/* One more TFTP server: outside the cluster, or a node that has just joined it. */
#include "ctlclient/wizard/wizard.h"

#include <stdio.h>

enum { LOOK = WIZ_OWN };

enum { HOST, ADDRESS, CERTIFICATE, TYPED };

static int job_fetch(void *arg, struct err *e)
{
	return wizard_fetch(arg, e);
}

static enum wiz_step look_again(struct wizard *w)
{
	struct err e = {0};

	if (wizard_task(w, _("Provider"), _("Asking where the cluster stands ..."), false,
			job_fetch, &e))
		return wizard_trouble(w, &e, STEP_ENTRIES);
	if (w->state.generation != w->view.generation)
		return STEP_CONFLICT;
	return STEP_ENTRIES;
}

/* What the rules forbid is not taken on. */
static int take(struct wizard *w, const struct wiz_field *typed, struct err *e)
{
	struct draft_server s;
	int rc = tftp_wish_make(&s, typed[HOST].value, typed[ADDRESS].value,
				typed[CERTIFICATE].value, e);

	if (!rc)
		rc = tftp_wish_add(&w->state.tftp, &s, e);
	if (!rc) {
		rc = wizard_draft(w, e);
		if (rc)
			tftp_wish_drop(&w->state.tftp, s.dns);
	}
	X509_free(s.cert);
	return rc;
}

static void put_page(struct wiz_page *p, const struct wiz_field *typed, const struct err *e)
{
	*p = (struct wiz_page){
		.title = _("Adding a TFTP server"),
		.help = _(
			"A phone refuses to load from a TFTP server that is not in its list. So a "
			"new server has to be in the list, and the phones have to have that list, "
			"before they are sent there. Nothing has been changed yet."),
	};
	buf_str(&p->text,
		_("A server that shall be a node of the cluster joins it first (\"ctladmin node "
		  "invite\" on the first node, \"ctladmin node join\" there); then \"Look again\": "
		  "it is in the list by itself.\n"
		  "\n"
		  "For a TFTP server outside the cluster give its name, its IPv4 address, and the "
		  "file with the certificate that it signs with. Nothing is sent to it: it has to "
		  "serve the list and signed files itself."));
	if (e->kind)
		buf_printf(&p->news, _("This cannot be taken: %s"), e->what);
	page_field(p, _("Name"), typed[HOST].value);
	page_field(p, _("Address"), typed[ADDRESS].value);
	page_field(p, _("Certificate"), typed[CERTIFICATE].value);
	page_button(p, _("Add"), WIZ_NEXT);
	page_button(p, _("Look again"), LOOK);
	page_button(p, _("Back"), WIZ_BACK);
}

enum wiz_step page_tftp(struct wizard *w)
{
	struct wiz_field typed[TYPED] = {0};
	struct err e = {0};
	struct wiz_page p;
	enum wiz_step step;
	int button;

	do {
		put_page(&p, typed, &e);
		if (wizard_page(w, &p, &button, &step))
			return step;
		if (button == LOOK)
			return look_again(w);
		for (size_t i = 0; i < TYPED; i++)
			typed[i] = p.fields[i];
	} while (take(w, typed, &e));
	return STEP_ENTRIES;
}
