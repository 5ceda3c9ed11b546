/* What the new list holds: tokens and servers, to be added to and deleted from. */
#include "ctlclient/wizard/wizard.h"

#include "common/hex.h"
#include "common/text.h"
#include "trustfile/cert.h"
#include "trustfile/rules.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ADD_TOKEN = WIZ_OWN, ADD_TFTP, DELETE, DETAILS, SIGN };

enum { ROLE_COLUMNS = 12, NAME_COLUMNS = 38 };

/* ---- the rows: the records of the list as it would be, then what leaves it ---- */

static bool is_in(const struct tl *l, const struct tl_record *r)
{
	for (size_t i = 0; l && i < l->n; i++) {
		const struct tl_record *o = &l->records[i];

		if (o->role == r->role && !o->cert == !r->cert &&
		    (r->cert ? !X509_cmp(o->cert, r->cert) : span_eq(o->dns, r->dns)))
			return true;
	}
	return false;
}

static void put_row(struct wiz_page *p, const char *role, const char *name, const char *note)
{
	struct buf row = {0};

	text_pad(&row, role, ROLE_COLUMNS);
	text_pad(&row, name, NAME_COLUMNS);
	buf_printf(&row, " %s", note);
	if (buf_cstr(&row))
		page_row(p, buf_cstr(&row));
	buf_free(&row);
}

/* note: NULL: what it is to the present list. */
static void row_of(struct wiz_page *p, const struct wizard *w, const struct tl_record *r,
		   const char *note)
{
	char scratch[16], ip[INET_ADDRSTRLEN] = "";
	struct buf name = {0};

	if (r->role == TL_SAST && r->cert) {
		wizard_name(&name, r->cert);
	} else {
		text_printable(&name, tl_text(r->dns));
		if (r->ip.len == TL_IP_LEN && inet_ntop(AF_INET, r->ip.data, ip, sizeof(ip)))
			buf_printf(&name, " (%s)", ip);
	}
	put_row(p, r->role == TL_SAST ? _("Token") : tl_role_label(r->role, scratch),
		buf_cstr(&name) ? buf_cstr(&name) : "?",
		note                       ? note
		: !is_in(w->view.list, r)  ? _("new")
		: r->cert || w->view.mixed ? ""
					   : _("without certificate"));
	buf_free(&name);
}

/* The host name of a record, as text. */
static const char *host_of(char host[256], const struct tl_record *r)
{
	const struct span dns = tl_text(r->dns);

	snprintf(host, 256, "%.*s", (int)dns.len, (const char *)dns.data);
	return host;
}

static bool is_leaving(const struct wizard *w, const struct tl_record *r)
{
	char sha256[STATE_SHA256_MAX], host[256];

	if (r->role == TL_TFTP)
		return tftp_wish_removes(&w->state.tftp, host_of(host, r));
	if (r->role != TL_SAST || !r->cert)
		return false;
	wizard_sha256(sha256, r->cert);
	return state_is_removed(&w->state, sha256);
}

/* The record of that number among those of the present list that leave it, or NULL. */
static const struct tl_record *leaving(const struct wizard *w, size_t number)
{
	for (size_t i = 0; w->view.list && i < w->view.list->n; i++)
		if (is_leaving(w, &w->view.list->records[i]) && !number--)
			return &w->view.list->records[i];
	return NULL;
}

static void put_rows(struct wiz_page *p, const struct wizard *w)
{
	const struct tl_record *r;

	for (size_t i = 0; w->preview && i < w->preview->n; i++)
		row_of(p, w, &w->preview->records[i], NULL);
	for (size_t i = 0; (r = leaving(w, i)); i++)
		row_of(p, w, r, _("leaves the list"));
	p->row = w->entry < p->n_rows ? w->entry : 0;
}

/* The record that the row stands for; *leaves: it is one that leaves. */
static const struct tl_record *record_of(const struct wizard *w, size_t row, bool *leaves)
{
	const size_t n = w->preview ? w->preview->n : 0;

	*leaves = row >= n;
	return row < n ? &w->preview->records[row] : leaving(w, row - n);
}

/* ---- what is still missing ---- */

/* The signer is not known yet: any token that could be one. */
static int check(const struct wizard *w, struct err *e)
{
	int rc = err_set(e, ERR_REFUSED, "ctl-two-tokens", "%s", "");

	for (size_t i = 0; w->preview && i < w->preview->n; i++) {
		const struct tl_record *r = &w->preview->records[i];

		if (r->role != TL_SAST || !r->cert)
			continue;
		rc = draft_check(w->draft, r->cert, e);
		if (rc && !strcmp(e->id, "ctl-unknown-signer"))
			continue;
		return rc;
	}
	return rc;
}

static size_t tokens(const struct wizard *w)
{
	return w->preview ? tl_token_count(w->preview) : 0;
}

static bool has_capf(const struct wizard *w)
{
	for (size_t i = 0; w->preview && i < w->preview->n; i++)
		if (w->preview->records[i].role == TL_CAPF)
			return true;
	return false;
}

static void put_advice(struct buf *b, const struct wizard *w, const struct err *e, int rc)
{
	if (rc && !strcmp(e->id, "ctl-two-tokens"))
		buf_printf(b,
			   tokens(w) == 1
				   ? _("1 token so far. TWO are needed: choose \"Add Token\".")
				   : _("%zu tokens so far. TWO are needed: choose \"Add Token\"."),
			   tokens(w));
	else if (rc && !strcmp(e->id, "ctl-no-call-server"))
		buf_str(b, _("There is no call server in the list: phones could not register with "
			     "anybody. Is the provider of the right cluster chosen?"));
	else if (rc)
		buf_str(b, e->what);
	else
		buf_str(b, _("This can be signed. Or add and delete first what should change."));
	if (!has_capf(w))
		buf_str(b,
			_("\nThere is no CAPF server in the list: CAPF is not active on the first "
			  "node. Phones will not get certificates until it is and the list is "
			  "updated."));
}

/* ---- deleting ---- */

/* A deletion that the rules forbid is taken back. */
static enum wiz_step unless_forbidden(struct wizard *w, const char *sha256)
{
	struct err e = {0};
	int rc = wizard_draft(w, &e);

	if (!rc)
		rc = check(w, &e);
	if (!rc)
		return STEP_ENTRIES;
	state_keep(&w->state, sha256);
	if (strcmp(e.id, "ctl-two-tokens") != 0)
		return wizard_trouble(w, &e, STEP_ENTRIES);
	return wizard_tell(
		w, _("Two tokens must remain"),
		_("Without this token there would be fewer than two in the list, and with one "
		  "mishap nobody could sign for your phones any more. First add the token that "
		  "shall take its place, then delete this one: both can be in the same list."),
		_("Two tokens in the list mean that one may be lost. The other then signs a list "
		  "with a new token, and the phones follow. With none left, each phone's list has "
		  "to be deleted by hand."),
		NULL, STEP_ENTRIES);
}

static enum wiz_step delete_tftp(struct wizard *w, const char *host, bool leaves)
{
	struct tftp_wish *wish = &w->state.tftp;
	struct err e = {0};

	if (leaves)
		tftp_wish_keep(wish, host);
	else if (tftp_wish_adds(wish, host))
		tftp_wish_drop(wish, host);
	else if (tftp_wish_remove(wish, host, &e))
		return wizard_trouble(w, &e, STEP_ENTRIES);
	return STEP_ENTRIES;
}

static enum wiz_step delete_server(struct wizard *w, const struct tl_record *r, bool leaves)
{
	char host[256];

	host_of(host, r);
	if (r->role == TL_TFTP &&
	    (tftp_wish_adds(&w->state.tftp, host) || wizard_is_outside(w, host)))
		return delete_tftp(w, host, leaves);
	return wizard_tell(
		w, _("This server cannot be deleted here"),
		_("The list holds exactly the servers of the cluster. Servers that run call "
		  "control, TFTP or CAPF are not deleted by hand: phones would refuse them from "
		  "then on. If the server is gone for good, take it out of the cluster on the "
		  "first node (\"ctladmin node remove\"); an update then takes it out of the "
		  "list."),
		_("A phone that does not find a server in its list refuses to speak with it. So "
		  "the "
		  "list follows the cluster, never the other way round. Nothing has been changed."),
		NULL, STEP_ENTRIES);
}

static enum wiz_step delete_row(struct wizard *w)
{
	char sha256[STATE_SHA256_MAX];
	bool leaves;
	const struct tl_record *r = record_of(w, w->entry, &leaves);

	if (!r)
		return STEP_ENTRIES;
	if (r->role != TL_SAST || !r->cert)
		return delete_server(w, r, leaves);
	wizard_sha256(sha256, r->cert);
	if (leaves) {
		state_keep(&w->state, sha256);
		return STEP_ENTRIES;
	}
	if (state_drop(&w->state, r->cert))
		return STEP_ENTRIES;
	(void)state_remove(&w->state, sha256);
	return unless_forbidden(w, sha256);
}

/* ---- the page ---- */

static enum wiz_step sign(struct wizard *w)
{
	struct err e = {0};
	const int rc = check(w, &e);

	if (rc && !strcmp(e.id, "ctl-two-tokens"))
		return wizard_tell(
			w, _("One more token is needed"),
			_("A list needs two security tokens, so that one may be lost. Choose \"Add "
			  "Token\" and insert another one."),
			"", NULL, STEP_ENTRIES);
	if (rc)
		return wizard_trouble(w, &e, STEP_ENTRIES);
	w->prompt = PROMPT_SIGN;
	return STEP_TOKEN;
}

static enum wiz_step act(struct wizard *w, int button)
{
	switch (button) {
	case ADD_TOKEN:
		w->prompt = PROMPT_ADD;
		return STEP_TOKEN;
	case ADD_TFTP:
		return STEP_TFTP;
	case DELETE:
		return delete_row(w);
	case DETAILS:
		return STEP_ENTRY;
	default:
		return sign(w);
	}
}

static void put_buttons(struct wiz_page *p, bool ready)
{
	page_button(p, _("Add Token"), ADD_TOKEN);
	page_button(p, _("Add TFTP Server"), ADD_TFTP);
	page_button(p, _("Details"), DETAILS);
	p->buttons[p->n_buttons - 1].for_row = true;
	page_button(p, _("Delete Selected"), DELETE);
	p->buttons[p->n_buttons - 1].for_row = true;
	page_button(p, _("Sign"), SIGN);
	page_button(p, _("Back"), WIZ_BACK);
	p->preset = ready ? 4 : 0;
}

enum wiz_step page_entries(struct wizard *w)
{
	struct wiz_page p = {
		.title = _("What the new list holds"),
		.help = _("Phones trust exactly what is in this list: its tokens to sign, its "
			  "servers to serve. The servers come from the cluster by themselves; the "
			  "tokens are yours to choose. Nothing is sent yet."),
	};
	struct err e = {0};
	enum wiz_step step;
	int button, rc;

	if (wizard_draft(w, &e))
		return wizard_trouble(w, &e, STEP_STATUS);
	rc = check(w, &e);
	buf_printf(&p.text, _("Security mode of this list: %s"),
		   change_makes_mixed(&w->change, &w->view) ? _("mixed") : _("non-secure"));
	put_advice(&p.news, w, &e, rc);
	put_rows(&p, w);
	put_buttons(&p, !rc);
	button = WIZ_NEXT;
	if (wizard_page(w, &p, &button, &step)) {
		w->entry = p.row;
		return step;
	}
	w->entry = p.row;
	return act(w, button);
}

/* ---- one entry ---- */

static void put_name(struct buf *b, const char *what, struct span name)
{
	buf_str(b, what);
	text_printable(b, tl_text(name));
	buf_str(b, "\n");
}

static void put_entry(struct buf *b, const struct tl_record *r)
{
	struct buf sha256 = {0};
	char scratch[16], ip[INET_ADDRSTRLEN];

	buf_printf(b, _("Function: %s\n"), tl_role_label(r->role, scratch));
	if (tl_text(r->dns).len)
		put_name(b, _("Host name: "), r->dns);
	if (r->ip.len == TL_IP_LEN && inet_ntop(AF_INET, r->ip.data, ip, sizeof(ip)))
		buf_printf(b, _("Address: %s\n"), ip);
	if (!r->cert) {
		buf_str(b, _("No certificate: the list is for non-secure mode."));
		return;
	}
	put_name(b, _("Subject: "), r->subject);
	put_name(b, _("Issuer: "), r->issuer);
	buf_str(b, _("Serial number: "));
	hex_upper(b, r->serial, ':');
	buf_str(b, "\n");
	buf_str(b, _("Key: "));
	cert_key_text(b, r->cert);
	cert_sha256(&sha256, r->cert);
	buf_str(b, _("\nSHA-256 fingerprint:\n"));
	wizard_fingerprint(b, sha256.data, sha256.len);
	buf_free(&sha256);
}

enum wiz_step page_entry(struct wizard *w)
{
	bool leaves;
	const struct tl_record *r = record_of(w, w->entry, &leaves);
	struct buf text = {0};
	enum wiz_step next;

	if (!r)
		return STEP_ENTRIES;
	put_entry(&text, r);
	next = wizard_tell(
		w, _("Details of an entry"), buf_cstr(&text) ? buf_cstr(&text) : "",
		_("Phones compare a server's certificate with the one in this entry. For a token "
		  "they keep its key to check signatures with. Compare the fingerprint with your "
		  "records."),
		NULL, STEP_ENTRIES);
	buf_free(&text);
	return next;
}
