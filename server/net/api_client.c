#include "server/net/api_client.h"

#include "server/net/pin.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	CONNECT_SECONDS = 10,
	TOTAL_SECONDS = 120,
	URL_MAX = 600,
};

struct api {
	const struct api_opts *opts;
	CURL *curl;
	uint8_t seen[API_FINGERPRINT_LEN];
	bool has_seen;
	char why[CURL_ERROR_SIZE];
	char session[64]; /* "Ctl-Session: ID", or "" */
};

static void see(struct api *a, const X509 *cert)
{
	unsigned n = 0;

	a->has_seen = cert && X509_digest(cert, EVP_sha256(), a->seen, &n);
}

/* Replaces OpenSSL's chain building when the provider is known by fingerprint (or not at all). */
static int verify_pin(X509_STORE_CTX *ctx, void *arg)
{
	struct api *a = arg;
	const uint8_t *print = a->opts->fingerprint;
	X509 *cert = X509_STORE_CTX_get0_cert(ctx);
	bool known;

	see(a, cert);
	if (print)
		known = a->has_seen && !CRYPTO_memcmp(print, a->seen, sizeof(a->seen));
	else
		known = pin_matches(a->opts->pin, cert, X509_STORE_CTX_get0_untrusted(ctx));
	if (known) {
		X509_STORE_CTX_set_error(ctx, X509_V_OK);
		return 1;
	}
	X509_STORE_CTX_set_error(ctx, X509_V_ERR_CERT_UNTRUSTED);
	return 0;
}

static int verify_ca(X509_STORE_CTX *ctx, void *arg)
{
	see(arg, X509_STORE_CTX_get0_cert(ctx));
	return X509_verify_cert(ctx);
}

static bool use_identity(SSL_CTX *ctx, const struct api_identity *i)
{
	return SSL_CTX_use_certificate(ctx, i->cert) == 1 &&
	       SSL_CTX_use_PrivateKey(ctx, i->key) == 1 &&
	       SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION) == 1 &&
	       SSL_CTX_set1_client_sigalgs_list(ctx, "RSA+SHA256:RSA+SHA384:RSA+SHA512") == 1;
}

static CURLcode on_ssl_ctx(CURL *curl, void *ssl_ctx, void *arg)
{
	struct api *a = arg;

	(void)curl;
	SSL_CTX_set_cert_verify_callback(ssl_ctx, a->opts->ca ? verify_ca : verify_pin, a);
	if (a->opts->identity && !use_identity(ssl_ctx, a->opts->identity))
		return CURLE_SSL_CERTPROBLEM;
	return CURLE_OK;
}

int api_open(struct api **out, const struct api_opts *opts, struct err *e)
{
	struct api *a = calloc(1, sizeof(*a));

	if (!a)
		return err_nomem(e);
	a->opts = opts;
	a->curl = curl_easy_init();
	if (!a->curl) {
		free(a);
		return err_nomem(e);
	}
	*out = a;
	return 0;
}

/* ---- SIGPIPE ---- */

/* OpenSSL writes to sockets with write(2): a provider that dies would take us along. What other
 * threads do with the signal, and this one with pipes, stays as it was. */
static sigset_t block_sigpipe(void)
{
	sigset_t sigpipe, old;

	sigemptyset(&sigpipe);
	sigaddset(&sigpipe, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &sigpipe, &old);
	return old;
}

static void unblock_sigpipe(const sigset_t *old)
{
	const struct timespec at_once = {0};
	sigset_t sigpipe;

	sigemptyset(&sigpipe);
	sigaddset(&sigpipe, SIGPIPE);
	if (!sigismember(old, SIGPIPE))
		sigtimedwait(&sigpipe, NULL, &at_once);
	pthread_sigmask(SIG_SETMASK, old, NULL);
}

void api_close(struct api *a)
{
	sigset_t old;

	if (!a)
		return;
	old = block_sigpipe();
	curl_easy_cleanup(a->curl);
	unblock_sigpipe(&old);
	free(a);
}

bool api_seen_fingerprint(const struct api *a, uint8_t fingerprint[API_FINGERPRINT_LEN])
{
	if (a->has_seen)
		memcpy(fingerprint, a->seen, sizeof(a->seen));
	return a->has_seen;
}

static size_t on_body(char *data, size_t one, size_t n, void *arg)
{
	struct api_reply *reply = arg;

	(void)one;
	if (reply->body.len + n > API_BODY_MAX)
		return 0;
	buf_put(&reply->body, data, n);
	return reply->body.bad ? 0 : n;
}

static size_t on_header(char *line, size_t one, size_t n, void *arg)
{
	struct api_reply *reply = arg;
	char value[32] = "";

	(void)one;
	if (n > 5 && n - 5 < sizeof(value) && !strncasecmp(line, "etag:", 5)) {
		memcpy(value, line + 5, n - 5);
		if (sscanf(value, " \"%" SCNd64 "\"", &reply->generation) != 1)
			reply->generation = -1;
	}
	return n;
}

/* A curl progress callback: not 0 ends the transfer. */
static int on_progress(void *arg, curl_off_t dltotal, curl_off_t dlnow, curl_off_t ultotal,
		       curl_off_t ulnow)
{
	const struct api *a = arg;

	(void)dltotal, (void)dlnow, (void)ultotal, (void)ulnow;
	return atomic_load(a->opts->cancel);
}

static void set_options(struct api *a, const char *url, struct api_reply *reply)
{
	CURL *c = a->curl;
	const struct api_opts *o = a->opts;

	curl_easy_reset(c);
	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(c, CURLOPT_PROXY, "");
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT,
			 (long)(o->connect_s ? o->connect_s : CONNECT_SECONDS));
	curl_easy_setopt(c, CURLOPT_TIMEOUT, (long)(o->total_s ? o->total_s : TOTAL_SECONDS));
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, a->why);
	curl_easy_setopt(c, CURLOPT_USERAGENT, "ctlsuite/" CTL_VERSION);
	curl_easy_setopt(c, CURLOPT_SSL_CTX_FUNCTION, on_ssl_ctx);
	curl_easy_setopt(c, CURLOPT_SSL_CTX_DATA, a);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L);
	/* Without a CA file of ours none at all: the system's hundreds take 20 ms to read, for
	 * every connection. */
	curl_easy_setopt(c, CURLOPT_CAINFO, o->ca);
	curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
	if (o->ca) {
		curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L);
	} else {
		/* The fingerprint names one certificate: its names add nothing. */
		curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	if (o->cancel) {
		curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
		curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
		curl_easy_setopt(c, CURLOPT_XFERINFODATA, a);
	}
	if (o->cert) {
		curl_easy_setopt(c, CURLOPT_SSLCERT, o->cert);
		curl_easy_setopt(c, CURLOPT_SSLKEY, o->key);
	}
	if (o->user) {
		curl_easy_setopt(c, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
		curl_easy_setopt(c, CURLOPT_USERNAME, o->user);
		curl_easy_setopt(c, CURLOPT_PASSWORD, o->password->text);
	}
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, reply);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, reply);
}

static int explain_no_answer(struct api *a, CURLcode code, struct err *e)
{
	const struct hostport *s = &a->opts->server;
	const char *why = a->why[0] ? a->why : curl_easy_strerror(code);
	const struct api_identity *identity = a->opts->identity;

	if (identity && identity->trouble->kind) {
		*e = *identity->trouble;
		return err_wrap(e, "the key of the client certificate");
	}

	switch (code) {
	case CURLE_PEER_FAILED_VERIFICATION:
		err_set(e, ERR_REFUSED, "provider-certificate",
			"the provider %s:%u shows another certificate than the one expected: %s",
			s->host, s->port, why);
		return err_hint(e, "nothing was sent to it; if its certificate was renewed on "
				   "purpose, compare the new fingerprint and use --ca or "
				   "--fingerprint");
	case CURLE_SSL_CACERT_BADFILE:
		return err_set(e, ERR_USAGE, "ca-file", "cannot use the CA file %s: %s",
			       a->opts->ca, why);
	default:
		err_set(e, ERR_FAILED, "provider-down", "no answer from the provider %s:%u: %s",
			s->host, s->port, why);
		return err_hint(e, "is ctlproviderd running there, and is the port open between "
				   "here and there? nothing was changed");
	}
}

static enum err_kind kind_of_status(long status)
{
	switch (status) {
	case 409:
	case 412:
		return ERR_CONFLICT;
	case 422:
		return ERR_REFUSED;
	default:
		return ERR_FAILED;
	}
}

static int explain_problem(long status, struct api_reply *reply, struct err *e)
{
	const char *id = NULL;
	const char *detail = NULL;
	const char *hint = NULL;
	json_t *doc = NULL;
	struct err ignored;

	if (!json_read(&doc, buf_view(&reply->body), &ignored))
		json_unpack(doc, "{s?s, s?s, s?s}", "id", &id, "detail", &detail, "hint", &hint);
	err_set(e, kind_of_status(status), id ? id : "http-status", "%s",
		detail ? detail : "the provider refused without saying why");
	if (!detail)
		err_wrap(e, "HTTP status %ld", status);
	if (hint)
		err_hint(e, "%s", hint);
	json_decref(doc);
	return (int)e->kind;
}

/* Sends what set_options() and the caller prepared. */
static int perform(struct api *a, struct api_reply *reply, struct err *e)
{
	long status = 0;
	CURLcode code;
	sigset_t old;
	int rc;

	a->why[0] = '\0';
	old = block_sigpipe();
	code = curl_easy_perform(a->curl);
	unblock_sigpipe(&old);
	if (code != CURLE_OK) {
		rc = explain_no_answer(a, code, e);
		goto fail;
	}
	curl_easy_getinfo(a->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status != 200 && status != 201) {
		rc = explain_problem(status, reply, e);
		goto fail;
	}
	return 0;
fail:
	buf_wipe(&reply->body);
	return rc;
}

static void start(struct api *a, const char *path, struct api_reply *reply)
{
	const char *host = a->opts->server.host;
	const bool v6 = strchr(host, ':') != NULL;
	char url[URL_MAX];

	*reply = (struct api_reply){.generation = -1};
	snprintf(url, sizeof(url), "https://%s%s%s:%u%s", v6 ? "[" : "", host, v6 ? "]" : "",
		 a->opts->server.port, path);
	set_options(a, url, reply);
}

int api_get(struct api *a, const char *path, struct api_reply *reply, struct err *e)
{
	start(a, path, reply);
	return perform(a, reply, e);
}

int api_get_json(struct api *a, const char *path, json_t **doc, struct err *e)
{
	struct api_reply reply;
	int rc = api_get(a, path, &reply, e);

	if (rc)
		return rc;
	rc = json_read(doc, buf_view(&reply.body), e);
	if (rc)
		err_wrap(e, "the answer to %s", path);
	buf_wipe(&reply.body);
	return rc;
}

bool api_use_session(struct api *a, const char *id)
{
	const int n = snprintf(a->session, sizeof(a->session), "Ctl-Session: %s", id);

	if (n > 0 && (size_t)n < sizeof(a->session) && !strpbrk(id, "\r\n"))
		return true;
	a->session[0] = '\0';
	return false;
}

static int put(struct api *a, const char *path, const char *type, struct span body,
	       int64_t generation, struct api_reply *reply, struct err *e)
{
	struct curl_slist *headers = NULL;
	char match[48];
	int rc;

	start(a, path, reply);
	snprintf(match, sizeof(match), "If-Match: \"%lld\"", (long long)generation);
	headers = curl_slist_append(NULL, type);
	if (!headers || !curl_slist_append(headers, match) ||
	    (*a->session && !curl_slist_append(headers, a->session))) {
		rc = err_nomem(e);
		goto out;
	}
	curl_easy_setopt(a->curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(a->curl, CURLOPT_CUSTOMREQUEST, "PUT");
	curl_easy_setopt(a->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
	curl_easy_setopt(a->curl, CURLOPT_POSTFIELDS, body.data);
	rc = perform(a, reply, e);
out:
	curl_slist_free_all(headers);
	return rc;
}

int api_put(struct api *a, const char *path, struct span body, int64_t generation,
	    struct api_reply *reply, struct err *e)
{
	return put(a, path, "Content-Type: application/octet-stream", body, generation, reply, e);
}

int api_put_json(struct api *a, const char *path, const json_t *body, int64_t generation,
		 struct api_reply *reply, struct err *e)
{
	char *text = json_dumps(body, JSON_COMPACT);
	int rc;

	*reply = (struct api_reply){0};
	if (!text)
		return err_nomem(e);
	rc = put(a, path, "Content-Type: application/json", span_of(text, strlen(text)), generation,
		 reply, e);
	free(text);
	return rc;
}

int api_send_json(struct api *a, const char *method, const char *path, json_t *body, json_t **doc,
		  struct err *e)
{
	char *text = json_dumps(body, JSON_COMPACT);
	struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
	struct api_reply reply = {0};
	int rc;

	if (!text || !headers) {
		rc = err_nomem(e);
		goto out;
	}
	start(a, path, &reply);
	curl_easy_setopt(a->curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(a->curl, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(a->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(text));
	curl_easy_setopt(a->curl, CURLOPT_POSTFIELDS, text);
	rc = perform(a, &reply, e);
	if (!rc)
		rc = json_read(doc, buf_view(&reply.body), e);
	buf_wipe(&reply.body);
out:
	if (text)
		OPENSSL_cleanse(text, strlen(text));
	free(text);
	curl_slist_free_all(headers);
	return rc;
}
