#include "server/provider/ctl_check.h"

#include "server/provider/ctl_servers.h"
#include "server/provider/when.h"
#include "trustfile/cert.h"
#include "trustfile/rules.h"

#include <stdio.h>
#include <string.h>

/* ---- telling of it ---- */

/* "record 3 (CAPF pub)", counted from one as listings do. */
static const char *describe(char text[160], const struct tl *l, const struct tl_record *r)
{
	char scratch[16], name[96];

	ctl_facts_text(name, sizeof(name), r->role == TL_SAST ? r->subject : r->dns);
	snprintf(text, 160, "record %zu (%s %s)", (size_t)(r - l->records) + 1,
		 tl_role_label(r->role, scratch), name);
	return text;
}

/* ---- the rules ---- */

static int check_size(struct span neu, struct err *e)
{
	if (neu.len <= CTL_SIZE_MAX)
		return 0;
	return err_set(e, ERR_REFUSED, "too-large",
		       "the list has %zu bytes; phones load no more than %d", neu.len,
		       CTL_SIZE_MAX);
}

static int check_version(const struct tl *l, struct err *e)
{
	if (l->version[0] == 1 && l->version[1] == 2)
		return 0;
	return err_set(e, ERR_REFUSED, "ctl-version", "the list is of version %u.%u, not 1.2",
		       l->version[0], l->version[1]);
}

static int check_signer(const struct tl *present, const struct tl *neu, struct err *e)
{
	switch (tl_phone_verdict(&present, 1, present, neu, TL_CTL_NAME, e)) {
	case TL_INSTALL_FIRST:
	case TL_INSTALL:
		return 0;
	case TL_UNCHANGED:
		return err_set(e, ERR_REFUSED, "ctl-unchanged",
			       "this is the very list that the cluster has already");
	case TL_KEEP_OLD:
		break;
	}
	return (int)e->kind;
}

static bool same_token_name(const struct tl_record *a, const struct tl_record *b)
{
	return tl_serial_eq(a->serial, b->serial) && span_eq(a->issuer, b->issuer);
}

/* A stranger's key in a record that copies the names of a real token: once it is in, the stranger
 * could sign the next list. */
static int check_impostor(const struct tl *present, const struct tl *neu, const struct tl_record *r,
			  struct err *e)
{
	char text[160];

	for (size_t i = 0; present && i < present->n; i++) {
		const struct tl_record *known = &present->records[i];

		if (known->role != TL_SAST || !same_token_name(known, r) ||
		    span_eq(known->der, r->der))
			continue;
		err_set(e, ERR_REFUSED, "ctl-forged-signer",
			"%s has issuer and serial number of a token of the present list, but "
			"another certificate",
			describe(text, neu, r));
		return err_hint(e, "someone has made a list in the name of a trusted token: do not "
				   "sign it, and find out where it comes from");
	}
	return 0;
}

/* Sizes that SIGNATUREMODULUS has a code for; 512 bits, which it has one for too, are factored
 * within hours. doc/formats.md, "Codes". */
static bool can_sign(const struct tl_record *r)
{
	const int bits = r->cert ? cert_rsa_bits(r->cert) : 0;

	return bits == 1024 || bits == 2048 || bits == 4096;
}

static int check_sast(const struct tl *present, const struct tl *neu, const struct tl_record *r,
		      struct err *e)
{
	struct buf key = {0};
	char text[160];

	if (can_sign(r))
		return check_impostor(present, neu, r, e);
	if (r->cert)
		cert_key_text(&key, r->cert);
	else
		buf_str(&key, "missing, as is its certificate");
	err_set(e, ERR_REFUSED, "ctl-signer-key",
		"%s cannot sign CTLs: its key is %s, and must be RSA with 1024, 2048 or 4096 bits",
		describe(text, neu, r), buf_cstr(&key) ? (const char *)key.data : "another");
	buf_free(&key);
	return (int)e->kind;
}

static int check_tokens(const struct tl *present, const struct tl *neu, struct err *e)
{
	const size_t count = tl_token_count(neu);

	for (size_t i = 0; i < neu->n; i++)
		if (neu->records[i].role == TL_SAST &&
		    check_sast(present, neu, &neu->records[i], e))
			return (int)e->kind;
	if (count >= CTL_TOKENS_MIN)
		return 0;
	err_set(e, ERR_REFUSED, "ctl-two-tokens",
		"the list has %zu security token%s; it needs %d different ones at least", count,
		count == 1 ? "" : "s", CTL_TOKENS_MIN);
	return err_hint(e, "with one token only, its loss would leave phones that nobody can "
			   "update: add a second one");
}

static bool is_in(const struct tl *present, const struct tl_record *r)
{
	for (size_t i = 0; present && i < present->n; i++)
		if (span_eq(present->records[i].raw, r->raw))
			return true;
	return false;
}

static bool name_is(struct span text, const X509_NAME *name)
{
	struct buf own = {0};
	struct err ignored;
	bool same = !cert_name(&own, name, &ignored);

	buf_u8(&own, 0);
	same = same && !own.bad && span_eq(text, buf_view(&own));
	buf_free(&own);
	return same;
}

static bool serial_is(struct span serial, const X509 *cert)
{
	struct buf own = {0};
	bool same;

	cert_serial(&own, cert);
	same = !own.bad && span_eq(serial, buf_view(&own));
	buf_free(&own);
	return same;
}

/* What of the record is not its certificate's, or NULL. */
static const char *foreign_part(const struct tl_record *r)
{
	if (!name_is(r->subject, X509_get_subject_name(r->cert)))
		return "subject";
	if (!name_is(r->issuer, X509_get_issuer_name(r->cert)))
		return "issuer";
	if (!serial_is(r->serial, r->cert))
		return "serial number";
	if (!span_eq(r->pubkey, cert_pubkey(r->cert)))
		return "public key";
	if (r->signature.data && !span_eq(r->signature, cert_signature(r->cert)))
		return "signature";
	return NULL;
}

static int check_identity(const struct tl *present, const struct tl *neu, struct err *e)
{
	char text[160];

	for (size_t i = 0; i < neu->n; i++) {
		const struct tl_record *r = &neu->records[i];
		/* Old records keep names in forms that nobody can compute anew. */
		const char *part = r->cert && !is_in(present, r) ? foreign_part(r) : NULL;

		if (part)
			return err_set(e, ERR_REFUSED, "ctl-record-identity",
				       "the %s in %s is not that of its certificate", part,
				       describe(text, neu, r));
	}
	return 0;
}

static int check_time(const struct tl *present, const struct tl *neu, int64_t now, struct err *e)
{
	char ours[WHEN_MAX], theirs[WHEN_MAX];

	when_text(theirs, neu->timestamp);
	if (present && neu->timestamp < present->timestamp) {
		err_set(e, ERR_REFUSED, "ctl-older",
			"the list was made on %s, before the present one (%s)", theirs,
			when_text(ours, present->timestamp));
		return err_hint(e, "an old list, or a clock that is slow where it was signed");
	}
	if (neu->timestamp > now + CTL_AHEAD_MAX_S) {
		err_set(e, ERR_REFUSED, "ctl-future",
			"the list was made on %s, but here it is only %s", theirs,
			when_text(ours, now));
		return err_hint(e, "set the clocks of both machines");
	}
	return 0;
}

static int check_lists(struct ctl_facts *facts, const struct ctl_question *q,
		       const struct tl *present, const struct tl *neu, struct err *e)
{
	ctl_facts_note(facts, neu);
	if (check_version(neu, e) || check_signer(present, neu, e) ||
	    check_tokens(present, neu, e) || check_identity(present, neu, e) ||
	    ctl_servers_check(neu, q->nodes, q->nnodes, e) || check_time(present, neu, q->now, e))
		return (int)e->kind;
	return ctl_facts_compare(facts, present, neu, e);
}

int ctl_check(struct ctl_facts *facts, const struct ctl_question *q, struct err *e)
{
	struct tl *present = NULL, *neu = NULL;
	int rc;

	*facts = (struct ctl_facts){0};
	rc = check_size(q->neu, e);
	if (!rc)
		rc = tl_parse(&neu, q->neu, e);
	if (!rc && q->present.data && tl_parse(&present, q->present, e)) {
		err_wrap(e, "the present CTL is damaged");
		e->kind = ERR_FAILED;
		rc = ERR_FAILED;
	}
	if (!rc)
		rc = check_lists(facts, q, present, neu, e);
	tl_free(present);
	tl_free(neu);
	return rc;
}
