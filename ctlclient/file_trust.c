#include "ctlclient/file_trust.h"

#include "ctlclient/cert_file.h"

#include <string.h>

enum { OPT_LIST = 0x320, OPT_CERT, OPT_UNVERIFIED, OPT_ANY_NAME };

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct file_trust_opts *o = state->input;

	switch (key) {
	case OPT_LIST:
		if (o->nlists == FILE_TRUST_LISTS)
			argp_error(state, "phones have %d lists at most", FILE_TRUST_LISTS);
		o->lists[o->nlists++] = arg;
		return 0;
	case OPT_CERT:
		o->cert = arg;
		return 0;
	case OPT_UNVERIFIED:
		o->unverified = true;
		return 0;
	case OPT_ANY_NAME:
		o->any_name = true;
		return 0;
	case ARGP_KEY_END:
		if (!o->nlists && !o->cert && !o->unverified)
			argp_error(state, "whom do the phones trust? give --list CTLFile.tlv, or "
					  "--cert CERT");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{"list", OPT_LIST, "CTLFile", 0,
	 "A trust list that the phone has, CTL or ITL; may be given twice", 0},
	{"cert", OPT_CERT, "CERT", 0, "The certificate of the TFTP service, where there is no list",
	 0},
	{"unverified", OPT_UNVERIFIED, NULL, 0, "Do not look at the signature", 0},
	{"any-name", OPT_ANY_NAME, NULL, 0, "Do not compare the name that was signed", 0},
	{0}};

const struct argp options_file_trust = {options, parse, NULL, NULL, NULL, NULL, NULL};

static int open_list(struct list_file *f, const char *path, struct err *e)
{
	const struct span itl = span_of(TL_ITL_NAME, sizeof(TL_ITL_NAME));
	int rc = list_file_open(f, path, e);

	if (rc)
		return rc;
	rc = tl_verify(f->list, span_eq(f->list->filename, itl) ? TL_ITL_NAME : TL_CTL_NAME, e);
	return rc ? err_wrap(e, "%s", path) : 0;
}

int file_trust_open(struct file_trust *t, const struct file_trust_opts *o, struct err *e)
{
	int rc = 0;

	*t = (struct file_trust){.opts = o};
	for (size_t i = 0; !rc && i < o->nlists; i++)
		rc = open_list(&t->lists[i], o->lists[i], e);
	if (!rc && o->cert)
		rc = cert_file_read(&t->cert, o->cert, e);
	return rc;
}

void file_trust_close(struct file_trust *t)
{
	for (size_t i = 0; i < FILE_TRUST_LISTS; i++)
		list_file_close(&t->lists[i]);
	X509_free(t->cert);
	*t = (struct file_trust){0};
}

static const char *kind_word(enum tf_kind kind)
{
	switch (kind) {
	case TF_ENC:
		return "encrypted";
	case TF_ENC_MANUAL:
		return "encrypted-typed-key";
	case TF_LIST:
	case TF_SGN:
		break;
	}
	return "signed";
}

static void add_facts(json_t *facts, const struct sgn *s)
{
	const struct tf_header *h = &s->header;

	json_object_update_new(facts, json_pack("{s:s, s:o, s:s, s:I, s:I, s:{s:o, s:o, s:o}}",
						"kind", kind_word(s->kind), "name",
						json_text(tl_text(h->value[TF_FILENAME])), "digest",
						h->digest == TL_SHA1 ? "sha1" : "sha512",
						"timestamp", (json_int_t)h->timestamp, "payload",
						(json_int_t)s->payload.len, "signer", "name",
						json_text(tl_text(h->value[TF_SIGNERNAME])),
						"issuer", json_text(tl_text(h->value[TF_CANAME])),
						"serial", json_hex(h->value[TF_SERIALNUMBER])));
}

int file_trust_judge(struct sgn *s, const struct file_trust *t, const struct file_item *item,
		     const char *name, struct err *e)
{
	const char *expected = t->opts->any_name ? NULL : name;
	const struct tl *const lists[] = {t->lists[0].list, t->lists[1].list};
	int rc = sgn_parse(s, item->content, sgn_kind(item->content), e);

	if (rc)
		return rc;
	if (item->facts)
		add_facts(item->facts, s);
	if (t->opts->unverified)
		return 0;
	if (t->opts->nlists)
		rc = sgn_verify_in(s, lists, FILE_TRUST_LISTS, expected, NULL, e);
	if (!rc && t->cert)
		rc = sgn_verify_with(s, t->cert, expected, e);
	return rc;
}
