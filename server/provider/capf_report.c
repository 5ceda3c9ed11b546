#include "server/provider/capf_report.h"

#include "server/provider/capf_explain.h"
#include "server/provider/when.h"
#include "trustfile/cert.h"

#include "common/hex.h"

#include <string.h>
#include <time.h>

static const char header[] =
	"Device Name,Device Description,Security Profile,Authentication String,"
	"Authentication Mode,LSC Status,Certificate Operation,Operation Completes By,"
	"Key Type,Key Size,LSC Serial Number,LSC Not Before,LSC Not After\r\n";

/* As the vendor's pages say it. */
static const char *const mode_words[] = {
	"",
	"By Authentication String",
	"By Null String",
	"By Existing Certificate (Precedence to LSC)",
	"By Existing Certificate (Precedence to MIC)",
};

void capf_report_cell(struct buf *csv, const char *text)
{
	const bool formula = strchr("=+-@\t\r", *text) && *text;
	const bool quotes = formula || strpbrk(text, ",\"\r\n");

	if (quotes)
		buf_u8(csv, '"');
	if (formula)
		buf_u8(csv, '\'');
	for (const char *p = text; *p; p++) {
		if (*p == '"')
			buf_u8(csv, '"');
		buf_u8(csv, (uint8_t)*p);
	}
	if (quotes)
		buf_u8(csv, '"');
}

static void cell(struct buf *csv, const char *text, char behind)
{
	capf_report_cell(csv, text);
	buf_u8(csv, (uint8_t)behind);
}

static int64_t seconds_of(const ASN1_TIME *t)
{
	struct tm tm;

	return ASN1_TIME_to_tm(t, &tm) ? (int64_t)timegm(&tm) : 0;
}

/* Serial number and dates; empty cells without a certificate. */
static void cert_cells(struct buf *csv, const struct store_phone *p)
{
	struct buf serial = {0}, text = {0};
	char from[WHEN_MAX] = "", to[WHEN_MAX] = "";
	const char *digits;
	struct err ignored;
	X509 *x = NULL;

	if (p->lsc.len && !cert_from_der(&x, buf_view(&p->lsc), &ignored)) {
		cert_serial(&serial, x);
		hex_lower(&text, buf_view(&serial), 0);
		when_text(from, seconds_of(X509_get0_notBefore(x)));
		when_text(to, seconds_of(X509_get0_notAfter(x)));
	}
	digits = buf_cstr(&text);
	cell(csv, digits ? digits : "", ',');
	cell(csv, from, ',');
	cell(csv, to, '\r');
	buf_u8(csv, '\n');
	X509_free(x);
	buf_free(&serial);
	buf_free(&text);
}

struct report {
	struct buf *csv;
	struct store *store;
};

static void key_cells(struct buf *csv, const char *key)
{
	const char *colon = strchr(key, ':');
	const bool ec = !strncmp(key, "ec", 2);

	cell(csv, ec ? "EC" : "RSA", ',');
	cell(csv, colon ? colon + 1 : "", ',');
}

static int add_row(const struct store_phone *p, void *arg, struct err *e)
{
	struct report *r = arg;
	struct store_capf_case c;
	struct buf string = {0};
	char words[48], by[WHEN_MAX] = "";
	const char *text;
	bool found;
	int rc = store_capf_get(r->store, p->name, &c, &found, e);

	if (rc || !found)
		return rc;
	rc = store_phone_secret_get(r->store, p->name, STORE_SECRET_AUTH_STRING, &string, e);
	if (rc)
		return rc;
	capf_status_words(words, &c.capf);
	if (c.capf.by)
		when_text(by, c.capf.by);
	text = string.len ? buf_cstr(&string) : "";
	cell(r->csv, p->name, ',');
	cell(r->csv, p->description, ',');
	cell(r->csv, p->profile, ',');
	cell(r->csv, text ? text : "", ',');
	cell(r->csv, mode_words[c.auth], ',');
	cell(r->csv, p->lsc.len ? "Installed" : p->mic.len ? "MIC only" : "None", ',');
	cell(r->csv, words, ',');
	cell(r->csv, by, ',');
	key_cells(r->csv, c.key);
	cert_cells(r->csv, p);
	buf_wipe(&string);
	return r->csv->bad ? err_nomem(e) : 0;
}

int capf_report(struct buf *csv, struct store *s, const struct store_phone_filter *f, struct err *e)
{
	struct report r = {csv, s};

	buf_str(csv, header);
	return store_phone_find(s, f, add_row, &r, e);
}
