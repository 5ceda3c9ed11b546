/* "Insert the first security token; remove any other": the page that sees tokens come and go, and
 * what the token is that came. */
#include "ctlclient/wizard/wizard.h"

#include "common/hex.h"
#include "ctlclient/wizard/prompt_text.h"
#include "trustfile/cert.h"

#include <stdio.h>
#include <string.h>

enum { LOST = WIZ_OWN, DESK, CHOSEN, READY, OTHER };

/* ---- the prompt ---- */

struct prompting {
	struct wizard *w;
	struct prompt ask;
	struct sight sight;
	struct verdict verdict;
	size_t own_buttons; /* those that the page always has */
};

static void forget_declined(struct wizard *w, const struct sight *s)
{
	for (size_t i = 0; i < s->n && i < SIGHT_TOKENS_MAX; i++)
		if (!strcmp(s->tokens[i].info.serial, w->declined))
			return;
	w->declined[0] = '\0';
}

static bool is_declined(const struct prompting *g)
{
	const struct verdict *v = &g->verdict;

	return v->state == PROMPT_READY && *g->w->declined &&
	       !strcmp(g->sight.tokens[v->token].info.serial, g->w->declined);
}

static void list_tokens(struct prompting *g, struct wiz_page *p)
{
	p->changed |= p->n_rows > 0;
	p->rows.len = 0;
	p->n_rows = 0;
	p->n_buttons = g->own_buttons;
	p->preset = 0;
	if (g->verdict.state != PROMPT_CHOOSE)
		return;
	for (size_t i = 0; i < g->sight.n && i < SIGHT_TOKENS_MAX; i++) {
		const struct token_info *t = &g->sight.tokens[i].info;
		char row[256];

		snprintf(row, sizeof(row), _("%s, serial number %s"), t->label, t->serial);
		page_row(p, row);
	}
	page_button(p, _("Use the one marked"), CHOSEN);
	p->buttons[p->n_buttons - 1].for_row = true;
	p->preset = p->n_buttons - 1;
	p->changed = true;
}

/* Readers come and go with their tokens: what is said already is not said again. */
static void tell(struct prompting *g, struct wiz_page *p)
{
	struct buf news = {0};

	if (is_declined(g))
		buf_printf(&news, _("%s is still there. Remove it, and insert the other one."),
			   g->sight.tokens[g->verdict.token].info.label);
	else
		prompt_text(&news, &g->verdict, &g->sight);
	p->changed |= !span_eq(buf_view(&news), buf_view(&p->news));
	buf_free(&p->news);
	p->news = news;
}

static int look(void *arg, struct wiz_page *p)
{
	struct prompting *g = arg;

	if (!eye_look(g->w->eye, &g->sight))
		return WIZ_STAYS;
	forget_declined(g->w, &g->sight);
	g->verdict = prompt_judge(&g->ask, &g->sight);
	if (g->verdict.state == PROMPT_READY && !is_declined(g))
		return READY;
	tell(g, p);
	list_tokens(g, p);
	return WIZ_STAYS;
}

static void put_request(struct wiz_page *p, const struct wizard *w)
{
	struct buf listed = {0};

	wizard_listed(&listed, w);
	switch (w->prompt) {
	case PROMPT_ADD:
		p->title = _("Insert a security token");
		if (!w->view.list && !w->state.n_added)
			buf_str(&p->text,
				_("Insert the FIRST security token now; remove any other. "
				  "It is only looked at: its PIN is asked for when "
				  "everything is entered."));
		else
			buf_str(&p->text, _("Remove the token that is there, and insert the NEXT "
					    "one: one that is not in the list yet. One token at a "
					    "time."));
		break;
	case PROMPT_KNOWN:
		p->title = _("Insert a token of the present list");
		buf_printf(&p->text,
			   _("Insert one of the security tokens that are in the list already; "
			     "remove any other. Phones follow nobody else.\n\nIn the list: %s"),
			   buf_cstr(&listed) ? buf_cstr(&listed) : "");
		break;
	case PROMPT_SIGN:
		p->title = _("Insert the token that signs");
		if (w->view.list)
			buf_printf(&p->text,
				   _("Insert a token that signs the new list; remove any other. It "
				     "must be in the present list, or phones would not follow, "
				     "and in the new one.\n\nIn the present list: %s"),
				   buf_cstr(&listed) ? buf_cstr(&listed) : "");
		else
			buf_str(&p->text, _("Insert one of the tokens you have added; remove any "
					    "other. It signs the list."));
		break;
	}
	buf_free(&listed);
}

static enum wiz_step took(struct prompting *g, const struct verdict *v)
{
	struct wizard *w = g->w;
	const struct seen_token *t = &g->sight.tokens[v->token];

	w->token = t->info;
	X509_free(w->token_cert);
	w->token_cert = t->certs[v->cert];
	X509_up_ref(w->token_cert);
	snprintf(w->token_uri, sizeof(w->token_uri), "%s", t->uris[v->cert]);
	return w->prompt == PROMPT_SIGN ? STEP_REVIEW : STEP_DETAILS;
}

/* One of several was chosen: it has to pass the same rules. */
static enum wiz_step chose(struct prompting *g, size_t row)
{
	const struct verdict v = prompt_judge_token(&g->ask, &g->sight, row);
	struct buf text = {0};
	enum wiz_step next;

	if (v.state == PROMPT_READY)
		return took(g, &v);
	prompt_text(&text, &v, &g->sight);
	next = wizard_tell(g->w, _("This token will not do"),
			   buf_cstr(&text) ? buf_cstr(&text) : "", "", NULL, STEP_TOKEN);
	buf_free(&text);
	return next == STEP_BACK ? STEP_TOKEN : next;
}

static enum wiz_step prompt(struct prompting *g)
{
	struct wiz_page p = {
		.help = _("The token holds the key that phones believe: it cannot be copied, and "
			  "works only with its PIN. Every token in the list may sign for your "
			  "phones, so there are two at least, kept in different places. If both "
			  "were lost, each phone's list would have to be deleted by hand."),
		.tick = look,
		.arg = g,
	};
	enum wiz_step step;
	int button;

	put_request(&p, g->w);
	buf_str(&p.news, _("Looking ..."));
	page_button(&p, _("Back"), WIZ_BACK);
	page_button(&p, _("Lost token or PIN"), LOST);
	page_button(&p, _("Check this desk"), DESK);
	g->own_buttons = p.n_buttons;
	if (wizard_page(g->w, &p, &button, &step))
		return step;
	switch (button) {
	case LOST:
		return STEP_LOST;
	case DESK:
		return STEP_DESK;
	case CHOSEN:
		return chose(g, p.row);
	default:
		return took(g, &g->verdict);
	}
}

/* A look that is under way is waited for. */
static int job_close_eye(void *arg, struct err *e)
{
	struct wizard *w = arg;

	(void)e;
	eye_close(w->eye);
	w->eye = NULL;
	return 0;
}

enum wiz_step page_token(struct wizard *w)
{
	struct prompting g = {.w = w};
	enum wiz_step next;
	struct err e = {0};
	int rc = wizard_desk(w, &e);

	if (!rc)
		rc = wizard_draft(w, &e);
	if (!rc)
		rc = eye_open(&w->eye, w->desk, &e);
	if (rc)
		return wizard_trouble(w, &e, STEP_TOKEN);
	g.ask = (struct prompt){w->prompt, w->draft, &w->view};
	next = prompt(&g);
	(void)wizard_task(w, _("Security token"), _("The token's module is still busy ..."), false,
			  job_close_eye, &e);
	sight_free(&g.sight);
	return next;
}

/* ---- what it is ---- */

static void put_cert(struct buf *b, const X509 *cert)
{
	struct buf serial = {0}, sha256 = {0};
	const ASN1_TIME *end = X509_get0_notAfter(cert);
	struct tm tm = {0};

	cert_serial(&serial, cert);
	cert_sha256(&sha256, cert);
	buf_str(b, _("Certificate of: "));
	wizard_name(b, cert);
	buf_str(b, "\n");
	buf_str(b, _("Key: "));
	cert_key_text(b, cert);
	buf_str(b, "\n");
	buf_str(b, _("Serial number: "));
	hex_upper(b, buf_view(&serial), ':');
	if (ASN1_TIME_to_tm(end, &tm))
		buf_printf(b, _("\nValid until: %04d-%02d-%02d"), tm.tm_year + 1900, tm.tm_mon + 1,
			   tm.tm_mday);
	buf_str(b, _("\nSHA-256 fingerprint:\n"));
	wizard_fingerprint(b, sha256.data, sha256.len);
	buf_free(&serial);
	buf_free(&sha256);
}

static void put_warnings(struct buf *b, const struct token_info *t, const X509 *cert)
{
	if (token_is_software(t))
		buf_str(b, _("\n\nNOTE: this is a software token: its key can be copied with its "
			     "files."));
	if (X509_cmp_current_time(X509_get0_notAfter(cert)) < 0)
		buf_str(b, _("\n\nNOTE: its certificate has expired. Phones do not look at dates, "
			     "auditors do."));
	if (cert_rsa_bits(cert) < 2048)
		buf_str(b, _("\n\nNOTE: its key is short by today's measure."));
	if (t->pin == TOKEN_PIN_COUNT_LOW)
		buf_str(b, _("\n\nNOTE: a wrong PIN was given to it before; a few more lock it."));
	if (t->pin == TOKEN_PIN_FINAL_TRY)
		buf_str(b, _("\n\nWARNING: the next wrong PIN locks it for good."));
	if (t->pin_to_be_changed)
		buf_str(b, _("\n\nNOTE: it wants its PIN to be changed: \"ctlclient token "
			     "change-pin\"."));
}

static enum wiz_step add(struct wizard *w)
{
	struct buf name = {0};
	bool added;

	wizard_name(&name, w->token_cert);
	added = state_add(&w->state, w->token_cert, buf_cstr(&name) ? buf_cstr(&name) : "?");
	buf_free(&name);
	if (added)
		return STEP_ENTRIES;
	return wizard_tell(w, _("Too many tokens"), _("The list takes no more tokens at once."), "",
			   NULL, STEP_ENTRIES);
}

enum wiz_step page_details(struct wizard *w)
{
	const bool adds = w->prompt == PROMPT_ADD;
	struct wiz_page p = {
		.title = adds ? _("Add this token?") : _("This token is in the list"),
		.help = _("A token that is in the list may sign for your phones from then on. "
			  "Compare its fingerprint with your records, so that no stranger's token "
			  "gets into the list. Phones learn of it with the new list, not before."),
	};
	enum wiz_step step;
	int button;

	buf_printf(&p.text, _("Token: %s\nMade by: %s, %s\nToken's serial number: %s\n\n"),
		   w->token.label, w->token.manufacturer, w->token.model, w->token.serial);
	put_cert(&p.text, w->token_cert);
	put_warnings(&p.text, &w->token, w->token_cert);
	page_button(&p, adds ? _("Add") : _("Next"), WIZ_NEXT);
	page_button(&p, _("Another token"), OTHER);
	page_button(&p, _("Back"), WIZ_BACK);
	if (wizard_page(w, &p, &button, &step))
		return step;
	if (button == OTHER) {
		snprintf(w->declined, sizeof(w->declined), "%s", w->token.serial);
		return STEP_TOKEN;
	}
	if (adds)
		return add(w);
	w->known = true;
	return STEP_ENTRIES;
}
