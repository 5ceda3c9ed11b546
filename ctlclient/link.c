#include "ctlclient/link.h"

#include "common/cli.h"
#include "common/conf.h"
#include "common/hex.h"
#include "ctlclient/client_cert.h"
#include "ctlclient/known.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct link {
	struct api_opts api_opts;
	struct api *api;
	const struct cluster_opts *opts;
	struct secret password;
	struct client_cert *cert;                 /* or NULL */
	uint8_t fingerprint[API_FINGERPRINT_LEN]; /* by which it is known */
	uint8_t seen[API_FINGERPRINT_LEN];        /* what it showed */
};

struct api *link_api(struct link *l)
{
	return l->api;
}

static int parse_fingerprint(uint8_t out[API_FINGERPRINT_LEN], const char *text, struct err *e)
{
	struct buf bytes = {0};
	const bool ok = hex_parse(&bytes, text, strlen(text)) && bytes.len == API_FINGERPRINT_LEN;

	if (ok)
		memcpy(out, bytes.data, API_FINGERPRINT_LEN);
	buf_free(&bytes);
	if (!ok)
		return err_set(e, ERR_USAGE, "fingerprint",
			       "--fingerprint takes the 64 hexadecimal digits of a SHA-256");
	return 0;
}

int link_pin(struct api_opts *api, uint8_t fingerprint[API_FINGERPRINT_LEN],
	     const struct cluster_opts *opts, struct err *e)
{
	bool known = true;
	int rc = hostport_parse(&api->server, opts->server, PORT_PROVIDER, e);

	if (rc || opts->ca) {
		api->ca = opts->ca;
		return rc;
	}
	if (opts->fingerprint)
		rc = parse_fingerprint(fingerprint, opts->fingerprint, e);
	else
		rc = known_get(&api->server, fingerprint, &known, e);
	if (!rc && known)
		api->fingerprint = fingerprint;
	return rc;
}

int link_start(struct link **out, const struct cluster_opts *opts, struct err *e)
{
	struct link *l = calloc(1, sizeof(*l));
	int rc;

	if (!l)
		return err_nomem(e);
	l->opts = opts;
	l->api_opts.cancel = opts->cancel;
	rc = link_pin(&l->api_opts, l->fingerprint, opts, e);
	if (rc)
		link_close(l);
	else
		*out = l;
	return rc;
}

static int not_known(const struct link *l, struct err *e)
{
	err_set(e, ERR_REFUSED, "provider-unknown", "the provider %s:%u is not known",
		l->api_opts.server.host, l->api_opts.server.port);
	return err_hint(e, "use --ca FILE, or --fingerprint with the fingerprint above once you "
			   "have compared it");
}

/* Asks the provider for its version only to see its certificate. */
int link_meet(struct link *l, struct err *e)
{
	struct api *first = NULL;
	struct api_reply reply = {0};
	int rc = api_open(&first, &l->api_opts, e);

	if (rc)
		return rc;
	rc = api_get(first, "/api/v1/version", &reply, e);
	if (!rc)
		buf_free(&reply.body);
	if (rc && !strcmp(e->id, "provider-certificate") && api_seen_fingerprint(first, l->seen) &&
	    !l->api_opts.ca && !l->api_opts.fingerprint)
		rc = not_known(l, e);
	api_close(first);
	return rc;
}

const uint8_t *link_seen(const struct link *l)
{
	return l->seen;
}

int link_accept(struct link *l, struct err *e)
{
	memcpy(l->fingerprint, l->seen, API_FINGERPRINT_LEN);
	l->api_opts.fingerprint = l->fingerprint;
	return known_put(&l->api_opts.server, l->fingerprint, e);
}

static int ask_about(struct link *l, struct err *e)
{
	const struct hostport *s = &l->api_opts.server;
	struct buf print = {0};
	int rc;

	hex_upper(&print, span_of(l->seen, API_FINGERPRINT_LEN), ':');
	if (!buf_cstr(&print))
		return err_nomem(e);
	fprintf(stderr,
		"The provider %s:%u is not known here yet. The SHA-256 fingerprint of its "
		"certificate is\n  %s\nCompare it with what \"ctladmin node init\" or \"ctladmin "
		"node show\" printed there.\n",
		s->host, s->port, buf_cstr(&print));
	buf_free(&print);
	if (isatty(STDIN_FILENO) && cli_confirm("Is it the same?"))
		rc = link_accept(l, e);
	else
		rc = not_known(l, e);
	return rc;
}

static int make_known(struct link *l, struct err *e)
{
	int rc;

	if (l->api_opts.ca || l->api_opts.fingerprint)
		return 0;
	rc = link_meet(l, e);
	if (rc && !strcmp(e->id, "provider-unknown"))
		rc = ask_about(l, e);
	return rc;
}

int link_password(struct secret *password, const struct cluster_opts *opts, struct err *e)
{
	const char *file = getenv("CTL_PASSWORD_FILE");
	char prompt[128];
	char *source = NULL;
	int rc;

	if (!opts->password_source && file && *file && asprintf(&source, "file:%s", file) < 0)
		return err_nomem(e);
	snprintf(prompt, sizeof(prompt), "Password of %.60s on the provider", opts->user);
	rc = secret_read(password, opts->password_source ? opts->password_source : source, prompt,
			 "password", "--password-source", e);
	free(source);
	return rc;
}

int link_client_token(struct link *l, struct desk_token **token, struct err *e)
{
	const int rc = l->cert ? 0 : client_cert_find(&l->cert, l->opts, e);

	*token = client_cert_token(l->cert);
	return rc;
}

/* A certificate that nobody could log in with is looked for again: another token may be there. */
static int show_certificate(struct link *l, struct err *e)
{
	struct desk_token *token;
	int rc = link_client_token(l, &token, e);

	if (rc || !token || client_cert_identity(l->cert))
		return rc;
	rc = client_cert_login(l->cert, e);
	if (rc) {
		client_cert_close(l->cert);
		l->cert = NULL;
	}
	return rc;
}

int link_login(struct link *l, struct secret *password, struct err *e)
{
	api_close(l->api);
	l->api = NULL;
	secret_free(&l->password);
	l->password = *password;
	*password = (struct secret){0};
	if (show_certificate(l, e))
		return (int)e->kind;
	l->api_opts.identity = client_cert_identity(l->cert);
	l->api_opts.user = l->opts->user;
	l->api_opts.password = &l->password;
	return api_open(&l->api, &l->api_opts, e);
}

int link_open(struct link **out, const struct cluster_opts *opts, struct err *e)
{
	struct secret password = {0};
	struct link *l = NULL;
	int rc = link_start(&l, opts, e);

	if (!rc)
		rc = make_known(l, e);
	if (!rc)
		rc = link_password(&password, opts, e);
	if (!rc)
		rc = link_login(l, &password, e);
	if (rc)
		link_close(l);
	else
		*out = l;
	return rc;
}

void link_close(struct link *l)
{
	if (!l)
		return;
	api_close(l->api);
	client_cert_close(l->cert);
	secret_free(&l->password);
	free(l);
}
