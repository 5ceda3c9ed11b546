/* One more TFTP server: the list follows the cluster, so it joins that first. */
#include "ctlclient/wizard/wizard.h"

static int job_fetch(void *arg, struct err *e)
{
	return wizard_fetch(arg, e);
}

enum wiz_step page_tftp(struct wizard *w)
{
	struct wiz_page p = {
		.title = _("Adding a TFTP server"),
		.help = _(
			"A phone refuses to load from a TFTP server that is not in its list. So a "
			"new server has to be in the list, and the phones have to have that list, "
			"before they are sent there. Nothing has been changed yet."),
	};
	struct err e = {0};
	enum wiz_step step;
	int button;

	buf_str(&p.text,
		_("The list holds exactly the servers of the cluster, and the provider refuses any "
		  "other. So a TFTP server joins the cluster first, in another window:\n"
		  "\n"
		  "- on the first node:     ctladmin node invite NAME\n"
		  "- on the new server:     ctladmin node join NAME\n"
		  "\n"
		  "Then look again: it stands in the list by itself, with its certificate. A TFTP "
		  "server outside the cluster cannot be entered with this release."));
	page_button(&p, _("Look again"), WIZ_NEXT);
	page_button(&p, _("Back"), WIZ_BACK);
	if (wizard_page(w, &p, &button, &step))
		return step;
	if (wizard_task(w, _("Provider"), _("Asking where the cluster stands ..."), false,
			job_fetch, &e))
		return wizard_trouble(w, &e, STEP_ENTRIES);
	if (w->state.generation != w->view.generation)
		return STEP_CONFLICT;
	return STEP_ENTRIES;
}
