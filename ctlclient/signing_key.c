#include "ctlclient/signing_key.h"

#include "ctlclient/cert_file.h"
#include "ctlclient/key_file.h"
#include "ctlclient/options.h"
#include "ctlclient/sign.h"
#include "trustfile/pkey.h"

#include <time.h>

enum { OPT_SIGNER = 0x310, OPT_CERT, OPT_LIST, OPT_DIGEST };

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct signing_key_opts *o = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->desk;
		o->digest = TL_SHA1;
		return 0;
	case OPT_SIGNER:
		o->signer = arg;
		return 0;
	case OPT_CERT:
		o->cert = arg;
		return 0;
	case OPT_LIST:
		o->list = arg;
		return 0;
	case OPT_DIGEST:
		if (!sign_digest_parse(&o->digest, arg))
			argp_error(state, "--digest takes sha1 or sha512");
		return 0;
	case ARGP_KEY_END:
		if (!o->signer && !o->optional)
			argp_error(state, "who signs? give --signer URI or --signer KEY.pem");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{"signer", OPT_SIGNER, "URI|KEY", 0,
	 "The key of the TFTP service: on a token, or a PEM file", 0},
	{"cert", OPT_CERT, "CERT", 0, "Its certificate, unless it is in KEY or on the token", 0},
	{"list", OPT_LIST, "CTLFile", 0,
	 "The trust list that phones have: the signer is called as it is called there", 0},
	{"digest", OPT_DIGEST, "sha1|sha512", 0,
	 "SHA-1 (the default) is understood by all phones, SHA-512 by newer ones only", 0},
	{0}};

static const struct argp_child children[] = {{&options_desk, 0, "Tokens:", 0}, {0}};

const struct argp options_signing_key = {options, parse, NULL, NULL, children, NULL, NULL};

static int open_token(struct signing_key *s, const struct signing_key_opts *o, struct err *e)
{
	int rc = desk_open(&s->desk, &o->desk, e);

	if (!rc)
		rc = desk_signer_find(&s->token, s->desk, o->signer, e);
	if (!rc)
		rc = desk_signer_login(s->token, "to sign files for phones", e);
	if (rc)
		return rc;
	s->cert = desk_signer_cert(s->token)->cert;
	X509_up_ref(s->cert);
	s->sign = desk_signer_sign;
	s->arg = s->token;
	return 0;
}

static int open_file(struct signing_key *s, const struct signing_key_opts *o, struct err *e)
{
	const struct key_file f = {o->signer, "the key", o->desk.pin_source, "--pin-source",
				   "file-key"};
	const char *path = o->cert ? o->cert : o->signer;
	int rc = key_file_read(&s->key, &f, e);

	if (rc)
		return rc;
	rc = cert_file_read(&s->cert, path, e);
	if (rc)
		return o->cert ? rc : err_hint(e, "name the certificate of the key: --cert FILE");
	if (X509_check_private_key(s->cert, s->key) != 1)
		return err_set(e, ERR_REFUSED, "file-key",
			       "%s is not the certificate of the key in %s", path, o->signer);
	s->sign = pkey_sign;
	s->arg = s->key;
	return 0;
}

int signing_key_open(struct signing_key *s, const struct signing_key_opts *o, struct err *e)
{
	int rc = 0;

	*s = (struct signing_key){0};
	if (o->list)
		rc = list_file_open(&s->list, o->list, e);
	if (!rc)
		rc = desk_is_uri(o->signer) ? open_token(s, o, e) : open_file(s, o, e);
	return rc;
}

void signing_key_close(struct signing_key *s)
{
	X509_free(s->cert);
	EVP_PKEY_free(s->key);
	desk_signer_free(s->token);
	desk_close(s->desk);
	list_file_close(&s->list);
	*s = (struct signing_key){0};
}

struct sgn_plan signing_key_plan(const struct signing_key *s, const struct signing_key_opts *o,
				 const char *filename)
{
	return (struct sgn_plan){
		.filename = filename,
		.signer = s->cert,
		.list = s->list.list,
		.digest = o->digest,
		.timestamp = (uint32_t)time(NULL),
	};
}
