/* The doctor's way from a token to the test signature. */
#include "ctlclient/doctor_token.h"

#include "common/cli.h"
#include "ctlclient/cmd_token.h"
#include "ctlclient/test_result.h"
#include "pkcs11/digestinfo.h"
#include "trustfile/cert.h"
#include "trustfile/signature.h"

#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TEST_LEN = 64 };

const char doctor_why_token[] = "only a token that is in the list can sign it";
static const char why_pin[] = "without its PIN a token does not use its keys";
static const char why_key[] = "the private key signs the list; it cannot be anywhere else";
static const char why_cert[] =
	"phones know a token by its certificate; its key must be one that the list has a code for";
static const char why_signature[] = "a list with a bad signature is refused by every phone";

static bool tell_token(struct doctor *d, const struct doctor_seen *t)
{
	const struct token_info *i = &t->info;
	struct doctor_step *s;

	switch (i->pin) {
	case TOKEN_PIN_OK:
	case TOKEN_PIN_COUNT_LOW:
		break;
	case TOKEN_PIN_FINAL_TRY:
		s = doctor_wrong(d, "token", ERR_TOKEN, why_pin,
				 "the token %s (serial %s) locks itself if the next PIN is wrong",
				 i->label, i->serial);
		snprintf(s->mend, sizeof(s->mend), "ctlclient token test '%s' --allow-final-try",
			 i->uri);
		return false;
	case TOKEN_PIN_LOCKED:
	case TOKEN_PIN_UNSET:
		s = doctor_wrong(d, "token", ERR_TOKEN, why_pin, "the token %s (serial %s) %s",
				 i->label, i->serial,
				 i->pin == TOKEN_PIN_LOCKED ? "is locked" : "has no PIN yet");
		snprintf(s->mend, sizeof(s->mend), "ctlclient token unblock '%s'", i->uri);
		return false;
	}
	if (i->pin_to_be_changed) {
		s = doctor_wrong(d, "token", ERR_TOKEN, why_pin,
				 "the token %s (serial %s) wants its PIN changed first", i->label,
				 i->serial);
		snprintf(s->mend, sizeof(s->mend), "ctlclient token change-pin '%s'", i->uri);
		return false;
	}
	if (t->trouble.kind) {
		doctor_error(d, "token", doctor_why_token, &t->trouble);
		return false;
	}
	doctor_ok(d, "token", "%s (serial %s) in %s, keys in %s%s", i->label, i->serial, i->module,
		  token_is_software(i) ? "SOFTWARE" : "the token",
		  i->pin == TOKEN_PIN_COUNT_LOW ? "; a wrong PIN was given before" : "");
	return true;
}

static const char *cert_note(const X509 *cert)
{
	if (X509_cmp_current_time(X509_get0_notAfter(cert)) < 0)
		return "; expired: phones do not look at dates, auditors do";
	if (X509_cmp_current_time(X509_get0_notBefore(cert)) > 0)
		return "; not valid yet: is this computer's clock right?";
	return token_key_is_weak(cert) ? "; a weak key" : "";
}

static void mend_with_keygen(struct doctor_step *s, const struct token_info *i)
{
	snprintf(s->mend, sizeof(s->mend),
		 "ctlclient token keygen '%s;object=sast' --subject 'CN=%s,O=YOUR COMPANY'", i->uri,
		 i->label);
}

/* The one certificate that would sign, told; NULL if there is none. */
static const struct token_cert *tell_cert(struct doctor *d, const struct doctor_seen *t)
{
	const struct token_cert *c = t->certs;
	struct buf name = {0};
	struct doctor_step *s;

	if (!t->n) {
		s = doctor_wrong(d, "certificate", ERR_TOKEN, why_cert,
				 "there is no certificate with a key%s on the token %s",
				 d->uri && strstr(d->uri, "object=") ? " of that name" : "",
				 t->info.label);
		mend_with_keygen(s, &t->info);
		return NULL;
	}
	if (t->n > 1) {
		s = doctor_wrong(d, "certificate", ERR_TOKEN, why_cert,
				 "there are %zu certificates on the token %s: which one signs?",
				 t->n, t->info.label);
		snprintf(s->mend, sizeof(s->mend), "ctlclient doctor '%s'", c->uri);
		return NULL;
	}
	if (test_unfit(c->cert)) {
		s = doctor_wrong(d, "certificate", ERR_TOKEN, why_cert,
				 "lists cannot be signed with the certificate on the token %s: %s",
				 t->info.label, test_unfit(c->cert));
		mend_with_keygen(s, &t->info);
		return NULL;
	}
	token_name_text(&name, X509_get_subject_name(c->cert));
	doctor_ok(d, "certificate", "%s%s", buf_cstr(&name) ? buf_cstr(&name) : "?",
		  cert_note(c->cert));
	buf_free(&name);
	return c;
}

/* ---- the test signature ---- */

/* How far it got. */
struct trial {
	char skipped[ERR_HINT_MAX]; /* why it was not tried; empty if it was */
	bool logged_in;
	struct err e; /* kind ERR_OK: it worked */
};

static bool has_pin_source(const struct doctor *d)
{
	const char *file = getenv("CTL_PIN_FILE");
	const char *askpass = getenv("CTL_ASKPASS");

	return d->desk_opts.pin_source || (file && *file) || (askpass && *askpass) ||
	       (d->uri && (strstr(d->uri, "pin-source=") || strstr(d->uri, "pin-value=")));
}

/* Never a PIN on a guess: one source and several tokens would lower the counters of the others. */
static bool may_try(struct trial *t, const struct doctor *d, const struct doctor_seen *s,
		    size_t tokens)
{
	if (tokens > 1) {
		snprintf(
			t->skipped, sizeof(t->skipped),
			"not tried: several tokens, and the PIN is that of one; name it: ctlclient "
			"doctor '%.256s'",
			s->n == 1 ? s->certs[0].uri : s->info.uri);
		return false;
	}
	if (s->info.pin == TOKEN_PIN_COUNT_LOW && !d->uri) {
		snprintf(t->skipped, sizeof(t->skipped),
			 "not tried: a wrong PIN was given to this token before");
		return false;
	}
	if (d->never_asks && s->info.login_required) {
		snprintf(t->skipped, sizeof(t->skipped),
			 "signing was not tried: that takes the PIN, which is not asked for here");
		return false;
	}
	if (!s->info.login_required || has_pin_source(d))
		return true;
	if (isatty(STDIN_FILENO) && cli_confirm("Make a test signature? It asks for the PIN."))
		return true;
	snprintf(t->skipped, sizeof(t->skipped),
		 "signing was not tried: no PIN was given; --pin-source says where it is");
	return false;
}

static int sign_something(struct desk_signer *s, struct err *e)
{
	uint8_t data[TEST_LEN];
	uint8_t sig[TL_SIG_MAX];
	struct buf info = {0};
	const size_t siglen = ((size_t)cert_rsa_bits(desk_signer_cert(s)->cert) + 7) / 8;
	int rc;

	if (RAND_bytes(data, sizeof(data)) != 1)
		return err_openssl(e, ERR_FAILED, "random", "no random numbers");
	rc = digestinfo(&info, EVP_sha1(), span_of(data, sizeof(data)), e);
	if (!rc)
		rc = desk_signer_sign(s, info.data, info.len, sig, siglen, e);
	buf_free(&info);
	return rc;
}

static void try_signing(struct trial *t, struct doctor *d, struct desk *desk, const char *uri)
{
	struct desk_signer *s = NULL;
	int rc = desk_signer_find(&s, desk, d->uri ? d->uri : uri, &t->e);

	if (!rc)
		rc = desk_signer_login(s, "to sign a test", &t->e);
	t->logged_in = !rc;
	if (!rc)
		rc = sign_something(s, &t->e);
	if (!rc)
		t->e = (struct err){0};
	desk_signer_free(s);
}

static void tell_pin(struct doctor *d, const struct trial *t, const char *uri)
{
	struct doctor_step *s;

	if (*t->skipped)
		doctor_skip(d, "pin", "%s", t->skipped);
	else if (t->logged_in)
		doctor_ok(d, "pin", "the token takes the PIN");
	else {
		s = doctor_error(d, "pin", why_pin, &t->e);
		if (!strcmp(t->e.id, "pin-wrong"))
			snprintf(s->mend, sizeof(s->mend),
				 "ctlclient token test '%s' --pin-source prompt (with the right "
				 "PIN: each wrong one counts)",
				 uri);
	}
}

static bool is_key_missing(const struct trial *t)
{
	return t->logged_in && !strcmp(t->e.id, "key-missing");
}

static void tell_key(struct doctor *d, const struct trial *t, const struct token_info *i)
{
	struct doctor_step *s;

	if (!t->logged_in) {
		doctor_skip(d, "key", "tokens show private keys only after the PIN");
	} else if (is_key_missing(t)) {
		s = doctor_error(d, "key", why_key, &t->e);
		mend_with_keygen(s, i);
	} else {
		doctor_ok(d, "key", "the private key is there");
	}
}

static void tell_signature(struct doctor *d, const struct trial *t)
{
	if (!t->logged_in || is_key_missing(t))
		doctor_skip(d, "signature", "%s",
			    *t->skipped ? t->skipped : "it did not get to it");
	else if (t->e.kind)
		doctor_error(d, "signature", why_signature, &t->e);
	else
		doctor_ok(d, "signature", "signed and verified");
}

static void keep_cert(struct doctor *d, const struct token_cert *c, const struct token_info *i)
{
	struct at_desk *a = &d->certs;
	struct desk_cert *more = reallocarray(a->certs, a->n + 1, sizeof(*more));

	if (!more)
		return;
	a->certs = more;
	if (!X509_up_ref(c->cert))
		return;
	desk_cert_of(&more[a->n], i, c->cert);
	snprintf(more[a->n].where, sizeof(more[a->n].where), "%.599s", c->uri);
	a->n++;
}

void doctor_token(struct doctor *d, struct desk *desk, const struct doctor_seen *s, size_t tokens)
{
	struct trial t = {0};
	const struct token_cert *c;

	d->about = s->info.label;
	if (!tell_token(d, s))
		goto out;
	if (!s->n && tokens > 1) {
		doctor_skip(d, "certificate", "no certificate: not a token that signs lists");
		goto out;
	}
	if (s->n == 1 && !test_unfit(s->certs[0].cert)) {
		if (may_try(&t, d, s, tokens))
			try_signing(&t, d, desk, s->certs[0].uri);
		tell_pin(d, &t, s->certs[0].uri);
		tell_key(d, &t, &s->info);
	} else {
		doctor_skip(d, "pin", "no certificate that could sign");
		doctor_skip(d, "key", "no certificate that tells which key it is");
	}
	c = tell_cert(d, s);
	if (c)
		keep_cert(d, c, &s->info);
	if (c)
		tell_signature(d, &t);
	else
		doctor_skip(d, "signature", "no certificate that could sign");
out:
	d->about = NULL;
}
