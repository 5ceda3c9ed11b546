/* ctlclient without a command: takes the options, chooses the front end, finds what an earlier
 * session left. */
#include "ctlclient/wizard/wizard.h"

#include "common/cli.h"
#include "common/file.h"
#include "ctlclient/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { OPT_PLAIN = 256, OPT_NEW };

struct args {
	struct cluster_opts cluster;
	struct desk_opts desk;
	bool plain, anew;
};

/* ---- the command line ---- */

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		a->cluster.optional = true;
		state->child_inputs[0] = &a->cluster;
		state->child_inputs[1] = &a->desk;
		return 0;
	case OPT_PLAIN:
		a->plain = true;
		return 0;
	case OPT_NEW:
		a->anew = true;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "\"%s\" is not expected here", arg);
		return 0;
	case ARGP_KEY_END:
		if (a->cluster.json)
			argp_error(state, "the wizard talks to people; scripts have \"ctlclient "
					  "cluster\"");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{"plain", OPT_PLAIN, NULL, 0,
	 "Numbered text instead of windows: for screen readers, and where the terminal is none. It "
	 "is chosen by itself on terminals that cannot show windows, or are smaller than 80x24",
	 0},
	{"new", OPT_NEW, NULL, 0, "Forget what an earlier session left, without asking", 0},
	{0}};

static const struct argp_child children[] = {
	{&options_cluster, 0, "Provider (can be typed in the wizard as well):", 1},
	{&options_desk, 0, "Tokens:", 2},
	{0}};

static const struct argp argp = {
	options,
	parse,
	NULL,
	"The wizard: makes and signs the trust list of a cluster, one step after the other. It "
	"asks "
	"for the provider, your account, and one security token after another; shows what will "
	"change and what that means for the phones; and changes nothing before the last step."
	"\vF1 explains each page. Tab and the arrow keys move, Enter chooses, Esc goes back, "
	"Ctrl-C "
	"leaves. What was entered is kept in $XDG_STATE_HOME/ctlsuite (else "
	"~/.local/state/ctlsuite), without PINs and passwords, and offered the next time.\n"
	"\n"
	"Exit codes: 0 done, or left without a change; 1 failed, or the terminal vanished; 2 "
	"usage, "
	"or no terminal; 6 not all servers had the new list yet.",
	children,
	NULL,
	NULL};

/* ---- the terminal ---- */

static int signals_open(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int open_ui(struct wizard *w, bool plain, struct err *e)
{
	const int signals = signals_open();

	if (signals < 0)
		return err_set(e, ERR_FAILED, "signal", "cannot wait for signals: %s",
			       strerror(errno));
	if (!plain && ui_newt_is_possible())
		return ui_newt_open(&w->ui, signals, e);
	return ui_plain_open(&w->ui, signals, e);
}

static int need_terminal(bool plain, struct err *e)
{
	if (plain || (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)))
		return 0;
	err_set(e, ERR_USAGE, "terminal", "the wizard needs a terminal, and this is none");
	return err_hint(e, "\"ctlclient --plain\" asks and answers in plain text; scripts have the "
			   "commands: \"ctlclient --help\" lists them");
}

/* ---- what an earlier session left ---- */

/* Two wizards of one user would overwrite each other's file. */
static int lock(const char *dir)
{
	char *path = file_join(dir, "wizard.lock");
	int fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;

	free(path);
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static void find_state(struct wizard *w)
{
	struct err ignored;
	char *dir = file_state_dir();

	w->state_lock = -1;
	if (!dir || file_mkdirs(dir, 0700, &ignored)) {
		free(dir);
		return;
	}
	w->state_path = file_join(dir, "wizard.json");
	w->state_lock = lock(dir);
	free(dir);
}

/* True if there is something to go on with. A file that cannot be read is put aside. */
static bool load_state(struct wizard *w)
{
	struct buf text = {0};
	struct err e;
	char *aside = NULL;

	if (!w->state_path || w->state_lock < 0 ||
	    file_read(w->state_path, STATE_FILE_MAX, &text, &e)) {
		buf_free(&text);
		return false;
	}
	if (state_parse(&w->state, buf_view(&text), &e) &&
	    asprintf(&aside, "%s.unreadable", w->state_path) >= 0)
		(void)rename(w->state_path, aside);
	free(aside);
	buf_free(&text);
	return state_is_worth_keeping(&w->state);
}

/* ---- */

static void take_options(struct wizard *w, const struct args *a)
{
	w->cluster = a->cluster;
	w->cluster.cancel = &w->brake.cancel;
	w->cluster.desk = &w->desk_opts;
	w->desk_opts = a->desk;
	w->desk_opts.quiet = true;
	if (a->cluster.server && !*w->state.server)
		snprintf(w->state.server, sizeof(w->state.server), "%s", a->cluster.server);
	if (a->cluster.user && !*w->state.user)
		snprintf(w->state.user, sizeof(w->state.user), "%s", a->cluster.user);
	w->cluster.server = w->state.server;
	w->cluster.user = w->state.user;
}

static void end(struct wizard *w)
{
	cluster_session_close(&w->session);
	wizard_drop_draft(w);
	X509_free(w->token_cert);
	desk_close(w->desk);
	cluster_view_free(&w->view);
	link_close(w->link);
	json_decref(w->distribution);
	json_decref(w->history);
	json_decref(w->answer);
	buf_free(&w->outdated);
	buf_free(&w->review);
	buf_free(&w->signed_list);
	free(w->kept_in);
	state_free(&w->state);
	free(w->state_path);
	if (w->state_lock >= 0)
		close(w->state_lock);
}

static int run(struct wizard *w, const struct args *a, struct err *e)
{
	enum wiz_step first = STEP_WELCOME;
	int rc;

	find_state(w);
	if (a->anew)
		wizard_forget(w);
	if (load_state(w))
		first = STEP_RESUME;
	take_options(w, a);
	rc = task_brake_open(&w->brake, e);
	if (rc)
		return rc;
	rc = open_ui(w, a->plain, e);
	if (!rc) {
		w->ui->place(w->ui, _("Trust list wizard"));
		rc = wizard_run(w, first);
		w->ui->close(w->ui);
	}
	end(w);
	task_brake_close(&w->brake);
	return rc;
}

int cmd_wizard(int argc, char **argv, void *ctx)
{
	struct wizard *w = calloc(1, sizeof(*w));
	struct args a = {0};
	struct err e = {0};
	int rc;

	(void)ctx;
	if (!w)
		return ERR_FAILED;
	cli_parse(&argp, argc, argv, &a);
	text_start();
	rc = need_terminal(a.plain, &e);
	if (!rc)
		rc = run(w, &a, &e);
	if (e.kind)
		err_print(&e, argv[0]);
	free(w);
	return rc;
}
