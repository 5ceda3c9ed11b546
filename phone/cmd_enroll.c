/* ctlphone enroll. */
#include "phone/commands.h"

#include "common/cli.h"
#include "common/conf.h"
#include "common/json.h"
#include "phone/boot.h"
#include "phone/enroll.h"
#include "server/device/words.h"
#include "trustfile/cert.h"

#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	OPT_STATE = 256,
	OPT_STRING,
	OPT_SOURCE,
	OPT_CAPF,
	OPT_MODE,
	OPT_USER,
	OPT_INSTANCE,
	OPT_RETRIES,
	OPT_INTERVAL,
	OPT_VERSION,
	OPT_TLS,
	OPT_DELAY,
	OPT_CUT,
	OPT_JSON,
};

struct options {
	const char *name, *state, *string, *source, *capf, *user, *instance;
	struct enroll n;
	bool json;
};

static const struct argp_option option_table[] = {
	{"state", OPT_STATE, "DIR", 0, "The phone's folder: what it keeps over a power cycle", 0},
	{"auth-string", OPT_STRING, "DIGITS", 0, "The authentication string, as typed in", 0},
	{"auth-string-source", OPT_SOURCE, "X", 0,
	 "Where to read it from instead: prompt, env:NAME, file:PATH, fd:N or askpass", 0},
	{"auth-mode", OPT_MODE, "MODE", 0,
	 "string, null, lsc or mic (default: as the configuration says; as before a power cut; "
	 "with "
	 "the certificate it has)",
	 0},
	{"capf", OPT_CAPF, "HOST[:PORT]", 0,
	 "The CAPF server (default: CTL_CAPF, or as the configuration says)", 0},
	{"user", OPT_USER, "NAME", 0, "Instead of a phone: an application's or end user's instance",
	 0},
	{"instance", OPT_INSTANCE, "ID", 0, "Which instance of that user", 0},
	{"retries", OPT_RETRIES, "N", 0, "After a broken connection (default: 3, as phones do)", 0},
	{"retry-interval", OPT_INTERVAL, "SECONDS", 0, "Between them (default: 30, as phones do)",
	 0},
	{"json", OPT_JSON, NULL, 0, "One JSON document instead of the account", 0},
	{NULL, 0, NULL, 0, "To try out what a server makes of it:", 1},
	{"protocol-version", OPT_VERSION, "N", 0, "1, 2 or 3 (default)", 0},
	{"tls", OPT_TLS, "VERSION", 0, "Only 1.0 (as a 79xx), 1.1, 1.2 or 1.3", 0},
	{"key-delay", OPT_DELAY, "SECONDS", 0, "Take longer for the key", 0},
	{"cut", OPT_CUT, "WHERE", 0,
	 "Lose power: at key (made, not sent), store (certificate not stored), stored (not "
	 "confirmed)",
	 0},
	{0},
};

static unsigned take_number(const char *arg, const char *option, unsigned most,
			    struct argp_state *state)
{
	char *rest;
	const unsigned long n = strtoul(arg, &rest, 10);

	if (*arg < '0' || *arg > '9' || *rest || n > most)
		argp_error(state, "%s takes a number up to %u, not \"%s\"", option, most, arg);
	return (unsigned)n;
}

static int take_tls(const char *arg, struct argp_state *state)
{
	static const struct {
		const char *word;
		int version;
	} versions[] = {{"1.0", TLS1_VERSION},
			{"1.1", TLS1_1_VERSION},
			{"1.2", TLS1_2_VERSION},
			{"1.3", TLS1_3_VERSION}};

	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++)
		if (!strcmp(versions[i].word, arg))
			return versions[i].version;
	argp_error(state, "--tls takes 1.0, 1.1, 1.2 or 1.3, not \"%s\"", arg);
	return 0;
}

static enum enroll_cut take_cut(const char *arg, struct argp_state *state)
{
	if (!strcmp(arg, "key"))
		return ENROLL_CUT_KEY;
	if (!strcmp(arg, "store"))
		return ENROLL_CUT_STORE;
	if (strcmp(arg, "stored") != 0)
		argp_error(state, "--cut takes key, store or stored, not \"%s\"", arg);
	return ENROLL_CUT_STORED;
}

static void check(struct options *o, struct argp_state *state)
{
	if (o->user || o->instance) {
		if (!o->user || !o->instance || o->name)
			argp_error(state, "--user and --instance go together, without a NAME");
	} else if (!o->name) {
		argp_usage(state);
	}
	if (!o->state)
		argp_error(state, "--state DIR is missing: the folder of this phone");
	if (o->string && o->source)
		argp_error(state, "--auth-string or --auth-string-source, not both");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case OPT_STATE:
		o->state = arg;
		return 0;
	case OPT_STRING:
		o->string = arg;
		return 0;
	case OPT_SOURCE:
		o->source = arg;
		return 0;
	case OPT_CAPF:
		o->capf = arg;
		return 0;
	case OPT_MODE:
		if (!device_auth_of(&o->n.auth, arg))
			argp_error(state, "--auth-mode takes string, null, lsc or mic, not \"%s\"",
				   arg);
		return 0;
	case OPT_USER:
		o->user = arg;
		return 0;
	case OPT_INSTANCE:
		o->instance = arg;
		return 0;
	case OPT_RETRIES:
		o->n.retries = take_number(arg, "--retries", 1000, state);
		return 0;
	case OPT_INTERVAL:
		o->n.interval_s = take_number(arg, "--retry-interval", 3600, state);
		return 0;
	case OPT_VERSION:
		o->n.version = take_number(arg, "--protocol-version", CAPF_VERSION, state);
		return 0;
	case OPT_TLS:
		o->n.tls = take_tls(arg, state);
		return 0;
	case OPT_DELAY:
		o->n.key_delay_s = take_number(arg, "--key-delay", 3600, state);
		return 0;
	case OPT_CUT:
		o->n.cut = take_cut(arg, state);
		return 0;
	case OPT_JSON:
		o->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (o->name)
			argp_error(state, "too many arguments");
		o->name = arg;
		return 0;
	case ARGP_KEY_END:
		check(o, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* ---- the outcome ---- */

static json_t *cert_json(const X509 *x)
{
	struct buf serial = {0}, der = {0}, print = {0}, key = {0};
	json_t *j;

	if (!x)
		return json_null();
	cert_serial(&serial, x);
	cert_der(&der, x);
	cert_sha256(&print, x);
	cert_key_text(&key, x);
	j = json_pack("{s:o, s:o, s:o}", "serial", json_hex(buf_view(&serial)), "sha256",
		      json_hex(buf_view(&print)), "key", json_text(buf_view(&key)));
	buf_free(&serial);
	buf_free(&der);
	buf_free(&print);
	buf_free(&key);
	return j;
}

static json_t *why_json(const struct err *failed)
{
	if (!failed)
		return json_null();
	return json_pack("{s:s, s:o, s:o}", "id", failed->id, "text",
			 json_text(span_of(failed->what, strlen(failed->what))), "hint",
			 json_text(span_of(failed->hint, strlen(failed->hint))));
}

static json_t *outcome_json(const struct enroll *n, const struct err *failed)
{
	return json_pack("{s:o, s:s, s:o, s:I, s:s, s:o, s:o, s:O}", "device",
			 json_text(span_of(n->name, strlen(n->name))), "result",
			 enroll_result_word(n->result), "reason",
			 n->result == ENROLL_NONE ? json_null() : json_integer(n->reason),
			 "attempts", (json_int_t)n->attempts, "auth_mode",
			 n->auth ? device_auth_word(n->auth) : "none", "certificate",
			 cert_json(n->cert), "error", why_json(failed), "steps", n->account.steps);
}

static int finish(struct options *o, int rc, const struct err *e)
{
	struct enroll *n = &o->n;
	int printed = 0;

	if (o->json)
		printed = json_print(outcome_json(n, rc ? e : NULL));
	else if (!rc)
		printf("  status   %s\n", enroll_result_word(n->result));
	if (rc)
		err_print(e, "ctlphone");
	json_decref(n->account.steps);
	enroll_end(n);
	return rc ? rc : printed;
}

/* ---- the beginning ---- */

static int find_name(char name[CAPF_NAME_MAX], const struct options *o, struct err *e)
{
	char device[BOOT_DEVICE_MAX];

	if (!o->user) {
		/* A name that is none of ours may still be the server's. */
		snprintf(name, CAPF_NAME_MAX, "%s",
			 boot_device(device, o->name, e) ? o->name : device);
		if (strlen(o->name) < CAPF_NAME_MAX)
			return 0;
	} else if (snprintf(name, CAPF_NAME_MAX, "%s:%s", o->user, o->instance) < CAPF_NAME_MAX) {
		return 0;
	}
	return err_set(e, ERR_USAGE, "device-name", "a name has at most %d characters",
		       CAPF_NAME_MAX - 1);
}

static int find_string(struct secret *s, const struct options *o, struct err *e)
{
	if (o->string)
		return secret_set(s, o->string, strlen(o->string), e);
	if (!o->source)
		return 0;
	return secret_read(s, o->source, "Authentication string: ", "authentication string",
			   "--auth-string-source", e);
}

static int find_capf(struct hostport *at, const char *option, struct err *e)
{
	const char *text = option ? option : getenv("CTL_CAPF");

	return text ? hostport_parse(at, text, PORT_CAPF, e) : 0;
}

int cmd_enroll(int argc, char **argv, void *ctx)
{
	static const struct argp argp = {
		.options = option_table,
		.parser = parse,
		.args_doc = "NAME\n--user NAME --instance ID",
		.doc = "The phone NAME calls CAPF, and gets, gives back or deletes its certificate "
		       "(LSC) as the server says. It talks to no server that is not in its trust "
		       "list, so boot it first.\v"
		       "Exit code 0: done, or nothing was to be done; 1: no connection, after all "
		       "retries; 3: the server refuses the phone, or the phone the server.",
	};
	struct options o = {.n = {.retries = ENROLL_RETRIES,
				  .interval_s = ENROLL_INTERVAL_S,
				  .version = CAPF_VERSION}};
	char name[CAPF_NAME_MAX];
	struct secret string = {0};
	struct err e;
	int rc;

	(void)ctx;
	cli_parse(&argp, argc, argv, &o);
	o.n.dir = o.state;
	o.n.name = name;
	if (find_name(name, &o, &e) || find_string(&string, &o, &e) ||
	    find_capf(&o.n.server, o.capf, &e)) {
		err_print(&e, "ctlphone");
		secret_free(&string);
		return (int)e.kind;
	}
	if (string.text)
		o.n.string = span_of(string.text, string.len);
	o.n.account = (struct account){o.json ? NULL : stdout, o.json ? json_array() : NULL};
	rc = enroll_run(&o.n, &e);
	rc = finish(&o, rc, &e);
	secret_free(&string);
	return rc;
}
