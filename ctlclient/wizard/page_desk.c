/* "ctlclient doctor" as a page. */
#include "ctlclient/wizard/wizard.h"

#include "ctlclient/doctor.h"

#include <stdlib.h>

static int job_examine(void *arg, struct err *e)
{
	struct wizard *w = arg;
	struct doctor *d = calloc(1, sizeof(*d));
	struct buf *b = &w->review;
	const struct doctor_step *first;

	if (!d)
		return err_nomem(e);
	d->desk_opts = w->desk_opts;
	d->never_asks = true;
	doctor_desk(d);
	b->len = 0;
	for (size_t i = 0; i < d->n; i++) {
		const struct doctor_step *s = &d->steps[i];

		buf_printf(b, "%s%s%s%s\n",
			   s->state == DOCTOR_OK      ? _("[ok]      ")
			   : s->state == DOCTOR_WRONG ? _("[WRONG]   ")
						      : _("[skipped] "),
			   s->token, *s->token ? ": " : "", s->what);
	}
	first = doctor_first(d);
	if (first)
		buf_printf(b, _("\nFirst problem: %s\nWhy it matters: %s\n"), first->what,
			   first->why);
	if (first && *first->mend)
		buf_printf(b, _("What mends it: %s\n"), first->mend);
	if (!first)
		buf_str(b, _("\nAll is well.\n"));
	at_desk_free(&d->certs);
	free(d->modules);
	free(d);
	return 0;
}

/* The doctor opens the modules for itself: ours have to be closed first, or a module that one
 * program may use only once would look broken. */
static void close_ours(struct wizard *w)
{
	wizard_drop_draft(w);
	desk_close(w->desk);
	w->desk = NULL;
}

enum wiz_step page_desk(struct wizard *w)
{
	struct err e = {0};

	close_ours(w);
	if (wizard_task(w, _("Check this desk"), _("Looking at modules, readers and tokens ..."),
			true, job_examine, &e))
		return wizard_trouble(w, &e, STEP_DESK);
	return wizard_tell(
		w, _("Is this desk ready to sign?"),
		buf_cstr(&w->review) ? buf_cstr(&w->review) : "",
		_("This looks at the way from the module to the key on the token. No PIN is tried, "
		  "and nothing is changed. The phones are not concerned."),
		_("Check again"), STEP_DESK);
}
