/* Where the cluster stands, and what can be done. */
#include "ctlclient/wizard/wizard.h"

#include "common/text.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { REFRESH = WIZ_OWN, LOST, HISTORY };

enum { ROW_MIXED, ROW_NONSECURE, ROW_UPDATE };

/* ---- what is shown ---- */

static void put_json(struct buf *b, json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	text_printable(b, span_of(text ? text : "-", strlen(text ? text : "-")));
}

static void put_list(struct buf *b, const struct wizard *w)
{
	const struct tl *l = w->view.list;
	const time_t t = l ? (time_t)l->timestamp : 0;
	const struct tl_record *by = l ? tl_signer_in(l, l, false) : NULL;
	char when[32] = "?";
	struct tm tm;

	if (!l) {
		buf_str(b, _("Trust list: none yet. Phones trust nobody in particular."));
		return;
	}
	if (gmtime_r(&t, &tm))
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M UTC", &tm);
	buf_printf(b, _("Trust list: generation %lld, signed %s by "),
		   (long long)w->view.generation, when);
	if (by && by->cert)
		wizard_name(b, by->cert);
	buf_str(b, "\n");
	buf_str(b, _("Tokens that may sign: "));
	wizard_listed(b, w);
}

static const char *state_text(const char *state)
{
	static const char *const states[][2] = {{"active", N_("has the list")},
						{"pending", N_("is waiting")},
						{"delivered", N_("has been sent it")},
						{"failed", N_("FAILED")}};

	for (size_t i = 0; state && i < sizeof(states) / sizeof(states[0]); i++)
		if (!strcmp(states[i][0], state))
			return _(states[i][1]);
	return state ? state : "-";
}

static void put_nodes(struct buf *b, json_t *answer)
{
	json_t *d;
	size_t i;

	json_array_foreach(json_object_get(answer, "distribution"), i, d)
	{
		const char *state = json_string_value(json_object_get(d, "state"));

		buf_str(b, "\n- ");
		put_json(b, d, "node");
		buf_printf(b, ": %s", state_text(state));
		if (state && !strcmp(state, "failed")) {
			buf_str(b, " (");
			put_json(b, d, "detail");
			buf_str(b, ")");
		}
	}
}

static void put_nodes_without_list(struct buf *b, json_t *doc)
{
	json_t *node;
	size_t i;

	json_array_foreach(json_object_get(doc, "nodes"), i, node)
	{
		buf_str(b, i ? ", " : " ");
		put_json(b, node, "name");
	}
}

static void put_outdated(struct buf *b, const struct wizard *w)
{
	if (!w->view.list)
		return;
	if (!w->outdated.len) {
		buf_str(b, _("\nThe list is in line with the servers."));
		return;
	}
	buf_str(b, _("\nThe list is OUTDATED; an update brings it in line:"));
	for (size_t i = 0; i < w->outdated.len;) {
		const uint8_t *line = w->outdated.data + i;
		const uint8_t *end = memchr(line, '\n', w->outdated.len - i);
		const size_t n = end ? (size_t)(end - line) : w->outdated.len - i;

		buf_str(b, "\n- ");
		text_printable(b, span_of(line, n));
		i += n + 1;
	}
}

static void put_status(struct buf *b, const struct wizard *w)
{
	buf_str(b, _("Cluster: "));
	put_json(b, w->view.doc, "name");
	buf_printf(b, "\n%s%s\n", _("Security mode: "),
		   w->view.mixed ? _("mixed") : _("non-secure"));
	put_list(b, w);
	buf_str(b, "\n");
	buf_str(b, _("Servers:"));
	if (w->view.list)
		put_nodes(b, w->distribution);
	else
		put_nodes_without_list(b, w->view.doc);
	put_outdated(b, w);
	buf_str(b, "\n\n");
	buf_str(b, _("What do you want to do?"));
}

static void put_rows(struct wiz_page *p, const struct wizard *w)
{
	page_row(p, w->view.mixed  ? _("Mixed mode (the cluster is in it)")
		    : w->view.list ? _("Set the cluster to mixed mode again")
				   : _("Set the cluster to mixed mode: make its first list"));
	page_row(p, w->view.list && !w->view.mixed ? _("Non-secure mode (the cluster is in it)")
						   : _("Set the cluster to non-secure mode"));
	page_row(p, _("Update the trust list: tokens, servers"));
	p->row = !w->view.list ? ROW_MIXED : ROW_UPDATE;
	if (w->state.goal == GOAL_MIXED)
		p->row = ROW_MIXED;
	if (w->state.goal == GOAL_NONSECURE)
		p->row = ROW_NONSECURE;
}

/* ---- what is done ---- */

static int job_fetch(void *arg, struct err *e)
{
	return wizard_fetch(arg, e);
}

static int job_session(void *arg, struct err *e)
{
	struct wizard *w = arg;

	return w->session.api ? 0 : cluster_session_open(&w->session, link_api(w->link), e);
}

static enum wiz_step refresh(struct wizard *w)
{
	struct err e = {0};

	if (wizard_task(w, _("Provider"), _("Asking where the cluster stands ..."), false,
			job_fetch, &e))
		return wizard_trouble(w, &e, STEP_STATUS);
	return STEP_STATUS;
}

/* A change of a list begins with one of its tokens, the first list with any token. */
static enum wiz_step begin(struct wizard *w, enum wiz_goal goal)
{
	struct err e = {0};
	int rc;

	w->state.goal = goal;
	w->state.generation = w->view.generation;
	rc = wizard_task(w, _("Provider"), _("Opening a session ..."), false, job_session, &e);
	if (!rc)
		rc = wizard_draft(w, &e);
	if (rc) {
		const enum wiz_step next = wizard_trouble(w, &e, STEP_STATUS);

		if (e.kind == ERR_REFUSED)
			wizard_forget(w);
		return next;
	}
	if (w->view.list ? w->known : w->state.n_added > 0)
		return STEP_ENTRIES;
	w->prompt = w->view.list ? PROMPT_KNOWN : PROMPT_ADD;
	return STEP_TOKEN;
}

static enum wiz_step choose(struct wizard *w, size_t row)
{
	static const char help[] =
		N_("In mixed mode phones check signatures and can encrypt; in non-secure mode they "
		   "do neither. A change of mode takes effect when the phones are reset. Until "
		   "then they go on as they are.");

	if (row == ROW_MIXED && w->view.mixed)
		return wizard_tell(w, _("The cluster is in mixed mode"),
				   _("There is nothing to switch. To change tokens or servers in "
				     "the list, or to have it signed anew, update it."),
				   _(help), NULL, STEP_STATUS);
	if (row == ROW_NONSECURE && w->view.list && !w->view.mixed)
		return wizard_tell(w, _("The cluster is in non-secure mode"),
				   _("There is nothing to switch. The list stays on the servers "
				     "without their certificates. To take phones fully back to how "
				     "they were delivered, delete the list on each phone: \"Lost "
				     "token or PIN\" tells how."),
				   _(help), NULL, STEP_STATUS);
	return begin(w, row == ROW_MIXED       ? GOAL_MIXED
			: row == ROW_NONSECURE ? GOAL_NONSECURE
					       : GOAL_UPDATE);
}

static enum wiz_step resume(struct wizard *w)
{
	const enum wiz_goal goal = w->state.goal;

	w->resumed = false;
	if (w->state.generation != w->view.generation)
		return STEP_CONFLICT;
	return begin(w, goal);
}

enum wiz_step page_status(struct wizard *w)
{
	struct wiz_page p = {
		.title = _("Where the cluster stands"),
		.help = _("In mixed mode phones check signatures and can encrypt calls; in "
			  "non-secure mode they do neither. The list names the servers that phones "
			  "trust, and the tokens whose signature they follow. When servers change, "
			  "the list has to be updated before phones accept them."),
		.menu = true,
	};
	enum wiz_step step;
	int button;

	if (!w->view.doc)
		return refresh(w);
	if (w->resumed)
		return resume(w);
	put_status(&p.text, w);
	put_rows(&p, w);
	page_button(&p, _("Next"), WIZ_NEXT);
	page_button(&p, _("Back"), WIZ_BACK);
	page_button(&p, _("Refresh"), REFRESH);
	page_button(&p, _("Lost token or PIN"), LOST);
	if (w->view.list)
		page_button(&p, _("History"), HISTORY);
	page_button(&p, _("Quit"), WIZ_QUIT);
	if (wizard_page(w, &p, &button, &step))
		return step;
	switch (button) {
	case REFRESH:
		return refresh(w);
	case LOST:
		return STEP_LOST;
	case HISTORY:
		return STEP_HISTORY;
	default:
		return choose(w, p.row);
	}
}

/* ---- the history ---- */

static void put_generation(struct buf *b, json_t *g)
{
	const char *difference = json_string_value(json_object_get(g, "difference"));
	json_int_t number = json_integer_value(json_object_get(g, "generation"));

	buf_printf(b, _("Generation %lld, "), (long long)number);
	put_json(b, g, "time");
	buf_str(b, ", ");
	put_json(b, g, "user");
	buf_str(b, "\n");
	while (difference && *difference) {
		const size_t n = strcspn(difference, "\n");

		buf_str(b, "  ");
		text_printable(b, span_of(difference, n));
		buf_str(b, "\n");
		difference += n + (difference[n] == '\n');
	}
}

enum wiz_step page_history(struct wizard *w)
{
	struct buf text = {0};
	enum wiz_step step;
	json_t *g;
	size_t i;

	json_array_foreach(json_object_get(w->history, "generations"), i, g)
		put_generation(&text, g);
	step = wizard_tell(
		w, _("What was changed before"),
		text.len && buf_cstr(&text) ? buf_cstr(&text) : _("The provider tells no history."),
		_("Each generation is a list that the phones were given. A phone follows "
		  "a new list if a token of the list it has signed it. A phone that was "
		  "away for several generations needs a token that was in its old list."),
		NULL, STEP_STATUS);
	buf_free(&text);
	return step;
}
