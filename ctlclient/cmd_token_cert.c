/* ctlclient token csr, import-cert. */
#include "ctlclient/cmd_token.h"

#include "common/cli.h"
#include "common/file.h"
#include "ctlclient/cert_file.h"
#include "ctlclient/options.h"
#include "ctlclient/record.h"
#include "pkcs11/issue.h"

#include <string.h>

enum { OPT_OUTPUT = 'o', OPT_SUBJECT = 256, OPT_LABEL, OPT_REPLACE, OPT_JSON };

struct args {
	struct desk_opts desk;
	struct transcript_opts transcript; /* import-cert */
	const char *uri;
	const char *file;    /* csr: -o; import-cert: CERT */
	const char *subject; /* csr */
	const char *label;   /* import-cert */
	bool imports, replace, json;
};

static error_t parse_word(struct args *a, const char *arg, struct argp_state *state)
{
	if (!a->uri)
		a->uri = arg;
	else if (a->imports && !a->file)
		a->file = arg;
	else
		argp_error(state, "what is \"%s\"?", arg);
	return 0;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->desk;
		if (a->imports)
			state->child_inputs[1] = &a->transcript;
		return 0;
	case OPT_OUTPUT:
		a->file = arg;
		return 0;
	case OPT_SUBJECT:
		a->subject = arg;
		return 0;
	case OPT_LABEL:
		a->label = arg;
		return 0;
	case OPT_REPLACE:
		a->replace = true;
		return 0;
	case OPT_JSON:
		a->json = true;
		return 0;
	case ARGP_KEY_ARG:
		return parse_word(a, arg, state);
	case ARGP_KEY_END:
		if (!a->uri)
			argp_error(state, "which token? name it by its URI");
		if (a->imports && !a->file)
			argp_error(state, "which certificate? name its file (PEM or DER)");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = {{&options_desk, 0, "Tokens:", 0}, {0}};

/* ---- csr ---- */

struct request {
	struct token_key key;
	X509_NAME *subject; /* owned */
	struct buf pem;
};

static int job_key(struct token *t, void *arg, struct err *e)
{
	struct request *r = arg;

	return token_key(&r->key, t, e);
}

/* Without --subject it is that of the certificate the key has. */
static int job_subject(struct token *t, void *arg, struct err *e)
{
	struct request *r = arg;
	struct token_cert *certs;
	size_t n;

	if (token_certs(t, &certs, &n, e))
		return (int)e->kind;
	for (size_t i = 0; i < n && !r->subject; i++)
		if (EVP_PKEY_eq(X509_get0_pubkey(certs[i].cert), r->key.public) == 1)
			r->subject = X509_NAME_dup(X509_get_subject_name(certs[i].cert));
	token_certs_free(certs, n);
	if (r->subject)
		return 0;
	err_set(e, ERR_USAGE, "subject",
		"the key %s on the token %s has no certificate to take the subject from",
		r->key.label, token_info(t)->label);
	return err_hint(e, "give --subject \"CN=...,OU=...,O=...\"");
}

static int choose_subject(struct request *r, struct desk_token *t, const char *text, struct err *e)
{
	if (text)
		return subject_parse(&r->subject, text, e);
	return desk_token_retry(t, job_subject, r, e);
}

static int sign_request(struct request *r, struct desk_token *t, struct err *e)
{
	struct desk_key key = {t, NULL, r->key.public};
	const struct issue_by by = {r->key.public, desk_key_sign, &key};

	return request_issue(&r->pem, r->subject, &by, e);
}

static int put_request(const struct request *r, const char *path, struct err *e)
{
	enum { MODE = 0644 };

	if (path)
		return file_write(path, buf_view(&r->pem), MODE, e);
	if (fwrite(r->pem.data, 1, r->pem.len, stdout) != r->pem.len || fflush(stdout))
		return err_set(e, ERR_FAILED, "output", "cannot write to standard output");
	return 0;
}

static int csr(const struct args *a, struct err *e)
{
	struct request r = {0};
	struct desk_token *t = NULL;
	struct desk *desk = NULL;
	int rc;

	rc = desk_open(&desk, &a->desk, e);
	if (!rc)
		rc = desk_token_find(&t, desk, a->uri, e);
	if (!rc)
		rc = desk_token_login(t, "to sign a certificate request", e);
	if (!rc)
		rc = desk_token_retry(t, job_key, &r, e);
	if (!rc)
		rc = choose_subject(&r, t, a->subject, e);
	if (!rc)
		rc = sign_request(&r, t, e);
	if (!rc)
		rc = put_request(&r, a->file, e);
	if (!rc)
		fprintf(stderr,
			"next: have it certified, then \"ctlclient token import-cert '%s' CERT\"\n",
			desk_token_info(t)->uri);
	buf_free(&r.pem);
	X509_NAME_free(r.subject);
	token_key_free(&r.key);
	desk_token_free(t);
	desk_close(desk);
	return rc;
}

int token_cmd_csr(int argc, char **argv, void *ctx)
{
	static const struct argp_option options[] = {
		{"output", OPT_OUTPUT, "FILE", 0, "Write it there instead of to standard output",
		 0},
		{"subject", OPT_SUBJECT, "DN", 0,
		 "\"CN=SAST-1,OU=Voice,O=Example\" (else that of the key's certificate)", 0},
		{0}};
	static const struct argp argp = {
		options,
		parse,
		"URI",
		"Makes a request (PKCS#10, PEM) for a certificate of a key that is on a token, "
		"signed by that key. The key needs no certificate yet.",
		children,
		NULL,
		NULL};
	struct args a = {0};
	struct err e = {0};

	(void)ctx;
	cli_parse(&argp, argc, argv, &a);
	return token_report(csr(&a, &e), &e, argv[0]);
}

/* ---- import-cert ---- */

struct import {
	const struct args *args;
	X509 *cert; /* owned */
	bool stored;
	size_t replaced; /* in all attempts */
};

static int job_import(struct token *t, void *arg, struct err *e)
{
	struct import *i = arg;
	size_t replaced;
	const int rc =
		token_import_cert(t, i->cert, i->args->label, i->args->replace, &replaced, e);

	i->replaced += replaced;
	return rc;
}

static int print_imported(const struct import *i, struct desk_token *t)
{
	struct token_cert c = {.cert = i->cert};

	if (token_key_is_weak(i->cert))
		fprintf(stderr, "warning: its key is weak: use it only where old phones need it\n");
	if (i->replaced)
		fprintf(stderr, "%zu older certificate%s of the key taken out\n", i->replaced,
			i->replaced == 1 ? " was" : "s were");
	if (i->args->label)
		snprintf(c.label, sizeof(c.label), "%s", i->args->label);
	return token_print_stored(&c, t, i->args->json);
}

static json_t *imported_json(const struct import *i)
{
	return json_pack("{s:o, s:o, s:I}", "file", json_chars(i->args->file), "certificate",
			 transcript_cert(i->cert), "replaced", (json_int_t)i->replaced);
}

static int do_import(struct import *i, struct desk_token *t, struct transcript *tr, struct err *e)
{
	int rc = record_token(tr, desk_token_info(t), e);

	if (rc)
		return rc;
	rc = desk_token_login(t, "to store a certificate", e);
	rc = transcript_step(tr, "login", rc, NULL, e);
	if (rc)
		return rc;
	rc = desk_token_retry(t, job_import, i, e);
	i->stored = !rc;
	return transcript_step(tr, "import", rc, tr ? imported_json(i) : NULL, e);
}

static int import_cert(const struct args *a, struct err *e)
{
	struct import i = {.args = a};
	struct transcript *tr = NULL;
	struct desk_token *t = NULL;
	struct desk *desk = NULL;
	struct desk_key sealed_by;
	int rc, shown;

	rc = cert_file_read(&i.cert, a->file, e);
	if (!rc)
		rc = transcript_open(&tr, &a->transcript, "ctlclient token import-cert", e);
	if (!rc)
		rc = desk_open(&desk, &a->desk, e);
	if (!rc)
		rc = record_modules(tr, desk, e);
	if (!rc)
		rc = desk_token_find(&t, desk, a->uri, e);
	if (!rc)
		rc = do_import(&i, t, tr, e);
	sealed_by = (struct desk_key){t, i.cert, NULL};
	if (!rc)
		transcript_seal_with(tr, i.cert, desk_key_sign, &sealed_by);
	rc = transcript_close(tr, rc, e);
	shown = i.stored ? print_imported(&i, t) : 0;
	X509_free(i.cert);
	desk_token_free(t);
	desk_close(desk);
	return rc ? rc : shown;
}

int token_cmd_import_cert(int argc, char **argv, void *ctx)
{
	static const struct argp_option options[] = {
		{"label", OPT_LABEL, "L", 0,
		 "Its name on the token (else that of the certificate replaced, else of the key)",
		 0},
		{"replace", OPT_REPLACE, NULL, 0, "Take out older certificates of the same key", 0},
		{"json", OPT_JSON, NULL, 0, "Print one JSON document", 0},
		{0}};
	static const struct argp_child with_record[] = {
		{&options_desk, 0, "Tokens:", 0}, {&options_transcript, 0, "Record:", 0}, {0}};
	static const struct argp argp = {
		options,
		parse,
		"URI CERT",
		"Stores a certificate (PEM or DER) on the token that has its private key.",
		with_record,
		NULL,
		NULL};
	struct args a = {.imports = true};
	struct err e = {0};

	(void)ctx;
	cli_parse(&argp, argc, argv, &a);
	return token_report(import_cert(&a, &e), &e, argv[0]);
}
