/* The last look before the signature, and the PIN. */
#include "ctlclient/wizard/wizard.h"

#include "ctlclient/pin.h"
#include "ctlclient/pin_rules.h"
#include "ctlclient/review.h"

#include <openssl/crypto.h>
#include <string.h>

enum { OTHER = WIZ_OWN, LOST, TRY };

/* ---- the review ---- */

static int put_review(struct wizard *w, struct err *e)
{
	struct at_desk here = {0};
	const struct review r = {w->view.list, w->plan.preview, w->history, &here,
				 desk_signer_cert(w->signer)->where};
	int rc = at_desk_look(&here, w->desk, e);

	w->review.len = 0;
	if (!rc)
		rc = review_text(&w->review, &r, e);
	at_desk_free(&here);
	return rc;
}

static int job_plan(void *arg, struct err *e)
{
	struct wizard *w = arg;
	int rc = wizard_draft(w, e);

	if (!rc)
		rc = desk_signer_find(&w->signer, w->desk, w->token_uri, e);
	if (!rc)
		rc = change_check_hardware(&w->view, desk_signer_cert(w->signer), e);
	if (rc)
		return rc;
	w->sign_job = (struct sign_job){
		.draft = w->draft,
		.desk = w->desk,
		.signer = w->signer,
		.old = w->view.list,
		.history = w->history,
		.digest = change_digest(&w->change, &w->view),
		.purpose = "to sign the CTL of the cluster",
	};
	rc = sign_plan(&w->plan, &w->sign_job, e);
	return rc ? rc : put_review(w, e);
}

enum wiz_step page_review(struct wizard *w)
{
	struct wiz_page p = {
		.title = _("Is this what you want to sign?"),
		.help = _("Once this list is signed and sent, phones take it at their next reset "
			  "and trust what stands here. Phones that do not know the signer keep "
			  "their old list. Read the lines about phones: they say who follows and "
			  "who does not."),
	};
	struct err e = {0};
	enum wiz_step step;
	int button;

	if (wizard_task(w, _("Review"), _("Putting the list together ..."), false, job_plan, &e))
		return wizard_trouble(w, &e, STEP_ENTRIES);
	buf_str(&p.text, _("Do this in a maintenance window: phones have to be reset afterwards. "
			   "Scroll with the arrow keys."));
	buf_str(&p.text, "\n\n");
	buf_printf(&p.text, _("Security mode of this list: %s"),
		   change_makes_mixed(&w->change, &w->view) ? _("mixed") : _("non-secure"));
	buf_str(&p.text, "\n\n");
	buf_span(&p.text, buf_view(&w->review));
	page_button(&p, _("Sign"), WIZ_NEXT);
	page_button(&p, _("Back"), WIZ_BACK);
	if (wizard_page(w, &p, &button, &step))
		return step;
	return STEP_PIN;
}

/* ---- the PIN ---- */

static int job_sign(void *arg, struct err *e)
{
	struct wizard *w = arg;

	w->signed_list.len = 0;
	return sign_planned(&w->signed_list, &w->plan, e);
}

static void put_counter(struct buf *b, const struct token_info *t)
{
	if (t->pin == TOKEN_PIN_COUNT_LOW)
		buf_str(b,
			_("\n\nA wrong PIN was given to this token before; a few more lock it."));
	if (t->pin == TOKEN_PIN_FINAL_TRY)
		buf_str(b, _("\n\nLAST TRY: if this PIN is wrong, the token locks itself."));
}

/* Warned of before the last try; true if it shall be tried. */
static bool last_try(struct wizard *w, enum wiz_step *step)
{
	struct wiz_page p = {
		.title = _("Only one try is left"),
		.help = _("A locked token signs nothing any more; phones notice nothing of it. As "
			  "long as another token of the list works, it can be replaced. The right "
			  "PIN sets the counter back."),
	};
	int button;

	buf_printf(&p.text,
		   _("If the next PIN for %s is wrong, the token locks itself. If you are not sure "
		     "of it, take another token, or have the PIN set anew with the SO PIN."),
		   w->token.label);
	page_button(&p, _("Another token"), OTHER);
	page_button(&p, _("Lost token or PIN"), LOST);
	page_button(&p, _("I know the PIN"), TRY);
	page_button(&p, _("Back"), WIZ_BACK);
	if (wizard_page(w, &p, &button, step))
		return false;
	*step = button == LOST ? STEP_LOST : STEP_TOKEN;
	if (button == OTHER)
		memcpy(w->declined, w->token.serial, sizeof(w->declined));
	return button == TRY;
}

/* Nothing is asked for if the options say where the PIN is, or the reader asks. */
static bool read_pin(struct wizard *w, const struct token_info *t, const char *news,
		     enum wiz_step *step)
{
	struct wiz_page p = {
		.title = _("PIN"),
		.help = _("The PIN lets the token sign this one list. It goes to the token and is "
			  "wiped from this computer's memory afterwards. The phones see only the "
			  "signature."),
	};
	struct secret pin = {0};
	int end;

	if (!t->login_required || t->pin_pad ||
	    !desk_token_pin_is_typed(desk_signer_token(w->signer)))
		return true;
	if (news)
		buf_printf(&p.text, "%s\n\n", news);
	buf_printf(&p.text, _("PIN of the token %s (serial number %s), to sign the list."),
		   t->label, t->serial);
	put_counter(&p.text, t);
	end = w->ui->secret(w->ui, &p, _("PIN"), &pin);
	page_end(&p);
	*step = end == WIZ_BACK ? STEP_REVIEW : end == WIZ_HANGUP ? STEP_HANGUP : STEP_QUIT;
	if (end != WIZ_NEXT)
		return false;
	desk_token_give_pin(desk_signer_token(w->signer), &pin);
	return true;
}

static const char *signing_text(const struct token_info *t)
{
	return t->pin_pad ? _("Enter the PIN on the reader's own keys. The token signs ...")
			  : _("The token signs ...");
}

static bool is_wrong_pin(const struct err *e)
{
	return !strcmp(e->id, "pin-wrong");
}

/* Until it is signed, or the PIN page is left: then *step says where to. */
static bool sign(struct wizard *w, enum wiz_step *step)
{
	const struct token_info *t = desk_token_info(desk_signer_token(w->signer));
	const char *news = NULL;
	struct err e = {0};
	bool allowed = w->desk_opts.allow_final_try;
	int rc;

	do {
		if (t->pin == TOKEN_PIN_FINAL_TRY && !allowed && !t->pin_pad) {
			if (!last_try(w, step))
				return false;
			desk_allow_final_try(w->desk, allowed = true);
		}
		if (!read_pin(w, t, news, step))
			return false;
		rc = wizard_task(w, _("Signing"), signing_text(t), false, job_sign, &e);
		news = _("The PIN was WRONG. Nothing was signed.");
	} while (rc && is_wrong_pin(&e) && desk_token_pin_is_typed(desk_signer_token(w->signer)) &&
		 t->pin != TOKEN_PIN_LOCKED);
	desk_allow_final_try(w->desk, w->desk_opts.allow_final_try);
	if (rc)
		*step = wizard_trouble(w, &e, STEP_REVIEW);
	return !rc;
}

enum wiz_step page_pin(struct wizard *w)
{
	enum wiz_step step = STEP_REVIEW;
	bool done;

	if (!w->signer || !w->plan.preview)
		return STEP_REVIEW;
	done = sign(w, &step);
	/* The signature is there or it is not: the login and what was typed are not needed any
	 * more. */
	wizard_drop_draft(w);
	return done ? STEP_RESULT : step;
}
