#include "phone/enroll.h"

#include "phone/capf_link.h"
#include "phone/pending.h"
#include "phone/prove.h"
#include "server/device/words.h"
#include "trustfile/cert.h"

#include <openssl/err.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	CHUNK = 4096,
	PROVING_BITS = 600, /* of RSA: below, SHA-512 does not fit into a signature */
};

/* One connection. */
struct call {
	struct enroll *n;
	struct enroll_session s;
	struct capf_link *link;
	EVP_PKEY *key; /* that was made for this operation */
	bool stored, erased, read;
	int rc; /* what went wrong here */
	struct err *e;
};

static const struct account *told(const struct call *c)
{
	return &c->n->account;
}

/* The power is cut: nothing is said, nothing is tidied up. */
static void cut(const struct call *c, enum enroll_cut where)
{
	if (c->n->cut != where)
		return;
	account_say(told(c), "is cut", "off its power");
	if (c->n->account.out)
		fflush(c->n->account.out);
	_exit(ERR_FAILED);
}

/* ---- who the server is ---- */

static bool is_record_of(const struct tl_record *r, struct span der, const X509 *cert)
{
	struct buf hash = {0};
	bool same;

	if (r->role != TL_CAPF)
		return false;
	if (r->der.len)
		return span_eq(r->der, der);
	cert_sha1(&hash, cert);
	same = r->hash.len && span_eq(r->hash, buf_view(&hash));
	buf_free(&hash);
	return same;
}

static bool is_listed(const struct stored *s, struct span der, const X509 *cert)
{
	for (enum stored_kind k = 0; k < STORED_LISTS; k++) {
		const struct tl *l = s->lists[k].tl;

		for (size_t i = 0; l && i < l->n; i++)
			if (is_record_of(&l->records[i], der, cert))
				return true;
	}
	return false;
}

static int check_server(const struct call *c, struct err *e)
{
	const struct span der = capf_link_peer(c->link);
	X509 *cert;
	bool listed;

	if (cert_from_der(&cert, der, e))
		return (int)e->kind;
	listed = is_listed(&c->n->stored, der, cert);
	X509_free(cert);
	if (listed) {
		account_say(told(c), "trusts", "the server: it is the CAPF of its trust list");
		return 0;
	}
	err_set(e, ERR_REFUSED, "capf-server",
		"the server's certificate is not that of a CAPF in the phone's trust list");
	return err_hint(e, "sign a list that has it (\"ctlclient cluster update\"), and boot the "
			   "phone");
}

static int check_list(const struct stored *s, struct err *e)
{
	if (s->lists[STORED_CTL].tl || s->lists[STORED_ITL].tl)
		return 0;
	err_set(e, ERR_FAILED, "capf-list",
		"the phone has no trust list: it cannot tell CAPF from anybody else");
	return err_hint(e, "boot it first: \"ctlphone boot\"");
}

/* ---- who the phone is ---- */

static bool can_prove(const struct own_cert *c)
{
	return c->cert && (EVP_PKEY_get_base_id(c->key) != EVP_PKEY_RSA ||
			   EVP_PKEY_get_bits(c->key) >= PROVING_BITS);
}

static bool is_rsa(const struct own_cert *c)
{
	return can_prove(c) && EVP_PKEY_get_base_id(c->key) == EVP_PKEY_RSA;
}

/* The certificate that has precedence, or the other one. */
static const struct own_cert *choose(const struct stored *s, enum device_auth auth)
{
	const struct own_cert *lsc = &s->own[OWN_LSC], *mic = &s->own[OWN_MIC];

	if (auth == DEVICE_AUTH_MIC)
		return can_prove(mic) ? mic : can_prove(lsc) ? lsc : NULL;
	return can_prove(lsc) ? lsc : can_prove(mic) ? mic : NULL;
}

static void der_of(struct prove_with *w, struct buf *der, const struct own_cert *c)
{
	cert_der(der, c->cert);
	*w = (struct prove_with){buf_view(der), c->key};
}

static int show_certificate(struct call *c, struct enroll_proof *p, struct prove *made,
			    struct buf der[2], struct err *e)
{
	const struct stored *s = &c->n->stored;
	const struct own_cert *by = choose(s, c->n->auth);
	const struct own_cert *sudi = is_rsa(&s->own[OWN_MIC])   ? &s->own[OWN_MIC]
				      : is_rsa(&s->own[OWN_LSC]) ? &s->own[OWN_LSC]
								 : NULL;
	struct prove_with by_with = {0}, sudi_with = {0};

	if (!by) {
		account_say(told(c), "has", "no certificate to prove itself with");
		return 0;
	}
	der_of(&by_with, &der[0], by);
	if (sudi)
		der_of(&sudi_with, &der[1], sudi);
	account_say(told(c), "proves", "itself with its %s",
		    own_cert_word(by == &s->own[OWN_LSC] ? OWN_LSC : OWN_MIC));
	return prove(made, p, c->s.id, &by_with, &sudi_with, e);
}

static int do_prove(struct call *c)
{
	const struct enroll *n = c->n;
	struct enroll_proof p = {
		.device = span_of(n->name, strlen(n->name)),
		/* Version 2 knows no authentication by string. */
		.has_password = n->version >= CAPF_VERSION || n->string.data,
		.password = n->string.data ? n->string : span_of("", 0),
	};
	struct buf der[2] = {{0}};
	struct prove made = {0};
	int rc = 0;

	if (n->string.data)
		account_say(told(c), "proves", "itself with an authentication string");
	else if (n->auth != DEVICE_AUTH_NULL && n->auth != DEVICE_AUTH_STRING)
		rc = show_certificate(c, &p, &made, der, c->e);
	if (!rc)
		enroll_proved(&c->s, &p);
	prove_free(&made);
	buf_free(&der[0]);
	buf_free(&der[1]);
	return rc;
}

/* ---- its key ---- */

static const char *const curves[CAPF_CURVES] = {"P-256", "P-384", "P-521"};

static bool is_as_asked(EVP_PKEY *key, const struct enroll_session *s)
{
	char group[32] = "";
	static const char *const names[CAPF_CURVES] = {"prime256v1", "secp384r1", "secp521r1"};

	if (s->key_type == CAPF_RSA)
		return EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA &&
		       EVP_PKEY_get_bits(key) == (int)s->key_bits;
	return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
	       EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) == 1 &&
	       !strcmp(group, names[s->curve]);
}

static int make_key(struct call *c, struct err *e)
{
	const struct enroll_session *s = &c->s;
	int rc = pending_key(&c->key, c->n->dir, e);

	if (rc || (c->key && is_as_asked(c->key, s))) {
		if (!rc)
			account_say(told(c), "takes", "the key that it has made already");
		return rc;
	}
	EVP_PKEY_free(c->key);
	if (s->key_type == CAPF_RSA)
		account_say(told(c), "makes", "a key, RSA %u", s->key_bits);
	else
		account_say(told(c), "makes", "a key, EC %s", curves[s->curve]);
	c->key = s->key_type == CAPF_RSA ? EVP_RSA_gen(s->key_bits) : EVP_EC_gen(curves[s->curve]);
	if (!c->key)
		return err_openssl(e, ERR_FAILED, "capf-key", "the phone cannot make its key");
	return pending_key_put(c->n->dir, c->key, e);
}

static int do_key(struct call *c)
{
	unsigned char *spki = NULL;
	int n, rc;

	/* As hardware does before a key that takes long. */
	if (c->s.key_type == CAPF_RSA && c->n->version >= CAPF_VERSION) {
		enroll_progress(&c->s);
		rc = capf_link_send(c->link, buf_view(&c->s.out), c->e);
		buf_free(&c->s.out);
		if (rc)
			return rc;
	}
	rc = make_key(c, c->e);
	if (rc)
		return rc;
	sleep(c->n->key_delay_s);
	cut(c, ENROLL_CUT_KEY);
	n = i2d_PUBKEY(c->key, &spki);
	enroll_key_made(&c->s, span_of(spki, n > 0 ? (size_t)n : 0));
	OPENSSL_free(spki);
	return 0;
}

/* ---- its certificate ---- */

static bool names_phone(const X509 *x, const char *name)
{
	const X509_NAME *subject = X509_get_subject_name(x);
	const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	const ASN1_STRING *cn =
		at < 0 ? NULL : X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));

	return cn && span_eq(span_of(ASN1_STRING_get0_data(cn), (size_t)ASN1_STRING_length(cn)),
			     span_of(name, strlen(name)));
}

static int take_certificate(struct call *c, struct err *e)
{
	X509 *x = NULL;
	int rc = cert_from_der(&x, c->s.certificate, e);

	if (!rc && !names_phone(x, c->n->name))
		rc = err_set(e, ERR_REFUSED, "capf-certificate",
			     "the certificate that the server sent is another phone's");
	if (!rc && X509_check_private_key(x, c->key) != 1)
		rc = err_openssl(e, ERR_REFUSED, "capf-certificate",
				 "the certificate that the server sent is not for the phone's key");
	if (!rc)
		rc = pending_install(c->n->dir, x, c->key, e);
	if (rc) {
		X509_free(x);
		return rc;
	}
	X509_free(c->n->cert);
	c->n->cert = x;
	account_say(told(c), "stores", "its LSC");
	return 0;
}

static int do_store(struct call *c)
{
	cut(c, ENROLL_CUT_STORE);
	c->rc = take_certificate(c, c->e);
	c->stored = !c->rc;
	cut(c, ENROLL_CUT_STORED);
	enroll_did(&c->s, c->stored);
	return 0;
}

static int do_read(struct call *c)
{
	const enum own_kind kind = c->s.mic ? OWN_MIC : OWN_LSC;
	const struct own_cert *own = &c->n->stored.own[kind];
	struct buf der = {0};

	if (own->cert)
		cert_der(&der, own->cert);
	account_say(told(c), own->cert ? "gives" : "has", "%s %s%s", own->cert ? "its" : "no",
		    own_cert_word(kind), own->cert ? " back" : " to give back");
	c->read = c->read || der.len;
	enroll_read(&c->s, c->s.mic ? CAPF_TYPE_MIC : CAPF_TYPE_LSC, buf_view(&der));
	buf_free(&der);
	return 0;
}

static int do_erase(struct call *c)
{
	const bool has = c->n->stored.own[OWN_LSC].cert != NULL;
	int rc = has ? own_cert_remove(c->n->dir, OWN_LSC, c->e) : 0;

	c->erased = has && !rc;
	account_say(told(c), c->erased ? "deletes" : "has", c->erased ? "its LSC" : "no LSC");
	enroll_did(&c->s, c->erased);
	return rc;
}

/* ---- one connection ---- */

static int do_end(struct call *c)
{
	struct enroll *n = c->n;

	n->reason = c->s.reason;
	account_say(told(c), "hears", "the end of the session, reason %u", n->reason);
	if (n->reason != CAPF_NO_ACTION && n->reason != CAPF_DONE) {
		n->result = ENROLL_REFUSED;
		err_set(c->e, ERR_REFUSED, "capf-refused", "CAPF says no: %s",
			n->reason == CAPF_UNKNOWN_DEVICE
				? "it does not know this device"
				: "wrong or missing proof, or something it cannot do; its log and "
				  "\"ctladmin capf explain\" say which");
		return ERR_REFUSED;
	}
	n->result = c->stored   ? ENROLL_INSTALLED
		    : c->erased ? ENROLL_DELETED
		    : c->read   ? ENROLL_READ_BACK
				: ENROLL_NOTHING;
	/* A certificate that was stored before a power cut, and that the server had heard of. */
	pending_clear(n->dir);
	return c->rc;
}

static int act(struct call *c)
{
	switch (c->s.want) {
	case ENROLL_PROVE:
		return do_prove(c);
	case ENROLL_KEY:
		return do_key(c);
	case ENROLL_STORE:
		return do_store(c);
	case ENROLL_READ:
		return do_read(c);
	case ENROLL_ERASE:
		return do_erase(c);
	case ENROLL_BROKEN:
		*c->e = c->s.why;
		return (int)c->e->kind;
	case ENROLL_BYTES:
	case ENROLL_END:
		break;
	}
	return 0;
}

static int take_bytes(struct call *c, struct span bytes)
{
	int rc = 0;

	while (!rc && bytes.len && c->s.want != ENROLL_END) {
		size_t used;

		enroll_take(&c->s, bytes, &used);
		bytes = span_of(bytes.data + used, bytes.len - used);
		if (c->s.want == ENROLL_BYTES || c->s.want == ENROLL_END)
			continue;
		rc = act(c);
		if (!rc)
			rc = capf_link_send(c->link, buf_view(&c->s.out), c->e);
		buf_wipe(&c->s.out);
	}
	return rc;
}

static int talk(struct call *c)
{
	uint8_t chunk[CHUNK];
	size_t got = 0;
	int rc = 0;

	while (!rc && c->s.want != ENROLL_END) {
		rc = capf_link_receive(c->link, chunk, sizeof(chunk), &got, c->e);
		if (!rc)
			rc = take_bytes(c, span_of(chunk, got));
	}
	return rc ? rc : do_end(c);
}

static int call_once(struct enroll *n, SSL_CTX *ctx, struct err *e)
{
	struct call c = {.n = n, .e = e};
	int rc;

	n->attempts++;
	account_say(&n->account, "calls", "CAPF at %s, port %u", n->server.host, n->server.port);
	rc = capf_link_open(&c.link, &n->server, ctx, e);
	if (!rc)
		rc = check_server(&c, e);
	enroll_start(&c.s, n->version);
	if (!rc)
		rc = talk(&c);
	enroll_free(&c.s);
	capf_link_close(c.link);
	EVP_PKEY_free(c.key);
	return rc;
}

/* ---- all of it ---- */

static int find_server(struct enroll *n, struct err *e)
{
	const struct config *config = stored_last(&n->stored);

	if (*n->server.host)
		return 0;
	if (config && config->ncapf) {
		n->server = config->capf[0];
		return 0;
	}
	err_set(e, ERR_FAILED, "capf-where",
		"neither the command nor the phone's configuration says where CAPF is");
	return err_hint(e, "give --capf HOST[:PORT] or set CTL_CAPF");
}

/* What was typed in counts, then the configuration, then what was remembered over a power cut. */
static int find_mode(struct enroll *n, struct err *e)
{
	const struct config *config = stored_last(&n->stored);

	if (!n->auth && n->string.data)
		n->auth = DEVICE_AUTH_STRING;
	if (!n->auth && config && config->capf_auth_mode)
		n->auth = (enum device_auth)config->capf_auth_mode;
	if (!n->auth && pending_mode(&n->auth, n->dir, e))
		return (int)e->kind;
	if (!n->auth)
		n->auth = choose(&n->stored, DEVICE_AUTH_LSC) ? DEVICE_AUTH_LSC : DEVICE_AUTH_NULL;
	account_say(&n->account, "goes", "by %s", device_auth_word(n->auth));
	return pending_mode_put(n->dir, n->auth, e);
}

static bool is_worth_a_retry(const struct err *e)
{
	return !strcmp(e->id, "capf-connect") || !strcmp(e->id, "capf-broken");
}

static int call_until_done(struct enroll *n, SSL_CTX *ctx, struct err *e)
{
	for (;;) {
		const int rc = call_once(n, ctx, e);

		if (!rc || !is_worth_a_retry(e) || n->attempts > n->retries)
			return rc;
		account_say(&n->account, "waits", "%u seconds, then tries again: %s", n->interval_s,
			    e->what);
		if (n->account.out)
			fflush(n->account.out);
		sleep(n->interval_s);
	}
}

int enroll_run(struct enroll *n, struct err *e)
{
	SSL_CTX *ctx = NULL;
	int rc = pending_recover(n->dir, e);

	if (!rc)
		rc = stored_load(&n->stored, n->dir, e);
	if (!rc)
		rc = check_list(&n->stored, e);
	if (!rc)
		rc = find_server(n, e);
	if (!rc)
		rc = find_mode(n, e);
	if (!rc)
		rc = capf_link_ctx(&ctx, n->tls, e);
	if (!rc)
		rc = call_until_done(n, ctx, e);
	SSL_CTX_free(ctx);
	return rc;
}

void enroll_end(struct enroll *n)
{
	stored_free(&n->stored);
	X509_free(n->cert);
	n->cert = NULL;
}

const char *enroll_result_word(enum enroll_result r)
{
	switch (r) {
	case ENROLL_NOTHING:
		return "nothing";
	case ENROLL_INSTALLED:
		return "installed";
	case ENROLL_DELETED:
		return "deleted";
	case ENROLL_READ_BACK:
		return "read";
	case ENROLL_REFUSED:
		return "refused";
	case ENROLL_NONE:
		break;
	}
	return "none";
}
