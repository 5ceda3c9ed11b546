/* ctlclient token test. */
#include "ctlclient/cmd_token.h"

#include "common/cli.h"
#include "ctlclient/options.h"
#include "pkcs11/digestinfo.h"
#include "trustfile/cert.h"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

enum { OPT_JSON = 256, TEST_LEN = 64, SIG_MAX = 512, REASONS_MAX = 8 };

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

/* What was found out about the one certificate and its key. */
struct finding {
	struct token_view view; /* with exactly one certificate */
	struct token_key_facts key;
	bool sha1, sha512;                 /* signed and verified */
	const char *problems[REASONS_MAX]; /* the token cannot sign lists */
	const char *notes[REASONS_MAX];    /* it can, but */
};

static void add(const char *list[REASONS_MAX], const char *reason)
{
	for (size_t i = 0; i < REASONS_MAX; i++)
		if (!list[i]) {
			list[i] = reason;
			return;
		}
}

/* token_certs() narrowed to one; token_signing_cert() has the words for none and for many. */
static int job_read(struct token *t, void *arg, struct err *e)
{
	struct finding *f = arg;
	X509 *cert;

	if (token_signing_cert(&cert, t, e))
		return (int)e->kind;
	X509_free(cert);
	return token_view_read(&f->view, t, e);
}

static int job_facts(struct token *t, void *arg, struct err *e)
{
	struct finding *f = arg;

	f->view.info = *token_info(t);
	return token_key_facts(t, f->view.certs[0].cert, &f->key, e);
}

static int try_digest(struct token *t, const X509 *cert, const EVP_MD *md, struct err *e)
{
	struct buf info = {0};
	uint8_t data[TEST_LEN];
	uint8_t sig[SIG_MAX];
	const size_t siglen = (size_t)(cert_rsa_bits(cert) + 7) / 8;
	int rc;

	if (RAND_bytes(data, sizeof(data)) != 1)
		return err_openssl(e, ERR_FAILED, "random", "no random numbers");
	rc = digestinfo(&info, md, span_of(data, sizeof(data)), e);
	if (!rc)
		rc = token_sign(t, cert, info.data, info.len, sig, siglen, e);
	buf_free(&info);
	return rc;
}

static int job_sign(struct token *t, void *arg, struct err *e)
{
	struct finding *f = arg;
	const X509 *cert = f->view.certs[0].cert;

	if (try_digest(t, cert, EVP_sha1(), e))
		return (int)e->kind;
	f->sha1 = true;
	if (try_digest(t, cert, EVP_sha512(), e))
		return (int)e->kind;
	f->sha512 = true;
	return 0;
}

/* Sizes the SIGNATUREMODULUS of a trust list has a code for: doc/formats.md. */
static bool size_has_code(int bits)
{
	return bits == 512 || bits == 1024 || bits == 2048 || bits == 4096;
}

static void judge_cert(struct finding *f)
{
	const X509 *cert = f->view.certs[0].cert;
	const int bits = cert_rsa_bits(cert);

	if (!bits)
		add(f->problems, "the key is not an RSA key: trust lists are signed with RSA only");
	else if (!size_has_code(bits))
		add(f->problems, "the trust list format has no code for a key of this size");
	else if (bits < 1024)
		add(f->problems, "the key is too short");
	if (token_key_is_weak(cert))
		add(f->notes, "the key is weak: use 2048 bits or more where the phones allow it");
	if (X509_cmp_current_time(X509_get0_notAfter(cert)) < 0)
		add(f->notes,
		    "the certificate has expired: phones do not look at dates, auditors do");
	if (X509_cmp_current_time(X509_get0_notBefore(cert)) > 0)
		add(f->notes, "the certificate is not valid yet: is this computer's clock right?");
}

static void judge_key(struct finding *f)
{
	if (token_is_software(&f->view.info))
		add(f->notes, "this is a software token: its keys can be copied with its files");
	if (f->key.extractable || !f->key.sensitive)
		add(f->notes, "the key can be taken out of the token");
	else if (!f->key.never_extractable)
		add(f->notes, "the key could once be taken out of the token");
	if (!f->key.local)
		add(f->notes, "the key was not made on the token: copies of it may exist");
}

/* ---- results ---- */

static const char *const yes_no[] = {"no", "yes"};

static void print_finding(const struct finding *f)
{
	const struct token_key_facts *k = &f->key;

	token_print(&f->view.info);
	token_print_cert(&f->view.certs[0]);
	if (!f->problems[0]) {
		printf("\nkey of %u bits\n", k->bits);
		printf("  private %s, sensitive %s, extractable %s, never extractable %s\n",
		       yes_no[k->private_], yes_no[k->sensitive], yes_no[k->extractable],
		       yes_no[k->never_extractable]);
		printf("  made on the token %s, may sign %s, asks for the PIN each time %s\n",
		       yes_no[k->local], yes_no[k->sign], yes_no[k->always_authenticate]);
		printf("  signed and verified: SHA-1 %s, SHA-512 %s\n", yes_no[f->sha1],
		       yes_no[f->sha512]);
	}
	printf("\n");
	for (size_t i = 0; i < REASONS_MAX && f->notes[i]; i++)
		printf("note: %s\n", f->notes[i]);
	for (size_t i = 0; i < REASONS_MAX && f->problems[i]; i++)
		printf("problem: %s\n", f->problems[i]);
	printf("%s\n", f->problems[0] ? "this token cannot sign CTLs" : "this token can sign CTLs");
}

static json_t *reasons_json(const char *const list[REASONS_MAX])
{
	json_t *array = json_array();

	for (size_t i = 0; i < REASONS_MAX && list[i]; i++)
		json_array_append_new(array, json_string(list[i]));
	return array;
}

static json_t *key_json(const struct finding *f)
{
	const struct token_key_facts *k = &f->key;

	if (f->problems[0])
		return json_null();
	return json_pack("{s:i, s:b, s:b, s:b, s:b, s:b, s:b, s:b}", "bits", (int)k->bits,
			 "private", k->private_, "sensitive", k->sensitive, "extractable",
			 k->extractable, "never_extractable", k->never_extractable, "local",
			 k->local, "sign", k->sign, "always_authenticate", k->always_authenticate);
}

static json_t *finding_json(const struct finding *f)
{
	return json_pack("{s:o, s:o, s:{s:b, s:b}, s:b, s:o, s:o}", "token",
			 token_view_json(&f->view), "key", key_json(f), "signed", "sha1", f->sha1,
			 "sha512", f->sha512, "can_sign", !f->problems[0], "problems",
			 reasons_json(f->problems), "notes", reasons_json(f->notes));
}

/* A certificate that lists cannot use is known before the PIN is asked for. */
static int examine(struct finding *f, struct desk_token *t, struct err *e)
{
	int rc = desk_token_run(t, job_read, f, e);

	if (rc)
		return rc;
	judge_cert(f);
	if (f->problems[0])
		return 0;
	rc = desk_token_login(t, "to sign a test", e);
	if (!rc)
		rc = desk_token_run(t, job_facts, f, e);
	if (!rc)
		rc = desk_token_run(t, job_sign, f, e);
	if (!rc)
		judge_key(f);
	return rc;
}

static int test(const struct args *a, struct err *e)
{
	struct finding f = {0};
	struct desk_token *t = NULL;
	struct desk *desk = NULL;
	int rc;

	rc = desk_open(&desk, &a->desk, e);
	if (!rc)
		rc = desk_token_find(&t, desk, a->uri, e);
	if (!rc)
		rc = examine(&f, t, e);
	if (!rc && a->json)
		rc = json_print(finding_json(&f));
	else if (!rc)
		print_finding(&f);
	if (!rc && f.problems[0])
		rc = ERR_REFUSED;
	token_view_free(&f.view);
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
