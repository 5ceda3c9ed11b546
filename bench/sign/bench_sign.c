/*
 * bench_sign MODULE URI COUNT: what a signature costs through token_sign(), beside a bare loop of
 * C_SignInit and C_Sign on the same token. Both take turns, so that whatever else the machine does
 * hits both alike; medians are compared. The URI names the key and, in pin-source=file:PATH, its
 * PIN. Fails if token_sign() costs more than LIMIT times the bare call.
 */
#include "common/secret.h"
#include "pkcs11/digestinfo.h"
#include "pkcs11/token.h"

#include <dlfcn.h>
#include <p11-kit/pkcs11.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { COUNT_MAX = 100000, SIGNATURE_MAX = 512, WARM_UP = 20 };

static const double limit = 1.2;

/* The token behind our own code. */
struct ours {
	struct tokens *ts;
	struct token *token;
	X509 *cert;
	struct buf digest_info;
	size_t siglen;
};

/* The same key by the module's own functions. */
struct bare {
	void *library;
	CK_FUNCTION_LIST *fn;
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key;
};

/* ---- ours ---- */

static int log_in(struct ours *o, struct err *e)
{
	struct secret pin;
	int rc = secret_read(&pin, token_pin_source(o->token), "PIN: ", "PIN", "pin-source", e);

	if (rc)
		return rc;
	rc = token_login(o->token, &pin, false, e);
	secret_free(&pin);
	return rc;
}

static int ours_open(struct ours *o, const char *module, const char *uri, struct err *e)
{
	int rc = tokens_open(&o->ts, module, e);

	if (!rc)
		rc = token_find(&o->token, o->ts, uri, e);
	if (!rc)
		rc = log_in(o, e);
	if (!rc)
		rc = token_signing_cert(&o->cert, o->token, e);
	if (!rc)
		rc = digestinfo(&o->digest_info, EVP_sha512(), span_of("list", 4), e);
	if (!rc)
		o->siglen = (size_t)EVP_PKEY_get_size(X509_get0_pubkey(o->cert));
	if (!rc && o->siglen > SIGNATURE_MAX)
		rc = err_set(e, ERR_FAILED, "key-size", "the key is too large");
	return rc;
}

static int ours_sign(struct ours *o, struct err *e)
{
	uint8_t sig[SIGNATURE_MAX];

	return token_sign(o->token, o->cert, o->digest_info.data, o->digest_info.len, sig,
			  o->siglen, e);
}

static void ours_close(struct ours *o)
{
	X509_free(o->cert);
	buf_free(&o->digest_info);
	token_free(o->token);
	tokens_close(o->ts);
}

/* ---- bare ---- */

static int bare_load(struct bare *b, const char *module, struct err *e)
{
	CK_C_GetFunctionList get_list = NULL;

	b->library = dlopen(module, RTLD_NOW | RTLD_LOCAL);
	if (b->library)
		*(void **)&get_list = dlsym(b->library, "C_GetFunctionList");
	if (get_list && get_list(&b->fn) == CKR_OK)
		return 0;
	return err_set(e, ERR_FAILED, "module", "cannot load %s", module);
}

/* The module is initialised and logged in to already: that belongs to the process. */
static int bare_open(struct bare *b, const struct ours *o, const char *module, struct err *e)
{
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof(class)}};
	CK_ULONG n = 0;
	CK_RV rv;

	if (bare_load(b, module, e))
		return (int)e->kind;
	rv = b->fn->C_OpenSession(token_info(o->token)->slot, CKF_SERIAL_SESSION, NULL, NULL,
				  &b->session);
	if (rv == CKR_OK)
		rv = b->fn->C_FindObjectsInit(b->session, template, 1);
	if (rv == CKR_OK)
		rv = b->fn->C_FindObjects(b->session, &b->key, 1, &n);
	if (rv == CKR_OK)
		rv = b->fn->C_FindObjectsFinal(b->session);
	if (rv != CKR_OK || n != 1)
		return err_set(e, ERR_FAILED, "bare", "the bare loop finds no key (0x%lx)", rv);
	return 0;
}

static int bare_sign(struct bare *b, const struct ours *o, struct err *e)
{
	CK_MECHANISM mechanism = {CKM_RSA_PKCS, NULL, 0};
	uint8_t sig[SIGNATURE_MAX];
	CK_ULONG n = sizeof(sig);
	CK_RV rv = b->fn->C_SignInit(b->session, &mechanism, b->key);

	if (rv == CKR_OK)
		rv = b->fn->C_Sign(b->session, o->digest_info.data, o->digest_info.len, sig, &n);
	if (rv != CKR_OK)
		return err_set(e, ERR_FAILED, "bare", "the bare loop cannot sign (0x%lx)", rv);
	return 0;
}

static void bare_close(struct bare *b)
{
	if (b->session)
		(void)b->fn->C_CloseSession(b->session);
	if (b->library)
		dlclose(b->library);
}

/* ---- measuring ---- */

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int by_value(const void *a, const void *b)
{
	const double x = *(const double *)a;
	const double y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, size_t n)
{
	qsort(values, n, sizeof(*values), by_value);
	return values[n / 2];
}

static int take_turns(struct ours *o, struct bare *b, double *ours, double *bare, size_t n,
		      struct err *e)
{
	int rc = 0;

	for (size_t i = 0; i < n && !rc; i++) {
		double from = now_us();

		rc = bare_sign(b, o, e);
		bare[i] = now_us() - from;
		if (rc)
			break;
		from = now_us();
		rc = ours_sign(o, e);
		ours[i] = now_us() - from;
	}
	return rc;
}

static int compare(struct ours *o, struct bare *b, size_t n, struct err *e)
{
	double *ours = calloc(n + WARM_UP, sizeof(*ours));
	double *bare = calloc(n + WARM_UP, sizeof(*bare));
	int rc = ours && bare ? 0 : err_nomem(e);

	if (!rc)
		rc = take_turns(o, b, ours, bare, WARM_UP, e);
	if (!rc)
		rc = take_turns(o, b, ours, bare, n, e);
	if (!rc) {
		const double x = median(ours, n);
		const double y = median(bare, n);

		printf("RSA %zu: C_Sign %.0f us, token_sign %.0f us, ratio %.2f (limit %.1f)\n",
		       o->siglen * 8, y, x, x / y, limit);
		if (x / y > limit)
			rc = err_set(e, ERR_FAILED, "slow", "token_sign costs too much");
	}
	free(ours);
	free(bare);
	return rc;
}

int main(int argc, char **argv)
{
	const long count = argc == 4 ? strtol(argv[3], NULL, 10) : 0;
	struct ours o = {0};
	struct bare b = {0};
	struct err e;
	int rc;

	if (count < 1 || count > COUNT_MAX) {
		fprintf(stderr, "usage: bench_sign MODULE URI COUNT\n");
		return ERR_USAGE;
	}
	rc = ours_open(&o, argv[1], argv[2], &e);
	if (!rc)
		rc = bare_open(&b, &o, argv[1], &e);
	if (!rc)
		rc = compare(&o, &b, (size_t)count, &e);
	bare_close(&b);
	ours_close(&o);
	if (rc)
		err_print(&e, "bench_sign");
	return rc;
}
