#include "trustfile/header.h"

#include <string.h>

enum {
	IN_LIST = 1 << TF_LIST,
	IN_SGN = 1 << TF_SGN,
	IN_ENC = 1 << TF_ENC,
	IN_MANUAL = 1 << TF_ENC_MANUAL,
	IN_CIPHER = IN_ENC | IN_MANUAL,
	IN_ALL = IN_LIST | IN_SGN | IN_CIPHER,
	TOP = 0, /* as container: none */
};

/* Forms of a value that are no exact length. */
enum {
	ANY = -1,
	NAME = -2,
	CONTAINER = -3,
};

/* What is known of a tag; one without an entry is skipped wherever it stands. All but LISTVERSION
 * are required in the files they may stand in. */
static const struct tag_rule {
	const char *name;
	uint8_t container;
	uint8_t kinds; /* of files that have it */
	int form;      /* ANY, NAME, CONTAINER, or the exact length */
} rules[TF_TAGS] = {
	[TF_VERSION] = {"VERSION", TOP, IN_ALL, 2},
	[TF_HEADERLENGTH] = {"HEADERLENGTH", TOP, IN_ALL, 2},
	[TF_SIGNERID] = {"SIGNERID", TOP, IN_ALL, CONTAINER},
	[TF_SIGNERNAME] = {"SIGNERNAME", TF_SIGNERID, IN_ALL, NAME},
	[TF_SERIALNUMBER] = {"SERIALNUMBER", TF_SIGNERID, IN_ALL, ANY},
	[TF_CANAME] = {"CANAME", TF_SIGNERID, IN_ALL, NAME},
	[TF_SIGNATUREINFO] = {"SIGNATUREINFO", TOP, IN_ALL, CONTAINER},
	[TF_DIGESTALGORITHM] = {"DIGESTALGORITHM", TF_SIGNATUREINFO, IN_ALL, 1},
	[TF_SIGNATUREALGOINFO] = {"SIGNATUREALGOINFO", TF_SIGNATUREINFO, IN_ALL, CONTAINER},
	[TF_SIGNATUREALGORITHM] = {"SIGNATUREALGORITHM", TF_SIGNATUREALGOINFO, IN_ALL, 1},
	[TF_SIGNATUREMODULUS] = {"SIGNATUREMODULUS", TF_SIGNATUREALGOINFO, IN_ALL, 1},
	[TF_SIGNATURE] = {"SIGNATURE", TOP, IN_ALL, ANY},
	[TF_FILENAME] = {"FILENAME", TOP, IN_ALL, NAME},
	[TF_TIMESTAMP] = {"TIMESTAMP", TOP, IN_ALL, 4},
	[TF_ENCRYPTIONINFO] = {"ENCRYPTIONINFO", TOP, IN_CIPHER, CONTAINER},
	[TF_IVINFO] = {"IVINFO", TF_ENCRYPTIONINFO, IN_CIPHER, CONTAINER},
	[TF_IVSCHEME] = {"tag 18", TF_IVINFO, IN_CIPHER, 1},
	[TF_IV] = {"IV", TF_IVINFO, IN_CIPHER, 16},
	[TF_PADDINGCOUNT] = {"PADDINGCOUNT", TF_IVINFO, IN_CIPHER, 2},
	[TF_KEYINFO] = {"KEYINFO", TF_ENCRYPTIONINFO, IN_ENC, CONTAINER},
	[TF_KEYSCHEME] = {"tag 22", TF_KEYINFO, IN_ENC, 1},
	[TF_KEYSIZE] = {"KEYSIZE", TF_KEYINFO, IN_ENC, 2},
	[TF_KEYALGORITHM] = {"KEYALGORITHM", TF_KEYINFO, IN_ENC, 1},
	[TF_WRAPPEDKEY] = {"WRAPPEDKEY", TF_KEYINFO, IN_ENC, ANY},
	[TF_INNERDIGESTALGORITHM] = {"INNERDIGESTALGORITHM", TOP, IN_CIPHER, 1},
	[TF_INNERDIGEST] = {"INNERDIGEST", TOP, IN_CIPHER, ANY},
	[TF_LISTVERSION] = {"LISTVERSION", TOP, IN_LIST, 2},
};

/* What the steps of taking a header apart share. */
struct walk {
	struct tf_header *h;
	const uint8_t *start;
	enum tf_kind kind;
	struct err *e;
};

static const char *id_parse(enum tf_kind kind)
{
	return kind == TF_LIST ? "ctl-parse" : "sgn-parse";
}

static const char *id_digest(enum tf_kind kind)
{
	return kind == TF_LIST ? "ctl-digest" : "sgn-digest";
}

const char *tf_tag_name(uint8_t tag)
{
	return tag < TF_TAGS ? rules[tag].name : NULL;
}

bool tf_is_container(uint8_t tag)
{
	return tag < TF_TAGS && rules[tag].form == CONTAINER;
}

bool tf_is_name(struct span value)
{
	return value.len && memchr(value.data, 0, value.len) == value.data + value.len - 1;
}

static int walk_tlvs(const struct walk *w, uint8_t container, struct span body);

static int take_tag(const struct walk *w, uint8_t container, uint8_t tag, struct span value)
{
	const struct tag_rule *rule;
	struct span *at = w->h->value;
	const char *why = NULL;

	if (!tf_tag_name(tag))
		return 0;
	rule = &rules[tag];
	if (!(rule->kinds & 1 << w->kind))
		why = "does not belong in a file of this kind";
	else if (rule->container != container)
		why = "stands in the wrong container";
	else if (at[tag].data)
		why = "occurs twice";
	else if (container == TOP && at[TF_TIMESTAMP].data && rule->kinds & ~IN_CIPHER)
		why = "stands behind TIMESTAMP, where phones stop reading";
	else if (rule->form >= 0 && value.len != (size_t)rule->form)
		why = "has the wrong length";
	else if (rule->form == NAME && !tf_is_name(value))
		why = "is not text with exactly one NUL, at its end";
	if (why)
		return err_set(w->e, ERR_REFUSED, id_parse(w->kind),
			       "header: %s (tag %u, value at offset %zu, length %zu) %s",
			       rule->name, tag, (size_t)(value.data - w->start), value.len, why);
	at[tag] = value;
	return rule->form == CONTAINER ? walk_tlvs(w, tag, value) : 0;
}

/* Only the top level may be padded, and only at its end. */
static int take_padding(const struct walk *w, uint8_t container, struct rd r)
{
	const size_t at = (size_t)(r.p - w->start);

	if (container != TOP)
		return err_set(w->e, ERR_REFUSED, id_parse(w->kind),
			       "header: padding at offset %zu, inside %s", at,
			       rules[container].name);
	for (size_t i = 0; i < r.left; i++) {
		if (r.p[i] != TF_PADDING)
			return err_set(w->e, ERR_REFUSED, id_parse(w->kind),
				       "header: byte 0x%02x at offset %zu, behind the padding",
				       r.p[i], at + i);
	}
	w->h->padding = r.left;
	return 0;
}

static int walk_tlvs(const struct walk *w, uint8_t container, struct span body)
{
	struct rd r = rd_of(body);

	while (r.left) {
		const size_t at = (size_t)(r.p - w->start);
		uint8_t tag;
		struct span value;
		int rc;

		if (*r.p == TF_PADDING)
			return take_padding(w, container, r);
		tag = rd_u8(&r);
		value = rd_take(&r, rd_u16(&r));
		if (r.bad)
			return err_set(w->e, ERR_REFUSED, id_parse(w->kind),
				       "header: tag %u at offset %zu runs past the end of %s", tag,
				       at, container ? rules[container].name : "the header");
		if (container == TOP && tag == TF_SIGNATURE && !w->h->value[tag].data)
			w->h->sig_at = at;
		rc = take_tag(w, container, tag, value);
		if (rc)
			return rc;
	}
	return 0;
}

/* VERSION and HEADERLENGTH have their fixed place. */
static int read_start(struct tf_header *h, struct span file, enum tf_kind kind, struct err *e)
{
	const uint8_t major = kind == TF_ENC || kind == TF_ENC_MANUAL ? 2 : 1;
	const uint8_t *p = file.data;

	if (file.len < TF_HEADER_MIN)
		return err_set(e, ERR_REFUSED, id_parse(kind),
			       "the file has %zu bytes; the shortest header has %d", file.len,
			       TF_HEADER_MIN);
	if (memcmp(p, "\1\0\2", 3) != 0 || memcmp(p + 5, "\2\0\2", 3) != 0)
		return err_set(e, ERR_REFUSED, id_parse(kind),
			       "the file does not begin with VERSION and HEADERLENGTH");
	if (p[3] != major)
		return err_set(e, ERR_REFUSED, id_parse(kind), "version %u.%u, expected %u", p[3],
			       p[4], major);
	h->len = (uint16_t)(p[8] << 8 | p[9]);
	if (h->len <= TF_HEADER_MIN || h->len > file.len)
		return err_set(e, ERR_REFUSED, id_parse(kind),
			       "HEADERLENGTH is %u in a file of %zu bytes", h->len, file.len);
	return 0;
}

static int require_tags(const struct tf_header *h, enum tf_kind kind, struct err *e)
{
	for (size_t tag = 0; tag < TF_TAGS; tag++) {
		if (tag != TF_LISTVERSION && rules[tag].kinds & 1 << kind && !h->value[tag].data)
			return err_set(e, ERR_REFUSED, id_parse(kind),
				       "the header lacks %s (tag %zu)", rules[tag].name, tag);
	}
	return 0;
}

static int read_codes(struct tf_header *h, enum tf_kind kind, struct err *e)
{
	const uint8_t digest = h->value[TF_DIGESTALGORITHM].data[0];
	const uint8_t algorithm = h->value[TF_SIGNATUREALGORITHM].data[0];
	const size_t sig_len = h->value[TF_SIGNATURE].len;
	struct rd timestamp = rd_of(h->value[TF_TIMESTAMP]);

	h->modulus_code = h->value[TF_SIGNATUREMODULUS].data[0];
	h->timestamp = rd_u32(&timestamp);
	if (digest != TL_SHA1 && digest != TL_SHA512)
		return err_set(e, ERR_REFUSED, id_digest(kind),
			       "DIGESTALGORITHM is %u; known are 1 (SHA-1) and 3 (SHA-512)",
			       digest);
	h->digest = digest;
	if (algorithm != 0)
		return err_set(e, ERR_REFUSED, id_parse(kind),
			       "SIGNATUREALGORITHM is %u; known is 0 (RSA PKCS#1 v1.5)", algorithm);
	if (!tf_modulus_len(h->modulus_code))
		return err_set(e, ERR_REFUSED, id_parse(kind),
			       "SIGNATUREMODULUS is %u; known are 0 to 3", h->modulus_code);
	if (sig_len != tf_modulus_len(h->modulus_code))
		return err_set(e, ERR_REFUSED, id_parse(kind),
			       "SIGNATURE has %zu bytes; SIGNATUREMODULUS %u means %zu", sig_len,
			       h->modulus_code, tf_modulus_len(h->modulus_code));
	if (h->digest == TL_SHA512 && sig_len < TL_SIG_SHA512_MIN)
		return err_set(e, ERR_REFUSED, id_parse(kind),
			       "a modulus of %zu bytes is too short for SHA-512", sig_len);
	return 0;
}

int tf_header_parse(struct tf_header *h, struct span file, enum tf_kind kind, struct err *e)
{
	const struct walk w = {h, file.data, kind, e};
	int rc;

	*h = (struct tf_header){0};
	rc = read_start(h, file, kind, e);
	if (!rc)
		rc = walk_tlvs(&w, TOP, span_of(file.data, h->len));
	if (!rc)
		rc = require_tags(h, kind, e);
	if (!rc)
		rc = read_codes(h, kind, e);
	return rc;
}
