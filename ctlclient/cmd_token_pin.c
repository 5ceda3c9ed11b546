/* ctlclient token change-pin, unblock. */
#include "ctlclient/cmd_token.h"

#include "common/cli.h"
#include "ctlclient/options.h"
#include "ctlclient/pin.h"
#include "ctlclient/pin_rules.h"
#include "ctlclient/record.h"

enum { OPT_NEW_PIN = 256, OPT_SO_PIN, OPT_SO, OPT_TIPS };

struct args {
	struct desk_opts desk;
	struct transcript_opts transcript;
	const char *uri;
	const char *new_pin_source; /* change-pin */
	const char *so_pin_source;  /* unblock */
	bool so, tips;              /* change-pin */
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->desk;
		state->child_inputs[1] = &a->transcript;
		return 0;
	case OPT_NEW_PIN:
		a->new_pin_source = arg;
		return 0;
	case OPT_SO_PIN:
		a->so_pin_source = arg;
		return 0;
	case OPT_SO:
		a->so = true;
		return 0;
	case OPT_TIPS:
		a->tips = true;
		return 0;
	case ARGP_KEY_ARG:
		if (a->uri)
			argp_error(state, "what is \"%s\"?", arg);
		a->uri = arg;
		return 0;
	case ARGP_KEY_END:
		if (!a->uri && !a->tips)
			argp_error(state, "which token? name it by its URI");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = {
	{&options_desk, 0, "Tokens:", 0}, {&options_transcript, 0, "Record:", 0}, {0}};

/* What the owner's thread works on. */
struct change {
	const struct args *args;
	enum token_user who;
	struct token_info info;
	struct secret old, new; /* old: the SO PIN when unblocking */
	bool done;              /* whatever becomes of the record */
	X509 *cert;             /* whose key signs the record; owned */
	struct desk_key sealed_by;
};

static int job_look(struct token *t, void *arg, struct err *e)
{
	struct change *c = arg;

	/* What is known of the counter must be of now; a locked PIN is what unblocking mends. */
	(void)token_login_check(t, true, e);
	c->info = *token_info(t);
	return token_pin_allowed(&c->info, c->who, c->args->desk.allow_final_try, e);
}

static void change_free(struct change *c)
{
	secret_free(&c->old);
	secret_free(&c->new);
	X509_free(c->cert);
}

/* ---- the record ---- */

static int job_cert(struct token *t, void *arg, struct err *e)
{
	struct change *c = arg;

	return token_signing_cert(&c->cert, t, e);
}

/* With the new PIN, if it is the user's and there is a key: what was changed is changed, so that it
 * is no failure if not. */
static void seal(struct change *c, struct desk_token *t, struct transcript *tr)
{
	struct err why;
	int rc;

	if (!tr)
		return;
	rc = desk_token_run(t, job_cert, c, &why);
	if (!rc && !c->info.pin_pad)
		rc = desk_token_pin_is(t, &c->new, &why);
	if (!rc)
		rc = desk_token_login(t, "to sign the record", &why);
	if (rc) {
		fprintf(stderr, "note: the token does not sign the record: %s\n", why.what);
		return;
	}
	c->sealed_by = (struct desk_key){t, c->cert, NULL};
	transcript_seal_with(tr, c->cert, desk_key_sign, &c->sealed_by);
}

static int begin(struct change *c, struct desk_token *t, struct transcript *tr, struct desk *desk,
		 struct err *e)
{
	int rc = record_modules(tr, desk, e);

	if (!rc)
		rc = desk_token_run(t, job_look, c, e);
	return rc ? rc : record_token(tr, &c->info, e);
}

/* ---- change-pin ---- */

static int print_tips(const struct args *a, struct err *e)
{
	struct desk_token *t = NULL;
	struct desk *desk = NULL;
	struct buf b = {0};
	int rc = 0;

	if (a->uri)
		rc = desk_open(&desk, &a->desk, e);
	if (!rc && a->uri)
		rc = desk_token_find(&t, desk, a->uri, e);
	if (!rc) {
		pin_rules_tips(&b, t ? desk_token_info(t) : NULL);
		printf("%s", buf_cstr(&b) ? buf_cstr(&b) : "");
	}
	buf_free(&b);
	desk_token_free(t);
	desk_close(desk);
	return rc;
}

static int read_old(struct change *c, const struct desk_token *t, struct err *e)
{
	const struct pin_ask so = {.info = &c->info,
				   .who = TOKEN_SO,
				   .why = "to change it",
				   .source = c->args->desk.pin_source,
				   .option = "--pin-source"};

	pin_warn_before(&c->info, c->who);
	if (c->who == TOKEN_SO)
		return pin_read(&c->old, &so, e);
	return desk_token_pin(&c->old, t, "to change it", e);
}

static int read_new(struct change *c, enum token_user who, const char *source, const char *option,
		    const struct secret *old, struct err *e)
{
	const struct pin_ask ask = {
		.info = &c->info, .who = who, .source = source, .option = option};

	if (pin_is_typed(&ask))
		fprintf(stderr,
			"\"ctlclient token change-pin --tips\" tells what makes a good PIN.\n");
	return pin_read_new(&c->new, &ask, old, e);
}

static int job_change(struct token *t, void *arg, struct err *e)
{
	struct change *c = arg;
	const bool pad = c->info.pin_pad;
	const int rc = token_change_pin(t, c->who, pad ? NULL : &c->old, pad ? NULL : &c->new,
					c->args->desk.allow_final_try, e);

	c->info = *token_info(t);
	return rc;
}

static int change_on_pad(struct change *c, struct desk_token *t, struct err *e)
{
	pin_warn_before(&c->info, c->who);
	fprintf(stderr,
		"Enter on the reader of the token %s (serial %s): the present PIN, then the new "
		"one, twice.\n",
		c->info.label, c->info.serial);
	return desk_token_run(t, job_change, c, e);
}

static int change_typed(struct change *c, struct desk_token *t, struct err *e)
{
	int rc = read_old(c, t, e);

	if (!rc)
		rc = read_new(c, c->who, c->args->new_pin_source, "--new-pin-source", &c->old, e);
	if (!rc)
		rc = desk_token_run(t, job_change, c, e);
	return rc;
}

static int change_pin(const struct args *a, struct err *e)
{
	struct change c = {.args = a, .who = a->so ? TOKEN_SO : TOKEN_USER};
	struct transcript *tr = NULL;
	struct desk_token *t = NULL;
	struct desk *desk = NULL;
	int rc;

	if (a->tips)
		return print_tips(a, e);
	rc = transcript_open(&tr, &a->transcript, "ctlclient token change-pin", e);
	if (!rc)
		rc = desk_open(&desk, &a->desk, e);
	if (!rc)
		rc = desk_token_find(&t, desk, a->uri, e);
	if (!rc)
		rc = begin(&c, t, tr, desk, e);
	if (!rc) {
		rc = c.info.pin_pad ? change_on_pad(&c, t, e) : change_typed(&c, t, e);
		c.done = !rc;
		rc = transcript_step(tr, "change-pin", rc,
				     json_pack("{s:s}", "whose", a->so ? "so" : "user"), e);
	}
	if (!rc && !a->so)
		seal(&c, t, tr);
	rc = transcript_close(tr, rc, e);
	if (c.done)
		printf("the %s of the token %s (serial %s) was changed\n", a->so ? "SO PIN" : "PIN",
		       c.info.label, c.info.serial);
	change_free(&c);
	desk_token_free(t);
	desk_close(desk);
	return rc;
}

int token_cmd_change_pin(int argc, char **argv, void *ctx)
{
	static const struct argp_option options[] = {
		{"new-pin-source", OPT_NEW_PIN, "SOURCE", 0,
		 "Where the new PIN comes from: as with --pin-source, which tells the present one",
		 0},
		{"so", OPT_SO, NULL, 0, "Change the SO PIN, which unlocks, instead of the PIN", 0},
		{"tips", OPT_TIPS, NULL, 0, "Tell what makes a good PIN, and change nothing", 0},
		{0}};
	static const struct argp argp = {
		options,
		parse,
		"URI\n--tips [URI]",
		"Changes the PIN of a token, or with --so its SO PIN. A new PIN that is typed is "
		"typed twice. The present one is tried once.",
		children,
		NULL,
		NULL};
	struct args a = {0};
	struct err e = {0};

	(void)ctx;
	cli_parse(&argp, argc, argv, &a);
	return token_report(change_pin(&a, &e), &e, argv[0]);
}

/* ---- unblock ---- */

static int job_unblock(struct token *t, void *arg, struct err *e)
{
	struct change *c = arg;
	const bool pad = c->info.pin_pad;
	const int rc = token_unblock(t, pad ? NULL : &c->old, pad ? NULL : &c->new,
				     c->args->desk.allow_final_try, e);

	c->info = *token_info(t);
	return rc;
}

static int unblock_on_pad(struct change *c, struct desk_token *t, struct err *e)
{
	pin_warn_before(&c->info, TOKEN_SO);
	fprintf(stderr,
		"Enter on the reader of the token %s (serial %s): the SO PIN, then the new PIN, "
		"twice.\n",
		c->info.label, c->info.serial);
	return desk_token_run(t, job_unblock, c, e);
}

static int unblock_typed(struct change *c, struct desk_token *t, struct err *e)
{
	const struct pin_ask so = {.info = &c->info,
				   .who = TOKEN_SO,
				   .why = "to set a new PIN",
				   .source = c->args->so_pin_source,
				   .option = "--so-pin-source"};
	int rc;

	pin_warn_before(&c->info, TOKEN_SO);
	rc = pin_read(&c->old, &so, e);
	if (!rc)
		rc = read_new(c, TOKEN_USER, c->args->desk.pin_source, "--pin-source", NULL, e);
	if (!rc)
		rc = desk_token_run(t, job_unblock, c, e);
	return rc;
}

static int unblock(const struct args *a, struct err *e)
{
	struct change c = {.args = a, .who = TOKEN_SO};
	struct transcript *tr = NULL;
	struct desk_token *t = NULL;
	struct desk *desk = NULL;
	int rc;

	rc = transcript_open(&tr, &a->transcript, "ctlclient token unblock", e);
	if (!rc)
		rc = desk_open(&desk, &a->desk, e);
	if (!rc)
		rc = desk_token_find(&t, desk, a->uri, e);
	if (!rc)
		rc = begin(&c, t, tr, desk, e);
	if (!rc) {
		rc = c.info.pin_pad ? unblock_on_pad(&c, t, e) : unblock_typed(&c, t, e);
		c.done = !rc;
		rc = transcript_step(tr, "unblock", rc, NULL, e);
	}
	if (!rc)
		seal(&c, t, tr);
	rc = transcript_close(tr, rc, e);
	if (c.done)
		printf("the token %s (serial %s) has a new PIN; its keys are as they were\n",
		       c.info.label, c.info.serial);
	change_free(&c);
	desk_token_free(t);
	desk_close(desk);
	return rc;
}

int token_cmd_unblock(int argc, char **argv, void *ctx)
{
	static const struct argp_option options[] = {
		{"so-pin-source", OPT_SO_PIN, "SOURCE", 0,
		 "Where the SO PIN comes from: as with --pin-source, which tells the new PIN", 0},
		{0}};
	static const struct argp argp = {
		options,
		parse,
		"URI",
		"Gives a token whose PIN is locked or forgotten a new PIN, as the holder of its SO "
		"PIN (PUK). Nothing on the token is lost. The SO PIN is tried once.",
		children,
		NULL,
		NULL};
	struct args a = {0};
	struct err e = {0};

	(void)ctx;
	cli_parse(&argp, argc, argv, &a);
	return token_report(unblock(&a, &e), &e, argv[0]);
}
