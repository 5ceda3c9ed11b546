#include "phone/options.h"

#include "phone/report.h"
#include "server/device/words.h"

#include <stdlib.h>

enum { OPT_STATE = 1000, OPT_MODEL, OPT_PROTOCOL, OPT_JSON };

static const struct argp_option options[] = {
	{"state", OPT_STATE, "DIR", 0, "The phone's folder: what it keeps over a power cycle", 0},
	{"model", OPT_MODEL, "M", 0,
	 "What phone it is: 7970, 8841, ... (default: as the last time; 8841)", 0},
	{"protocol", OPT_PROTOCOL, "P", 0, "sip or sccp (default: as the last time; sip)", 0},
	{"json", OPT_JSON, NULL, 0, "One JSON document instead of the account", 0},
	{0},
};

static const struct device_model *take_model(const char *arg, struct argp_state *state)
{
	const struct device_model *m = device_model_find(arg);

	if (!m)
		argp_error(state, "--model %s: no such model is known", arg);
	return m;
}

static void check(const struct phone_options *o, struct argp_state *state)
{
	if (!o->what)
		argp_usage(state);
	if (!o->state)
		argp_error(state, "--state DIR is missing: the folder of this phone");
	if (o->model && o->protocol && !device_ability(o->model, o->protocol)->there)
		argp_error(state, "a %s does not speak %s", o->model->name,
			   device_protocol_word(o->protocol));
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct phone_options *o = state->input;

	switch (key) {
	case OPT_STATE:
		o->state = arg;
		return 0;
	case OPT_MODEL:
		o->model = take_model(arg, state);
		return 0;
	case OPT_PROTOCOL:
		if (!device_protocol_of(&o->protocol, arg))
			argp_error(state, "--protocol takes sip or sccp, not \"%s\"", arg);
		return 0;
	case OPT_JSON:
		o->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (o->what)
			argp_error(state, "too many arguments");
		o->what = arg;
		return 0;
	case ARGP_KEY_END:
		check(o, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp phone_options_argp = {.options = options, .parser = parse};

void phone_account(struct boot *b, const struct phone_options *o)
{
	b->dir = o->state;
	b->model = o->model;
	b->protocol = o->protocol;
	b->account.out = o->json ? NULL : stdout;
	b->account.steps = o->json ? json_array() : NULL;
}

int phone_finish(struct boot *b, const struct phone_options *o, int rc, const struct err *e)
{
	const int printed = o->json ? json_print(report_json(b, rc ? e : NULL)) : 0;

	if (rc)
		err_print(e, "ctlphone");
	json_decref(b->account.steps);
	boot_free(b);
	return rc ? rc : printed;
}
