#include "phone/http_get.h"

#include "common/hostport.h"

#include <curl/curl.h>
#include <openssl/crypto.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

enum { STATUS_OK = 200, STATUS_NOT_FOUND = 404 };

struct transfer {
	const struct http_get *how;
	struct buf *out;
	size_t start; /* length of out before */
	bool too_large;
	bool unknown; /* the server's certificate is not known */
	char why[CURL_ERROR_SIZE];
};

/* ---- where ---- */

static int set_base(struct http_get *h, const char *scheme, const char *rest, uint16_t port,
		    struct err *e)
{
	const char *path = strchr(rest, '/');
	const size_t n = path ? (size_t)(path - rest) : strlen(rest);
	char host[HOST_MAX + 16];
	struct hostport hp;
	bool v6;
	int len;

	if (n >= sizeof(host))
		return err_set(e, ERR_USAGE, "http-server", "the name of the server is too long");
	memcpy(host, rest, n);
	host[n] = '\0';
	if (hostport_parse(&hp, host, port, e))
		return (int)e->kind;
	v6 = strchr(hp.host, ':') != NULL;
	path = path ? path + 1 : "";
	len = snprintf(h->base, sizeof(h->base), "%s://%s%s%s:%u/%s%s", scheme, v6 ? "[" : "",
		       hp.host, v6 ? "]" : "", hp.port, path,
		       *path && path[strlen(path) - 1] != '/' ? "/" : "");
	if (len < 0 || (size_t)len >= sizeof(h->base) || strpbrk(rest, "?# @"))
		return err_set(e, ERR_USAGE, "http-server", "%.60s is no URL of a folder", rest);
	return 0;
}

int http_get_server(struct http_get *h, const char *text, struct err *e)
{
	static const char plain[] = "http://", tls[] = "https://";

	if (!strncmp(text, plain, strlen(plain)))
		return set_base(h, "http", text + strlen(plain), HTTP_GET_PORT, e);
	if (!strncmp(text, tls, strlen(tls)))
		return set_base(h, "https", text + strlen(tls), HTTP_GET_TLS_PORT, e);
	return set_base(h, "http", text, HTTP_GET_PORT, e);
}

/* ---- the server's certificate ---- */

/* In place of OpenSSL's chain building: phones have no authorities, but lists. */
static int verify_listed(X509_STORE_CTX *ctx, void *arg)
{
	struct transfer *t = arg;
	X509 *cert = X509_STORE_CTX_get0_cert(ctx);
	unsigned char *der = NULL;
	const int n = cert ? i2d_X509(cert, &der) : -1;
	const bool known =
		n > 0 && t->how->is_known && t->how->is_known(t->how->arg, span_of(der, (size_t)n));

	OPENSSL_free(der);
	t->unknown = !known;
	X509_STORE_CTX_set_error(ctx, known ? X509_V_OK : X509_V_ERR_CERT_UNTRUSTED);
	return known;
}

static CURLcode on_ssl_ctx(CURL *curl, void *ssl_ctx, void *arg)
{
	(void)curl;
	SSL_CTX_set_cert_verify_callback(ssl_ctx, verify_listed, arg);
	return CURLE_OK;
}

/* ---- the transfer ---- */

static size_t on_body(char *data, size_t one, size_t n, void *arg)
{
	struct transfer *t = arg;

	(void)one;
	t->too_large = n > t->how->max - (t->out->len - t->start);
	if (t->too_large)
		return 0;
	buf_put(t->out, data, n);
	return t->out->bad ? 0 : n;
}

static void set_options(CURL *c, struct transfer *t, const char *url)
{
	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_PROXY, "");
	curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)HTTP_GET_CONNECT_S);
	curl_easy_setopt(c, CURLOPT_TIMEOUT, (long)HTTP_GET_TOTAL_S);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, t->why);
	curl_easy_setopt(c, CURLOPT_USERAGENT, "ctlphone/" CTL_VERSION);
	curl_easy_setopt(c, CURLOPT_SSL_CTX_FUNCTION, on_ssl_ctx);
	curl_easy_setopt(c, CURLOPT_SSL_CTX_DATA, t);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L);
	/* A listed certificate is known as a whole: its names add nothing. */
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 0L);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, t);
}

static int explain(const struct transfer *t, CURLcode code, const char *url, struct err *e)
{
	const char *why = t->why[0] ? t->why : curl_easy_strerror(code);

	if (t->out->bad)
		return err_nomem(e);
	if (t->too_large)
		return err_set(e, ERR_REFUSED, "http-too-large",
			       "%s is larger than the %zu bytes a phone would take", url,
			       t->how->max);
	if (t->unknown) {
		err_set(e, ERR_REFUSED, "http-certificate",
			"the HTTPS server at %s shows a certificate that no trust list of the "
			"phone has as TFTP",
			t->how->base);
		return err_hint(e, "bring that certificate onto the list, or use HTTP, where the "
				   "files themselves are signed");
	}
	err_set(e, ERR_FAILED, "http-unreachable", "cannot fetch %s: %s", url, why);
	return err_hint(e, "check the address and that the server runs");
}

static int judge_status(CURL *c, const char *url, struct err *e)
{
	long status = 0;

	curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
	if (status == STATUS_OK)
		return 0;
	if (status == STATUS_NOT_FOUND)
		return err_set(e, ERR_FAILED, "http-not-found", "File Not Found : %s", url);
	return err_set(e, ERR_FAILED, "http-refused",
		       "the server does not give %s: HTTP status %ld", url, status);
}

int http_get(struct buf *out, const struct http_get *h, const char *name, struct err *e)
{
	struct transfer t = {.how = h, .out = out, .start = out->len};
	struct curl_slist *headers = NULL;
	char url[HTTP_GET_URL_MAX + 256];
	CURL *c = curl_easy_init();
	CURLcode code;
	int rc;

	if (!c)
		return err_nomem(e);
	snprintf(url, sizeof(url), "%s%s", h->base, name);
	set_options(c, &t, url);
	if (h->probe)
		headers = curl_slist_append(NULL, "Ctl-Probe: 1");
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	code = curl_easy_perform(c);
	rc = code == CURLE_OK ? judge_status(c, url, e) : explain(&t, code, url, e);
	curl_easy_cleanup(c);
	curl_slist_free_all(headers);
	return rc;
}
