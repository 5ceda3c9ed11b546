#include "server/capf/key.h"

#include "server/capf/der.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <stdio.h>

static const uint8_t oid_rsa[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01};
static const uint8_t oid_ec[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01};
static const uint8_t oid_p256[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
static const uint8_t oid_p384[] = {0x2b, 0x81, 0x04, 0x00, 0x22};
static const uint8_t oid_p521[] = {0x2b, 0x81, 0x04, 0x00, 0x23};

static const struct {
	struct span oid;
	int nid;
	const char *name;
} curves[CAPF_CURVES] = {
	[CAPF_P256] = {{oid_p256, sizeof(oid_p256)}, NID_X9_62_prime256v1, "P-256"},
	[CAPF_P384] = {{oid_p384, sizeof(oid_p384)}, NID_secp384r1, "P-384"},
	[CAPF_P521] = {{oid_p521, sizeof(oid_p521)}, NID_secp521r1, "P-521"},
};

static int bad_key(struct err *e, const char *why)
{
	return err_set(e, ERR_REFUSED, "capf-key", "the phone's public key is refused: %s", why);
}

static struct span rest_of(const struct rd *r)
{
	return span_of(r->p, r->left);
}

/* An identifier of that value. */
static bool take_oid(struct rd *r, struct span oid)
{
	const struct rd id = der_enter(r, DER_OID);

	return !id.bad && span_eq(rest_of(&id), oid);
}

static unsigned bits_of(struct span n)
{
	unsigned bits = n.len ? (unsigned)(n.len - 1) * 8 : 0;

	for (uint8_t top = n.len ? n.data[0] : 0; top; top >>= 1)
		bits++;
	return bits;
}

static uint64_t number_of(struct span n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n.len; i++)
		v = v << 8 | n.data[i];
	return v;
}

/* RSAPublicKey of RFC 3279 section 2.3.1. */
static int check_rsa(struct rd *algorithm, struct rd *key, unsigned want, struct err *e)
{
	const struct rd null = der_enter(algorithm, DER_NULL);
	struct rd pair = der_enter(key, DER_SEQUENCE);
	const struct span n = der_positive(&pair);
	const struct span exponent = der_positive(&pair);

	if (null.bad || null.left || algorithm->left || key->bad || key->left || pair.bad ||
	    pair.left)
		return bad_key(e, "it is not encoded as an RSA key is");
	if (bits_of(n) != want)
		return err_set(e, ERR_REFUSED, "capf-key",
			       "the phone's RSA key has %u bits, not the %u it was asked for",
			       bits_of(n), want);
	if (!(n.data[n.len - 1] & 1))
		return bad_key(e, "its modulus is even");
	if (exponent.len > KEY_EXPONENT_BYTES || !(number_of(exponent) & 1) ||
	    number_of(exponent) < KEY_EXPONENT_MIN)
		return bad_key(e, "its exponent is even, below 65537 or too long");
	return 0;
}

static bool is_on_curve(struct span point, int nid)
{
	EC_GROUP *group = EC_GROUP_new_by_curve_name(nid);
	EC_POINT *p = group ? EC_POINT_new(group) : NULL;
	/* This checks that it lies on the curve. */
	const bool good = p && EC_POINT_oct2point(group, p, point.data, point.len, NULL) == 1 &&
			  !EC_POINT_is_at_infinity(group, p);

	EC_POINT_free(p);
	EC_GROUP_free(group);
	ERR_clear_error();
	return good;
}

/* RFC 5480 section 2: a named curve, and an uncompressed point. */
static int check_ec(struct rd *algorithm, const struct rd *key, enum capf_curve want, struct err *e)
{
	if (!take_oid(algorithm, curves[want].oid) || algorithm->left)
		return err_set(e, ERR_REFUSED, "capf-key",
			       "the phone's EC key is not on the curve %s that it was asked for",
			       curves[want].name);
	if (!key->left || key->p[0] != POINT_CONVERSION_UNCOMPRESSED)
		return bad_key(e, "its point is not in the uncompressed form");
	if (!is_on_curve(rest_of(key), curves[want].nid))
		return bad_key(e, "its point does not lie on the curve");
	return 0;
}

int key_check(struct span spki, const struct key_spec *want, struct err *e)
{
	const struct span type = want->type == CAPF_EC ? span_of(oid_ec, sizeof(oid_ec))
						       : span_of(oid_rsa, sizeof(oid_rsa));
	struct rd all = rd_of(spki);
	struct rd info = der_enter(&all, DER_SEQUENCE);
	struct rd algorithm = der_enter(&info, DER_SEQUENCE);
	struct rd key = der_enter(&info, DER_BIT_STRING);
	const uint8_t unused = rd_u8(&key);

	if (all.bad || all.left || info.bad || info.left || key.bad || unused)
		return bad_key(e, "it is not a SubjectPublicKeyInfo");
	if (!take_oid(&algorithm, type))
		return bad_key(e, want->type == CAPF_EC ? "it is not an EC key"
							: "it is not an RSA key");
	return want->type == CAPF_EC ? check_ec(&algorithm, &key, want->curve, e)
				     : check_rsa(&algorithm, &key, want->bits, e);
}

const char *key_words(const struct key_spec *k, char text[16])
{
	if (k->type == CAPF_EC)
		snprintf(text, 16, "EC %s", curves[k->curve % CAPF_CURVES].name);
	else
		snprintf(text, 16, "RSA %u", k->bits);
	return text;
}
