/* Tokens and certificates as people and as scripts see them. */
#include "ctlclient/cmd_token.h"

#include "common/hex.h"
#include "common/text.h"
#include "trustfile/cert.h"

#include <openssl/bio.h>
#include <time.h>

enum { WEAK_BELOW = 2048, DATE_LEN = 10 };

int token_view_read(struct token_view *v, struct token *t, struct err *e)
{
	*v = (struct token_view){.info = *token_info(t)};
	return token_certs(t, &v->certs, &v->n, e);
}

static int job_view(struct token *t, void *arg, struct err *e)
{
	return token_view_read(arg, t, e);
}

int token_view_of(struct token_view *v, struct desk_token *t, struct err *e)
{
	return desk_token_retry(t, job_view, v, e);
}

void token_view_free(struct token_view *v)
{
	token_certs_free(v->certs, v->n);
	*v = (struct token_view){0};
}

const char *token_pin_words(enum token_pin_state state)
{
	switch (state) {
	case TOKEN_PIN_OK:
		return "ok";
	case TOKEN_PIN_COUNT_LOW:
		return "count-low";
	case TOKEN_PIN_FINAL_TRY:
		return "final-try";
	case TOKEN_PIN_LOCKED:
		return "locked";
	case TOKEN_PIN_UNSET:
		break;
	}
	return "unset";
}

bool token_key_is_weak(const X509 *cert)
{
	const int bits = cert_rsa_bits(cert);

	return bits && bits < WEAK_BELOW;
}

static void print_name(struct buf *b, const X509_NAME *name, unsigned long flags)
{
	BIO *out = BIO_new(BIO_s_mem());
	char *text;
	long n;

	if (!out || X509_NAME_print_ex(out, name, 0, flags) < 0) {
		BIO_free(out);
		return;
	}
	n = BIO_get_mem_data(out, &text);
	buf_put(b, text, (size_t)n);
	BIO_free(out);
}

/* True if text_printable() would change nothing but double the backslashes. */
static bool is_printable(struct span s)
{
	struct buf shown = {0};
	size_t expected = s.len;
	bool same;

	for (size_t i = 0; i < s.len; i++)
		expected += s.data[i] == '\\';
	text_printable(&shown, s);
	same = !shown.bad && shown.len == expected;
	buf_free(&shown);
	return same;
}

void token_name_text(struct buf *b, const X509_NAME *name)
{
	struct buf text = {0};

	print_name(&text, name, XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB);
	if (is_printable(buf_view(&text)))
		buf_span(b, buf_view(&text));
	else
		print_name(b, name, XN_FLAG_RFC2253);
	buf_free(&text);
}

/* RFC 3339, in UTC. */
static void put_time(struct buf *b, const ASN1_TIME *when)
{
	char text[64];
	struct tm tm;

	if (ASN1_TIME_to_tm(when, &tm) && strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
		buf_str(b, text);
	else
		buf_str(b, "?");
}

void token_date_text(struct buf *b, const ASN1_TIME *date)
{
	struct buf full = {0};

	put_time(&full, date);
	buf_put(b, full.data, full.len < DATE_LEN ? full.len : DATE_LEN);
	buf_free(&full);
}

static void put_serial(struct buf *b, const X509 *cert)
{
	struct buf raw = {0};

	cert_serial(&raw, cert);
	hex_lower(b, buf_view(&raw), 0);
	buf_free(&raw);
}

static void put_fingerprint(struct buf *b, const X509 *cert, char sep)
{
	struct buf raw = {0};

	cert_sha256(&raw, cert);
	hex_lower(b, buf_view(&raw), sep);
	buf_free(&raw);
}

/* ---- JSON ---- */

/* The value that the text of b is; lets go of b. */
static json_t *take(struct buf *b)
{
	json_t *v = b->bad ? NULL : json_text(buf_view(b));

	buf_free(b);
	return v;
}

static json_t *json_name(const X509_NAME *name)
{
	struct buf b = {0};

	token_name_text(&b, name);
	return take(&b);
}

static json_t *json_time(const ASN1_TIME *when)
{
	struct buf b = {0};

	put_time(&b, when);
	return take(&b);
}

static json_t *json_serial(const X509 *cert)
{
	struct buf b = {0};

	put_serial(&b, cert);
	return take(&b);
}

static json_t *json_fingerprint(const X509 *cert)
{
	struct buf b = {0};

	put_fingerprint(&b, cert, 0);
	return take(&b);
}

static json_t *json_key(const X509 *cert)
{
	struct buf b = {0};

	cert_key_text(&b, cert);
	return take(&b);
}

json_t *token_cert_json(const struct token_cert *c)
{
	const X509 *x = c->cert;

	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:s}", "label",
			 c->label, "id", json_hex(span_of(c->id, c->id_len)), "subject",
			 json_name(X509_get_subject_name(x)), "issuer",
			 json_name(X509_get_issuer_name(x)), "serial", json_serial(x), "not_before",
			 json_time(X509_get0_notBefore(x)), "not_after",
			 json_time(X509_get0_notAfter(x)), "sha256", json_fingerprint(x), "key",
			 json_key(x), "weak", token_key_is_weak(x), "uri", c->uri);
}

json_t *token_view_json(const struct token_view *v)
{
	const struct token_info *info = &v->info;
	json_t *certs = json_array();

	for (size_t i = 0; i < v->n; i++)
		if (json_array_append_new(certs, token_cert_json(&v->certs[i]))) {
			json_decref(certs);
			return NULL;
		}
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:b, s:b, s:b, s:b, s:s, s:s, s:I, s:I, "
			 "s:b, s:s, s:o}",
			 "label", info->label, "serial", info->serial, "manufacturer",
			 info->manufacturer, "model", info->model, "module", info->module, "slot",
			 (json_int_t)info->slot, "initialized", info->initialized, "login_required",
			 info->login_required, "pin_pad", info->pin_pad, "write_protected",
			 info->write_protected, "pin", token_pin_words(info->pin), "so_pin",
			 token_pin_words(info->so_pin), "pin_min", (json_int_t)info->pin_min,
			 "pin_max", (json_int_t)info->pin_max, "software", token_is_software(info),
			 "uri", info->uri, "certificates", certs);
}

/* ---- text ---- */

void token_print(const struct token_info *info)
{
	printf("token       %s\n", *info->label ? info->label : "(not initialised)");
	printf("serial      %s\n", info->serial);
	printf("made by     %s, %s\n", info->manufacturer, info->model);
	printf("module      %s, slot %lu\n", info->module, info->slot);
	printf("PIN         %s%s%s\n", token_pin_words(info->pin),
	       info->pin_pad ? ", entered on the reader" : "",
	       info->login_required ? "" : ", not needed");
	printf("keys        %s\n",
	       token_is_software(info) ? "in software: they can be copied with the token's files"
				       : "in the token");
	printf("URI         '%s'\n", info->uri);
}

static void print_line(const char *name, struct buf *value)
{
	const char *text = buf_cstr(value);

	printf("  %-10s%s\n", name, text ? text : "?");
	buf_free(value);
}

static void put_validity(struct buf *b, const X509 *x)
{
	token_date_text(b, X509_get0_notBefore(x));
	buf_str(b, " to ");
	token_date_text(b, X509_get0_notAfter(x));
	if (X509_cmp_current_time(X509_get0_notAfter(x)) < 0)
		buf_str(b, " (expired)");
	else if (X509_cmp_current_time(X509_get0_notBefore(x)) > 0)
		buf_str(b, " (not yet valid)");
}

void token_print_cert(const struct token_cert *c)
{
	const X509 *x = c->cert;
	struct buf b = {0};

	printf("\ncertificate %s\n", *c->label ? c->label : "(without label)");
	token_name_text(&b, X509_get_subject_name(x));
	print_line("subject", &b);
	token_name_text(&b, X509_get_issuer_name(x));
	print_line("issuer", &b);
	put_serial(&b, x);
	print_line("serial", &b);
	put_validity(&b, x);
	print_line("valid", &b);
	put_fingerprint(&b, x, ':');
	print_line("SHA-256", &b);
	cert_key_text(&b, x);
	if (token_key_is_weak(x))
		buf_str(&b, " (weak: use 2048 bits or more where the phones allow it)");
	print_line("key", &b);
	if (*c->uri)
		printf("  %-10s'%s'\n", "URI", c->uri);
}

/* ---- what was just stored ---- */

static int job_find(struct token *t, void *arg, struct err *e)
{
	return token_cert_find(arg, t, e);
}

int token_print_stored(struct token_cert *c, struct desk_token *t, bool json)
{
	struct err why;

	if (desk_token_retry(t, job_find, c, &why))
		fprintf(stderr,
			"warning: the certificate is stored on the token %s (serial %s), but could "
			"not be looked at there: %s\n",
			desk_token_info(t)->label, desk_token_info(t)->serial, why.what);
	if (json)
		return json_print(token_cert_json(c));
	token_print_cert(c);
	fflush(stdout);
	return 0;
}
