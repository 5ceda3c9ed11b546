/* ctlclient token keygen. */
#include "ctlclient/cmd_token.h"

#include "common/cli.h"
#include "ctlclient/options.h"

#include <stdlib.h>
#include <string.h>

enum { OPT_SUBJECT = 256, OPT_BITS, OPT_DAYS, OPT_LABEL, OPT_JSON };

static const char default_label[] = "sast";

struct args {
	struct desk_opts desk;
	struct token_keygen spec;
	const char *uri;
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

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->desk;
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
	case OPT_JSON:
		a->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (a->uri)
			argp_error(state, "what is \"%s\"?", arg);
		a->uri = arg;
		return 0;
	case ARGP_KEY_END:
		if (!a->uri)
			argp_error(state, "on which token? name it by its URI");
		if (!a->spec.subject)
			argp_error(state,
				   "whose key is it? give --subject \"CN=...,OU=...,O=...\"");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

struct keygen {
	struct token_keygen spec;
	X509 *cert;               /* owned */
	struct token_cert *certs; /* those on the token afterwards, n of them, owned */
	size_t n;
};

/* The label is --label, else the object in the URI, else the usual one. */
static int job_keygen(struct token *t, void *arg, struct err *e)
{
	struct keygen *k = arg;

	if (!k->spec.label)
		k->spec.label = token_object(t) ? token_object(t) : default_label;
	return token_keygen(t, &k->spec, &k->cert, e);
}

static int job_certs(struct token *t, void *arg, struct err *e)
{
	struct keygen *k = arg;

	return token_certs(t, &k->certs, &k->n, e);
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

static int print_made(const struct keygen *k, bool json, struct err *e)
{
	for (size_t i = 0; i < k->n; i++) {
		if (X509_cmp(k->certs[i].cert, k->cert) != 0)
			continue;
		if (json)
			return json_print(token_cert_json(&k->certs[i]));
		token_print_cert(&k->certs[i]);
		return 0;
	}
	return err_set(e, ERR_TOKEN, "keygen",
		       "the key was made, but its certificate does not show on the token");
}

static int keygen(const struct args *a, struct err *e)
{
	struct keygen k = {.spec = a->spec};
	struct desk_token *t = NULL;
	struct desk *desk = NULL;
	int rc;

	rc = desk_open(&desk, &a->desk, e);
	if (!rc)
		rc = desk_token_find(&t, desk, a->uri, e);
	if (!rc)
		rc = desk_token_login(t, "to make a key", e);
	if (!rc)
		rc = desk_token_run(t, job_keygen, &k, e);
	if (!rc) {
		warn_of_spec(&k);
		rc = desk_token_run(t, job_certs, &k, e);
	}
	if (!rc)
		rc = print_made(&k, a->json, e);
	token_certs_free(k.certs, k.n);
	X509_free(k.cert);
	desk_token_free(t);
	desk_close(desk);
	return rc;
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
		{"json", OPT_JSON, NULL, 0, "Print one JSON document", 0},
		{0}};
	static const struct argp_child children[] = {{&options_desk, 0, "Tokens:", 0}, {0}};
	static const struct argp argp = {options,
					 parse,
					 "URI --subject DN",
					 "Makes an RSA key on a token, which it never leaves, and "
					 "a certificate for it, signed "
					 "by itself.",
					 children,
					 NULL,
					 NULL};
	struct args a = {.spec = {.bits = 2048, .days = 3650}};
	struct err e = {0};

	(void)ctx;
	cli_parse(&argp, argc, argv, &a);
	return token_report(keygen(&a, &e), &e, argv[0]);
}
