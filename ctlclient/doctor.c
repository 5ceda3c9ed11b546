/* ctlclient doctor. */
#include "ctlclient/doctor.h"

#include "common/cli.h"
#include "common/json.h"
#include "ctlclient/commands.h"
#include "phone/boot.h"

#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPT_PHONE = 256, OPT_TFTP, OPT_HTTP, OPT_STATE };

/* ---- steps ---- */

static struct doctor_step *add(struct doctor *d, const char *step, enum doctor_state state)
{
	const size_t at = d->n < DOCTOR_STEPS_MAX ? d->n++ : DOCTOR_STEPS_MAX - 1;
	struct doctor_step *s = &d->steps[at];

	*s = (struct doctor_step){.step = step, .state = state};
	snprintf(s->token, sizeof(s->token), "%s", d->about ? d->about : "");
	return s;
}

void doctor_ok(struct doctor *d, const char *step, const char *what, ...)
{
	struct doctor_step *s = add(d, step, DOCTOR_OK);
	va_list args;

	va_start(args, what);
	vsnprintf(s->what, sizeof(s->what), what, args);
	va_end(args);
}

void doctor_skip(struct doctor *d, const char *step, const char *why, ...)
{
	struct doctor_step *s = add(d, step, DOCTOR_SKIPPED);
	va_list args;

	va_start(args, why);
	vsnprintf(s->what, sizeof(s->what), why, args);
	va_end(args);
}

struct doctor_step *doctor_wrong(struct doctor *d, const char *step, enum err_kind kind,
				 const char *why, const char *what, ...)
{
	struct doctor_step *s = add(d, step, DOCTOR_WRONG);
	va_list args;

	s->kind = kind;
	snprintf(s->why, sizeof(s->why), "%s", why);
	va_start(args, what);
	vsnprintf(s->what, sizeof(s->what), what, args);
	va_end(args);
	return s;
}

struct doctor_step *doctor_error(struct doctor *d, const char *step, const char *why,
				 const struct err *e)
{
	struct doctor_step *s = doctor_wrong(d, step, e->kind, why, "%s", e->what);

	snprintf(s->mend, sizeof(s->mend), "%s", e->hint);
	return s;
}

const struct doctor_step *doctor_first(const struct doctor *d)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->steps[i].state == DOCTOR_WRONG)
			return &d->steps[i];
	return NULL;
}

/* ---- telling ---- */

static const char *const state_names[] = {
	[DOCTOR_OK] = "ok",
	[DOCTOR_WRONG] = "wrong",
	[DOCTOR_SKIPPED] = "skipped",
};

/* NULL where there is none. */
static json_t *text_json(const char *text)
{
	return *text ? json_chars(text) : NULL;
}

static json_t *step_json(const struct doctor_step *s)
{
	return json_pack("{s:s, s:s, s:o*, s:o, s:o*, s:o*}", "step", s->step, "state",
			 state_names[s->state], "token", text_json(s->token), "what",
			 json_chars(s->what), "why", text_json(s->why), "mend", text_json(s->mend));
}

static json_t *module_json(const struct module_info *m)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o*, s:b}", "name", m->name, "description",
			 m->description, "manufacturer", m->manufacturer, "library", m->library,
			 "cryptoki", m->cryptoki, "file", text_json(m->file), "software",
			 m->software);
}

static json_t *report_json(const struct doctor *d)
{
	const struct doctor_step *first = doctor_first(d);
	json_t *modules = json_array();
	json_t *steps = json_array();

	for (size_t i = 0; i < d->n_modules; i++)
		json_array_append_new(modules, module_json(&d->modules[i]));
	for (size_t i = 0; i < d->n; i++)
		json_array_append_new(steps, step_json(&d->steps[i]));
	return json_pack("{s:b, s:{s:s, s:s, s:s}, s:o, s:o, s:o}", "ok", !first, "versions",
			 "ctlsuite", CTL_VERSION, "openssl",
			 OpenSSL_version(OPENSSL_VERSION_STRING), "p11_kit", CTL_P11KIT_VERSION,
			 "modules", modules, "steps", steps, "first_problem",
			 first ? step_json(first) : json_null());
}

static void print_report(const struct doctor *d)
{
	const struct doctor_step *first = doctor_first(d);

	printf("ctlsuite %s, OpenSSL %s, p11-kit %s\n", CTL_VERSION,
	       OpenSSL_version(OPENSSL_VERSION_STRING), CTL_P11KIT_VERSION);
	for (size_t i = 0; i < d->n_modules; i++) {
		const struct module_info *m = &d->modules[i];

		printf("module %s: %s, %s, version %s, PKCS#11 %s%s%s\n", m->name, m->description,
		       m->manufacturer, m->library, m->cryptoki, *m->file ? ", " : "", m->file);
	}
	printf("\n");
	for (size_t i = 0; i < d->n; i++) {
		const struct doctor_step *s = &d->steps[i];

		printf("%-8s %-20s %s%s%s\n", state_names[s->state], s->step, s->token,
		       *s->token ? ": " : "", s->what);
	}
	if (!first) {
		printf("\nall is well\n");
		return;
	}
	printf("\nfirst problem: %s%s%s\n", first->token, *first->token ? ": " : "", first->what);
	printf("why it matters: %s\n", first->why);
	if (*first->mend)
		printf("what mends it: %s\n", first->mend);
}

/* ---- the command ---- */

struct args {
	struct doctor doctor;
};

/* Options that mean nothing by themselves. */
static void check(struct doctor *d, struct argp_state *state)
{
	struct doctor_phone *p = &d->phone;
	struct err e;

	if (!p->name && (p->tftp || p->http || p->state))
		argp_error(state, "--tftp, --http and --state go with --phone NAME");
	if (!p->name)
		return;
	if (d->uri)
		argp_error(state, "a token has no part in what a phone does: leave \"%s\" out",
			   d->uri);
	if (boot_device(p->device, p->name, &e))
		argp_error(state, "%s: %s", e.what, e.hint);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		a->doctor.cluster.optional = true;
		a->doctor.cluster.desk = &a->doctor.desk_opts;
		state->child_inputs[0] = &a->doctor.desk_opts;
		state->child_inputs[1] = &a->doctor.cluster;
		return 0;
	case OPT_PHONE:
		a->doctor.phone.name = arg;
		return 0;
	case OPT_TFTP:
		a->doctor.phone.tftp = arg;
		return 0;
	case OPT_HTTP:
		a->doctor.phone.http = arg;
		return 0;
	case OPT_STATE:
		a->doctor.phone.state = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (a->doctor.uri)
			argp_error(state, "\"%s\" is not expected here", arg);
		a->doctor.uri = arg;
		return 0;
	case ARGP_KEY_END:
		check(&a->doctor, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int examine(struct doctor *d)
{
	const struct doctor_step *first;
	int rc = 0;

	if (!d->phone.name)
		doctor_desk(d);
	doctor_provider(d);
	if (d->phone.name)
		doctor_files(d);
	first = doctor_first(d);
	if (d->cluster.json)
		rc = json_print(report_json(d));
	else
		print_report(d);
	at_desk_free(&d->certs);
	free(d->modules);
	json_decref(d->phone.doc);
	buf_free(&d->phone.list);
	return first ? (int)first->kind : rc;
}

int cmd_doctor(int argc, char **argv, void *ctx)
{
	static const struct argp_option options[] = {
		{"phone", OPT_PHONE, "NAME", 0,
		 "Why does this phone refuse us? What the provider knows of it, what the TFTP "
		 "service gives it, and what it does with that",
		 0},
		{"tftp", OPT_TFTP, "HOST[:PORT]", 0,
		 "With --phone: the TFTP service (default: CTL_TFTP)", 0},
		{"http", OPT_HTTP, "URL", 0,
		 "With --phone: the HTTP service (default: CTL_HTTP, without a TFTP service)", 0},
		{"state", OPT_STATE, "DIR", 0,
		 "With --phone: its folder of ctlphone, which is only read (default: a phone of "
		 "which nothing is known)",
		 0},
		{0}};
	static const struct argp_child children[] = {
		{&options_desk, 0, "Tokens:", 1}, {&options_cluster, 0, "Provider:", 2}, {0}};
	static const struct argp argp = {
		options,
		parse,
		"[URI]",
		"Is this desk ready to sign? Walks from the PKCS#11 module to the reader service, "
		"the "
		"USB device, the token, its key and certificate, and to the provider, and names "
		"the "
		"first thing that is wrong, why it matters, and what mends it. Changes nothing. "
		"With a "
		"PIN source (or on a terminal, after asking) it makes a test signature.\v"
		"Exit code 0: all is well; 4: the token; 1 or 3: the provider, or with --phone the "
		"TFTP service.",
		children,
		NULL,
		NULL};
	struct args *a = calloc(1, sizeof(*a));
	int rc;

	(void)ctx;
	if (!a)
		return ERR_FAILED;
	cli_parse(&argp, argc, argv, a);
	rc = examine(&a->doctor);
	free(a);
	return rc;
}
