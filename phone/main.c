/* ctlphone: a phone in software, as strict as a real one. */
#include "common/cli.h"
#include "common/conf.h"
#include "common/file.h"
#include "phone/boot.h"
#include "phone/report.h"
#include "phone/tftp_get.h"
#include "server/net/tftp_packet.h"

#include <stdio.h>
#include <stdlib.h>

enum { OPT_STATE = 1000, OPT_TFTP, OPT_BLKSIZE, OPT_JSON };

/* More than TL_FILE_MAX, so that the rules and not the reader refuse what is too large. */
enum { VERIFY_READ_MAX = 32 << 20 };

struct options {
	const char *what; /* NAME or FILE */
	const char *state;
	const char *tftp;
	uint32_t blksize;
	bool json;
};

static const struct argp_option boot_options[] = {
	{"state", OPT_STATE, "DIR", 0, "The phone's folder: what it keeps over a power cycle", 0},
	{"tftp", OPT_TFTP, "HOST[:PORT]", 0, "TFTP server (default: CTL_TFTP)", 0},
	{"blksize", OPT_BLKSIZE, "N", 0, "Block size to ask for, 8 to 65464 (default: 1428)", 0},
	{"json", OPT_JSON, NULL, 0, "One JSON document instead of the account", 0},
	{0},
};

static const struct argp_option verify_options[] = {
	{"state", OPT_STATE, "DIR", 0, "The phone's folder: what it keeps over a power cycle", 0},
	{"json", OPT_JSON, NULL, 0, "One JSON document instead of the account", 0},
	{0},
};

static uint32_t take_blksize(const char *arg, struct argp_state *state)
{
	char *rest;
	const unsigned long n = strtoul(arg, &rest, 10);

	if (*arg < '0' || *arg > '9' || *rest || n < TFTP_BLKSIZE_MIN || n > TFTP_BLKSIZE_MAX)
		argp_error(state, "--blksize takes a number from %d to %d, not \"%s\"",
			   TFTP_BLKSIZE_MIN, TFTP_BLKSIZE_MAX, arg);
	return (uint32_t)n;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case OPT_STATE:
		o->state = arg;
		return 0;
	case OPT_TFTP:
		o->tftp = arg;
		return 0;
	case OPT_BLKSIZE:
		o->blksize = take_blksize(arg, state);
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
		if (!o->what)
			argp_usage(state);
		if (!o->state)
			argp_error(state, "--state DIR is missing: the folder of this phone");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp boot_argp = {
	.options = boot_options,
	.parser = parse_option,
	.args_doc = "NAME",
	.doc = "Boots the phone NAME (SEP and the MAC address): it asks for its trust list, checks "
	       "it, "
	       "and keeps it or the one it has. Exit code 0: as the server wants it; 1: nothing "
	       "could be fetched; 3: the phone refuses the server's list.",
};

static const struct argp verify_argp = {
	.options = verify_options,
	.parser = parse_option,
	.args_doc = "FILE",
	.doc = "Tells what a phone in this state would do with the trust list FILE. Nothing is "
	       "changed. "
	       "Exit code 0: it would take it; 3: it would not.",
};

/* The last word on either way of output; returns the exit code. */
static int finish(const struct boot *b, const struct options *o, int rc, const struct err *e)
{
	const int printed = o->json ? json_print(report_json(b, rc ? e : NULL)) : 0;

	if (rc)
		err_print(e, "ctlphone");
	return rc ? rc : printed;
}

static int fetch_tftp(void *arg, const char *name, struct buf *out, struct err *e)
{
	return tftp_get(out, arg, name, e);
}

static int find_server(struct hostport *hp, const char *option, struct err *e)
{
	const char *text = option ? option : getenv("CTL_TFTP");

	if (text)
		return hostport_parse(hp, text, PORT_TFTP, e);
	err_set(e, ERR_USAGE, "tftp-server", "no TFTP server is named");
	return err_hint(e, "give --tftp HOST[:PORT] or set CTL_TFTP");
}

static int cmd_boot(int argc, char **argv, void *ctx)
{
	struct options o = {.blksize = BOOT_BLKSIZE_DEFAULT};
	struct tftp_get how = {.max = TL_FILE_MAX};
	struct boot b = {0};
	struct err e;
	int rc;

	(void)ctx;
	cli_parse(&boot_argp, argc, argv, &o);
	if (boot_device(b.device, o.what, &e) || find_server(&how.server, o.tftp, &e)) {
		err_print(&e, "ctlphone");
		return (int)e.kind;
	}
	how.blksize = o.blksize;
	b.dir = o.state;
	b.account = o.json ? NULL : stdout;
	if (b.account)
		printf("%s boots, TFTP server %s, port %u\n", b.device, how.server.host,
		       how.server.port);
	rc = boot_run(&b, fetch_tftp, &how, &e);
	rc = finish(&b, &o, rc, &e);
	boot_free(&b);
	return rc;
}

static int cmd_verify(int argc, char **argv, void *ctx)
{
	struct options o = {0};
	struct boot b = {0};
	struct buf file = {0};
	struct err e;
	int rc;

	(void)ctx;
	cli_parse(&verify_argp, argc, argv, &o);
	rc = file_read(o.what, VERIFY_READ_MAX, &file, &e);
	if (rc) {
		err_print(&e, "ctlphone");
		goto out;
	}
	b.dir = o.state;
	b.account = o.json ? NULL : stdout;
	if (b.account)
		printf("A phone with the state %s gets %s\n", o.state, o.what);
	rc = boot_verify(&b, o.what, buf_view(&file), &e);
	rc = finish(&b, &o, rc, &e);
	boot_free(&b);
out:
	buf_free(&file);
	return rc;
}

static const struct cli_cmd commands[] = {
	{"boot", "NAME --state DIR", "ask for the trust list, check it, keep it", cmd_boot},
	{"verify", "FILE --state DIR", "what a phone in this state would do with FILE", cmd_verify},
	{0},
};

int main(int argc, char **argv)
{
	return cli_dispatch(commands, "A phone in software, as strict as a real one.",
			    "Exit codes: 0 done, 1 failed, 2 usage, 3 a check said no.", argc, argv,
			    NULL);
}
