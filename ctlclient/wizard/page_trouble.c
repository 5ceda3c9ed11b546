/* What went wrong, what it means, and the ways out. */
#include "ctlclient/wizard/wizard.h"

#include <stdio.h>
#include <string.h>

enum { AGAIN = WIZ_OWN, LOGIN, SERVER, ENTRIES, TOKEN, LOST, DESK };

/* The ways out, as bits. */
enum {
	CAN_REPEAT = 1 << 0,
	CAN_LOGIN = 1 << 1,
	CAN_SERVER = 1 << 2,
	CAN_ENTRIES = 1 << 3,
	CAN_TOKEN = 1 << 4,
	CAN_LOST = 1 << 5,
	CAN_DESK = 1 << 6,
};

struct trouble {
	const char *id; /* of the error; NULL ends the table */
	const char *title, *text;
	unsigned ways;
};

static const struct trouble troubles[] = {
	{"hostport", N_("That is no address"),
	 N_("The server is a name or an address, like \"pub.example.org\" or \"192.0.2.10\"; the "
	    "port is a number."),
	 CAN_SERVER},
	{"provider-down", N_("The provider does not answer"),
	 N_("Is it running (\"systemctl status ctlproviderd\" on that server)? Are name and port "
	    "right? Is the port open in the firewalls between here and there? Nothing you have "
	    "entered is lost."),
	 CAN_REPEAT | CAN_SERVER},
	{"login", N_("User or password is wrong"),
	 N_("The provider knows no such user, or the password is another one. It is case "
	    "sensitive."),
	 CAN_LOGIN},
	{"too-many-logins", N_("Too many wrong passwords"),
	 N_("The provider takes no login of this user from here for a while. Wait a moment, then "
	    "try again."),
	 CAN_LOGIN},
	{"locked", N_("This account is locked"),
	 N_("Another administrator can unlock it: \"ctladmin user\" on the first node."),
	 CAN_LOGIN},
	{"forbidden", N_("This account may not do that"),
	 N_("Changing the list takes the role officer. Log in with another account."), CAN_LOGIN},
	{"client-certificate", N_("This account needs a certificate, too"),
	 N_("Besides the password it demands a client certificate, whose key may be on a token. "
	    "The option --help of \"ctlclient cluster status\" tells how to name it."),
	 CAN_LOGIN},
	{"client-token", N_("The token with your certificate is missing"),
	 N_("Your account takes a client certificate besides the password, and its key is on a "
	    "token. Put that token in, then log in again."),
	 CAN_LOGIN | CAN_DESK},
	{"provider-certificate", N_("This is not the expected provider"),
	 N_("It shows a certificate that does not fit what was given with --ca or --fingerprint. "
	    "Somebody else may answer in its place: do not give it a password."),
	 CAN_SERVER},
	{"not-publisher", N_("This server is not the first node"),
	 N_("Lists are taken by the first node only, the publisher. The message below names it."),
	 CAN_SERVER},
	{"client-limit", N_("Five others are at work already"),
	 N_("The provider lets five clients work at once. The message below says who they are. "
	    "Wait until one of them is done; what you have entered is kept."),
	 CAN_REPEAT},
	{"no-ctl", N_("There is no list yet"),
	 N_("The first list is made by setting the cluster to mixed mode, with two tokens. "
	    "Without a list the cluster is in non-secure mode already."),
	 0},
	{"disk-full", N_("The provider's disk is full"),
	 N_("Nothing was changed. Make room on the first node, then try again."), CAN_REPEAT},
	{"no-module", N_("No module for tokens"),
	 N_("Tokens are reached through a PKCS#11 module, and none could be loaded. For smart "
	    "cards and most USB tokens install opensc-pkcs11; the option --module names another "
	    "one."),
	 CAN_DESK | CAN_REPEAT},
	{"token-timeout", N_("The token's module does not answer"),
	 N_("It was given up. Leave the wizard, keep what was entered, pull the token out, put it "
	    "in "
	    "again and start the wizard anew: it goes on where you were."),
	 CAN_DESK},
	{"token-removed", N_("The token was pulled out"),
	 N_("Nothing was signed. Put it in again and sign once more."), CAN_TOKEN | CAN_ENTRIES},
	{"token-missing", N_("The token is not there any more"),
	 N_("Nothing was signed. Put it in again and sign once more."), CAN_TOKEN | CAN_ENTRIES},
	{"pin-locked", N_("The token is locked"),
	 N_("Too many wrong PINs were given. Take another token of the list, or have the PIN set "
	    "anew with the SO PIN: \"Lost token or PIN\" tells how."),
	 CAN_TOKEN | CAN_LOST | CAN_ENTRIES},
	{"pin-wrong", N_("The PIN was wrong"),
	 N_("Nothing was signed. Too many wrong PINs lock the token; take another token if you are "
	    "not sure of the PIN."),
	 CAN_REPEAT | CAN_TOKEN | CAN_LOST},
	{"pin-cancelled", N_("The PIN was not given"),
	 N_("It was cancelled on the reader's own keys. Nothing was signed."),
	 CAN_REPEAT | CAN_TOKEN},
	{"key-missing", N_("The key is not on the token"),
	 N_("The token has a certificate, but not the key that belongs to it, so it cannot sign. "
	    "Take another token."),
	 CAN_TOKEN | CAN_LOST | CAN_DESK},
	{"ctl-unknown-signer", N_("Phones would refuse this signer"),
	 N_("The token is not in the present list. Sign with one that is."), CAN_TOKEN | CAN_LOST},
	{"ctl-signer-not-listed", N_("This signer would not be in the new list"),
	 N_("No further change could follow. Sign with a token that stays in the list."),
	 CAN_TOKEN | CAN_ENTRIES},
	{"ctl-two-tokens", N_("Two tokens are needed"),
	 N_("There must be two different security tokens in the list at all times."), CAN_ENTRIES},
	{"software-token", N_("This cluster asks for hardware"),
	 N_("The token keeps its key in software, where it can be copied. Sign with another one."),
	 CAN_TOKEN},
	{"interrupted", N_("Broken off"), N_("Nothing was changed."), CAN_REPEAT},
};

static const struct trouble refused = {NULL, N_("A rule said no"),
				       N_("The phones would not be safe with this, or would not "
					  "follow, so nothing was changed. The "
					  "message below says why. What you have entered is kept."),
				       CAN_ENTRIES | CAN_REPEAT};
static const struct trouble token_trouble = {
	NULL, N_("Trouble with the token"),
	N_("Nothing was signed. Pull the token out, put it in again and try once more, or take "
	   "another one."),
	CAN_TOKEN | CAN_DESK | CAN_LOST | CAN_REPEAT};
static const struct trouble other = {NULL, N_("Something did not work"),
				     N_("Nothing you have entered is lost."), CAN_REPEAT};

static const struct trouble *find(const struct err *e)
{
	for (size_t i = 0; i < sizeof(troubles) / sizeof(troubles[0]); i++)
		if (!strcmp(troubles[i].id, e->id))
			return &troubles[i];
	return e->kind == ERR_REFUSED ? &refused : e->kind == ERR_TOKEN ? &token_trouble : &other;
}

static void put_ways(struct wiz_page *p, unsigned ways, const struct wizard *w)
{
	const bool tokens = w->state.goal != GOAL_NONE && w->view.doc;

	if (ways & CAN_REPEAT)
		page_button(p, _("Try again"), AGAIN);
	if (ways & CAN_LOGIN)
		page_button(p, _("Log in again"), LOGIN);
	if (ways & CAN_SERVER)
		page_button(p, _("Change the server"), SERVER);
	if ((ways & CAN_TOKEN) && tokens)
		page_button(p, _("Take a token"), TOKEN);
	if ((ways & CAN_ENTRIES) && tokens)
		page_button(p, _("Back to the list"), ENTRIES);
	if (ways & CAN_LOST)
		page_button(p, _("Lost token or PIN"), LOST);
	if (ways & CAN_DESK)
		page_button(p, _("Check this desk"), DESK);
	page_button(p, _("Back"), WIZ_BACK);
	page_button(p, _("Quit"), WIZ_QUIT);
}

/* To the page where it happened, unless that would do the same again by itself. */
static enum wiz_step back_to(const struct wizard *w, enum wiz_step again)
{
	switch (again) {
	case STEP_TOKEN:
	case STEP_CONFLICT:
	case STEP_DESK:
		return STEP_BACK;
	case STEP_STATUS:
		return w->view.doc ? again : STEP_BACK;
	default:
		return again;
	}
}

enum wiz_step wizard_trouble(struct wizard *w, const struct err *e, enum wiz_step again)
{
	const struct trouble *t = find(e);
	struct wiz_page p = {
		.title = _(t->title),
		.help = _(
			"The phones notice nothing of this: they keep the list they have. Nothing "
			"has been changed in the cluster. What you have entered is kept."),
	};
	enum wiz_step step;
	int button;

	buf_printf(&p.text, "%s\n\n%s\n%s", _(t->text), _("The message in full:"), e->what);
	if (*e->hint)
		buf_printf(&p.text, "\n%s", e->hint);
	put_ways(&p, t->ways, w);
	if (wizard_page(w, &p, &button, &step))
		return step == STEP_BACK ? back_to(w, again) : step;
	switch (button) {
	case LOGIN:
		return STEP_LOGIN;
	case SERVER:
		return STEP_SERVER;
	case ENTRIES:
		return STEP_ENTRIES;
	case TOKEN:
		return STEP_TOKEN;
	case LOST:
		return STEP_LOST;
	case DESK:
		return STEP_DESK;
	default:
		return again;
	}
}
