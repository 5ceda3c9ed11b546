/* ctlclient token keygen. */
#include "ctlclient/cmd_token.h"

#include "common/cli.h"
#include "ctlclient/ca.h"
#include "ctlclient/options.h"
#include "ctlclient/record.h"

#include <stdlib.h>
#include <string.h>

enum {
	OPT_SUBJECT = 256,
	OPT_BITS,
	OPT_DAYS,
	OPT_LABEL,
	OPT_CA,
	OPT_CA_KEY,
	OPT_CA_PIN,
	OPT_AUTHORITY,
	OPT_JSON
};

static const char default_label[] = "sast";
static const char authority_label[] = "authority";

struct args {
	struct desk_opts desk;
	struct transcript_opts transcript;
	struct token_keygen spec;
	const char *uri;
	const char *ca, *ca_key, *ca_pin_source;
	bool json;
};

static unsigned parse_number(const char *option, const char *arg, struct argp_state *state)
{
	char *end;
	const unsigned long n = strtoul(arg, &end, 10);

	if (*arg < '0' || *arg > '9' || *end || n > 1000000)
		argp_error(state, "%s takes a number, not \"%s\"", option, arg);
	return (unsigned)n;
}

static void check_args(const struct args *a, struct argp_state *state)
{
	if (!a->uri)
		argp_error(state, "on which token? name it by its URI");
	if (!a->spec.subject)
		argp_error(state, "whose key is it? give --subject \"CN=...,OU=...,O=...\"");
	if (!a->ca != !a->ca_key)
		argp_error(state, "--ca and --ca-key go together");
	if (a->ca && a->spec.authority)
		argp_error(state, "an authority certifies itself: --authority without --ca");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->desk;
		state->child_inputs[1] = &a->transcript;
		return 0;
	case OPT_SUBJECT:
		a->spec.subject = arg;
		return 0;
	case OPT_BITS:
		a->spec.bits = parse_number("--bits", arg, state);
		return 0;
	case OPT_DAYS:
		a->spec.days = parse_number("--days", arg, state);
		return 0;
	case OPT_LABEL:
		a->spec.label = arg;
		return 0;
	case OPT_CA:
		a->ca = arg;
		return 0;
	case OPT_CA_KEY:
		a->ca_key = arg;
		return 0;
	case OPT_CA_PIN:
		a->ca_pin_source = arg;
		return 0;
	case OPT_AUTHORITY:
		a->spec.authority = true;
		return 0;
	case OPT_JSON:
		a->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (a->uri)
			argp_error(state, "what is \"%s\"?", arg);
		a->uri = arg;
		return 0;
	case ARGP_KEY_END:
		check_args(a, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

struct keygen {
	struct token_keygen spec;
	struct token_new_key *key; /* made, but without a certificate yet */
	X509 *cert;                /* owned */
	bool ca_failed;            /* the authority, not the token that gets the key */
	bool made;                 /* the key, and its certificate is stored */
};

/* The label is --label, else the object in the URI, else the usual one. */
static void choose_label(struct keygen *k, const struct token *t)
{
	if (!k->spec.label)
		k->spec.label = token_object(t);
	if (!k->spec.label)
		k->spec.label = k->spec.authority ? authority_label : default_label;
}

static int job_keygen(struct token *t, void *arg, struct err *e)
{
	struct keygen *k = arg;

	choose_label(k, t);
	return token_keygen(t, &k->spec, &k->cert, e);
}

static int job_make(struct token *t, void *arg, struct err *e)
{
	struct keygen *k = arg;

	choose_label(k, t);
	return token_key_make(&k->key, t, &k->spec, e);
}

static int job_keep(struct token *t, void *arg, struct err *e)
{
	struct keygen *k = arg;

	(void)t;
	return token_new_key_keep(k->key, k->cert, e);
}

static int job_drop(struct token *t, void *arg, struct err *e)
{
	struct keygen *k = arg;

	(void)t;
	(void)e;
	token_new_key_drop(k->key);
	return 0;
}

/* The authority may live on another token, so that its signature cannot be made in the midst of
 * one job for this token. */
static int make_certified(struct keygen *k, struct desk_token *t, struct ca *ca, struct err *e)
{
	struct err ignored;
	int rc = desk_token_run(t, job_make, k, e);

	if (rc)
		return rc;
	rc = ca_certify(&k->cert, ca, token_new_key_subject(k->key), token_new_key_public(k->key),
			k->spec.days, e);
	if (!rc)
		return desk_token_run(t, job_keep, k, e);
	k->ca_failed = true;
	(void)desk_token_run(t, job_drop, k, &ignored);
	return rc;
}

static void warn_of_spec(const struct keygen *k)
{
	const X509_NAME *subject = X509_get_subject_name(k->cert);

	if (X509_NAME_get_index_by_NID(subject, NID_organizationName, -1) < 0 ||
	    X509_NAME_get_index_by_NID(subject, NID_organizationalUnitName, -1) < 0)
		fprintf(stderr,
			"warning: the subject has no %s: phones show and compare CN, OU and O, and "
			"some expect all three\n",
			X509_NAME_get_index_by_NID(subject, NID_organizationName, -1) < 0 ? "O="
											  : "OU=");
	if (token_key_is_weak(k->cert))
		fprintf(stderr,
			"warning: a key of %u bits is weak: use it only where old phones "
			"need it\n",
			k->spec.bits);
}

static int print_made(const struct keygen *k, struct desk_token *t, bool json)
{
	struct token_cert c = {.cert = k->cert};
	int rc;

	snprintf(c.label, sizeof(c.label), "%s", k->spec.label);
	rc = token_print_stored(&c, t, json);
	if (!json && *c.uri && !k->spec.authority)
		fprintf(stderr, "next: ctlclient token test '%s'\n", c.uri);
	return rc;
}

static int make_once(struct keygen *k, struct desk_token *t, struct ca *ca, struct err *e)
{
	X509_free(k->cert);
	k->cert = NULL;
	return ca ? make_certified(k, t, ca, e) : desk_token_run(t, job_keygen, k, e);
}

/* If nobody put the token in again, a key may have been left on it. */
static int say_what_is_left(const struct desk_token *t, struct err *e)
{
	if (strcmp(e->id, "token-removed") != 0)
		return (int)e->kind;
	return err_hint(e,
			"put the token in again and repeat the command (with --wait S it waits for "
			"the token); if the name is taken then, a key without a certificate was "
			"left: \"ctlclient token csr '%s'\" and \"import-cert\" give it one",
			desk_token_info(t)->uri);
}

static int make_until_done(struct keygen *k, struct desk_token *t, struct ca *ca, struct err *e)
{
	int rc = make_once(k, t, ca, e);

	while (rc && !k->ca_failed) {
		rc = desk_token_regain(t, rc, e);
		if (rc)
			return say_what_is_left(t, e);
		rc = make_once(k, t, ca, e);
	}
	return rc;
}

static json_t *made_json(const struct keygen *k, const struct args *a)
{
	return json_pack("{s:o, s:i, s:o, s:o}", "label", json_chars(k->spec.label), "bits",
			 (int)k->spec.bits, "authority", a->ca ? json_chars(a->ca) : json_null(),
			 "certificate", transcript_cert(k->cert));
}

static int make(struct keygen *k, struct desk_token *t, struct ca *ca, struct transcript *tr,
		const struct args *a, struct err *e)
{
	int rc = desk_token_login(t, "to make a key", e);

	rc = transcript_step(tr, "login", rc, NULL, e);
	if (rc)
		return rc;
	rc = make_until_done(k, t, ca, e);
	k->made = !rc;
	if (k->made)
		warn_of_spec(k);
	return transcript_step(tr, "keygen", rc, k->made ? made_json(k, a) : NULL, e);
}

static int keygen(const struct args *a, struct err *e)
{
	struct keygen k = {.spec = a->spec};
	struct transcript *tr = NULL;
	struct desk_token *t = NULL;
	struct desk *desk = NULL;
	struct ca *ca = NULL;
	struct desk_key sealed_by;
	int rc, shown;

	rc = transcript_open(&tr, &a->transcript, "ctlclient token keygen", e);
	if (!rc)
		rc = desk_open(&desk, &a->desk, e);
	if (!rc)
		rc = record_modules(tr, desk, e);
	if (!rc)
		rc = desk_token_find(&t, desk, a->uri, e);
	if (!rc)
		rc = record_token(tr, desk_token_info(t), e);
	if (!rc && a->ca)
		rc = ca_open(&ca, desk, a->ca, a->ca_key, a->ca_pin_source, e);
	if (!rc)
		rc = make(&k, t, ca, tr, a, e);
	sealed_by = (struct desk_key){t, k.cert, NULL};
	if (!rc)
		transcript_seal_with(tr, k.cert, desk_key_sign, &sealed_by);
	rc = transcript_close(tr, rc, e);
	shown = k.made ? print_made(&k, t, a->json) : 0;
	X509_free(k.cert);
	ca_close(ca);
	desk_token_free(t);
	desk_close(desk);
	return rc ? rc : shown;
}

int token_cmd_keygen(int argc, char **argv, void *ctx)
{
	static const struct argp_option options[] = {
		{"subject", OPT_SUBJECT, "DN", 0,
		 "Whose key it is: \"CN=SAST-1,OU=Voice,O=Example\"", 0},
		{"bits", OPT_BITS, "N", 0, "Size of the key: 1024, 2048 (default) or 4096", 0},
		{"days", OPT_DAYS, "N", 0, "How long the certificate is valid (3650)", 0},
		{"label", OPT_LABEL, "L", 0,
		 "Name of the key on the token (else the URI's object, else \"sast\")", 0},
		{"ca", OPT_CA, "URI|CERT", 0,
		 "Certificate of the token authority that certifies the key (else it certifies "
		 "itself)",
		 0},
		{"ca-key", OPT_CA_KEY, "URI|FILE", 0,
		 "The authority's private key: on a token, or in a PEM file", 0},
		{"ca-pin-source", OPT_CA_PIN, "SOURCE", 0,
		 "Where the PIN of the authority's token, or the passphrase of its file, comes "
		 "from: "
		 "as with --pin-source",
		 0},
		{"authority", OPT_AUTHORITY, NULL, 0,
		 "Make the key of a token authority, which certifies others (label \"authority\")",
		 0},
		{"json", OPT_JSON, NULL, 0, "Print one JSON document", 0},
		{0}};
	static const struct argp_child children[] = {
		{&options_desk, 0, "Tokens:", 0}, {&options_transcript, 0, "Record:", 0}, {0}};
	static const struct argp argp = {options,
					 parse,
					 "URI --subject DN",
					 "Makes an RSA key on a token, which it never leaves, and "
					 "a certificate for it, signed by itself or by a token "
					 "authority.",
					 children,
					 NULL,
					 NULL};
	struct args a = {.spec = {.bits = 2048, .days = 3650}};
	struct err e = {0};

	(void)ctx;
	cli_parse(&argp, argc, argv, &a);
	return token_report(keygen(&a, &e), &e, argv[0]);
}
