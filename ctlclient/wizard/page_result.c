/* The signed list goes to the provider, and from there to one server after the other. */
#include "ctlclient/wizard/wizard.h"

#include "common/text.h"
#include "ctlclient/wizard/follow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { AGAIN = WIZ_OWN, REBASE, STATUS };

enum { NODE_COLUMNS = 24 };

/* ---- sending ---- */

static int job_send(void *arg, struct err *e)
{
	struct wizard *w = arg;
	const char *cluster = json_string_value(json_object_get(w->view.doc, "name"));
	const struct push p = {
		.list =
			{
				.provider = w->state.server,
				.cluster = cluster ? cluster : "",
				.generation = w->view.generation,
				.mixed = change_makes_mixed(&w->change, &w->view),
				.list = buf_view(&w->signed_list),
				.tftp = &w->change.tftp,
			},
	};

	json_decref(w->answer);
	w->answer = NULL;
	free(w->kept_in);
	w->made_mixed = p.list.mixed;
	return push_send(&w->answer, &w->kept_in, link_api(w->link), &p, e);
}

/* Signed, and not delivered: no token is needed to send it again. */
static enum wiz_step not_delivered(struct wizard *w, const struct err *e)
{
	struct wiz_page p = {
		.title = _("Signed, but not delivered"),
		.help = _("The phones know nothing of the new list: they keep the one they have. "
			  "The signed list is not lost, and can be sent as soon as the provider "
			  "answers. If it had arrived all the same, sending it again does no "
			  "harm."),
	};
	enum wiz_step step;
	int button;

	buf_str(&p.text, _("The list is signed, but the provider did not take it:"));
	buf_printf(&p.text, "\n\n%s\n\n", e->what);
	buf_str(&p.text, _("You can send it again now, without the token."));
	if (w->kept_in)
		buf_printf(&p.text,
			   _(" It is also kept in a file, to be sent later with \"ctlclient "
			     "cluster push\":\n%s"),
			   w->kept_in);
	page_button(&p, _("Send again"), AGAIN);
	page_button(&p, _("Back to the list"), WIZ_BACK);
	page_button(&p, _("Quit"), WIZ_QUIT);
	if (!wizard_page(w, &p, &button, &step))
		return STEP_RESULT;
	return step == STEP_BACK ? STEP_ENTRIES : step;
}

static enum wiz_step send_failed(struct wizard *w, const struct err *e)
{
	if (e->kind == ERR_CONFLICT && strcmp(e->id, "client-limit") != 0)
		return STEP_CONFLICT;
	if (e->kind == ERR_FAILED || w->kept_in)
		return not_delivered(w, e);
	return wizard_trouble(w, e, STEP_ENTRIES);
}

/* ---- watching ---- */

struct watching {
	struct wizard *w;
	struct follow *follow;
};

static const char *state_words(const char *state)
{
	static const char *const words[][2] = {{"active", N_("done")},
					       {"pending", N_("waiting")},
					       {"delivered", N_("delivered")},
					       {"failed", N_("FAILED")}};

	for (size_t i = 0; state && i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(words[i][0], state))
			return _(words[i][1]);
	return "-";
}

static void put_node(struct buf *b, json_t *d)
{
	const char *node = json_string_value(json_object_get(d, "node"));
	const char *state = json_string_value(json_object_get(d, "state"));
	const char *detail = json_string_value(json_object_get(d, "detail"));
	struct buf name = {0};

	text_printable(&name, span_of(node ? node : "-", strlen(node ? node : "-")));
	text_pad(b, buf_cstr(&name) ? buf_cstr(&name) : "-", NODE_COLUMNS);
	buf_str(b, state_words(state));
	if (detail && *detail) {
		buf_str(b, "\n    ");
		text_printable(b, span_of(detail, strlen(detail)));
	}
	buf_u8(b, '\n');
	buf_free(&name);
}

static void put_news(struct wiz_page *p, const struct wizard *w, const struct err *e)
{
	json_t *d;
	size_t i;

	p->news.len = 0;
	json_array_foreach(json_object_get(w->answer, "distribution"), i, d) put_node(&p->news, d);
	buf_u8(&p->news, '\n');
	if (e->kind)
		buf_printf(&p->news,
			   _("The provider does not answer: %s. It goes on by itself all "
			     "the same."),
			   e->what);
	else if (push_is_done(w->answer))
		buf_str(&p->news, _("All servers have the new list."));
	else
		buf_str(&p->news, _("Not every server has it yet. The provider keeps trying until "
				    "they all have; you need not wait for that."));
}

static int look(void *arg, struct wiz_page *p)
{
	struct watching *g = arg;
	struct buf before = {0};
	struct err e = {0};

	if (!follow_look(g->follow, &g->w->answer, &e) && !e.kind)
		return WIZ_STAYS;
	buf_span(&before, buf_view(&p->news));
	put_news(p, g->w, &e);
	p->changed |= !span_eq(buf_view(&before), buf_view(&p->news));
	buf_free(&before);
	if (push_is_done(g->w->answer))
		p->tick = NULL;
	return WIZ_STAYS;
}

static enum wiz_step show_result(struct wizard *w)
{
	struct watching g = {.w = w};
	struct wiz_page p = {
		.title = _("The new list is on its way"),
		.help = _("Each server checks the signature itself before it gives the list to "
			  "phones. A server that is away gets it when it is back. Phones fetch the "
			  "list from their TFTP server at their next reset."),
		.arg = &g,
	};
	struct err e = {0};
	enum wiz_step step;
	int button;

	buf_printf(&p.text, _("The provider has accepted the list as generation %lld."),
		   json_integer_value(json_object_get(w->answer, "generation")));
	put_news(&p, w, &e);
	page_button(&p, _("Next"), WIZ_NEXT);
	if (!push_is_done(w->answer) && !follow_open(&g.follow, link_api(w->link), &e))
		p.tick = look;
	(void)wizard_page(w, &p, &button, &step);
	if (g.follow)
		task_brake_pull(&w->brake); /* a question that is under way */
	follow_close(g.follow);
	w->code = push_is_done(w->answer) ? 0 : ERR_PARTIAL;
	return button == WIZ_HANGUP ? STEP_HANGUP : STEP_NEXT;
}

enum wiz_step page_result(struct wizard *w)
{
	struct err e = {0};

	if (wizard_task(w, _("Sending"), _("The signed list is sent to the provider ..."), true,
			job_send, &e))
		return send_failed(w, &e);
	wizard_end_change(w);
	w->view.mixed = w->made_mixed;
	wizard_place(w);
	return show_result(w);
}

/* ---- what to do next ---- */

static int job_fetch(void *arg, struct err *e)
{
	return wizard_fetch(arg, e);
}

enum wiz_step page_next(struct wizard *w)
{
	struct wiz_page p = {
		.title = _("What to do next"),
		.help = _(
			"Phones fetch the new list when they are reset, and not before. Until all "
			"have it, keep the tokens that were in the old list. A phone that was "
			"away gets the list when it comes back."),
	};
	struct err ignored;
	enum wiz_step step;
	int button;

	buf_printf(
		&p.text,
		_("The cluster is in %s mode now. For the phones to follow:\n"
		  "- TFTP: ctltftpd serves the new list already. Restart every other TFTP service "
		  "on all servers that run one.\n"
		  "- Call control: restart the call service on all servers that run it.\n"
		  "- Phones: reset all of them (Device > Phone > Reset in the administration of "
		  "the call manager).\n"
		  "\n"
		  "Take the token out now. Put the tokens into different safe places: whoever "
		  "has one and its PIN can sign for your phones, and when all are lost, every "
		  "phone's list has to be deleted by hand."),
		w->made_mixed ? _("mixed") : _("non-secure"));
	page_button(&p, _("Back to the cluster"), STATUS);
	page_button(&p, _("Quit"), WIZ_QUIT);
	p.preset = 1;
	button = w->ui->page(w->ui, &p);
	page_end(&p);
	step = STEP_STATUS;
	if (button == WIZ_HANGUP)
		return STEP_HANGUP;
	if (button == WIZ_QUIT || button == WIZ_INTERRUPT)
		return STEP_END;
	(void)wizard_task(w, _("Provider"), _("Asking where the cluster stands ..."), false,
			  job_fetch, &ignored);
	w->way_n = 0;
	return step;
}

/* ---- somebody else was faster ---- */

static int job_changes(void *arg, struct err *e)
{
	struct wizard *w = arg;

	(void)e;
	w->review.len = 0;
	cluster_session_changes(&w->review, link_api(w->link), w->state.generation);
	return 0;
}

/* What was entered and is in the list by now is done. */
static void rebase(struct wizard *w)
{
	struct tftp_wish *tftp = &w->state.tftp;
	size_t i = 0;

	w->state.generation = w->view.generation;
	for (size_t k = tftp->n_removed; k-- > 0;)
		if (!wizard_is_outside(w, tftp->removed[k]))
			tftp_wish_keep(tftp, tftp->removed[k]);
	while (i < w->state.n_added) {
		X509 *cert = w->state.added[i].cert;
		bool there = false;

		for (size_t k = 0; w->view.list && k < w->view.list->n; k++) {
			const struct tl_record *r = &w->view.list->records[k];

			there |= r->role == TL_SAST && r->cert && !X509_cmp(r->cert, cert);
		}
		if (there)
			(void)state_drop(&w->state, cert);
		else
			i++;
	}
}

static enum wiz_step fetch_and_rebase(struct wizard *w)
{
	struct err e = {0};

	if (wizard_task(w, _("Provider"), _("Fetching the new list ..."), false, job_fetch, &e))
		return wizard_trouble(w, &e, STEP_CONFLICT);
	rebase(w);
	w->known = false;
	w->resumed = true; /* on with the same task, from the new list */
	return STEP_STATUS;
}

enum wiz_step page_conflict(struct wizard *w)
{
	struct wiz_page p = {
		.title = _("Somebody else changed the list"),
		.help = _("The phones have the other administrator's list, or will get it at their "
			  "next reset. Two lists cannot both be the newest one. Yours starts from "
			  "theirs now, so that neither change is lost."),
	};
	struct err ignored;
	enum wiz_step step;
	int button;

	(void)wizard_task(w, _("Provider"), _("Asking what was changed ..."), false, job_changes,
			  &ignored);
	buf_str(&p.text, _("The list of the cluster was changed since you began. Nothing you have "
			   "entered is lost."));
	if (w->review.len) {
		buf_str(&p.text, _("\n\nWhat was changed meanwhile:\n"));
		buf_span(&p.text, buf_view(&w->review));
	}
	page_button(&p, _("Go on from the new list"), REBASE);
	page_button(&p, _("Back"), WIZ_BACK);
	page_button(&p, _("Quit"), WIZ_QUIT);
	if (wizard_page(w, &p, &button, &step))
		return step;
	return fetch_and_rebase(w);
}
