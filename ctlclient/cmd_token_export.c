/* ctlclient token export-cert: a certificate as a file, for those who have to know it. */
#include "ctlclient/cmd_token.h"

#include "common/cli.h"
#include "common/file.h"
#include "ctlclient/options.h"

#include <openssl/pem.h>

struct args {
	struct desk_opts desk;
	const char *uri, *out;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->desk;
		return 0;
	case 'o':
		a->out = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (a->uri)
			argp_error(state, "\"%s\" is not expected here", arg);
		a->uri = arg;
		return 0;
	case ARGP_KEY_END:
		if (!a->uri || !desk_is_uri(a->uri))
			argp_error(state, "which certificate? give its URI, as \"ctlclient token "
					  "list\" shows it");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int write_pem(const struct args *a, X509 *cert, struct err *e)
{
	BIO *pem = BIO_new(BIO_s_mem());
	char *text;
	long n;
	int rc = 0;

	if (!pem || !PEM_write_bio_X509(pem, cert)) {
		BIO_free(pem);
		return err_openssl(e, ERR_FAILED, "certificate", "cannot encode the certificate");
	}
	n = BIO_get_mem_data(pem, &text);
	if (a->out)
		rc = file_create(a->out, span_of(text, (size_t)n), 0644, e);
	else if (fwrite(text, 1, (size_t)n, stdout) != (size_t)n || fflush(stdout))
		rc = err_set(e, ERR_FAILED, "output", "cannot write to standard output");
	BIO_free(pem);
	return rc;
}

int token_cmd_export_cert(int argc, char **argv, void *ctx)
{
	static const struct argp_option options[] = {
		{"output", 'o', "FILE", 0, "Where to save it (else standard output)", 0}, {0}};
	static const struct argp_child children[] = {{&options_desk, 0, "Tokens:", 1}, {0}};
	static const struct argp argp = {options,
					 parse,
					 "URI",
					 "Writes a certificate of a token in PEM form: for "
					 "\"ctladmin user cert\", for a token "
					 "authority, for the records. It takes no PIN.",
					 children,
					 NULL,
					 NULL};
	struct args a = {0};
	struct desk_cert cert = {0};
	struct desk *desk = NULL;
	struct err e = {0};
	int rc;

	(void)ctx;
	cli_parse(&argp, argc, argv, &a);
	rc = desk_open(&desk, &a.desk, &e);
	if (!rc)
		rc = desk_cert(&cert, desk, a.uri, &e);
	if (!rc)
		rc = write_pem(&a, cert.cert, &e);
	desk_cert_free(&cert);
	desk_close(desk);
	return token_report(rc, &e, argv[0]);
}
