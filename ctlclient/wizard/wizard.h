/*
 * The wizard: "ctlclient" without a command. Pages ask and show; everything they do is done by the
 * functions behind the commands (link, cluster_view, change, sign, push), and no rule is theirs.
 *
 * One page is one function; it returns which page comes next. flow.c keeps the way back.
 */
#ifndef CTLCLIENT_WIZARD_WIZARD_H
#define CTLCLIENT_WIZARD_WIZARD_H

#include "ctlclient/change.h"
#include "ctlclient/cluster_session.h"
#include "ctlclient/link.h"
#include "ctlclient/push.h"
#include "ctlclient/wizard/eye.h"
#include "ctlclient/wizard/prompt.h"
#include "ctlclient/wizard/state.h"
#include "ctlclient/wizard/task.h"
#include "ctlclient/wizard/text.h"
#include "ctlclient/wizard/ui.h"

enum wiz_step {
	STEP_RESUME,
	STEP_WELCOME,
	STEP_SERVER,
	STEP_FINGERPRINT,
	STEP_LOGIN,
	STEP_STATUS,
	STEP_HISTORY,
	STEP_TOKEN,   /* put one in */
	STEP_DETAILS, /* what it is */
	STEP_ENTRIES,
	STEP_ENTRY,
	STEP_TFTP,
	STEP_REVIEW,
	STEP_PIN,
	STEP_RESULT,
	STEP_NEXT,
	STEP_CONFLICT,
	STEP_DESK, /* is this desk ready? */
	STEP_LOST,
	STEP_LOST_ONE,
	STEP_LOST_PIN,
	STEP_LOST_ALL,
	STEP_LOST_SHARED,
	STEP_LOST_SOFTWARE,
	STEP_LOST_DELETE,
	STEPS,
	/* not pages: */
	STEP_BACK = STEPS,
	STEP_QUIT,   /* Ctrl-C: asks */
	STEP_LEAVE,  /* asks only if something was entered */
	STEP_HANGUP, /* the terminal is gone: keep it, and end */
	STEP_END,
};

enum { WAY_MAX = 32 };

struct wizard {
	struct wiz_ui *ui;
	struct cluster_opts cluster; /* server and user point into state */
	struct desk_opts desk_opts;
	struct task_brake brake;
	bool hangup;
	/* what was entered */
	struct wiz_state state;
	char *state_path; /* of its file; NULL: there is no home */
	int state_lock;   /* descriptor of the lock; -1: another wizard keeps its own there */
	bool resumed;     /* go on where the earlier session ended */
	/* the cluster */
	struct link *link;
	struct cluster_session session;
	struct cluster_view view; /* doc is NULL: not fetched yet */
	json_t *distribution, *history;
	struct buf outdated;
	/* the tokens */
	struct desk *desk;
	struct eye *eye; /* while one is waited for */
	enum prompt_kind prompt;
	struct token_info token; /* the one that was put in last */
	char token_uri[768];     /* of the certificate on it */
	X509 *token_cert;
	char declined[65]; /* serial number of a token that another one shall take the place of */
	bool known;        /* a token of the present list was here: it may be changed */
	/* the new list */
	struct change change; /* of state: wizard_draft() */
	struct draft *draft;
	struct tl_plan preview_plan;
	struct buf preview_file;
	struct tl *preview; /* as it would be; NULL: to be made */
	size_t entry;       /* of it: the one that is marked */
	struct desk_signer *signer;
	struct sign_job sign_job;
	struct sign_plan plan;
	struct buf review;
	struct buf signed_list;
	json_t *answer;  /* the provider's, to the new list */
	bool made_mixed; /* what the list accepted last made of the cluster */
	char *kept_in;   /* file of a list that could not be delivered */
	/* the way back */
	enum wiz_step way[WAY_MAX];
	size_t way_n;
	int code; /* exit code, if the terminal does not vanish */
};

/* Shows the pages from the first step on until the end; returns the exit code. */
int wizard_run(struct wizard *w, enum wiz_step first);

/* ---- what pages share ---- */

typedef enum wiz_step wiz_step_fn(struct wizard *w);

/* Shows the page, frees it, and returns what it ended with. WIZ_INTERRUPT and WIZ_HANGUP have
 * become a step: true if there is one in *step. */
bool wizard_page(struct wizard *w, struct wiz_page *p, int *button, enum wiz_step *step);

/* A page with a text, and a button that leads to next; without it (NULL) "Back" does. */
enum wiz_step wizard_tell(struct wizard *w, const char *title, const char *text, const char *help,
			  const char *button, enum wiz_step next);

/* task_run() with the wizard's brake; late: it cannot be broken off. */
int wizard_task(struct wizard *w, const char *title, const char *text, bool late, task_fn *fn,
		struct err *e);

/* Shows what went wrong and the ways out; again: the step that can be repeated. */
enum wiz_step wizard_trouble(struct wizard *w, const struct err *e, enum wiz_step again);

/* Writes state to its file, if there is something to lose. A failure is told once. */
void wizard_keep(struct wizard *w);
void wizard_forget(struct wizard *w);

/* Fetches description, list, history and distribution; on the network, so call it in a task. */
int wizard_fetch(struct wizard *w, struct err *e);

/* Shows which cluster it is about, and its mode, above all pages. */
void wizard_place(struct wizard *w);

/* Makes the draft and the preview anew from view and state. */
int wizard_draft(struct wizard *w, struct err *e);
void wizard_drop_draft(struct wizard *w);

/* The desk, opened when it is needed first. */
int wizard_desk(struct wizard *w, struct err *e);

/* Lets go of all that belongs to a change: draft, signer, session, what was entered. */
void wizard_end_change(struct wizard *w);

/* True if that is the name of a TFTP server outside the cluster, as it stands now. */
bool wizard_is_outside(const struct wizard *w, const char *name);

/* Name, or CN, of a token's certificate as text, for people. */
void wizard_name(struct buf *b, const X509 *cert);

/* SHA-256 of a certificate in lower-case hexadecimal. */
void wizard_sha256(char out[STATE_SHA256_MAX], const X509 *cert);

/* Appends a SHA-256 in capitals, in two lines that are indented. */
void wizard_fingerprint(struct buf *b, const uint8_t *sha256, size_t len);

/* The names of the tokens that are in the present list, with commas. */
void wizard_listed(struct buf *b, const struct wizard *w);

/* ---- the pages ---- */

wiz_step_fn page_resume, page_welcome, page_server, page_fingerprint, page_login, page_status,
	page_history, page_token, page_details, page_entries, page_entry, page_tftp, page_review,
	page_pin, page_result, page_next, page_conflict, page_desk, page_lost, page_lost_one,
	page_lost_pin, page_lost_all, page_lost_shared, page_lost_software, page_lost_delete;

#endif
