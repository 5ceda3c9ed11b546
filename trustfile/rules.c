#include "trustfile/rules.h"

#include "trustfile/cert.h"

/* The signature fits no stored SAST. Which of the three reasons is it? */
static void refuse(const struct tl *const stored[], size_t n, const struct tl *neu, struct err *e)
{
	const struct tl_record *elsewhere = NULL;
	bool forged = false;
	struct buf shown = {0};
	const char *signer;
	char scratch[16];

	tl_signer_text(&shown, neu);
	signer = buf_cstr(&shown);
	signer = signer ? signer : "";
	for (size_t i = 0; i < n; i++) {
		if (!stored[i])
			continue;
		forged = forged || tl_signer_in(stored[i], neu, false);
		if (!elsewhere)
			elsewhere = tl_record_of_signer(stored[i], neu);
	}
	if (forged) {
		err_set(e, ERR_REFUSED, "ctl-forged-signer",
			"the list claims the stored SAST %s as its signer, but another key signed "
			"it",
			signer);
		err_hint(e,
			 "someone has made a list in the name of a trusted token: do not use it");
	} else if (elsewhere && elsewhere->role != TL_SAST) {
		err_set(e, ERR_REFUSED, "ctl-signer-not-sast",
			"the signer %s is in the stored list, but as %s, not as SAST", signer,
			tl_role_label(elsewhere->role, scratch));
		err_hint(e,
			 "sign with a token that is SAST in the stored list, or let TVS vouch for "
			 "this one with role SAST");
	} else {
		err_set(e, ERR_REFUSED, "ctl-unknown-signer",
			"the signer %s is in none of the stored lists", signer);
		err_hint(e, "first install a list that contains the new signer but is signed by a "
			    "stored one, or let TVS vouch for it; the last resort is deleting the "
			    "stored list on the phone");
	}
	buf_free(&shown);
}

enum tl_verdict tl_phone_verdict(const struct tl *const stored[], size_t n, const struct tl *same,
				 const struct tl *neu, const char *filename, struct err *e)
{
	bool first = true;

	if (tl_verify(neu, filename, e))
		return TL_KEEP_OLD;
	if (same && span_eq(same->raw, neu->raw))
		return TL_UNCHANGED;
	for (size_t i = 0; i < n; i++) {
		if (stored[i] && tl_signer_in(stored[i], neu, true))
			return TL_INSTALL;
		first = first && !stored[i];
	}
	if (first)
		return TL_INSTALL_FIRST;
	refuse(stored, n, neu, e);
	return TL_KEEP_OLD;
}

static bool is_token(const struct tl_record *r)
{
	uint8_t code;

	return r->role == TL_SAST && r->cert &&
	       tf_modulus_code(&code, (size_t)(cert_rsa_bits(r->cert) + 7) / 8);
}

size_t tl_token_count(const struct tl *l)
{
	size_t count = 0;

	for (size_t i = 0; i < l->n; i++) {
		bool known = !is_token(&l->records[i]);

		for (size_t j = 0; !known && j < i; j++)
			known = is_token(&l->records[j]) &&
				span_eq(cert_pubkey(l->records[i].cert),
					cert_pubkey(l->records[j].cert));
		count += !known;
	}
	return count;
}
