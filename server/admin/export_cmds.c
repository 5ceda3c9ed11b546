/* ctladmin export tftp: a tree of files for servers of other makers. */
#include "server/admin/commands.h"

#include "common/cli.h"
#include "common/json.h"
#include "server/admin/export.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPT_STATE = 1000, OPT_JSON };

struct args {
	const char *dir, *conf, *state;
	bool json;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *a = state->input;

	switch (key) {
	case 'c':
		a->conf = arg;
		return 0;
	case OPT_STATE:
		a->state = arg;
		return 0;
	case OPT_JSON:
		a->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (a->dir)
			argp_error(state, "one folder only");
		a->dir = arg;
		return 0;
	case ARGP_KEY_END:
		if (!a->dir)
			argp_error(state, "into which folder?");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int load(struct conf *conf, const struct args *a, struct err *e)
{
	const int rc = conf_load(conf, a->conf, e);

	if (rc || !a->state)
		return rc;
	free(conf->state);
	conf->state = strdup(a->state);
	return conf->state ? 0 : err_nomem(e);
}

static int tell(const struct export_result *r, const struct args *a)
{
	if (a->json)
		return json_print(json_pack("{s:s, s:I, s:I, s:I, s:I}", "folder", a->dir, "files",
					    (json_int_t)r->files, "phones", (json_int_t)r->phones,
					    "removed", (json_int_t)r->removed, "left_out",
					    (json_int_t)r->unreadable));
	printf("exported: %zu files for %zu phones to %s; %zu that were there no longer exist\n",
	       r->files, r->phones, a->dir, r->removed);
	if (r->unreadable)
		fprintf(stderr,
			"note: %zu static files are too large to be copied here: copy them "
			"yourself\n",
			r->unreadable);
	return 0;
}

int cmd_export_tftp(int argc, char **argv, void *ctx)
{
	static const struct argp_option options[] = {
		{"config", 'c', "FILE", 0, "Configuration (/etc/ctlsuite/ctlsuite.conf)", 0},
		{"state", OPT_STATE, "DIR", 0, "Folder of the node's state", 0},
		{"json", OPT_JSON, NULL, 0, "One JSON document", 0},
		{0}};
	static const struct argp argp = {
		options,
		parse,
		"DIR",
		"Writes everything that phones download into a folder, signed and encrypted as "
		"ctltftpd would serve it, for tftpd-hpa or dnsmasq to serve. Run it again after "
		"every change: files appear whole, and those that are no longer right are removed."
		"\vConfigurations that are not encrypted can be read by everybody who knows their "
		"names, as with any TFTP server.",
		NULL,
		NULL,
		NULL};
	struct args a = {0};
	struct conf conf = {0};
	struct export_result r;
	struct err e = {0};
	int rc;

	(void)ctx;
	cli_parse(&argp, argc, argv, &a);
	rc = load(&conf, &a, &e);
	if (!rc)
		rc = export_tftp(&r, &conf, a.dir, &e);
	if (rc)
		err_print(&e, argv[0]);
	else
		rc = tell(&r, &a);
	conf_free(&conf);
	return rc;
}
