#include "trustfile/testkit.h"

#include "common/file.h"
#include "common/hex.h"
#include "trustfile/cert.h"
#include "trustfile/pkey.h"

#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct buf test_file(const char *path)
{
	const char *root = getenv("CTL_SOURCE_DIR");
	char full[4096];
	struct buf b = {0};
	struct err e;

	snprintf(full, sizeof(full), "%s/trustfile/%s", root ? root : ".", path);
	if (file_read(full, TL_FILE_MAX, &b, &e))
		fail_msg("%s", e.what);
	return b;
}

struct test_key test_key_load(const char *name)
{
	struct test_key k = {0};
	char path[256];
	struct buf pem;
	struct err e;

	snprintf(path, sizeof(path), "vectors/keys/%s.pem", name);
	pem = test_file(path);
	assert_int_equal(pkey_from_pem(&k.key, buf_view(&pem), NULL, NULL, &e), 0);
	assert_int_equal(cert_from_file_bytes(&k.cert, buf_view(&pem), &e), 0);
	buf_free(&pem);
	return k;
}

X509 *test_cert(EVP_PKEY *key, const char *const parts[], size_t n)
{
	X509 *x = X509_new();
	X509_NAME *name = X509_NAME_new();

	for (size_t i = 0; i < n; i++) {
		const char *value = strchr(parts[i], '=') + 1;
		char type[32];

		snprintf(type, sizeof(type), "%.*s", (int)(value - 1 - parts[i]), parts[i]);
		assert_true(X509_NAME_add_entry_by_txt(name, type, MBSTRING_UTF8,
						       (const unsigned char *)value, -1, -1, 0));
	}
	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 0x1234);
	X509_gmtime_adj(X509_getm_notBefore(x), 0);
	X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	X509_set_subject_name(x, name);
	X509_set_issuer_name(x, name);
	X509_set_pubkey(x, key);
	assert_true(X509_sign(x, key, EVP_sha256()) > 0);
	X509_NAME_free(name);
	return x;
}

static struct test_key with_cert(EVP_PKEY *key, const char *cn)
{
	char part[64];
	const char *const parts[] = {part, "OU=LAB", "O=Example"};

	assert_non_null(key);
	snprintf(part, sizeof(part), "CN=%s", cn);
	return (struct test_key){key, test_cert(key, parts, 3)};
}

struct test_key test_key_rsa(unsigned bits, const char *cn)
{
	return with_cert(EVP_RSA_gen(bits), cn);
}

struct test_key test_key_ec(const char *curve, const char *cn)
{
	return with_cert(EVP_EC_gen(curve), cn);
}

void test_key_free(struct test_key *k)
{
	EVP_PKEY_free(k->key);
	X509_free(k->cert);
	*k = (struct test_key){0};
}

/* A description while it is turned into bytes. */
struct maker {
	const char *p;
	struct buf out;
	const struct test_key *signer, *other;
	size_t header_len, sig_at, sig_len;
};

static void put_thing(struct buf *b, char what, const struct maker *m)
{
	const X509 *x = what >= 'a' ? m->signer->cert : m->other->cert;

	switch (what) {
	case 'c':
	case 'C':
		cert_der(b, x);
		break;
	case 'k':
	case 'K':
		buf_span(b, cert_pubkey(x));
		break;
	case 's':
	case 'S':
		buf_span(b, cert_signature(x));
		break;
	case 'h':
	case 'H':
		cert_sha1(b, x);
		break;
	default:
		fail_msg("no such thing: %c", what);
	}
}

static void put_hex(struct maker *m)
{
	const size_t n = strspn(m->p, "0123456789abcdef");

	assert_true(hex_parse(&m->out, m->p, n));
	m->p += n;
}

static void set_u16(struct maker *m, size_t at, size_t v)
{
	assert_true(v <= UINT16_MAX && at + 2 <= m->out.len);
	m->out.data[at] = (uint8_t)(v >> 8);
	m->out.data[at + 1] = (uint8_t)v;
}

static void put_words(struct maker *m);

static void put_braces(struct maker *m)
{
	assert_int_equal(*m->p++, '{');
	put_words(m);
	assert_int_equal(*m->p++, '}');
}

static void put_tlv(struct maker *m)
{
	const size_t at = m->out.len;
	const char *end;

	assert_true(hex_parse(&m->out, m->p, 2));
	m->p += 2;
	buf_u16(&m->out, 0);
	if (*m->p == ':') {
		m->p++;
		put_hex(m);
	} else if (*m->p == '\'') {
		end = strchr(m->p + 1, '\'');
		buf_put(&m->out, m->p + 1, (size_t)(end - m->p - 1));
		buf_u8(&m->out, 0);
		m->p = end + 1;
	} else if (*m->p == '{') {
		put_braces(m);
	} else {
		put_thing(&m->out, *m->p++, m);
	}
	set_u16(m, at + 1, m->out.len - at - 3);
}

static void put_record(struct maker *m)
{
	const size_t at = m->out.len;

	m->p++;
	buf_put(&m->out, "\1\0\2\0\0", 5);
	put_braces(m);
	set_u16(m, at + 3, m->out.len - at);
}

static void put_signature(struct maker *m)
{
	m->p++;
	if (!m->sig_len) {
		m->sig_at = m->out.len;
		m->sig_len = (size_t)EVP_PKEY_get_size(m->signer->key);
	}
	buf_u8(&m->out, 12);
	buf_u16(&m->out, (uint16_t)m->sig_len);
	for (size_t i = 0; i < m->sig_len; i++)
		buf_u8(&m->out, 0);
}

static void put_words(struct maker *m)
{
	while (*m->p && *m->p != '}') {
		switch (*m->p) {
		case ' ':
			m->p++;
			break;
		case 'R':
			put_record(m);
			break;
		case 'S':
			put_signature(m);
			break;
		case 'P':
			for (m->p++; m->out.len % 4;)
				buf_u8(&m->out, 13);
			break;
		case '|':
			m->p++;
			m->header_len = m->out.len;
			break;
		case '!':
			m->p++;
			put_hex(m);
			break;
		default:
			put_tlv(m);
		}
	}
}

struct buf test_list(const char *description, const struct test_key *signer,
		     const struct test_key *other, bool sha512)
{
	struct maker m = {description, {0}, signer, other, 0, 0, 0};
	const enum tl_digest digest = sha512 ? TL_SHA512 : TL_SHA1;
	struct buf value = {0}, info = {0};
	struct err e;

	put_words(&m);
	assert_int_equal(*m.p, '\0');
	if (m.out.len >= 10 && !m.out.data[8] && !m.out.data[9])
		set_u16(&m, 8, m.header_len);
	if (m.sig_len) {
		assert_int_equal(
			tf_digest_file(&value, digest, buf_view(&m.out), m.sig_at, m.sig_len, &e),
			0);
		assert_int_equal(tf_digest_info(&info, digest, buf_view(&value), &e), 0);
		assert_int_equal(pkey_sign(signer->key, info.data, info.len,
					   m.out.data + m.sig_at + 3, m.sig_len, &e),
				 0);
	}
	buf_free(&value);
	buf_free(&info);
	assert_false(m.out.bad);
	return m.out;
}
