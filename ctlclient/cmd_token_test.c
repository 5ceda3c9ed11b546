/* ctlclient token test. */
#include "ctlclient/cmd_token.h"

#include "common/cli.h"
#include "ctlclient/options.h"
#include "ctlclient/test_result.h"
#include "pkcs11/digestinfo.h"
#include "trustfile/cert.h"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

enum { OPT_JSON = 256, TEST_LEN = 64, SIG_MAX = 512 };

struct args {
	struct desk_opts desk;
	const char *uri;
	bool json;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->desk;
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
			argp_error(state, "which token? name it by its URI");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* token_certs() narrowed to one; token_signing_cert() has the words for none and for many. */
static int job_read(struct token *t, void *arg, struct err *e)
{
	struct test_result *r = arg;
	X509 *cert;

	token_view_free(&r->view);
	if (token_view_read(&r->view, t, e))
		return (int)e->kind;
	if (r->view.n == 1)
		return 0;
	if (token_signing_cert(&cert, t, e))
		return (int)e->kind;
	X509_free(cert);
	return err_set(e, ERR_TOKEN, "certificate-missing",
		       "the token %s (serial %s) answers differently each time it is asked what is "
		       "on it",
		       r->view.info.label, r->view.info.serial);
}

static int job_mechanisms(struct token *t, void *arg, struct err *e)
{
	struct test_result *r = arg;

	return token_mechanisms(t, r->mechanisms, e);
}

static int job_facts(struct token *t, void *arg, struct err *e)
{
	struct test_result *r = arg;

	r->view.info = *token_info(t);
	r->tried = !token_key_facts(t, r->view.certs[0].cert, &r->key, e);
	return r->tried ? 0 : (int)e->kind;
}

static int try_digest(bool *good, struct desk_token *t, const X509 *cert, const EVP_MD *md,
		      struct err *e)
{
	struct desk_key key = {t, cert, NULL};
	struct buf info = {0};
	uint8_t data[TEST_LEN];
	uint8_t sig[SIG_MAX];
	const size_t siglen = (size_t)(cert_rsa_bits(cert) + 7) / 8;
	int rc;

	if (RAND_bytes(data, sizeof(data)) != 1)
		return err_openssl(e, ERR_FAILED, "random", "no random numbers");
	rc = digestinfo(&info, md, span_of(data, sizeof(data)), e);
	if (!rc)
		rc = desk_key_sign(&key, info.data, info.len, sig, siglen, e);
	*good = !rc;
	buf_free(&info);
	return rc;
}

static int sign_both(struct test_result *r, struct desk_token *t, struct err *e)
{
	const X509 *cert = r->view.certs[0].cert;
	int rc = try_digest(&r->sha1, t, cert, EVP_sha1(), e);

	if (!rc)
		rc = try_digest(&r->sha512, t, cert, EVP_sha512(), e);
	if (rc && !r->mechanisms[0].works)
		err_hint(e, "the token does not offer %s, which trust lists are signed with",
			 r->mechanisms[0].name);
	return rc;
}

/* A certificate that lists cannot use is known before the PIN is asked for. */
static int examine(struct test_result *r, struct desk_token *t, struct err *e)
{
	int rc = desk_token_retry(t, job_read, r, e);

	if (!rc)
		rc = desk_token_retry(t, job_mechanisms, r, e);
	if (rc)
		return rc;
	test_judge_cert(r);
	if (r->problems[0])
		return 0;
	rc = desk_token_login(t, "to sign a test", e);
	if (!rc)
		rc = desk_token_retry(t, job_facts, r, e);
	if (!rc)
		rc = sign_both(r, t, e);
	if (!rc)
		test_judge_key(r);
	return rc;
}

static void tell_next(const struct test_result *r)
{
	fflush(stdout);
	fprintf(stderr,
		"next: with a second token like this one (\"ctlclient token init\", \"keygen\") "
		"make "
		"the first list:\n"
		"  of a cluster:  ctlclient cluster set-mode mixed --signer '%s' --sast '%s' "
		"--sast "
		"URI2\n"
		"  in a file:     \"ctlclient ctl create --help\"\n",
		r->view.certs[0].uri, r->view.certs[0].uri);
}

static int test(const struct args *a, struct err *e)
{
	struct test_result r = {0};
	struct desk_token *t = NULL;
	struct desk *desk = NULL;
	int rc;

	rc = desk_open(&desk, &a->desk, e);
	if (!rc)
		rc = desk_token_find(&t, desk, a->uri, e);
	if (!rc)
		rc = examine(&r, t, e);
	if (!rc && a->json)
		rc = json_print(test_json(&r));
	else if (!rc)
		test_print(&r);
	if (!rc && !a->json && !r.problems[0])
		tell_next(&r);
	if (!rc && r.problems[0])
		rc = ERR_REFUSED;
	token_view_free(&r.view);
	desk_token_free(t);
	desk_close(desk);
	return rc;
}

int token_cmd_test(int argc, char **argv, void *ctx)
{
	static const struct argp_option options[] = {
		{"json", OPT_JSON, NULL, 0, "Print one JSON document", 0}, {0}};
	static const struct argp_child children[] = {{&options_desk, 0, "Tokens:", 0}, {0}};
	static const struct argp argp = {options,
					 parse,
					 "URI",
					 "Logs in, signs random data and verifies the signatures, "
					 "and says whether the token "
					 "can sign trust lists. Exit code 3: it works, but lists "
					 "cannot use its key; 4: it does "
					 "not work.",
					 children,
					 NULL,
					 NULL};
	struct args a = {0};
	struct err e = {0};

	(void)ctx;
	cli_parse(&argp, argc, argv, &a);
	return token_report(test(&a, &e), &e, argv[0]);
}
