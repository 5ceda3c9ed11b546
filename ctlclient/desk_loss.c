#include "ctlclient/desk_loss.h"

#include "ctlclient/desk_watch.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	WAIT_SECONDS = 300, /* on a terminal */
	LOSSES_MAX = 5      /* of one token in one job: then its contacts are to blame */
};

static int job_is_present(struct token *t, void *arg, struct err *e)
{
	(void)e;
	*(bool *)arg = token_is_present(t);
	return 0;
}

static int job_let_go(struct token *t, void *arg, struct err *e)
{
	(void)arg;
	(void)e;
	token_let_go(t);
	return 0;
}

/* Modules have many words for a token that is gone; the PIN's and the key's troubles are not among
 * them, and a module that hangs cannot be asked. */
static bool is_lost(struct desk_token *t, int rc, const struct err *e)
{
	static const char *const doubtful[] = {"sign",   "session",    "token-login", "objects",
					       "keygen", "mechanisms", "import",      "slots"};
	bool present = true;
	struct err ignored;

	if (rc != ERR_TOKEN)
		return false;
	if (!strcmp(e->id, "token-removed"))
		return true;
	for (size_t i = 0; i < sizeof(doubtful) / sizeof(doubtful[0]); i++)
		if (!strcmp(e->id, doubtful[i]))
			return !desk_token_run(t, job_is_present, &present, &ignored) && !present;
	return false;
}

/* Seconds to wait, or 0 if nobody is there to put it in again. */
static int patience(const struct desk *d, const struct desk_losses *losses)
{
	const struct desk_opts *opts = desk_opts_of(d);

	if (losses->n > LOSSES_MAX || (losses->n > 1 && !losses->asks))
		return 0;
	if (opts->wait)
		return (int)opts->wait;
	return isatty(STDIN_FILENO) && isatty(STDERR_FILENO) ? WAIT_SECONDS : 0;
}

static bool is_it(const struct token_info *wanted, const struct token_info *t)
{
	return !strcmp(wanted->serial, t->serial) && !strcmp(wanted->label, t->label) &&
	       !strcmp(wanted->module, t->module) && (*t->serial || wanted->slot == t->slot);
}

static bool in_its_place(const struct token_info *wanted, const struct token_info *t)
{
	return t->slot == wanted->slot && !strcmp(t->module, wanted->module);
}

/* Who is asked for one token and puts in another is told so. */
static void tell(const struct watch_event *ev, const char *wanted)
{
	char line[512];

	if (ev->kind == WATCH_TOKEN_CAME) {
		fprintf(stderr, "This is the token %s (serial %s), not %s: it is not used.\n",
			ev->token.label, ev->token.serial, wanted);
		return;
	}
	desk_watch_text(line, sizeof(line), ev);
	if (*line && (!ev->at_start || ev->kind == WATCH_ADVICE))
		fprintf(stderr, "%s\n", line);
}

static int wait_over(struct desk *d, desk_news_fn *news, void *arg, int seconds, int rc,
		     struct err *e)
{
	struct err why;
	const int waited = desk_watch(d, seconds, news, arg, &why);

	if (!waited)
		return 0;
	if (!strcmp(why.id, "token-wait"))
		return rc;
	*e = why;
	return waited;
}

/* ---- a token that was pulled out ---- */

static int news_of_lost(void *arg, const struct watch_event *events, size_t n, bool *done,
			struct err *e)
{
	const struct token_info *wanted = arg;
	char name[256];

	(void)e;
	snprintf(name, sizeof(name), "%s (serial %s)", wanted->label, wanted->serial);
	for (size_t i = 0; i < n; i++) {
		const struct watch_event *ev = &events[i];
		const bool came = ev->kind == WATCH_TOKEN_CAME;

		if (came && is_it(wanted, &ev->token)) {
			fprintf(stderr, "The token %s is here again.\n", name);
			*done = true;
		} else if (!came || !ev->at_start || in_its_place(wanted, &ev->token)) {
			tell(ev, name);
		}
	}
	return 0;
}

int desk_loss_mend(struct desk *d, struct desk_token *t, struct desk_losses *losses, int rc,
		   struct err *e)
{
	struct token_info wanted = *desk_token_info(t);
	struct err ignored;
	int seconds;

	if (desk_opts_of(d)->quiet || !is_lost(t, rc, e))
		return rc;
	(void)desk_token_run(t, job_let_go, NULL, &ignored);
	losses->n++;
	seconds = patience(d, losses);
	if (!seconds)
		return err_hint(e,
				"put it in again and repeat the command; with --wait S a command "
				"waits for it");
	fprintf(stderr,
		"%s.\nPut the token %s (serial %s) in again: waiting for %d s, Ctrl-C gives up.\n",
		e->what, wanted.label, wanted.serial, seconds);
	err_hint(e, "it was not put in again within %d s", seconds);
	return wait_over(d, news_of_lost, &wanted, seconds, rc, e);
}

/* ---- a token that is not there yet ---- */

struct awaited {
	struct desk *desk;
	const char *uri;
};

static int job_find(struct tokens *ts, void *arg, struct err *e)
{
	const struct awaited *a = arg;
	struct token *t;
	const int rc = token_find(&t, ts, a->uri, e);

	if (!rc)
		token_free(t);
	return rc;
}

static int news_of_awaited(void *arg, const struct watch_event *events, size_t n, bool *done,
			   struct err *e)
{
	struct awaited *a = arg;

	*done = !desk_run(a->desk, job_find, a, e) || !desk_watch_may_pass(e);
	for (size_t i = 0; i < n && !*done; i++)
		if (events[i].kind != WATCH_TOKEN_CAME || !events[i].at_start)
			tell(&events[i], "the one that is needed");
	return 0;
}

int desk_loss_await(struct desk *d, const char *uri, int rc, struct err *e)
{
	struct awaited a = {d, uri};
	const int seconds = (int)desk_opts_of(d)->wait;

	if (!seconds || strcmp(e->id, "token-missing") != 0)
		return rc;
	fprintf(stderr, "%s.\nPut it in: waiting for %d s, Ctrl-C gives up.\n", e->what, seconds);
	err_hint(e, "it was not put in within %d s", seconds);
	return wait_over(d, news_of_awaited, &a, seconds, rc, e);
}
