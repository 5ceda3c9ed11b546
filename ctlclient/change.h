/*
 * What is wished of a cluster's list, from the command line or from a request bundle, and how it
 * becomes a signed list: one way through for all of them.
 */
#ifndef CTLCLIENT_CHANGE_H
#define CTLCLIENT_CHANGE_H

#include "ctlclient/cluster_view.h"
#include "ctlclient/sign.h"
#include "ctlclient/tftp_wish.h"

enum change_kind {
	CHANGE_MODE,
	CHANGE_UPDATE,
	CHANGE_ADD_TOKEN,
	CHANGE_REMOVE_TOKEN,
	CHANGE_ADD_TFTP,
	CHANGE_REMOVE_TFTP,
};

enum { CHANGE_TOKENS_MAX = 32 };

/* A token to put into the list. */
struct change_token {
	const char *name; /* URI, or path of a certificate; borrowed */
	X509 *cert;       /* owned; NULL if it is still to be found by name */
};

struct change {
	enum change_kind kind;
	bool mixed;         /* CHANGE_MODE: which */
	const char *serial; /* CHANGE_REMOVE_TOKEN; borrowed */
	struct change_token tokens[CHANGE_TOKENS_MAX];
	size_t n;
	/* Whatever the kind: tokens to take out besides, as draft_remove_sast() takes them;
	 * borrowed. A bundle does not carry them. */
	const char *removed[CHANGE_TOKENS_MAX];
	size_t n_removed;
	struct tftp_wish tftp; /* whatever the kind; owned */
	enum tl_digest digest; /* 0: as it was */
};

/* As on the command line: "set-mode", "update", "add-token", "remove-token", "add-tftp",
 * "remove-tftp". */
const char *change_name(enum change_kind kind);
bool change_parse(enum change_kind *kind, const char *name);
bool change_is_of_tftp(enum change_kind kind);

/* Reads the certificates of tokens that are named by file, so that the wish can travel. */
int change_read_files(struct change *c, struct err *e);
void change_free(struct change *c);

/* The security mode that the cluster has afterwards. */
bool change_makes_mixed(const struct change *c, const struct cluster_view *v);

/* The list that is wished for, not signed: that of the cluster with the change in it and in line
 * with the cluster's servers. Good as long as v is; draft_free() ends it. desk may be NULL if the
 * certificates of all tokens are there. ERR_REFUSED "no-ctl" if there is no list to change; errors
 * of the draft and the desk. */
int change_draft(struct draft **out, const struct change *c, const struct cluster_view *v,
		 struct desk *desk, struct err *e);

/* ERR_REFUSED "software-token" if the cluster asks for hardware and the key is known to be in
 * software. */
int change_check_hardware(const struct cluster_view *v, const struct desk_cert *by, struct err *e);

/* The digest the new list is signed with: as wished, else as the present list, else SHA-1. */
enum tl_digest change_digest(const struct change *c, const struct cluster_view *v);

/* A change on its way to the signature. Whoever fills it in owns what the pointers point to; desk
 * and signer are change_job_run()'s, kept until change_job_end() for the transcript's signature. */
struct change_job {
	const struct change *change;
	const struct cluster_view *view;
	json_t *history; /* GET /ctl/history, or NULL */
	const struct desk_opts *desk_opts;
	const char *signer_uri;
	struct transcript *transcript; /* or NULL */
	bool dry_run, yes, quiet;      /* as in struct sign_job */
	struct desk *desk;
	struct desk_signer *signer;
};

/* Makes the new list and signs it; with dry_run out stays as it is. Errors: ERR_REFUSED "no-ctl",
 * and those of the draft, the desk and sign_list(). */
int change_job_run(struct buf *out, struct change_job *job, struct err *e);
void change_job_end(struct change_job *job);

#endif
