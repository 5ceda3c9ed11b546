#include "server/provider/phone_change.h"

#include "common/hex.h"
#include "common/secret.h"
#include "server/device/words.h"
#include "server/provider/auth_string.h"
#include "trustfile/cert.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	NAME_TRIES = 100,
};

/* ---- the profile that has another authentication mode or key size ---- */

/* Alike but for name, description, authentication mode and key size. */
static bool is_alike(const struct store_profile *a, const struct store_profile *b)
{
	return a->protocol == b->protocol && !strcmp(a->model, b->model) && a->mode == b->mode &&
	       a->encrypted_config == b->encrypted_config && a->nonce_seconds == b->nonce_seconds &&
	       a->transport == b->transport && a->digest == b->digest &&
	       a->exclude_digest == b->exclude_digest && a->sip_port == b->sip_port;
}

static int find_alike(struct store *s, const struct store_profile *want, char *name, struct err *e)
{
	struct store_profile *list;
	size_t n;
	int rc = store_profiles(s, false, &list, &n, e);

	if (rc)
		return rc;
	*name = '\0';
	for (size_t i = 0; i < n && !*name; i++)
		if (is_alike(&list[i], want) && list[i].auth_mode == want->auth_mode &&
		    list[i].key_size == want->key_size)
			snprintf(name, STORE_LABEL_MAX, "%s", list[i].name);
	free(list);
	return 0;
}

static int make_alike(struct store *s, struct store_profile *want, struct err *e)
{
	char base[STORE_LABEL_MAX];
	struct err why;
	int rc = ERR_CONFLICT;

	memcpy(base, want->name, sizeof(base));
	snprintf(want->description, sizeof(want->description), "made from %.128s for a phone",
		 base);
	for (int i = 1; rc && i < NAME_TRIES; i++) {
		snprintf(want->name, sizeof(want->name), "%.96s, %s %d", base,
			 device_auth_word(want->auth_mode), want->key_size);
		if (i > 1)
			snprintf(want->name + strlen(want->name),
				 sizeof(want->name) - strlen(want->name), " (%d)", i);
		rc = store_profile_add(s, want, &why);
		if (rc && strcmp(why.id, "profile-exists") != 0)
			break;
	}
	if (rc)
		*e = why;
	return rc;
}

static int choose_profile(struct store *s, struct store_phone *p, const struct phone_extras *x,
			  struct err *e)
{
	struct store_profile want;
	bool found;
	int rc;

	rc = store_profile_get(s, p->profile, &want, &found, e);
	/* That there is no such profile says whoever writes the phone. */
	if (rc || !found)
		return rc;
	if ((!x->auth_mode || (int)want.auth_mode == x->auth_mode) &&
	    (!x->key_size || want.key_size == x->key_size))
		return 0;
	if (x->auth_mode)
		want.auth_mode = (enum device_auth)x->auth_mode;
	if (x->key_size)
		want.key_size = x->key_size;
	rc = find_alike(s, &want, p->profile, e);
	if (!rc && !*p->profile) {
		rc = make_alike(s, &want, e);
		snprintf(p->profile, sizeof(p->profile), "%s", want.name);
	}
	return rc;
}

int phone_choose_profile(struct store *s, struct store_phone *p, struct phone_extras *x,
			 struct err *e)
{
	int rc = 0;

	if (!p->protocol)
		return err_set(e, ERR_USAGE, "bad-request",
			       "the member \"protocol\" is missing: sccp or sip");
	if (!*p->profile)
		snprintf(p->profile, sizeof(p->profile), "%s",
			 p->protocol == DEVICE_SCCP ? STORE_PROFILE_SCCP : STORE_PROFILE_SIP);
	if (x->auth_mode || x->key_size)
		rc = choose_profile(s, p, x, e);
	x->auth_mode = x->key_size = 0;
	return rc;
}

/* ---- secrets and certificates ---- */

static int set_digest_password(struct store *s, const struct store_phone *p, const char *text,
			       struct err *e)
{
	struct secret password = {0};
	int rc;

	if (!*p->digest_user)
		return err_set(e, ERR_USAGE, "phone",
			       "a digest password was given, and no digest user");
	rc = secret_set(&password, text, strlen(text), e);
	if (!rc)
		rc = store_digest_user_set(s, p->digest_user, &password, e);
	secret_free(&password);
	return rc;
}

static int make_key(struct buf *key, const struct store_phone *p, struct err *e)
{
	const struct device_model *m = device_model_find(p->model);
	const size_t n = m ? device_key_len(device_ability(m, p->protocol)->cipher) : 0;
	uint8_t *at;

	if (!n)
		return err_set(e, ERR_USAGE, "phone-key", "a %s with %s takes no key", p->model,
			       device_protocol_word(p->protocol));
	at = buf_room(key, n);
	if (!at)
		return err_nomem(e);
	if (RAND_priv_bytes(at, (int)n) != 1)
		return err_openssl(e, ERR_FAILED, "phone-key", "cannot make a key");
	key->len += n;
	return 0;
}

static int set_key(struct store *s, const struct store_phone *p, const char *text, struct err *e)
{
	static const char digits[] = "0123456789abcdefABCDEF";
	struct buf key = {0};
	int rc = 0;

	if (text && !strcmp(text, "generate"))
		rc = make_key(&key, p, e);
	else if (text && (!*text || strspn(text, digits) != strlen(text) ||
			  !hex_parse(&key, text, strlen(text))))
		rc = err_set(e, ERR_USAGE, "phone-key",
			     "a key is written in hexadecimal digits, two for each byte");
	if (!rc)
		rc = store_phone_secret_set(s, p->name, STORE_SECRET_KEY, buf_view(&key), e);
	buf_wipe(&key);
	return rc;
}

static int set_string(struct store *s, const struct store_phone *p, const char *text, struct err *e)
{
	char made[AUTH_STRING_DIGITS + 1];
	struct err why;
	int rc = 0;

	if (!text || strcmp(text, "generate") != 0)
		return store_phone_secret_set(s, p->name, STORE_SECRET_AUTH_STRING,
					      span_of(text, text ? strlen(text) : 0), e);
	for (int i = 0; i < AUTH_STRING_TRIES; i++) {
		rc = auth_string_make(made, &why);
		if (!rc)
			rc = store_phone_secret_set(s, p->name, STORE_SECRET_AUTH_STRING,
						    span_of(made, AUTH_STRING_DIGITS), &why);
		if (!rc || strcmp(why.id, "auth-string-taken") != 0)
			break;
	}
	OPENSSL_cleanse(made, sizeof(made));
	if (rc)
		*e = why;
	return rc;
}

static int set_cert(struct store *s, const struct store_phone *p, enum store_phone_cert which,
		    const char *pem, struct err *e)
{
	struct buf der = {0};
	X509 *cert = NULL;
	int rc = 0;

	if (pem)
		rc = cert_from_file_bytes(&cert, span_of(pem, strlen(pem)), e);
	if (rc) {
		err_wrap(e, "%s", which == STORE_LSC ? "lsc" : "mic");
		e->kind = ERR_USAGE;
		return ERR_USAGE;
	}
	if (cert)
		cert_der(&der, cert);
	rc = der.bad ? err_nomem(e) : store_phone_cert_set(s, p->name, which, buf_view(&der), e);
	buf_free(&der);
	X509_free(cert);
	return rc;
}

static int set_extras(struct store *s, const struct store_phone *p, const struct phone_extras *x,
		      struct err *e)
{
	int rc = 0;

	if (x->has_key)
		rc = set_key(s, p, x->key, e);
	if (!rc && x->has_auth_string)
		rc = set_string(s, p, x->auth_string, e);
	if (!rc && x->has_lsc)
		rc = set_cert(s, p, STORE_LSC, x->lsc, e);
	if (!rc && x->has_mic)
		rc = set_cert(s, p, STORE_MIC, x->mic, e);
	return rc;
}

/* ---- all of it ---- */

static int write(struct store *s, const char *name, struct store_phone *p, struct phone_extras *x,
		 int64_t expected, struct err *e)
{
	int rc = phone_choose_profile(s, p, x, e);

	if (!rc && x->digest_password)
		rc = set_digest_password(s, p, x->digest_password, e);
	if (!rc)
		rc = name ? store_phone_put(s, name, p, expected, e) : store_phone_add(s, p, e);
	return rc ? rc : set_extras(s, p, x, e);
}

int phone_change(struct store *s, const char *name, struct store_phone *p, struct phone_extras *x,
		 int64_t expected, struct err *e)
{
	char written[DEVICE_NAME_MAX];
	bool found;
	int rc;

	if (store_begin(s, e))
		return (int)e->kind;
	rc = write(s, name, p, x, expected, e);
	if (!rc) {
		memcpy(written, p->name, sizeof(written));
		store_phone_free(p);
		rc = store_phone_get(s, written, p, &found, e);
	}
	return store_end(s, rc, e);
}
