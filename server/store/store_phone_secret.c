/* Certificates and secrets of phones. */
#include "server/store/phone_priv.h"
#include "server/store/seal.h"

#include "common/hex.h"
#include "common/sha256.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

static const char action[] = "phone";

/* The phone has another version from now on. */
static int touch(struct store *s, const struct store_phone *p, struct err *e)
{
	struct query q;
	int64_t version;
	int rc = phone_next_version(s, &version, e);

	if (rc)
		return rc;
	query_start(&q, s, "UPDATE phones SET version = ? WHERE id = ?");
	query_put_int(&q, version);
	query_put_int(&q, p->id);
	return query_run(&q, "change the phone", e);
}

/* ---- certificates ---- */

static int write_cert(struct store *s, const struct store_phone *p, enum store_phone_cert which,
		      struct span der, struct err *e)
{
	struct query q;

	if (which == STORE_LSC)
		query_start(&q, s, "UPDATE phones SET lsc = ? WHERE id = ?");
	else
		query_start(&q, s, "UPDATE phones SET mic = ? WHERE id = ?");
	query_put_blob(&q, der);
	query_put_int(&q, p->id);
	return query_run(&q, "write the phone's certificate", e);
}

static int note_cert(struct store *s, const struct store_phone *p, enum store_phone_cert which,
		     struct span der, struct err *e)
{
	const char *kind = which == STORE_LSC ? "LSC" : "MIC";
	char print[2 * SHA256_LEN + 1];

	if (!der.len)
		return audit_putf(s, action, e, "%s has no %s any more", p->name, kind);
	if (sha256_text(print, der, e))
		return (int)e->kind;
	return audit_putf(s, action, e, "%s has the %s with SHA-256 %s", p->name, kind, print);
}

int store_phone_cert_set(struct store *s, const char *name, enum store_phone_cert which,
			 struct span der, struct err *e)
{
	struct store_phone p = {0};
	int rc;

	if (der.len > STORE_PHONE_CERT_MAX)
		return err_set(e, ERR_USAGE, "certificate",
			       "the certificate has more than %d bytes", STORE_PHONE_CERT_MAX);
	if (store_begin(s, e))
		return (int)e->kind;
	rc = phone_need(s, name, &p, e);
	if (!rc)
		rc = write_cert(s, &p, which, der, e);
	if (!rc)
		rc = touch(s, &p, e);
	if (!rc)
		rc = note_cert(s, &p, which, der, e);
	store_phone_free(&p);
	return store_end(s, rc, e);
}

/* ---- secrets ---- */

static const char *kind_of(enum store_phone_secret which)
{
	return which == STORE_SECRET_KEY ? "key" : "authentication string";
}

static void what_it_is(char what[80], enum store_phone_secret which, int64_t id)
{
	snprintf(what, 80, "%s of phone %" PRId64, kind_of(which), id);
}

static int check_key(const struct store_phone *p, struct span key, struct err *e)
{
	const enum device_cipher cipher =
		device_ability(device_model_find(p->model), p->protocol)->cipher;
	const size_t len = device_key_len(cipher);

	if (!key.len || key.len == len)
		return 0;
	if (len)
		return err_set(e, ERR_USAGE, "phone-key",
			       "the key of %s has %zu bytes (%zu hexadecimal digits), not %zu",
			       p->name, len, 2 * len, key.len);
	return err_set(e, ERR_USAGE, "phone-key", "%s takes no key: a %s with that protocol %s",
		       p->name, p->model,
		       cipher == DEVICE_CIPHER_PUBKEY
			       ? "has its configuration encrypted for its certificate"
			       : "takes no encrypted configuration");
}

int phone_check_string(struct span text, struct err *e)
{
	bool digits = true;

	for (size_t i = 0; i < text.len; i++)
		digits = digits && text.data[i] >= '0' && text.data[i] <= '9';
	if (!text.len ||
	    (digits && text.len >= STORE_AUTH_STRING_MIN && text.len <= STORE_AUTH_STRING_MAX))
		return 0;
	return err_set(e, ERR_USAGE, "auth-string", "an authentication string has %d to %d digits",
		       STORE_AUTH_STRING_MIN, STORE_AUTH_STRING_MAX);
}

/* Two phones with one string while both wait for CAPF: either could pass for the other. q finds
 * such a phone. */
static int refuse_taken(struct query *q, struct err *e)
{
	const bool taken = query_row(q);
	const int rc = query_end(q, "look for the authentication string", e);

	if (rc || !taken)
		return rc;
	return err_set(e, ERR_CONFLICT, "auth-string-taken",
		       "another phone has that authentication string, and its operation is "
		       "pending");
}

static int check_unique(struct store *s, const struct store_phone *p,
			const uint8_t mark[SEAL_MARK_LEN], struct err *e)
{
	struct query q;

	query_start(&q, s,
		    "SELECT 1 FROM phones WHERE auth_mark <> x'' AND auth_mark = ? AND id <> ?"
		    " AND capf_status = 1");
	query_put_blob(&q, span_of(mark, SEAL_MARK_LEN));
	query_put_int(&q, p->id);
	return refuse_taken(&q, e);
}

int phone_check_string_free(struct store *s, int64_t id, struct err *e)
{
	struct query q;

	query_start(&q, s,
		    "SELECT 1 FROM phones own JOIN phones other ON other.auth_mark = own.auth_mark"
		    " AND other.auth_mark <> x'' AND other.id <> own.id AND other.capf_status = 1"
		    " WHERE own.id = ?");
	query_put_int(&q, id);
	return refuse_taken(&q, e);
}

static int write_key(struct store *s, const struct store_phone *p, struct span sealed,
		     struct err *e)
{
	struct query q;

	query_start(&q, s, "UPDATE phones SET key = ? WHERE id = ?");
	query_put_blob(&q, sealed);
	query_put_int(&q, p->id);
	return query_run(&q, "write the phone's key", e);
}

static int write_string(struct store *s, const struct store_phone *p, struct span text,
			struct span sealed, struct err *e)
{
	uint8_t mark[SEAL_MARK_LEN];
	struct query q;
	int rc = 0;

	if (text.len)
		rc = seal_mark(s, mark, kind_of(STORE_SECRET_AUTH_STRING), text, e);
	if (!rc && text.len)
		rc = check_unique(s, p, mark, e);
	if (rc)
		return rc;
	query_start(&q, s, "UPDATE phones SET auth_string = ?, auth_mark = ? WHERE id = ?");
	query_put_blob(&q, sealed);
	query_put_blob(&q, span_of(mark, text.len ? sizeof(mark) : 0));
	query_put_int(&q, p->id);
	return query_run(&q, "write the authentication string", e);
}

static int write_secret(struct store *s, const struct store_phone *p, enum store_phone_secret which,
			struct span value, struct err *e)
{
	struct buf sealed = {0};
	char what[80];
	int rc = which == STORE_SECRET_KEY ? check_key(p, value, e) : phone_check_string(value, e);

	what_it_is(what, which, p->id);
	if (!rc && value.len)
		rc = seal(s, &sealed, what, value, e);
	if (!rc)
		rc = which == STORE_SECRET_KEY ? write_key(s, p, buf_view(&sealed), e)
					       : write_string(s, p, value, buf_view(&sealed), e);
	buf_free(&sealed);
	return rc;
}

int store_phone_secret_set(struct store *s, const char *name, enum store_phone_secret which,
			   struct span value, struct err *e)
{
	struct store_phone p = {0};
	int rc;

	if (store_begin(s, e))
		return (int)e->kind;
	rc = phone_need(s, name, &p, e);
	if (!rc)
		rc = write_secret(s, &p, which, value, e);
	if (!rc)
		rc = touch(s, &p, e);
	if (!rc)
		rc = audit_putf(s, action, e, "%s %s", p.name,
				value.len ? which == STORE_SECRET_KEY ? "has a new key"
								      : "has a new authentication "
									"string"
				: which == STORE_SECRET_KEY ? "has no key any more"
							    : "has no authentication string any "
							      "more");
	store_phone_free(&p);
	return store_end(s, rc, e);
}

static void read_sealed(struct query *q, struct store *s, enum store_phone_secret which)
{
	if (which == STORE_SECRET_KEY)
		query_start(q, s, "SELECT id, key FROM phones WHERE name = ?");
	else
		query_start(q, s, "SELECT id, auth_string FROM phones WHERE name = ?");
}

int store_phone_secret_get(struct store *s, const char *name, enum store_phone_secret which,
			   struct buf *out, struct err *e)
{
	struct buf sealed = {0};
	struct query q;
	char what[80];
	bool found;
	int rc;

	read_sealed(&q, s, which);
	query_put_text(&q, name);
	found = query_row(&q);
	if (found) {
		what_it_is(what, which, query_int(&q));
		query_blob(&q, &sealed);
	}
	rc = query_end(&q, "read a secret of the phone", e);
	if (!rc && !found)
		rc = phone_refuse_unknown(name, e);
	if (!rc && sealed.len)
		rc = unseal(s, out, what, buf_view(&sealed), e);
	buf_free(&sealed);
	return rc;
}
