#include "ctlclient/test_result.h"

#include "trustfile/cert.h"
#include "trustfile/signature.h"

enum { WEAKEST_BITS = 1024 };

static void add(const char *list[TEST_REASONS_MAX], const char *reason)
{
	for (size_t i = 0; i < TEST_REASONS_MAX; i++)
		if (!list[i]) {
			list[i] = reason;
			return;
		}
}

const char *test_unfit(const X509 *cert)
{
	const int bits = cert_rsa_bits(cert);
	uint8_t code;

	if (!bits)
		return "the key is not an RSA key: trust lists are signed with RSA only";
	if (!tf_modulus_code(&code, (size_t)(bits + 7) / 8))
		return "the trust list format has no code for a key of this size";
	return bits < WEAKEST_BITS ? "the key is too short" : NULL;
}

static bool is_over(const X509 *cert)
{
	return X509_cmp_current_time(X509_get0_notAfter(cert)) < 0;
}

static bool is_to_come(const X509 *cert)
{
	return X509_cmp_current_time(X509_get0_notBefore(cert)) > 0;
}

void test_judge_cert(struct test_result *r)
{
	const X509 *cert = r->view.certs[0].cert;

	if (test_unfit(cert))
		add(r->problems, test_unfit(cert));
	if (token_key_is_weak(cert))
		add(r->notes, "the key is weak: use 2048 bits or more where the phones allow it");
	if (is_over(cert))
		add(r->notes,
		    "the certificate has expired: phones do not look at dates, auditors do");
	if (is_to_come(cert))
		add(r->notes, "the certificate is not valid yet: is this computer's clock right?");
}

void test_judge_key(struct test_result *r)
{
	if (token_is_software(&r->view.info))
		add(r->notes, "this is a software token: its keys can be copied with its files");
	if (r->key.extractable || !r->key.sensitive)
		add(r->notes, "the key can be taken out of the token");
	else if (!r->key.never_extractable)
		add(r->notes, "the key could once be taken out of the token");
	if (!r->key.local)
		add(r->notes, "the key was not made on the token: copies of it may exist");
	if (r->key.always_authenticate)
		add(r->notes, "the key asks for the PIN again before each signature");
}

/* ---- text ---- */

static const char *const yes_no[] = {"no", "yes"};

static void line(const char *name, bool value)
{
	printf("  %-36s%s\n", name, yes_no[value]);
}

static void print_key(const struct test_result *r)
{
	const struct token_key_facts *k = &r->key;

	printf("\nkey of %u bits\n", k->bits);
	line("belongs to the certificate", r->sha1);
	line("signs SHA-1 lists, verified", r->sha1);
	line("signs SHA-512 lists, verified", r->sha512);
	line("private", k->private_);
	line("sensitive", k->sensitive);
	line("extractable", k->extractable);
	line("never extractable", k->never_extractable);
	line("local (made on the token)", k->local);
	line("sign", k->sign);
	line("always authenticate (PIN each time)", k->always_authenticate);
}

static void print_mechanisms(const struct test_result *r)
{
	printf("\nmechanisms\n");
	for (size_t i = 0; i < TOKEN_MECHANISMS; i++) {
		const struct token_mechanism *m = &r->mechanisms[i];

		if (m->works)
			printf("  %-36s%s, keys of %lu to %lu\n", m->name, yes_no[1], m->min,
			       m->max);
		else
			line(m->name, false);
	}
}

void test_print(const struct test_result *r)
{
	token_print(&r->view.info);
	token_print_cert(&r->view.certs[0]);
	if (r->tried)
		print_key(r);
	print_mechanisms(r);
	printf("\n");
	for (size_t i = 0; i < TEST_REASONS_MAX && r->notes[i]; i++)
		printf("note: %s\n", r->notes[i]);
	for (size_t i = 0; i < TEST_REASONS_MAX && r->problems[i]; i++)
		printf("problem: %s\n", r->problems[i]);
	printf("%s\n", r->problems[0] ? "this token cannot sign CTLs" : "this token can sign CTLs");
}

/* ---- JSON ---- */

static json_t *reasons_json(const char *const list[TEST_REASONS_MAX])
{
	json_t *array = json_array();

	for (size_t i = 0; i < TEST_REASONS_MAX && list[i]; i++)
		json_array_append_new(array, json_string(list[i]));
	return array;
}

static json_t *key_json(const struct test_result *r)
{
	const struct token_key_facts *k = &r->key;

	if (!r->tried)
		return json_null();
	return json_pack("{s:i, s:b, s:b, s:b, s:b, s:b, s:b, s:b, s:b}", "bits", (int)k->bits,
			 "private", k->private_, "sensitive", k->sensitive, "extractable",
			 k->extractable, "never_extractable", k->never_extractable, "local",
			 k->local, "sign", k->sign, "always_authenticate", k->always_authenticate,
			 "fits_certificate", r->sha1);
}

static json_t *mechanisms_json(const struct test_result *r)
{
	json_t *all = json_object();

	for (size_t i = 0; i < TOKEN_MECHANISMS; i++) {
		const struct token_mechanism *m = &r->mechanisms[i];

		json_object_set_new(all, m->name,
				    m->works ? json_pack("{s:I, s:I}", "min", (json_int_t)m->min,
							 "max", (json_int_t)m->max)
					     : json_null());
	}
	return all;
}

json_t *test_json(const struct test_result *r)
{
	const X509 *cert = r->view.certs[0].cert;

	return json_pack("{s:o, s:o, s:o, s:{s:b, s:b}, s:b, s:b, s:b, s:o, s:o}", "token",
			 token_view_json(&r->view), "key", key_json(r), "mechanisms",
			 mechanisms_json(r), "signed", "sha1", r->sha1, "sha512", r->sha512,
			 "valid_now", !is_over(cert) && !is_to_come(cert), "software",
			 token_is_software(&r->view.info), "can_sign", !r->problems[0], "problems",
			 reasons_json(r->problems), "notes", reasons_json(r->notes));
}
