#include "ctlclient/draft.h"

#include "common/hex.h"
#include "trustfile/cert.h"

#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct item {
	struct tl_entry entry;
	uint16_t role;
	char dns[256];
	X509 *cert; /* a reference of its own; NULL for the non-secure form */
	bool removed;
};

struct draft {
	const struct tl *old;
	struct item *items;
	size_t n, cap;
	struct tl_entry *entries; /* those not removed, in order: what draft_plan() points to */
};

static const char *text_of(struct span name)
{
	return name.len ? (const char *)name.data : "";
}

static struct item *new_item(struct draft *d)
{
	const size_t cap = d->cap ? d->cap * 2 : 8;
	struct item *items;

	if (d->n == d->cap) {
		items = reallocarray(d->items, cap, sizeof(*items));
		if (!items)
			return NULL;
		d->items = items;
		d->cap = cap;
	}
	d->items[d->n] = (struct item){0};
	return &d->items[d->n++];
}

static int add_old_record(struct draft *d, const struct tl_record *r, struct err *e)
{
	struct item *it = new_item(d);

	if (!it)
		return err_nomem(e);
	it->role = r->role;
	snprintf(it->dns, sizeof(it->dns), "%s", text_of(r->dns));
	it->entry.raw = r->raw;
	if (r->cert && X509_up_ref(r->cert))
		it->cert = r->cert;
	return 0;
}

int draft_new(struct draft **out, const struct tl *old, struct err *e)
{
	struct draft *d = calloc(1, sizeof(*d));
	int rc = d ? 0 : err_nomem(e);

	if (rc)
		return rc;
	d->old = old;
	for (size_t i = 0; !rc && old && i < old->n; i++)
		rc = add_old_record(d, &old->records[i], e);
	if (rc)
		draft_free(d);
	else
		*out = d;
	return rc;
}

void draft_free(struct draft *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < d->n; i++)
		X509_free(d->items[i].cert);
	free(d->items);
	free(d->entries);
	free(d);
}

static bool same_key(const X509 *a, const X509 *b)
{
	return span_eq(cert_pubkey(a), cert_pubkey(b));
}

static struct item *find_sast(const struct draft *d, const X509 *cert)
{
	for (size_t i = 0; i < d->n; i++) {
		struct item *it = &d->items[i];

		if (!it->removed && it->role == TL_SAST && it->cert && same_key(it->cert, cert))
			return it;
	}
	return NULL;
}

/* The record of the old list that says the same, for its bytes: its names may have a form that
 * cannot be computed anew. */
static struct span old_bytes(const struct draft *d, uint16_t role, const struct draft_server *s,
			     const X509 *cert)
{
	for (size_t i = 0; d->old && i < d->old->n; i++) {
		const struct tl_record *r = &d->old->records[i];

		if (r->role != role || !r->cert != !cert || (cert && X509_cmp(r->cert, cert) != 0))
			continue;
		if (s && (strcmp(text_of(r->dns), s->dns) != 0 ||
			  s->has_ip != (r->ip.len == TL_IP_LEN) ||
			  (s->has_ip && memcmp(r->ip.data, s->ip, TL_IP_LEN) != 0)))
			continue;
		return r->raw;
	}
	return span_of(NULL, 0);
}

int draft_check_sast(const struct draft *d, const X509 *cert, struct err *e)
{
	const int bits = cert_rsa_bits(cert);

	if (find_sast(d, cert)) {
		err_set(e, ERR_REFUSED, "same-token",
			"this security token is in the list already; the same token twice does not "
			"count as two");
		return err_hint(e, "insert or name another token");
	}
	if (bits != 1024 && bits != 2048 && bits != 4096) {
		struct buf key = {0};

		cert_key_text(&key, cert);
		err_set(e, ERR_REFUSED, "ctl-signer-key",
			"the key is %s, and a token that signs trust lists needs RSA of 1024, 2048 "
			"or 4096 bits: the format has no code for anything else",
			key.bad ? "unknown" : buf_cstr(&key));
		buf_free(&key);
		return err_hint(e, "make a key with \"ctlclient token keygen --bits 2048\"");
	}
	return 0;
}

int draft_add_sast(struct draft *d, X509 *cert, struct err *e)
{
	struct item *it;
	const int rc = draft_check_sast(d, cert, e);

	if (rc)
		return rc;
	it = new_item(d);
	if (!it || !X509_up_ref(cert))
		return err_nomem(e);
	it->role = TL_SAST;
	it->cert = cert;
	it->entry = (struct tl_entry){.role = TL_SAST, .dns = "", .has_ip = true, .cert = cert};
	it->entry.raw = old_bytes(d, TL_SAST, NULL, cert);
	return 0;
}

static bool is_named(const X509 *cert, struct span want)
{
	struct buf serial = {0};
	struct buf fingerprint = {0};
	bool named;

	cert_serial(&serial, cert);
	cert_sha256(&fingerprint, cert);
	named = tl_serial_eq(buf_view(&serial), want) || span_eq(buf_view(&fingerprint), want);
	buf_free(&serial);
	buf_free(&fingerprint);
	return named;
}

/* The one token that want names. */
static int find_named_sast(struct item **out, const struct draft *d, struct span want,
			   const char *text, struct err *e)
{
	size_t found = 0;

	for (size_t i = 0; i < d->n; i++) {
		struct item *it = &d->items[i];

		if (it->removed || it->role != TL_SAST || !it->cert || !is_named(it->cert, want))
			continue;
		*out = it;
		found++;
	}
	if (found == 1)
		return 0;
	if (!found) {
		err_set(e, ERR_REFUSED, "sast-unknown",
			"no security token in the list has the serial number %s", text);
		return err_hint(e, "\"ctl show\" prints the serial numbers");
	}
	err_set(e, ERR_REFUSED, "sast-ambiguous",
		"%zu security tokens in the list have the serial number %s", found, text);
	return err_hint(e, "give the SHA-256 fingerprint of the certificate instead; \"ctl show "
			   "--json\" prints it");
}

int draft_remove_sast(struct draft *d, const char *name, struct err *e)
{
	struct buf want = {0};
	struct item *it = NULL;
	int rc;

	if (!hex_parse(&want, name, strlen(name)) || !want.len) {
		err_set(e, ERR_USAGE, "serial", "\"%s\" is not a serial number", name);
		rc = err_hint(e, "give the SERIALNUMBER that \"ctl show\" prints, in hexadecimal");
	} else {
		rc = find_named_sast(&it, d, buf_view(&want), name, e);
	}
	if (!rc)
		it->removed = true;
	buf_free(&want);
	return rc;
}

int draft_add_server(struct draft *d, const struct draft_server *s, struct err *e)
{
	struct item *it;
	char scratch[16];

	for (size_t i = 0; i < d->n; i++) {
		it = &d->items[i];
		if (!it->removed && it->role == s->role && !strcmp(it->dns, s->dns))
			return err_set(e, ERR_REFUSED, "server-exists",
				       "%s is in the list as %s already", s->dns,
				       tl_role_name(s->role, scratch));
	}
	it = new_item(d);
	if (!it || (s->cert && !X509_up_ref(s->cert)))
		return err_nomem(e);
	it->role = s->role;
	it->cert = s->cert;
	snprintf(it->dns, sizeof(it->dns), "%s", s->dns);
	it->entry = (struct tl_entry){
		.role = s->role, .has_ip = s->has_ip, .cert = s->cert, .bare = !s->cert};
	memcpy(it->entry.ip, s->ip, TL_IP_LEN);
	it->entry.raw = old_bytes(d, s->role, s, s->cert);
	return 0;
}

static bool is_call_or_tftp(uint16_t role)
{
	return role == TL_CCM || role == TL_CCM_TFTP || role == TL_TFTP;
}

static bool is_in_use(uint16_t role)
{
	return role == TL_CCM || role == TL_CCM_TFTP || role == TL_CAPF;
}

int draft_remove_server(struct draft *d, const char *host, bool retired, struct err *e)
{
	char scratch[16];
	bool found = false;

	for (size_t i = 0; i < d->n; i++) {
		struct item *it = &d->items[i];

		if (it->removed || it->role == TL_SAST || strcmp(it->dns, host) != 0)
			continue;
		if (is_in_use(it->role) && !retired) {
			err_set(e, ERR_REFUSED, "server-in-use",
				"%s is in the list as %s; servers that run call control, TFTP or "
				"CAPF are not deleted by hand",
				host, tl_role_name(it->role, scratch));
			return err_hint(e, "phones would refuse that server from then on; if it is "
					   "gone for good, add --retired");
		}
		it->removed = found = true;
	}
	if (!found)
		return err_set(e, ERR_REFUSED, "server-unknown", "no server \"%s\" in the list",
			       host);
	return 0;
}

void draft_clear_servers(struct draft *d)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->items[i].role != TL_SAST)
			d->items[i].removed = true;
}

/* An old record is stripped from its own facts, not from its bytes. */
static void take_address(const struct draft *d, struct item *it)
{
	for (size_t i = 0; d->old && i < d->old->n; i++) {
		const struct tl_record *r = &d->old->records[i];

		if (r->raw.data != it->entry.raw.data || r->ip.len != TL_IP_LEN)
			continue;
		it->entry.has_ip = true;
		memcpy(it->entry.ip, r->ip.data, TL_IP_LEN);
	}
}

int draft_strip(struct draft *d, struct err *e)
{
	for (size_t i = 0; i < d->n; i++) {
		struct item *it = &d->items[i];

		if (it->removed || !is_call_or_tftp(it->role) || !it->cert)
			continue;
		if (!it->dns[0])
			return err_set(e, ERR_REFUSED, "no-address",
				       "record %zu has no host name, so that nothing would be left "
				       "of it in non-secure form",
				       i + 1);
		if (it->entry.raw.data)
			take_address(d, it);
		it->entry.raw = span_of(NULL, 0);
		it->entry.role = it->role;
		it->entry.bare = true;
		it->entry.cert = NULL;
		X509_free(it->cert);
		it->cert = NULL;
	}
	return 0;
}

static size_t count_tokens(const struct draft *d)
{
	size_t n = 0;

	for (size_t i = 0; i < d->n; i++)
		if (!d->items[i].removed && d->items[i].role == TL_SAST && d->items[i].cert)
			n++;
	return n;
}

static bool has_call_server(const struct draft *d)
{
	for (size_t i = 0; i < d->n; i++) {
		const uint16_t role = d->items[i].role;

		if (!d->items[i].removed && (role == TL_CCM || role == TL_CCM_TFTP))
			return true;
	}
	return false;
}

static bool is_token_of(const struct tl *l, const X509 *cert)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct tl_record *r = &l->records[i];

		if (r->role == TL_SAST && r->cert && !X509_cmp(r->cert, cert))
			return true;
	}
	return false;
}

int draft_check_signer(const struct draft *d, const X509 *signer, struct err *e)
{
	if (!d->old || is_token_of(d->old, signer))
		return 0;
	err_set(e, ERR_REFUSED, "ctl-unknown-signer",
		"this token is not in the present list, so phones would refuse what it signs");
	return err_hint(e, "sign with a token that is in the list already, and add the new one "
			   "with --add-sast or \"cluster add-token\"");
}

int draft_check(const struct draft *d, const X509 *signer, struct err *e)
{
	const size_t tokens = count_tokens(d);

	if (draft_check_signer(d, signer, e))
		return ERR_REFUSED;
	if (!find_sast(d, signer)) {
		err_set(e, ERR_REFUSED, "ctl-signer-not-listed",
			"the signing token would not be in the new list, and no update could "
			"follow");
		return err_hint(e, d->old ? "sign with a token that stays in the list"
					  : "name the signing token with --sast as well");
	}
	if (tokens < 2) {
		err_set(e, ERR_REFUSED, "ctl-two-tokens",
			"the list would have %zu security token%s; there must be two different "
			"ones "
			"at all times",
			tokens, tokens == 1 ? "" : "s");
		return err_hint(e,
				d->old ? "add the replacement first, then remove this one"
				       : "name a second token with --sast, and keep it elsewhere");
	}
	if (!has_call_server(d)) {
		err_set(e, ERR_REFUSED, "ctl-no-call-server",
			"the list has no call server: phones could not register with anybody");
		return err_hint(e, "add one with --server role=ccm+tftp,host=...,ip=...,cert=...");
	}
	return 0;
}

/* Always later than the old list's, so that no two lists of a cluster are the same bytes. */
static uint32_t time_stamp(const struct draft *d)
{
	const time_t now = time(NULL);
	const uint32_t old = d->old ? d->old->timestamp : 0;

	if (now > (time_t)old || old == UINT32_MAX)
		return (uint32_t)now;
	return old + 1;
}

int draft_plan(struct tl_plan *plan, struct draft *d, const X509 *signer, enum tl_digest digest,
	       struct err *e)
{
	size_t n = 0;

	free(d->entries);
	d->entries = calloc(d->n + 1, sizeof(*d->entries));
	if (!d->entries)
		return err_nomem(e);
	for (size_t i = 0; i < d->n; i++) {
		struct item *it = &d->items[i];

		if (it->removed)
			continue;
		d->entries[n] = it->entry;
		if (it->role != TL_SAST)
			d->entries[n].dns = it->dns;
		n++;
	}
	*plan = (struct tl_plan){
		.filename = TL_CTL_NAME,
		.digest = digest,
		.timestamp = time_stamp(d),
		.signer = signer,
		.entries = d->entries,
		.n = n,
	};
	return 0;
}
