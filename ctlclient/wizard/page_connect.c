/* The first pages: what is needed, which provider, is it the right one, who are you. */
#include "ctlclient/wizard/wizard.h"

#include "common/conf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DESK = WIZ_OWN, LOST, ANEW };

/* ---- starting ---- */

enum wiz_step page_welcome(struct wizard *w)
{
	struct wiz_page p = {
		.title = _("Trust list wizard"),
		.help = _("Phones trust the servers that the Certificate Trust List (CTL) names, "
			  "and no others. Only a list that is signed by one of your security "
			  "tokens is believed. So a server that was broken into cannot talk your "
			  "phones into trusting somebody else."),
	};
	enum wiz_step step;
	int button;

	buf_str(&p.text,
		_("This wizard makes and signs the Certificate Trust List (CTL), the file that "
		  "tells your phones which servers to trust. Nothing is changed before the last "
		  "step, and you can go back at any time.\n"
		  "\n"
		  "Have ready:\n"
		  "- two security tokens with a signing key each, and their PINs\n"
		  "- the name or address of the first node, and an administrator's account there\n"
		  "- a maintenance window: phones have to be reset afterwards"));
	page_button(&p, _("Next"), WIZ_NEXT);
	page_button(&p, _("Check this desk"), DESK);
	page_button(&p, _("Lost token or PIN"), LOST);
	page_button(&p, _("Quit"), WIZ_QUIT);
	if (wizard_page(w, &p, &button, &step))
		return step;
	return button == DESK ? STEP_DESK : button == LOST ? STEP_LOST : STEP_SERVER;
}

static const char *goal_text(enum wiz_goal goal)
{
	switch (goal) {
	case GOAL_MIXED:
		return _("set the cluster to mixed mode");
	case GOAL_NONSECURE:
		return _("set the cluster to non-secure mode");
	case GOAL_UPDATE:
	case GOAL_NONE:
		break;
	}
	return _("update the trust list");
}

static void put_resumed(struct buf *b, const struct wiz_state *s)
{
	struct tm tm;
	char when[64] = "?";

	if (localtime_r(&s->saved, &tm))
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M", &tm);
	buf_printf(b,
		   _("An earlier session ended before its list was signed. What was entered is "
		     "still here:\n"
		     "\n"
		     "- begun: %s\n"
		     "- provider: %s, as %s\n"
		     "- task: %s"),
		   when, s->server, s->user, goal_text(s->goal));
	for (size_t i = 0; i < s->n_added; i++)
		buf_printf(b, _("\n- token to be added: %s"), s->added[i].label);
	if (s->n_removed)
		buf_printf(b, _("\n- tokens to be taken out: %zu"), s->n_removed);
	for (size_t i = 0; i < s->tftp.n_added; i++)
		buf_printf(b, _("\n- TFTP server to be added: %s"), s->tftp.added[i].dns);
	for (size_t i = 0; i < s->tftp.n_removed; i++)
		buf_printf(b, _("\n- TFTP server to be taken out: %s"), s->tftp.removed[i]);
	buf_str(b, _("\n\nPINs and passwords are not kept: you will be asked again."));
}

enum wiz_step page_resume(struct wizard *w)
{
	struct wiz_page p = {
		.title = _("Go on where you stopped?"),
		.help = _("The phones know nothing of the earlier session: its list was never "
			  "sent. Going on takes the tokens that were entered into the new list. "
			  "The list is compared with the cluster's present one before anything is "
			  "signed."),
	};
	enum wiz_step step;
	int button;

	put_resumed(&p.text, &w->state);
	page_button(&p, _("Go on"), WIZ_NEXT);
	page_button(&p, _("Start anew"), ANEW);
	page_button(&p, _("Quit"), WIZ_QUIT);
	if (wizard_page(w, &p, &button, &step))
		return step;
	w->resumed = button == WIZ_NEXT;
	if (button == ANEW)
		wizard_forget(w);
	return button == ANEW ? STEP_WELCOME : STEP_SERVER;
}

/* ---- the server ---- */

static int job_meet(void *arg, struct err *e)
{
	struct wizard *w = arg;

	return link_meet(w->link, e);
}

static void drop_link(struct wizard *w)
{
	cluster_session_close(&w->session);
	wizard_drop_draft(w);
	cluster_view_free(&w->view);
	link_close(w->link);
	w->link = NULL;
}

static int meet(struct wizard *w, struct err *e)
{
	int rc;

	drop_link(w);
	w->cluster.server = w->state.server;
	rc = link_start(&w->link, &w->cluster, e);
	if (!rc)
		rc = wizard_task(w, _("Provider"), _("Looking for the provider ..."), false,
				 job_meet, e);
	return rc;
}

static int take_server(struct wizard *w, const char *host, const char *port, struct err *e)
{
	char *end;
	const unsigned long n = strtoul(port, &end, 10);
	const bool v6 = strchr(host, ':') && *host != '[';

	if (!*host) {
		err_set(e, ERR_USAGE, "hostport", "%s", _("no server was given"));
		return (int)e->kind;
	}
	if (*port < '0' || *port > '9' || *end || n < 1 || n > 65535)
		return err_set(e, ERR_USAGE, "hostport",
			       _("\"%s\" is not a port number (1 to 65535)"), port);
	snprintf(w->state.server, sizeof(w->state.server), "%s%.*s%s:%lu", v6 ? "[" : "",
		 HOST_MAX - 1, host, v6 ? "]" : "", n);
	return 0;
}

static void preset_server(struct wiz_page *p, const struct wizard *w)
{
	struct hostport hp = {.port = PORT_PROVIDER};
	struct err ignored;
	char port[8];

	if (*w->state.server)
		(void)hostport_parse(&hp, w->state.server, PORT_PROVIDER, &ignored);
	snprintf(port, sizeof(port), "%u", (unsigned)hp.port);
	page_field(p, _("Server"), hp.host);
	page_field(p, _("Port"), port);
}

enum wiz_step page_server(struct wizard *w)
{
	struct wiz_page p = {
		.title = _("Where is the provider?"),
		.help = _("The provider is the service on the first node that takes a new list and "
			  "brings it to all servers of the cluster. The phones never speak with "
			  "it: they fetch the list from the TFTP servers. Connecting to it changes "
			  "nothing for them."),
	};
	struct err e = {0};
	enum wiz_step step;
	int button, rc;

	buf_str(&p.text, _("Name or address of the first node of the cluster (the publisher), and "
			   "the port of the CTL provider there, 2444 unless it was changed."));
	preset_server(&p, w);
	page_button(&p, _("Next"), WIZ_NEXT);
	page_button(&p, _("Back"), WIZ_BACK);
	if (wizard_page(w, &p, &button, &step))
		return step;
	rc = take_server(w, p.fields[0].value, p.fields[1].value, &e);
	if (!rc)
		rc = meet(w, &e);
	if (!rc)
		return STEP_LOGIN;
	if (!strcmp(e.id, "provider-unknown") ||
	    (!strcmp(e.id, "provider-certificate") && !w->cluster.ca))
		return STEP_FINGERPRINT;
	return wizard_trouble(w, &e, STEP_SERVER);
}

/* ---- is it the right one? ---- */

static bool was_known(const struct wizard *w)
{
	struct api_opts api = {0};
	uint8_t room[API_FINGERPRINT_LEN];
	struct err ignored;

	return w->cluster.fingerprint ||
	       (!link_pin(&api, room, &w->cluster, &ignored) && api.fingerprint);
}

enum wiz_step page_fingerprint(struct wizard *w)
{
	const bool other = was_known(w);
	struct wiz_page p = {
		.title = other ? _("The provider shows another certificate")
			       : _("Is this the right provider?"),
		.help = _("You are about to give an administrator's password to this server. The "
			  "fingerprint proves that it is yours and nobody in between. The phones "
			  "are not concerned: they check the token's signature, whoever sends the "
			  "list."),
	};
	struct err e = {0};
	enum wiz_step step;
	int button;

	buf_printf(&p.text,
		   other ? _("WARNING: %s was known here by another certificate. If nobody has "
			     "renewed it, somebody else may answer in its place: do not go on.")
			 : _("%s is not known here yet."),
		   w->state.server);
	buf_str(&p.text, "\n\n");
	buf_str(&p.text, _("The SHA-256 fingerprint of its certificate is"));
	buf_str(&p.text, "\n\n");
	wizard_fingerprint(&p.text, link_seen(w->link), API_FINGERPRINT_LEN);
	buf_str(&p.text, "\n\n");
	buf_str(&p.text, _("Compare it with what \"ctladmin node show\" prints on that server: all "
			   "of it, over the telephone if need be."));
	page_button(&p, _("No, go back"), WIZ_BACK);
	page_button(&p, _("Yes, it is the same"), WIZ_NEXT);
	p.preset = other ? 0 : 1;
	if (wizard_page(w, &p, &button, &step))
		return step == STEP_BACK ? STEP_SERVER : step;
	w->cluster.fingerprint = NULL;
	if (link_accept(w->link, &e))
		return wizard_trouble(w, &e, STEP_FINGERPRINT);
	return STEP_LOGIN;
}

/* ---- the account ---- */

static int job_fetch(void *arg, struct err *e)
{
	return wizard_fetch(arg, e);
}

/* The password: from where the options say, else typed. */
static bool read_password(struct wizard *w, struct secret *password, enum wiz_step *step,
			  struct err *e)
{
	const char *file = getenv("CTL_PASSWORD_FILE");
	struct wiz_page p = {
		.title = _("Password"),
		.help = _("The password opens the provider, which lets administrators only change "
			  "the list. It cannot sign a list: that takes a token. A thief of the "
			  "password alone gets no phone to trust him."),
	};
	int end;

	*step = STEP_LOGIN;
	if (w->cluster.password_source ? !secret_is_typed(w->cluster.password_source)
				       : file && *file) {
		if (!link_password(password, &w->cluster, e))
			return true;
		*step = wizard_trouble(w, e, STEP_LOGIN);
		return false;
	}
	buf_printf(&p.text, _("Password of %s on %s."), w->state.user, w->state.server);
	end = w->ui->secret(w->ui, &p, _("Password"), password);
	page_end(&p);
	if (end == WIZ_INTERRUPT)
		*step = STEP_QUIT;
	else if (end == WIZ_HANGUP)
		*step = STEP_HANGUP;
	return end == WIZ_NEXT;
}

static int job_client_token(void *arg, struct err *e)
{
	struct wizard *w = arg;
	struct desk_token *token;

	return link_client_token(w->link, &token, e);
}

/* The PIN of the token with the client certificate, where the options name one and a person types
 * it. */
static bool read_client_pin(struct wizard *w, enum wiz_step *step, struct err *e)
{
	struct wiz_page p = {
		.title = _("Client certificate"),
		.help = _("Your account takes a certificate besides the password, and its key is "
			  "on this token. The PIN opens the token for the login only. The phones "
			  "have nothing to do with it."),
	};
	struct desk_token *token = NULL;
	struct secret pin = {0};
	int end, rc;

	rc = wizard_task(w, p.title, _("Looking for the token of the client certificate ..."), true,
			 job_client_token, e);
	if (!rc)
		rc = link_client_token(w->link, &token, e);
	*step = STEP_LOGIN;
	if (rc) {
		/* To the pages of signing, a missing token means something else. */
		snprintf(e->id, sizeof(e->id), "client-token");
		*step = wizard_trouble(w, e, STEP_LOGIN);
		return false;
	}
	if (!token || !desk_token_info(token)->login_required || desk_token_info(token)->pin_pad ||
	    !desk_token_pin_is_typed(token))
		return true;
	buf_printf(&p.text, _("PIN of the token %s (serial number %s), to log in at the provider."),
		   desk_token_info(token)->label, desk_token_info(token)->serial);
	end = w->ui->secret(w->ui, &p, _("PIN"), &pin);
	page_end(&p);
	if (end == WIZ_INTERRUPT)
		*step = STEP_QUIT;
	else if (end == WIZ_HANGUP)
		*step = STEP_HANGUP;
	else if (end == WIZ_NEXT)
		desk_token_give_pin(token, &pin);
	return end == WIZ_NEXT;
}

static enum wiz_step login(struct wizard *w)
{
	struct secret password = {0};
	struct err e = {0};
	enum wiz_step step;
	int rc;

	if ((w->cluster.client_cert && !read_client_pin(w, &step, &e)) ||
	    !read_password(w, &password, &step, &e))
		return step;
	rc = link_login(w->link, &password, &e);
	secret_free(&password);
	if (!rc)
		rc = wizard_task(w, _("Provider"), _("Asking where the cluster stands ..."), false,
				 job_fetch, &e);
	return rc ? wizard_trouble(w, &e, STEP_LOGIN) : STEP_STATUS;
}

enum wiz_step page_login(struct wizard *w)
{
	struct wiz_page p = {
		.title = _("Who are you?"),
		.help = _("The account must have the right to change the list: the role officer. "
			  "What you do is written into the provider's audit log under this name. "
			  "The phones never see it."),
	};
	enum wiz_step step;
	int button;

	buf_str(&p.text,
		_("Your administrator's account on the provider. The password is asked for "
		  "next."));
	page_field(&p, _("User"), w->state.user);
	page_button(&p, _("Next"), WIZ_NEXT);
	page_button(&p, _("Back"), WIZ_BACK);
	if (wizard_page(w, &p, &button, &step))
		return step;
	snprintf(w->state.user, sizeof(w->state.user), "%.*s", STATE_USER_MAX - 1,
		 p.fields[0].value);
	w->cluster.user = w->state.user;
	if (!*w->state.user)
		return STEP_LOGIN;
	return login(w);
}
