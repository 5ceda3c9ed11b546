#include "phone/ask.h"

#include "trustfile/cert.h"

#include <stdio.h>
#include <string.h>

static const char default_name[] = "XMLDefault.cnf.xml";

static const char why_typed[] = "a key was typed into it: it asks for nothing but encrypted files";
static const char why_encrypted[] =
	"its configuration says that it is encrypted, for a certificate that it has";
static const char why_signed[] = "its trust list has the certificate of a TFTP service";
static const char why_plain[] = "no trust list of it has the certificate of a TFTP service";
static const char why_no_signatures[] = "this model knows no signed files";
static const char why_fallback[] = "there is no encrypted one, so the signed one is asked for";
static const char why_default[] = "it has no file of its own there";

static bool can_sign_files(const struct tl_record *r)
{
	/* A certificate with an EC key is that of an HTTPS server. */
	return (r->role == TL_TFTP || r->role == TL_CCM_TFTP) && r->cert &&
	       cert_rsa_bits(r->cert) > 0;
}

bool ask_is_signed(const struct stored *s)
{
	for (enum stored_kind k = 0; k < STORED_LISTS; k++) {
		const struct tl *l = s->lists[k].tl;

		for (size_t i = 0; l && i < l->n; i++)
			if (can_sign_files(&l->records[i]))
				return true;
	}
	return false;
}

static bool has_typed_key(const struct stored *s, const struct device_ability *can)
{
	const size_t n = device_key_len(can->cipher);

	return n && s->key.len == n;
}

/* The server has said so, and the phone could read it. */
static bool expects_encrypted(const struct stored *s, const struct device_ability *can)
{
	const struct config *c = stored_last(s);

	return can->cipher == DEVICE_CIPHER_PUBKEY && c && c->encrypted &&
	       stored_own(s, c->cert_hash);
}

static void add_sgn(struct ask *a)
{
	const size_t n = strlen(a->name);

	snprintf(a->name + n, sizeof(a->name) - n, ".sgn");
}

bool ask_config(struct ask *a, const struct stored *s, bool not_encrypted)
{
	const struct device_ability *can = device_ability(s->model, s->protocol);
	const bool is_signed = ask_is_signed(s);
	enum device_file_form form = DEVICE_FILE_PLAIN;

	*a = (struct ask){.form = ASK_PLAIN, .verify = can->verifies, .why = why_plain};
	if (has_typed_key(s, can)) {
		a->form = ASK_TYPED;
		a->why = why_typed;
		form = DEVICE_FILE_ENCRYPTED;
	} else if (is_signed && !not_encrypted && expects_encrypted(s, can)) {
		a->form = ASK_ENCRYPTED;
		a->why = why_encrypted;
		form = DEVICE_FILE_ENCRYPTED;
	} else if (is_signed && can->naming == DEVICE_NAMING_LD) {
		a->why = why_no_signatures;
	} else if (is_signed) {
		a->form = ASK_SIGNED;
		a->why = not_encrypted ? why_fallback : why_signed;
	}
	if (!device_file_name(a->name, s->model, s->protocol, s->device, form, 0))
		return false;
	if (a->form == ASK_SIGNED)
		add_sgn(a);
	return true;
}

bool ask_default(struct ask *a, const struct stored *s)
{
	const struct device_ability *can = device_ability(s->model, s->protocol);

	*a = (struct ask){.form = ASK_PLAIN, .verify = can->verifies, .why = why_default};
	snprintf(a->name, sizeof(a->name), "%s", default_name);
	if (can->naming != DEVICE_NAMING_DEVICE && can->naming != DEVICE_NAMING_SIP_XML)
		return false;
	if (ask_is_signed(s)) {
		a->form = ASK_SIGNED;
		add_sgn(a);
	}
	return true;
}
