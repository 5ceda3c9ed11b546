/* A token is lost, a PIN is forgotten: what it means for the phones, and what to do. */
#include "ctlclient/wizard/wizard.h"

enum { START = WIZ_OWN, DELETE };

static const char help[] =
	N_("Phones follow a new list if a token of the list they have signed it. One "
	   "such token is enough; which one does not matter. With none left they "
	   "keep their list for ever, or until somebody deletes it.");

enum wiz_step page_lost(struct wizard *w)
{
	static const struct {
		const char *row;
		enum wiz_step step;
	} rows[] = {
		{N_("One token is lost or broken, another one still works"), STEP_LOST_ONE},
		{N_("A PIN is forgotten, or a token is locked"), STEP_LOST_PIN},
		{N_("ALL tokens of the list are lost"), STEP_LOST_ALL},
		{N_("The tokens are shared by several clusters"), STEP_LOST_SHARED},
		{N_("The list was signed in software so far; tokens shall take over"),
		 STEP_LOST_SOFTWARE},
		{N_("How a list is deleted on a phone, model by model"), STEP_LOST_DELETE},
	};
	struct wiz_page p = {.title = _("Lost token or PIN"), .help = _(help), .menu = true};
	enum wiz_step step;
	int button;

	buf_str(&p.text, _("What has happened? Nothing is changed by looking."));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		page_row(&p, _(rows[i].row));
	page_button(&p, _("Next"), WIZ_NEXT);
	page_button(&p, _("Back"), WIZ_BACK);
	if (wizard_page(w, &p, &button, &step))
		return step;
	return rows[p.row].step;
}

/* A text, and a button that begins what it tells to do: with the update of the list, if there is
 * one, and if we are connected. */
static enum wiz_step tell(struct wizard *w, const char *title, const char *text, bool starts,
			  bool deletes)
{
	struct wiz_page p = {.title = title, .help = _(help)};
	enum wiz_step step;
	int button;

	buf_str(&p.text, text);
	if (starts)
		page_button(&p, w->view.doc ? _("Begin with it") : _("Connect first"), START);
	if (deletes)
		page_button(&p, _("How to delete a list"), DELETE);
	page_button(&p, _("Back"), WIZ_BACK);
	if (wizard_page(w, &p, &button, &step))
		return step;
	if (button == DELETE)
		return STEP_LOST_DELETE;
	return w->view.doc ? STEP_STATUS : STEP_SERVER;
}

enum wiz_step page_lost_one(struct wizard *w)
{
	return tell(
		w, _("One of the tokens is lost"),
		_("The phones are safe as long as nobody has the lost token AND its PIN, and they "
		  "follow the token that is left. Replace the lost one soon, in one list:\n"
		  "\n"
		  "1. Choose \"Update the trust list\" and insert the token that is left.\n"
		  "2. \"Add Token\": insert the replacement.\n"
		  "3. Mark the lost token in the list and choose \"Delete Selected\".\n"
		  "4. Sign with the token that is left: phones know it, not the new one.\n"
		  "\n"
		  "The order matters: two tokens must be in the list at all times. Keep the "
		  "token that is left until every phone has the new list."),
		true, false);
}

enum wiz_step page_lost_pin(struct wizard *w)
{
	return tell(
		w, _("A PIN is forgotten, or a token is locked"),
		_("Too many wrong PINs in a row lock a token (15 on the vendor's tokens, 3 to 10 "
		  "on most others). The key on it is still there.\n"
		  "\n"
		  "- If you have its SO PIN (on cards: the PUK), set a new PIN in another "
		  "window:\n"
		  "    ctlclient token unblock 'pkcs11:token=LABEL'\n"
		  "  Then remove the token and insert it again.\n"
		  "- If you have not, nobody can unlock it: treat it as a lost token. The other "
		  "token of the list signs.\n"
		  "- Never guess at the last try: with a locked token and the other one lost, "
		  "each phone's list has to be deleted by hand."),
		true, false);
}

enum wiz_step page_lost_all(struct wizard *w)
{
	return tell(
		w, _("All tokens of the list are lost"),
		_("The phones go on working with the list they have, but they will refuse every "
		  "new one: nobody can sign what they would follow. A new server, certificate "
		  "or address in the list will not reach them.\n"
		  "\n"
		  "- Phones that support TVS (most models since the 7906, 7911, 7931, 7941 and "
		  "later) ask the trust verification service of the call manager about an "
		  "unknown signer. If it runs, is in the phone's identity list (ITL) and knows "
		  "the new tokens as signers, these phones follow without a visit.\n"
		  "- The 7940 and 7960, software phones and room systems cannot: their list has "
		  "to be deleted by hand.\n"
		  "- A phone without a list takes the next one it is offered, whoever signed it: "
		  "delete lists where you trust the network.\n"
		  "\n"
		  "Then the provider's list has to be deleted as well, on all servers, and a "
		  "first list made with two new tokens: the operations guide tells how."),
		false, true);
}

enum wiz_step page_lost_shared(struct wizard *w)
{
	return tell(
		w, _("Tokens shared by several clusters"),
		_("The same tokens may sign the lists of several clusters. Phones then move from "
		  "one to the other without deleting anything: they know the signer. The price "
		  "is that a token lost for one cluster is lost for all of them.\n"
		  "\n"
		  "When one of them is lost, replace it in EVERY cluster's list, one cluster "
		  "after the other, with the same replacement: add the new token, delete the "
		  "lost one, sign with the one that is left.\n"
		  "\n"
		  "A phone that is away meanwhile follows later, as long as the list it has and "
		  "the new one have the signer in common."),
		true, false);
}

enum wiz_step page_lost_software(struct wizard *w)
{
	return tell(
		w, _("From a list signed in software to tokens"),
		_("A list that the call manager signed by itself (\"utils ctl\", the tokenless "
		  "list) names the server's own key as its signer. Phones follow only what that "
		  "key signs, or what TVS confirms.\n"
		  "\n"
		  "- With TVS: make the list with two tokens here. Phones that do not know the "
		  "signer ask TVS, which must know the tokens. Models without TVS (7940, 7960, "
		  "software phones, room systems) need their list deleted.\n"
		  "- Without TVS: let the call manager sign one more list that has the tokens in "
		  "it as signers, wait until all phones have it, then sign with a token.\n"
		  "- Where neither is possible: delete the list on each phone, then make the "
		  "first list here."),
		true, true);
}

enum wiz_step page_lost_delete(struct wizard *w)
{
	return tell(
		w, _("Deleting the list on a phone"),
		_("Do it where you trust the network: a phone without a list takes the first one "
		  "it is offered. Afterwards it restarts and fetches the list anew.\n"
		  "\n"
		  "- 7940, 7960: Settings > Security Configuration > CTL file; unlock with **#; "
		  "Erase.\n"
		  "- 7970 (early firmware): Settings > Security Configuration > CTL file; unlock "
		  "with **#; Erase. \"Erase\" directly under Settings erases other settings, "
		  "too.\n"
		  "- 7906 to 7975: Settings > Security Configuration > Trust List; unlock with "
		  "**#; Erase.\n"
		  "- 6901, 6911: through the phone's reset to factory settings.\n"
		  "- 69xx (others), 8941, 8945, 8961, 99xx: Settings > Administrator Settings > "
		  "Reset Settings > Security.\n"
		  "- 78xx, 88xx: Settings > Admin Settings > Reset Settings > Security Settings.\n"
		  "- Software phones, other makes: delete CTLFile.tlv in the program's folder, or "
		  "install anew.\n"
		  "\n"
		  "To take a whole cluster back to how it was delivered, the list has to be "
		  "deleted on all phones AND on all TFTP servers."),
		false, false);
}
