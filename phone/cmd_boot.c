/* ctlphone boot. */
#include "phone/commands.h"

#include "common/cli.h"
#include "phone/options.h"
#include "server/net/tftp_packet.h"

#include <stdio.h>
#include <stdlib.h>

enum { OPT_TFTP = 256, OPT_HTTP, OPT_BLKSIZE };

struct options {
	struct phone_options phone;
	const char *tftp, *http;
	uint32_t blksize;
};

static const struct argp_option boot_options[] = {
	{"tftp", OPT_TFTP, "HOST[:PORT]", 0, "TFTP server (default: CTL_TFTP)", 0},
	{"http", OPT_HTTP, "URL", 0,
	 "HTTP server, http://HOST[:PORT]; with --tftp as well: HTTP first, file by file (default: "
	 "CTL_HTTP, without a TFTP server)",
	 0},
	{"blksize", OPT_BLKSIZE, "N", 0, "TFTP block size to ask for, 8 to 65464 (default: 1428)",
	 0},
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
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->phone;
		return 0;
	case OPT_TFTP:
		o->tftp = arg;
		return 0;
	case OPT_HTTP:
		o->http = arg;
		return 0;
	case OPT_BLKSIZE:
		o->blksize = take_blksize(arg, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void tell_start(const struct boot *b, const struct fetch_servers *s)
{
	printf("%s boots", b->device);
	if (s->http)
		printf(", HTTP server %s", s->http->base);
	if (s->tftp)
		printf(", TFTP server %s, port %u", s->tftp->server.host, s->tftp->server.port);
	printf("\n");
}

int cmd_boot(int argc, char **argv, void *ctx)
{
	static const struct argp_child children[] = {{&phone_options_argp, 0, "The phone:", 1},
						     {0}};
	static const struct argp argp = {
		.options = boot_options,
		.parser = parse_option,
		.args_doc = "NAME",
		.doc = "Boots the phone NAME (SEP and the MAC address): it asks for its trust "
		       "lists and its configuration in the order in which real phones do, checks "
		       "and decrypts them, keeps what it believes, and says what it would do "
		       "next.\v"
		       "Exit code 0: nothing was refused; 1: nothing could be fetched, or what it "
		       "has stored is damaged; 3: the phone refuses a file of the server.",
		.children = children,
	};
	struct options o = {.blksize = BOOT_BLKSIZE_DEFAULT};
	struct boot b = {0};
	struct fetch_setup from;
	struct err e;
	int rc;

	(void)ctx;
	cli_parse(&argp, argc, argv, &o);
	if (boot_device(b.device, o.phone.what, &e) ||
	    fetch_setup(&from, o.tftp, o.http, o.blksize, &e)) {
		err_print(&e, "ctlphone");
		return (int)e.kind;
	}
	from.http.is_known = boot_knows_server;
	from.http.arg = &b;
	b.server = from.servers.tftp ? from.tftp.server.host : NULL;
	phone_account(&b, &o.phone);
	if (!o.phone.json)
		tell_start(&b, &from.servers);
	rc = boot_run(&b, fetch_file, &from.servers, &e);
	return phone_finish(&b, &o.phone, rc, &e);
}
