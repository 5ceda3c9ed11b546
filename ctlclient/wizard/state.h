/*
 * What was entered so far, kept in a file so that nothing is lost with a terminal: doc/wizard.md,
 * "What is kept". Nothing in it is secret: names, certificates, no PIN and no password.
 */
#ifndef CTLCLIENT_WIZARD_STATE_H
#define CTLCLIENT_WIZARD_STATE_H

#include "common/bytes.h"
#include "common/err.h"
#include "common/hostport.h"
#include "ctlclient/tftp_wish.h"

#include <openssl/x509.h>
#include <stdbool.h>
#include <time.h>

enum wiz_goal { GOAL_NONE, GOAL_MIXED, GOAL_NONSECURE, GOAL_UPDATE };

enum {
	STATE_TOKENS_MAX = 32,
	STATE_USER_MAX = 128,
	STATE_FILE_MAX = 1 << 20,
	STATE_SERVER_MAX = HOST_MAX + 8, /* "host:port" */
	STATE_SHA256_MAX = 65,           /* in hexadecimal, with its NUL */
};

/* A token to put into the list. */
struct wiz_token {
	X509 *cert; /* owned */
	char label[129];
};

struct wiz_state {
	char server[STATE_SERVER_MAX];
	char user[STATE_USER_MAX];
	enum wiz_goal goal;
	int64_t generation; /* of the list that the change was begun with */
	struct wiz_token added[STATE_TOKENS_MAX];
	size_t n_added;
	char removed[STATE_TOKENS_MAX][STATE_SHA256_MAX]; /* of tokens' certificates */
	size_t n_removed;
	struct tftp_wish tftp;
	time_t saved; /* when it was written; only read */
};

/* Takes on a token (a reference to cert is kept); false if there are too many. */
bool state_add(struct wiz_state *s, X509 *cert, const char *label);

/* Takes a token out that was added; false if it was not. */
bool state_drop(struct wiz_state *s, const X509 *cert);

/* Marks or unmarks a token of the list for removal; false if there are too many. */
bool state_remove(struct wiz_state *s, const char *sha256);
bool state_is_removed(const struct wiz_state *s, const char *sha256);
void state_keep(struct wiz_state *s, const char *sha256);

/* Forgets the change that was begun; server and user stay. */
void state_clear(struct wiz_state *s);
void state_free(struct wiz_state *s);

/* True if somebody would miss it. */
bool state_is_worth_keeping(const struct wiz_state *s);

/* As JSON, and back. A file that is damaged, or of another release, is ERR_REFUSED "wizard-state";
 * s is empty then. */
int state_put(struct buf *out, const struct wiz_state *s, struct err *e);
int state_parse(struct wiz_state *s, struct span text, struct err *e);

#endif
