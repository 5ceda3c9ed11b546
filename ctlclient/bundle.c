#include "ctlclient/bundle.h"

#include "common/base64.h"
#include "common/file.h"
#include "common/json.h"
#include "common/text.h"
#include "ctlclient/ctl_json.h"
#include "trustfile/cert.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char pem_head[] = "-----BEGIN CERTIFICATE-----\n";

static int refuse(struct err *e, const char *why)
{
	return err_set(e, ERR_REFUSED, "bundle", "the bundle %s", why);
}

/* ---- writing ---- */

/* The form of a body that its SHA-256 is taken over: what "jq -cS .body" prints. */
static int body_sha256(char out[2 * SHA256_LEN + 1], const json_t *body, struct err *e)
{
	char *text = json_dumps(body, JSON_COMPACT | JSON_SORT_KEYS);
	int rc;

	if (!text)
		return err_nomem(e);
	rc = sha256_text(out, span_of(text, strlen(text)), e);
	free(text);
	return rc;
}

/* Wraps body, which is let go of. */
static int put_bundle(struct buf *out, char sha256[2 * SHA256_LEN + 1], const char *format,
		      json_t *body, struct err *e)
{
	char *text = NULL;
	json_t *doc;
	int rc = body ? body_sha256(sha256, body, e) : err_nomem(e);

	if (rc) {
		json_decref(body);
		return rc;
	}
	doc = json_pack("{s:s, s:i, s:s, s:o}", "format", format, "version", BUNDLE_VERSION,
			"sha256", sha256, "body", body);
	text = doc ? json_dumps(doc, JSON_INDENT(1)) : NULL;
	if (text) {
		buf_str(out, text);
		buf_u8(out, '\n');
	}
	if (!text || out->bad)
		rc = err_nomem(e);
	free(text);
	json_decref(doc);
	return rc;
}

static int check_uri(const char *uri, struct err *e)
{
	if (!strchr(uri, '?'))
		return 0;
	return err_set(e, ERR_USAGE, "uri",
		       "a request carries no URI with attributes behind a question mark: %s", uri);
}

static int put_tokens(json_t *array, const struct change *c, struct err *e)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct change_token *t = &c->tokens[i];
		json_t *v;

		if (!t->cert && check_uri(t->name, e))
			return (int)e->kind;
		v = t->cert ? json_pack("{s:o}", "certificate", ctl_json_pem(t->cert))
			    : json_pack("{s:s}", "uri", t->name);
		if (json_array_append_new(array, v))
			return err_nomem(e);
	}
	return 0;
}

static int put_change(json_t **out, const struct change *c, struct err *e)
{
	static const char *const digests[] = {[TL_SHA1] = "sha1", [TL_SHA512] = "sha512"};
	json_t *tokens = json_array();
	const int rc = put_tokens(tokens, c, e);

	if (rc) {
		json_decref(tokens);
		return rc;
	}
	*out = json_pack("{s:s, s:o, s:s*, s:s*, s:s*, s:o*}", "kind", change_name(c->kind),
			 "tokens", tokens, "mode",
			 c->kind != CHANGE_MODE ? NULL
			 : c->mixed             ? "mixed"
						: "nonsecure",
			 "serial", c->serial, "digest", c->digest ? digests[c->digest] : NULL,
			 "tftp_servers", tftp_wish_json(&c->tftp));
	return *out ? 0 : err_nomem(e);
}

int bundle_request(struct buf *out, char sha256[2 * SHA256_LEN + 1], const struct change *c,
		   const struct cluster_view *v, json_t *history, const char *provider,
		   struct err *e)
{
	json_t *change = NULL;
	int rc = put_change(&change, c, e);

	if (rc)
		return rc;
	return put_bundle(out, sha256, BUNDLE_REQUEST,
			  json_pack("{s:o, s:s, s:O, s:I, s:o, s:O*, s:o}", "made",
				    ctl_json_time(time(NULL)), "provider", provider, "cluster",
				    v->doc, "generation", (json_int_t)v->generation, "list",
				    ctl_json_base64(buf_view(&v->file)), "history", history,
				    "change", change),
			  e);
}

int bundle_signed(struct buf *out, const struct bundle_list *l, struct err *e)
{
	char sha256[2 * SHA256_LEN + 1];

	return put_bundle(out, sha256, BUNDLE_SIGNED,
			  json_pack("{s:o, s:s, s:s, s:I, s:s, s:o, s:s*, s:o*}", "made",
				    ctl_json_time(time(NULL)), "provider", l->provider, "cluster",
				    l->cluster, "generation", (json_int_t)l->generation, "mode",
				    l->mixed ? "mixed" : "nonsecure", "list",
				    ctl_json_base64(l->list), "request", l->request, "tftp_servers",
				    l->tftp ? tftp_wish_json(l->tftp) : NULL),
			  e);
}

/* ---- reading ---- */

/* Texts are shown, so they are to be what text_printable() leaves alone, backslashes aside. Only
 * certificates and the differences in a history have lines. */
static bool is_plain(const char *text, size_t len, bool lines)
{
	struct buf shown = {0};
	size_t expected = len;
	bool plain;

	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\\')
			expected++;
		if (text[i] == '\n' && lines)
			expected += 3;
	}
	text_printable(&shown, span_of(text, len));
	plain = !shown.bad && shown.len == expected;
	buf_free(&shown);
	return plain;
}

static bool is_certificate(const char *text)
{
	return !strncmp(text, pem_head, sizeof(pem_head) - 1);
}

static int check_texts(const json_t *v, bool history, struct err *e)
{
	const char *key;
	json_t *member;
	size_t i;
	int rc = 0;

	if (json_is_string(v)) {
		const char *text = json_string_value(v);
		const size_t len = json_string_length(v);

		if (!history && len > BUNDLE_TEXT_MAX && !is_certificate(text))
			return refuse(e, "holds a text that is too long");
		if (!is_plain(text, len, history || is_certificate(text)))
			return refuse(e, "holds a text with bytes that cannot be shown");
	}
	json_array_foreach(v, i, member)
	{
		rc = check_texts(member, history, e);
		if (rc)
			return rc;
	}
	json_object_foreach((json_t *)v, key, member)
	{
		if (!is_plain(key, strlen(key), false))
			return refuse(e, "holds a name with bytes that cannot be shown");
		rc = check_texts(member, history, e);
		if (rc)
			return rc;
	}
	return 0;
}

static int read_list(struct bundle *b, const char *text, struct err *e)
{
	const size_t len = strlen(text);

	if (len > (size_t)TL_FILE_MAX / 3 * 4)
		return refuse(e, "holds a list that is too long");
	if (!base64_take(&b->list, span_of(text, len), BASE64_PLAIN))
		return refuse(e, "holds a list that is not base64");
	return b->list.bad ? err_nomem(e) : 0;
}

static int read_token(struct change *c, json_t *v, struct err *e)
{
	struct change_token *t = &c->tokens[c->n];
	const char *pem = NULL;

	if (c->n == CHANGE_TOKENS_MAX)
		return refuse(e, "names too many tokens");
	*t = (struct change_token){0};
	if (json_unpack(v, "{s?s, s?s !}", "uri", &t->name, "certificate", &pem) ||
	    !t->name == !pem)
		return refuse(e, "names a token neither by URI nor by certificate");
	/* A query could name a module to load, a path a file to read: not on a stranger's word. */
	if (t->name && (!desk_is_uri(t->name) || strchr(t->name, '?')))
		return refuse(e, "names a token by something other than a plain pkcs11: URI");
	if (pem && cert_from_file_bytes(&t->cert, span_of(pem, strlen(pem)), e))
		return refuse(e, "holds a token's certificate that cannot be read");
	c->n++;
	return 0;
}

static int read_mode(bool *mixed, const char *mode, struct err *e)
{
	*mixed = !strcmp(mode, "mixed");
	return *mixed || !strcmp(mode, "nonsecure") ? 0 : refuse(e, "wishes for an unknown mode");
}

static int read_tftps(struct tftp_wish *w, json_t *v, struct err *e)
{
	return tftp_wish_read(w, v) ? 0 : refuse(e, "names TFTP servers that cannot be read");
}

static int read_change(struct change *c, json_t *v, struct err *e)
{
	const char *kind = NULL;
	const char *mode = NULL;
	const char *digest = NULL;
	json_t *tokens = NULL, *tftps = NULL;
	json_t *t;
	size_t i;
	int rc = 0;

	if (json_unpack(v, "{s:s, s:o, s?s, s?s, s?s, s?o !}", "kind", &kind, "tokens", &tokens,
			"mode", &mode, "serial", &c->serial, "digest", &digest, "tftp_servers",
			&tftps) ||
	    !json_is_array(tokens) || !change_parse(&c->kind, kind))
		return refuse(e, "wishes for nothing that this release knows");
	if (!mode != (c->kind != CHANGE_MODE) || !c->serial != (c->kind != CHANGE_REMOVE_TOKEN) ||
	    (c->kind == CHANGE_ADD_TOKEN && !json_array_size(tokens)) ||
	    (change_is_of_tftp(c->kind) && !tftps))
		return refuse(e, "wishes for something and leaves out what");
	if (digest && !sign_digest_parse(&c->digest, digest))
		return refuse(e, "wishes for an unknown digest");
	rc = read_tftps(&c->tftp, tftps, e);
	if (!rc && mode)
		rc = read_mode(&c->mixed, mode, e);
	json_array_foreach(tokens, i, t)
	{
		if (!rc)
			rc = read_token(c, t, e);
	}
	return rc;
}

static int read_request(struct bundle *b, json_t *body, struct err *e)
{
	json_int_t generation = -1;
	const char *list = NULL;
	json_t *change = NULL;

	if (json_unpack(body, "{s:s, s:s, s:o, s:I, s:s, s?o, s:o !}", "made", &b->made, "provider",
			&b->provider, "cluster", &b->description, "generation", &generation, "list",
			&list, "history", &b->history, "change", &change) ||
	    json_unpack(b->description, "{s:s}", "name", &b->cluster))
		return refuse(e, "is no request of this release");
	b->generation = generation;
	return read_list(b, list, e) || read_change(&b->change, change, e) ? (int)e->kind : 0;
}

static int read_signed(struct bundle *b, json_t *body, struct err *e)
{
	json_int_t generation = -1;
	const char *list = NULL;
	const char *mode = NULL;
	json_t *tftps = NULL;

	if (json_unpack(body, "{s:s, s:s, s:s, s:I, s:s, s:s, s?s, s?o !}", "made", &b->made,
			"provider", &b->provider, "cluster", &b->cluster, "generation", &generation,
			"mode", &mode, "list", &list, "request", &b->request, "tftp_servers",
			&tftps))
		return refuse(e, "is no signed list of this release");
	b->generation = generation;
	if (read_list(b, list, e) || read_mode(&b->mixed, mode, e) ||
	    read_tftps(&b->tftp, tftps, e))
		return (int)e->kind;
	return 0;
}

/* The list is as long as it is, and the history has lines: both are looked at apart. */
static int check_body(const json_t *body, struct err *e)
{
	const char *key;
	json_t *member;
	int rc = 0;

	json_object_foreach((json_t *)body, key, member)
	{
		if (!rc && strcmp(key, "list") != 0)
			rc = check_texts(member, !strcmp(key, "history"), e);
	}
	return rc;
}

static int read_body(struct bundle *b, struct err *e)
{
	const char *format = NULL;
	const char *sha256 = NULL;
	json_int_t version = 0;
	json_t *body = NULL;
	int rc;

	if (json_unpack(b->doc, "{s:s, s:I, s:s, s:o !}", "format", &format, "version", &version,
			"sha256", &sha256, "body", &body) ||
	    (strcmp(format, BUNDLE_REQUEST) != 0 && strcmp(format, BUNDLE_SIGNED) != 0))
		return refuse(e, "is none of ctlclient's");
	if (version != BUNDLE_VERSION)
		return refuse(e, "was made by another release of ctlclient");
	rc = body_sha256(b->sha256, body, e);
	if (!rc && strcmp(b->sha256, sha256) != 0)
		rc = refuse(e, "is damaged: its SHA-256 is not the one it names");
	if (!rc)
		rc = check_body(body, e);
	b->is_signed = !strcmp(format, BUNDLE_SIGNED);
	if (!rc)
		rc = b->is_signed ? read_signed(b, body, e) : read_request(b, body, e);
	if (!rc && b->generation < 0)
		rc = refuse(e, "starts from a generation that cannot be");
	if (!rc && b->is_signed && !b->list.len)
		rc = refuse(e, "holds no list");
	return rc;
}

int bundle_parse(struct bundle *b, struct span text, struct err *e)
{
	int rc;

	*b = (struct bundle){0};
	if (text.len > BUNDLE_MAX)
		return refuse(e, "is too large");
	rc = json_read(&b->doc, text, e) ? refuse(e, "is not JSON") : read_body(b, e);
	if (rc)
		bundle_free(b);
	return rc;
}

int bundle_read(struct bundle *b, const char *path, struct err *e)
{
	struct buf text = {0};
	int rc = file_read(path, BUNDLE_MAX, &text, e);

	*b = (struct bundle){0};
	if (!rc && bundle_parse(b, buf_view(&text), e))
		rc = err_wrap(e, "%s", path);
	buf_free(&text);
	return rc;
}

void bundle_free(struct bundle *b)
{
	change_free(&b->change);
	tftp_wish_free(&b->tftp);
	buf_free(&b->list);
	json_decref(b->doc);
	*b = (struct bundle){0};
}
