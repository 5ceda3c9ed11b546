/* ctlphone verify. */
#include "phone/commands.h"

#include "common/cli.h"
#include "common/file.h"
#include "phone/options.h"
#include "phone/verify.h"

#include <stdio.h>

enum { OPT_AS = 256, OPT_NAME };

/* More than any limit of a phone, so that the rules and not the reader refuse what is too large. */
enum { VERIFY_READ_MAX = 32 << 20 };

struct options {
	struct phone_options phone;
	const char *as, *name;
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->phone;
		return 0;
	case OPT_AS:
		o->as = arg;
		return 0;
	case OPT_NAME:
		o->name = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int cmd_verify(int argc, char **argv, void *ctx)
{
	static const struct argp_option options[] = {
		{"as", OPT_AS, "NAME", 0,
		 "The name by which the phone asks for the file (default: by FILE's own)", 0},
		{"name", OPT_NAME, "SEP...", 0,
		 "The phone's device name (default: as it booted last)", 0},
		{0},
	};
	static const struct argp_child children[] = {{&phone_options_argp, 0, "The phone:", 1},
						     {0}};
	static const struct argp argp = {
		.options = options,
		.parser = parse_option,
		.args_doc = "FILE",
		.doc = "Tells what a phone in this state would do with FILE: a trust list, a "
		       "signed or encrypted file, a configuration. Nothing is changed.\v"
		       "Exit code 0: it would take it; 3: it would not.",
		.children = children,
	};
	struct options o = {0};
	struct boot b = {0};
	struct buf file = {0};
	struct err e;
	int rc;

	(void)ctx;
	cli_parse(&argp, argc, argv, &o);
	if ((o.name && boot_device(b.device, o.name, &e)) ||
	    file_read(o.phone.what, VERIFY_READ_MAX, &file, &e)) {
		err_print(&e, "ctlphone");
		buf_free(&file);
		return (int)e.kind;
	}
	phone_account(&b, &o.phone);
	if (!o.phone.json)
		printf("A phone with the state %s gets %s\n", o.phone.state, o.phone.what);
	rc = verify_file(&b, o.phone.what, o.as, buf_view(&file), &e);
	rc = phone_finish(&b, &o.phone, rc, &e);
	buf_free(&file);
	return rc;
}
