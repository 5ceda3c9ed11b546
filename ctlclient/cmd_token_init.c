/* ctlclient token init. */
#include "ctlclient/cmd_token.h"

#include "common/cli.h"
#include "common/secret.h"
#include "ctlclient/options.h"
#include "ctlclient/pin.h"
#include "ctlclient/record.h"

#include <stdlib.h>

enum { OPT_LABEL = 256, OPT_SERIAL, OPT_SLOT, OPT_SO_PIN, OPT_YES, OPT_JSON };

struct args {
	struct desk_opts desk; /* its pin_source: the new user PIN */
	struct transcript_opts transcript;
	const char *label, *serial, *so_pin_source;
	long slot;
	bool yes, json;
};

/* What the owner's thread works on. */
struct init {
	const struct args *args;
	struct token_view target; /* before */
	struct secret so_pin, pin;
	struct token_info made; /* after */
	bool done;              /* whatever becomes of the record */
};

static error_t parse_slot(long *slot, const char *arg, struct argp_state *state)
{
	char *end;

	*slot = strtol(arg, &end, 10);
	if (!*arg || *end || *slot < 0)
		argp_error(state, "--slot takes the number of a slot, not \"%s\"", arg);
	return 0;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->desk;
		state->child_inputs[1] = &a->transcript;
		return 0;
	case OPT_LABEL:
		a->label = arg;
		return 0;
	case OPT_SERIAL:
		a->serial = arg;
		return 0;
	case OPT_SLOT:
		return parse_slot(&a->slot, arg, state);
	case OPT_SO_PIN:
		a->so_pin_source = arg;
		return 0;
	case OPT_YES:
		a->yes = true;
		return 0;
	case OPT_JSON:
		a->json = true;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "what is \"%s\"?", arg);
		return EINVAL;
	case ARGP_KEY_END:
		if (!a->label)
			argp_error(state, "how is the token to be called? give --label");
		if (a->serial && a->slot != TOKEN_ANY_SLOT)
			argp_error(state, "give --serial or --slot, not both");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int job_target(struct tokens *ts, void *arg, struct err *e)
{
	struct init *i = arg;
	struct token *t;
	struct err ignored;

	if (token_init_target(&i->target.info, ts, i->args->serial, i->args->slot, e))
		return (int)e->kind;
	/* What is on it is shown if it can be read; a broken token is initialised all the same. */
	if (i->target.info.initialized && !token_find(&t, ts, i->target.info.uri, &ignored)) {
		(void)token_certs(t, &i->target.certs, &i->target.n, &ignored);
		token_free(t);
	}
	return 0;
}

static int job_init(struct tokens *ts, void *arg, struct err *e)
{
	struct init *i = arg;

	return token_init(ts, &i->target.info, i->args->label, &i->so_pin, &i->pin, &i->made, e);
}

static int confirm_loss(const struct init *i, struct err *e)
{
	const struct token_info *info = &i->target.info;
	struct buf b = {0};

	if (!info->initialized)
		return 0;
	fprintf(stderr, "Everything on the token %s (serial %s) will be lost for ever", info->label,
		info->serial);
	for (size_t k = 0; k < i->target.n; k++) {
		token_name_text(&b, X509_get_subject_name(i->target.certs[k].cert));
		fprintf(stderr, "%s the key of %s", k ? "," : ":",
			buf_cstr(&b) ? buf_cstr(&b) : "?");
		buf_free(&b);
	}
	fprintf(stderr, ".\n");
	if (i->args->yes || cli_confirm("Initialise it?"))
		return 0;
	return err_set(e, ERR_FAILED, "cancelled", "cancelled; nothing was changed");
}

/* Of a token that is not empty the SO PIN is known; an empty one takes any. */
static int read_pins(struct init *i, struct err *e)
{
	const struct args *a = i->args;
	const struct token_info *info = &i->target.info;
	const struct pin_ask so = {.info = info,
				   .who = TOKEN_SO,
				   .why = "to initialise it",
				   .source = a->so_pin_source,
				   .option = "--so-pin-source"};
	const struct pin_ask user = {.info = info,
				     .who = TOKEN_USER,
				     .source = a->desk.pin_source,
				     .option = "--pin-source"};
	int rc;

	if (info->initialized) {
		pin_warn_before(info, TOKEN_SO);
		rc = pin_read(&i->so_pin, &so, e);
	} else {
		rc = pin_read_new(&i->so_pin, &so, NULL, e);
	}
	if (rc)
		return rc;
	return pin_read_new(&i->pin, &user, NULL, e);
}

static void print_made(const struct token_info *info)
{
	token_print(info);
	fflush(stdout);
	fprintf(stderr,
		"next: ctlclient token keygen '%s;object=sast' --subject \"CN=...,OU=...,O=...\"\n",
		info->uri);
}

/* What is lost for ever with it. */
static json_t *lost_json(const struct init *i)
{
	json_t *array = json_array();

	for (size_t k = 0; k < i->target.n; k++)
		json_array_append_new(array, transcript_cert(i->target.certs[k].cert));
	return json_pack("{s:o}", "lost", array);
}

static int prepare(struct init *i, struct desk *desk, struct transcript *tr, struct err *e)
{
	const struct args *a = i->args;
	const struct token_info *info = &i->target.info;
	int rc = desk_run(desk, job_target, i, e);

	if (!rc)
		rc = record_token(tr, info, e);
	if (!rc && info->initialized)
		rc = token_pin_allowed(info, TOKEN_SO, a->desk.allow_final_try, e);
	if (!rc)
		rc = confirm_loss(i, e);
	rc = transcript_step(tr, "consent", rc, tr ? lost_json(i) : NULL, e);
	return rc ? rc : read_pins(i, e);
}

static int do_init(struct init *i, struct desk *desk, struct transcript *tr, struct err *e)
{
	int rc = record_modules(tr, desk, e);

	if (!rc)
		rc = prepare(i, desk, tr, e);
	if (rc)
		return rc;
	rc = desk_run(desk, job_init, i, e);
	i->done = !rc;
	return transcript_step(
		tr, "init", rc,
		tr && !rc ? json_pack("{s:o}", "token", record_token_json(&i->made)) : NULL, e);
}

/* A token without a key signs no record: who goes on with keygen --continues has it signed then. */
static int init(const struct args *a, struct err *e)
{
	struct init i = {.args = a};
	struct transcript *tr = NULL;
	struct desk *desk = NULL;
	int rc, shown = 0;

	rc = transcript_open(&tr, &a->transcript, "ctlclient token init", e);
	if (!rc)
		rc = desk_open(&desk, &a->desk, e);
	if (!rc)
		rc = do_init(&i, desk, tr, e);
	rc = transcript_close(tr, rc, e);
	if (!rc && a->transcript.path)
		fprintf(stderr,
			"note: a token without a key cannot sign the record; \"token keygen "
			"--transcript NEW --continues %s\" signs for both\n",
			a->transcript.path);
	if (i.done && a->json)
		shown = json_print(token_view_json(&(struct token_view){.info = i.made}));
	else if (i.done)
		print_made(&i.made);
	secret_free(&i.so_pin);
	secret_free(&i.pin);
	token_view_free(&i.target);
	desk_close(desk);
	return rc ? rc : shown;
}

int token_cmd_init(int argc, char **argv, void *ctx)
{
	static const struct argp_option options[] = {
		{"label", OPT_LABEL, "L", 0, "What the token is to be called (32 bytes at most)",
		 0},
		{"serial", OPT_SERIAL, "S", 0, "Which token, by its serial number", 0},
		{"slot", OPT_SLOT, "N", 0, "Which token, by its slot", 0},
		{"so-pin-source", OPT_SO_PIN, "SOURCE", 0,
		 "Where the SO PIN comes from: as with --pin-source", 0},
		{"yes", OPT_YES, NULL, 0, "Do not ask before everything on it is lost", 0},
		{"json", OPT_JSON, NULL, 0, "Print one JSON document", 0},
		{0}};
	static const struct argp_child children[] = {
		{&options_desk, 0, "Tokens:", 0}, {&options_transcript, 0, "Record:", 0}, {0}};
	static const struct argp argp = {
		options,
		parse,
		"--label L",
		"Initialises a token: everything on it is lost, and it gets a label, an SO PIN and "
		"a "
		"PIN (--pin-source). Without --serial and --slot it is the only token present that "
		"has not been initialised yet.",
		children,
		NULL,
		NULL};
	struct args a = {.slot = TOKEN_ANY_SLOT};
	struct err e = {0};

	(void)ctx;
	cli_parse(&argp, argc, argv, &a);
	return token_report(init(&a, &e), &e, argv[0]);
}
