/* From page to page, and back. */
#include "ctlclient/wizard/wizard.h"

struct step {
	wiz_step_fn *run;
	bool passes; /* Back does not stop here: the page ends by itself, or leads to another */
	bool aside;  /* Back from here always leads to where one came from */
};

static const struct step steps[STEPS] = {
	[STEP_RESUME] = {page_resume, true, false},
	[STEP_WELCOME] = {page_welcome, false, false},
	[STEP_SERVER] = {page_server, false, false},
	[STEP_FINGERPRINT] = {page_fingerprint, true, false},
	[STEP_LOGIN] = {page_login, false, false},
	[STEP_STATUS] = {page_status, false, false},
	[STEP_HISTORY] = {page_history, false, false},
	[STEP_TOKEN] = {page_token, true, false},
	[STEP_DETAILS] = {page_details, true, false},
	[STEP_ENTRIES] = {page_entries, false, false},
	[STEP_ENTRY] = {page_entry, false, false},
	[STEP_TFTP] = {page_tftp, false, false},
	[STEP_REVIEW] = {page_review, false, false},
	[STEP_PIN] = {page_pin, true, false},
	[STEP_RESULT] = {page_result, true, false},
	[STEP_NEXT] = {page_next, false, false},
	[STEP_CONFLICT] = {page_conflict, true, false},
	[STEP_DESK] = {page_desk, false, true},
	[STEP_LOST] = {page_lost, false, true},
	[STEP_LOST_ONE] = {page_lost_one, false, true},
	[STEP_LOST_PIN] = {page_lost_pin, false, true},
	[STEP_LOST_ALL] = {page_lost_all, false, true},
	[STEP_LOST_SHARED] = {page_lost_shared, false, true},
	[STEP_LOST_SOFTWARE] = {page_lost_software, false, true},
	[STEP_LOST_DELETE] = {page_lost_delete, false, true},
};

/* ---- the way back ---- */

static void go(struct wizard *w, enum wiz_step from, enum wiz_step to)
{
	for (size_t i = 0; i < w->way_n; i++)
		if (w->way[i] == to) {
			w->way_n = i;
			return;
		}
	if ((!steps[from].passes || steps[to].aside) && from != to && w->way_n < WAY_MAX)
		w->way[w->way_n++] = from;
}

static enum wiz_step back(struct wizard *w)
{
	return w->way_n ? w->way[--w->way_n] : STEP_LEAVE;
}

/* ---- leaving ---- */

enum { STAY = WIZ_OWN, KEEP, FORGET };

static void put_question(struct wiz_page *p, const struct wizard *w)
{
	buf_str(&p->text, _("Nothing has been changed in the cluster since the last list that was "
			    "accepted."));
	if (!state_is_worth_keeping(&w->state)) {
		page_button(p, _("Stay"), STAY);
		page_button(p, _("Leave"), KEEP);
		return;
	}
	buf_str(&p->text, "\n\n");
	buf_str(&p->text,
		w->state_path && w->state_lock >= 0
			? _("What you have entered can be kept: the wizard offers to go on with it "
			    "when you start it again.")
			: _("What you have entered cannot be kept: another wizard is open for this "
			    "user, or there is no home folder."));
	page_button(p, _("Stay"), STAY);
	page_button(p, _("Leave, keep it"), KEEP);
	page_button(p, _("Leave, forget it"), FORGET);
}

/* Asked once: who presses Ctrl-C again wants out. */
static enum wiz_step quit(struct wizard *w, enum wiz_step here)
{
	struct wiz_page p = {.title = _("Leave the wizard?"),
			     .help = _("Leaving changes nothing for the phones: they keep the list "
				       "they have. A list is sent only at the last step, after "
				       "the PIN. What was entered holds no PIN and no password.")};
	int button;

	put_question(&p, w);
	button = w->ui->page(w->ui, &p);
	page_end(&p);
	if (button == STAY || button == WIZ_BACK)
		return here;
	if (button == FORGET)
		wizard_forget(w);
	else
		wizard_keep(w);
	w->hangup |= button == WIZ_HANGUP;
	return STEP_END;
}

int wizard_run(struct wizard *w, enum wiz_step first)
{
	enum wiz_step step = first;

	while (step != STEP_END) {
		enum wiz_step next = steps[step].run(w);

		if (next == STEP_HANGUP || w->hangup) {
			w->hangup = true;
			wizard_keep(w);
			break;
		}
		if (next == STEP_BACK)
			next = back(w);
		else if (next < STEPS)
			go(w, step, next);
		if (next == STEP_LEAVE)
			next = state_is_worth_keeping(&w->state) ? STEP_QUIT : STEP_END;
		if (next == STEP_QUIT)
			next = quit(w, step);
		else
			wizard_keep(w);
		step = next;
	}
	return w->hangup ? ERR_FAILED : w->code;
}
