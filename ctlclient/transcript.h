/*
 * The record of a ceremony: lines of JSON, each with the SHA-256 of the line before it, closed by a
 * signature of the token that signed the list. doc/ceremony.md describes the lines.
 *
 * Every line is on the disk before the next step begins, so that a crash leaves a truthful record
 * that is not finished.
 */
#ifndef CTLCLIENT_TRANSCRIPT_H
#define CTLCLIENT_TRANSCRIPT_H

#include "trustfile/build.h"

#include <argp.h>
#include <jansson.h>

#define TRANSCRIPT_FORMAT "ctlsuite-transcript"
#define TRANSCRIPT_ALGORITHM "sha512-rsa-pkcs1"

enum {
	TRANSCRIPT_VERSION = 1,
	TRANSCRIPT_LINE_MAX = 1 << 20,  /* bytes; longer lines are neither written nor read */
	TRANSCRIPT_FILE_MAX = 16 << 20, /* bytes that are read back */
};

struct transcript_opts {
	const char *path;          /* --transcript; NULL: no record is kept */
	const char *operator_name; /* --operator; NULL: the login name alone */
	const char *continues;     /* --continues: an earlier record; or NULL */
};

/* --transcript, --operator, --continues: the child's input is a struct transcript_opts, zeroed. */
extern const struct argp options_transcript;

struct transcript;

/* Makes the file, which must not be there yet (ERR_FAILED "file-exists"), and writes the first
 * line: versions, the command ("ctlclient cluster update"), who, where, and the SHA-256 of the
 * record that it continues. Without a path *out is NULL; all functions below take that and do
 * nothing. */
int transcript_open(struct transcript **out, const struct transcript_opts *o, const char *command,
		    struct err *e);

/* Writes one line: how a step ended. rc is the step's result and e its error; facts, an object or
 * NULL, are let go of. Returns rc, or, where that is 0, the kind of error of writing: a step that
 * could not be recorded counts as failed. The error of a failed step is kept. */
int transcript_step(struct transcript *t, const char *step, int rc, json_t *facts, struct err *e);

/* From here on the record can be closed with a signature: cert's key signs through sign(arg), which
 * must stay usable until transcript_close(). A reference to cert is kept. */
void transcript_seal_with(struct transcript *t, X509 *cert, tl_sign_fn *sign, void *arg);

/* Writes the last step, "end", with the result rc of the whole; signs, if something to sign with is
 * known ("signer" is null where nothing is); closes. Returns rc, or the kind of error of writing or
 * signing where that is 0. */
int transcript_close(struct transcript *t, int rc, struct err *e);

/* ---- facts that several steps record ---- */

/* {"file", "size", "sha256"}; file may be NULL. NULL if out of memory. */
json_t *transcript_bytes(const char *file, struct span data);

/* {"subject", "serial", "sha256"}. NULL if out of memory. */
json_t *transcript_cert(const X509 *cert);

#endif
