/*
 * One error, as a person and as a script will read it.
 *
 * Every function that can fail returns 0 or the kind of its error, and fills in the struct err
 * it was given: never NULL, owned by the caller, no memory behind it. The kinds are the exit
 * codes of every program of the suite.
 */
#ifndef COMMON_ERR_H
#define COMMON_ERR_H

enum err_kind {
	ERR_OK = 0,
	ERR_FAILED = 1,   /* something did not work: file, network, memory, service */
	ERR_USAGE = 2,    /* the command line or a configuration file is wrong */
	ERR_REFUSED = 3,  /* a signature, certificate or rule check said no */
	ERR_TOKEN = 4,    /* token absent, wrong PIN, locked, key missing */
	ERR_CONFLICT = 5, /* somebody changed the cluster meanwhile */
	ERR_PARTIAL = 6,  /* done on some nodes only */
};

enum {
	ERR_ID_MAX = 48,
	ERR_WHAT_MAX = 768,
	ERR_HINT_MAX = 512,
};

struct err {
	enum err_kind kind;
	char id[ERR_ID_MAX];     /* stable slug for scripts and tests: "ctl-signature" */
	char what[ERR_WHAT_MAX]; /* what happened and why, no newline, no full stop */
	char hint[ERR_HINT_MAX]; /* what to do next; may be empty */
};

/* Fills in e (a former text and hint are lost) and returns kind, so that a function can end in
 * "return err_set(...)". Text too long for its field is cut. */
int err_set(struct err *e, enum err_kind kind, const char *id, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Sets the hint of an error; returns its kind. */
int err_hint(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Puts "text: " in front of what the error says; returns its kind. */
int err_wrap(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The usual ending for a failed allocation. */
int err_nomem(struct err *e);

/* Adds the newest message of OpenSSL's queue to a new error and empties the queue. */
int err_openssl(struct err *e, enum err_kind kind, const char *id, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Prints "program: what" and, where there is one, an indented hint on standard error. */
void err_print(const struct err *e, const char *program);

#endif
