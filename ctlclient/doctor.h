/*
 * ctlclient doctor: what is found on the way from the PKCS#11 module to the provider, step by step.
 * It changes nothing, on no token and on no server.
 */
#ifndef CTLCLIENT_DOCTOR_H
#define CTLCLIENT_DOCTOR_H

#include "ctlclient/at_desk.h"
#include "ctlclient/options.h"
#include "pkcs11/module_info.h"
#include "server/device/name.h"

#include <jansson.h>

enum doctor_state { DOCTOR_OK, DOCTOR_WRONG, DOCTOR_SKIPPED };

enum { DOCTOR_STEPS_MAX = 128, DOCTOR_TOKENS_MAX = 16 };

struct doctor_step {
	const char *step; /* "module", "reader-service", ...: doc/json.md */
	enum doctor_state state;
	enum err_kind kind;      /* of a wrong step: the exit code, if it is the first one */
	char token[129];         /* label of the token it is about; may be empty */
	char what[ERR_WHAT_MAX]; /* what was found */
	char why[ERR_HINT_MAX];  /* why it matters; may be empty */
	char mend[1024];         /* the command that mends it; may be empty */
};

/* The phone that is asked about. */
struct doctor_phone {
	const char *name;        /* NULL: none, it is about this desk */
	const char *state;       /* a folder of ctlphone; NULL: a phone of which nothing is known */
	const char *tftp, *http; /* NULL: CTL_TFTP, CTL_HTTP */
	char device[DEVICE_NAME_MAX];
	json_t *doc; /* what the provider says of it; owned; NULL: it was not asked, or knows none
		      */
	struct buf list; /* the provider's trust list; empty: none, or not asked */
	bool has_list;   /* the provider was asked for it */
};

struct doctor {
	struct doctor_phone phone;
	struct desk_opts desk_opts;
	struct cluster_opts cluster;
	const char *uri; /* the token asked for, or NULL: all of them */
	bool never_asks; /* no question, no PIN that a person types, no test signature then */
	struct doctor_step steps[DOCTOR_STEPS_MAX];
	size_t n;
	const char *about;           /* label of the token that steps are added for, or NULL */
	struct module_info *modules; /* n_modules of them, owned */
	size_t n_modules;
	struct at_desk certs; /* those that could sign lists: filled in on the way */
};

/* Adds a step. Further ones than there is room for are dropped. */
void doctor_ok(struct doctor *d, const char *step, const char *what, ...)
	__attribute__((format(printf, 3, 4)));
void doctor_skip(struct doctor *d, const char *step, const char *why, ...)
	__attribute__((format(printf, 3, 4)));

/* Adds a step that is wrong, and returns it for its mend to be filled in. Never NULL. */
struct doctor_step *doctor_wrong(struct doctor *d, const char *step, enum err_kind kind,
				 const char *why, const char *what, ...)
	__attribute__((format(printf, 5, 6)));

/* As doctor_wrong(), from an error: its text, its kind and, as mend, its hint. */
struct doctor_step *doctor_error(struct doctor *d, const char *step, const char *why,
				 const struct err *e);

/* The first wrong step, or NULL. */
const struct doctor_step *doctor_first(const struct doctor *d);

/* The steps from the module to the test signature. */
void doctor_desk(struct doctor *d);

/* The steps of the provider. */
void doctor_provider(struct doctor *d);

/* ---- with a phone ---- */

struct api;
struct cluster_view;

/* What the provider knows of the phone, once logged in there. */
void doctor_phone_known(struct doctor *d, struct api *api, const struct cluster_view *view);

/* The same if the provider could not be asked: why not. */
void doctor_phone_unknown(struct doctor *d, const char *why);

/* What the TFTP service gives it, and what it does with that. */
void doctor_files(struct doctor *d);

#endif
