#include "ctlclient/wizard/prompt_text.h"

#include "ctlclient/wizard/text.h"

/* About one token, whose label stands in front. */
static const char *about_token(enum prompt_state state)
{
	switch (state) {
	case PROMPT_BLANK:
		return _("This token is empty: it has not been initialised. Insert another one, or "
			 "prepare it in another window: \"ctlclient token init\" and \"ctlclient "
			 "token keygen\". Then remove it and insert it again.");
	case PROMPT_UNREAD:
		return _("It is there, but does not tell what is on it. Remove it and insert it "
			 "again; if that does not help, \"Check this desk\" looks closer.");
	case PROMPT_NO_KEY:
		return _("NO SIGNING KEY: there is no key with a certificate on this token, so it "
			 "cannot sign. Insert another one, or make a key in another window: "
			 "\"ctlclient token keygen\". Then remove it and insert it again.");
	case PROMPT_WRONG_KEY:
		return _(
			"Its key is of a kind that phones do not understand. Insert another token, "
			"or make an RSA key of 2048 bits on it: \"ctlclient token keygen\".");
	case PROMPT_AGAIN:
		return _("SAME TOKEN AGAIN: it is in the list already, and the same token twice "
			 "does "
			 "not count as two. Remove it and insert another one.");
	case PROMPT_NOT_LISTED:
		return _(
			"NOT IN THE LIST: phones would refuse what this token signs. Remove it and "
			"insert one of those above. If none of them is left, choose \"Lost token "
			"or PIN\".");
	case PROMPT_LEAVES:
		return _("This token would not be in the new list, so no further change could "
			 "follow. Insert one that stays in the list.");
	case PROMPT_LOCKED:
		return _("LOCKED: too many wrong PINs. Insert another token. \"Lost token or PIN\" "
			 "tells how to unlock this one, or how to replace it.");
	case PROMPT_NO_PIN:
		return _("It has no PIN yet, so it cannot sign. Insert another token, or give it a "
			 "PIN in another window: \"ctlclient token unblock\".");
	case PROMPT_SOFTWARE:
		return _("Its key is kept in software, and this cluster asks for hardware. Insert "
			 "another token.");
	default:
		return NULL;
	}
}

static const char *without_token(enum prompt_state state)
{
	switch (state) {
	case PROMPT_LOOKING:
		return _("Looking ...");
	case PROMPT_TWO:
		return _("TWO TOKENS are there. Remove one: only one may be there, so that no key "
			 "is used by mistake.");
	case PROMPT_CHOOSE:
		return _("Several tokens are there that cannot be pulled out. Choose one.");
	default:
		return _("No token is there yet. Waiting ...");
	}
}

void prompt_text(struct buf *b, const struct verdict *v, const struct sight *s)
{
	const char *about = about_token(v->state);

	if (about) {
		const char *label = s->tokens[v->token].info.label;

		buf_printf(b, "%s: %s", *label ? label : _("Token without a name"), about);
		return;
	}
	switch (v->state) {
	case PROMPT_NO_SERVICE:
		buf_printf(b, _("No token is seen: %s\nWhat helps: %s"), s->advice, s->remedy);
		break;
	case PROMPT_TROUBLE:
		buf_printf(b,
			   _("A token module is in trouble: %s.\n\"Check this desk\" looks "
			     "closer."),
			   s->trouble);
		break;
	case PROMPT_UNREADABLE:
		buf_printf(b,
			   _("UNKNOWN TOKEN: there is a card in the reader %s that no module "
			     "knows. Is it the right way round? Insert another one, or choose "
			     "\"Check this desk\"."),
			   s->unreadable);
		break;
	case PROMPT_REFUSED:
		buf_printf(b, _("This token will not do: %s"), v->e.what);
		break;
	default:
		buf_str(b, without_token(v->state));
		break;
	}
}
