#include "ctlclient/options.h"

#include <stdlib.h>

enum {
	OPT_MODULE = 256,
	OPT_PIN,
	OPT_FINAL,
	OPT_TIMEOUT,
	OPT_WAIT,
	OPT_SERVER,
	OPT_USER,
	OPT_PASSWORD,
	OPT_CA,
	OPT_PRINT,
	OPT_JSON,
	OPT_CLIENT_CERT,
	OPT_CLIENT_PIN
};

static const struct argp_option desk_options[] = {
	{"module", OPT_MODULE, "PATH", 0,
	 "PKCS#11 module of the tokens; may be given several times (else CTL_MODULE, several "
	 "separated by colons, else p11-kit's modules)",
	 0},
	{"pin-source", OPT_PIN, "SOURCE", 0,
	 "Where the PIN comes from: prompt, env:NAME, file:PATH, fd:N, askpass or askpass:PROGRAM",
	 0},
	{"allow-final-try", OPT_FINAL, NULL, 0,
	 "Try the PIN even if one more mistake would lock the token", 0},
	{"token-timeout", OPT_TIMEOUT, "S", 0,
	 "Give up a module that does not answer for so many seconds (else CTL_TOKEN_TIMEOUT, else "
	 "30; what takes long may take ten times that)",
	 0},
	{"wait", OPT_WAIT, "S", 0,
	 "Wait so many seconds for a token to be put in, also for one that was pulled out in the "
	 "middle of the work (for that 300 on a terminal, else not at all)",
	 0},
	{0},
};

static unsigned parse_seconds(const char *what, const char *text, struct argp_state *state)
{
	enum { DAY = 86400 };
	char *end;
	const unsigned long n = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || n < 1 || n > DAY)
		argp_error(state, "%s takes seconds, 1 to %d, not \"%s\"", what, DAY, text);
	return (unsigned)n;
}

static void desk_from_environment(struct desk_opts *o, struct argp_state *state)
{
	const char *timeout = getenv("CTL_TOKEN_TIMEOUT");
	const char *module = getenv("CTL_MODULE");

	if (!o->modules[0] && module && *module)
		o->modules[0] = module;
	if (!o->token_timeout && timeout && *timeout)
		o->token_timeout = parse_seconds("CTL_TOKEN_TIMEOUT", timeout, state);
}

static error_t add_module(struct desk_opts *o, const char *path, struct argp_state *state)
{
	size_t n = 0;

	while (o->modules[n])
		n++;
	if (n == DESK_MODULES_MAX)
		argp_error(state, "--module may be given %d times", DESK_MODULES_MAX);
	o->modules[n] = path;
	return 0;
}

static error_t parse_desk(int key, char *arg, struct argp_state *state)
{
	struct desk_opts *o = state->input;

	switch (key) {
	case OPT_MODULE:
		return add_module(o, arg, state);
	case OPT_PIN:
		o->pin_source = arg;
		return 0;
	case OPT_FINAL:
		o->allow_final_try = true;
		return 0;
	case OPT_TIMEOUT:
		o->token_timeout = parse_seconds("--token-timeout", arg, state);
		return 0;
	case OPT_WAIT:
		o->wait = parse_seconds("--wait", arg, state);
		return 0;
	case ARGP_KEY_END:
		desk_from_environment(o, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp options_desk = {desk_options, parse_desk, NULL, NULL, NULL, NULL, NULL};

static const struct argp_option cluster_options[] = {
	{"server", OPT_SERVER, "HOST[:PORT]", 0,
	 "The provider on the first node (else CTL_PROVIDER)", 0},
	{"user", OPT_USER, "NAME", 0, "The administrator's account (else CTL_USER)", 0},
	{"password-source", OPT_PASSWORD, "SOURCE", 0,
	 "Where the password comes from: prompt, env:NAME, file:PATH, fd:N or askpass (else the "
	 "file that "
	 "CTL_PASSWORD_FILE names, else a prompt)",
	 0},
	{"ca", OPT_CA, "FILE", 0, "PEM certificate that the provider's must chain to (else CTL_CA)",
	 0},
	{"fingerprint", OPT_PRINT, "SHA256", 0,
	 "SHA-256 fingerprint that the provider's certificate must have", 0},
	{"client-cert", OPT_CLIENT_CERT, "URI", 0,
	 "Client certificate on a token, for an account that demands one (else CTL_CLIENT_CERT)",
	 0},
	{"client-pin-source", OPT_CLIENT_PIN, "SOURCE", 0,
	 "Where the PIN for it comes from, if not from where other PINs do", 0},
	{"json", OPT_JSON, NULL, 0, "Print one JSON document", 0},
	{0},
};

static void from_environment(struct cluster_opts *o)
{
	if (!o->server)
		o->server = getenv("CTL_PROVIDER");
	if (!o->user)
		o->user = getenv("CTL_USER");
	if (!o->ca && !o->fingerprint)
		o->ca = getenv("CTL_CA");
	if (!o->client_cert)
		o->client_cert = getenv("CTL_CLIENT_CERT");
	if (o->client_cert && !*o->client_cert)
		o->client_cert = NULL;
}

static error_t parse_cluster(int key, char *arg, struct argp_state *state)
{
	struct cluster_opts *o = state->input;

	switch (key) {
	case OPT_SERVER:
		o->server = arg;
		return 0;
	case OPT_USER:
		o->user = arg;
		return 0;
	case OPT_PASSWORD:
		o->password_source = arg;
		return 0;
	case OPT_CA:
		o->ca = arg;
		return 0;
	case OPT_PRINT:
		o->fingerprint = arg;
		return 0;
	case OPT_CLIENT_CERT:
		o->client_cert = arg;
		return 0;
	case OPT_CLIENT_PIN:
		o->client_pin_source = arg;
		return 0;
	case OPT_JSON:
		o->json = true;
		return 0;
	case ARGP_KEY_END:
		from_environment(o);
		if (!o->server && !o->optional)
			argp_error(state, "which provider? give --server HOST or set CTL_PROVIDER");
		if (!o->user && !o->optional)
			argp_error(state, "which account? give --user NAME or set CTL_USER");
		if (o->ca && o->fingerprint)
			argp_error(state, "give --ca or --fingerprint, not both");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp options_cluster = {cluster_options, parse_cluster, NULL, NULL, NULL, NULL, NULL};
