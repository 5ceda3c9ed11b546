/* ctlphone boot. */
#include "phone/commands.h"

#include "common/cli.h"
#include "common/conf.h"
#include "phone/options.h"
#include "server/net/tftp_packet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPT_TFTP = 256, OPT_HTTP, OPT_BLKSIZE };

/* Of any file that a phone fetches to boot. */
enum { FETCH_MAX = 1 << 20 };

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

/* Phones know the HTTPS server by their lists. */
static bool is_listed(void *arg, struct span der)
{
	const struct boot *b = arg;

	for (enum stored_kind k = 0; k < STORED_LISTS; k++) {
		const struct tl *l = b->stored.lists[k].tl;

		for (size_t i = 0; l && i < l->n; i++) {
			const struct tl_record *r = &l->records[i];

			if ((r->role == TL_TFTP || r->role == TL_CCM_TFTP) && span_eq(r->der, der))
				return true;
		}
	}
	return false;
}

/* What the command line names, and only if it names nothing what the environment does. */
static int find_servers(struct fetch_servers *s, struct tftp_get *tftp, struct http_get *http,
			const struct options *o, struct err *e)
{
	const char *tftp_text = o->tftp, *http_text = o->http;
	int rc = 0;

	if (!tftp_text && !http_text)
		tftp_text = getenv("CTL_TFTP");
	if (!tftp_text && !http_text)
		http_text = getenv("CTL_HTTP");
	if (!tftp_text && !http_text) {
		err_set(e, ERR_USAGE, "tftp-server", "no TFTP server is named");
		return err_hint(e, "give --tftp HOST[:PORT] or --http URL, or set CTL_TFTP");
	}
	if (tftp_text)
		rc = hostport_parse(&tftp->server, tftp_text, PORT_TFTP, e);
	if (!rc && http_text)
		rc = http_get_server(http, http_text, e);
	s->tftp = tftp_text ? tftp : NULL;
	s->http = http_text ? http : NULL;
	return rc;
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
	struct tftp_get tftp = {.max = FETCH_MAX};
	struct http_get http = {.max = FETCH_MAX, .is_known = is_listed, .arg = &b};
	struct fetch_servers servers;
	struct err e;
	int rc;

	(void)ctx;
	cli_parse(&argp, argc, argv, &o);
	if (boot_device(b.device, o.phone.what, &e) ||
	    find_servers(&servers, &tftp, &http, &o, &e)) {
		err_print(&e, "ctlphone");
		return (int)e.kind;
	}
	tftp.blksize = o.blksize;
	b.server = servers.tftp ? tftp.server.host : NULL;
	phone_account(&b, &o.phone);
	if (!o.phone.json)
		tell_start(&b, &servers);
	rc = boot_run(&b, fetch_file, &servers, &e);
	return phone_finish(&b, &o.phone, rc, &e);
}
