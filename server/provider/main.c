/* ctlproviderd: the CTL provider. */
#include "common/cli.h"
#include "common/conf.h"
#include "common/log.h"
#include "common/secret.h"
#include "server/provider/service.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

struct options {
	const char *conf;
	bool check;
};

enum { OPT_CHECK = 1000, OPT_FOREGROUND };

static const struct argp_option option_table[] = {
	{.name = "config",
	 .key = 'c',
	 .arg = "FILE",
	 .doc = "configuration (" CONF_DEFAULT_FILE ")"},
	{.name = "check", .key = OPT_CHECK, .doc = "check the configuration, and end"},
	{.name = "foreground",
	 .key = OPT_FOREGROUND,
	 .doc = "stay in the foreground; it always does, for the service manager's sake"},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case 'c':
		o->conf = arg;
		return 0;
	case OPT_CHECK:
		o->check = true;
		return 0;
	case OPT_FOREGROUND:
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "it takes no argument \"%s\"", arg);
		return EINVAL;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = option_table,
		.parser = parse,
		.doc = "The CTL provider: checks and keeps the cluster's CTL, HTTPS on port 2444.",
	};
	struct options o = {0};
	struct conf conf;
	struct log log;
	struct err e;
	int rc;

	secret_harden_process();
	cli_parse(&argp, argc, argv, &o);
	rc = conf_load(&conf, o.conf, &e);
	if (rc) {
		err_print(&e, "ctlproviderd");
		return rc;
	}
	if (o.check) {
		printf("the configuration is in order\n");
	} else {
		log_init(&log, "ctlproviderd");
		log.level = conf.log_level;
		rc = service_run(&conf, &log, &e);
		if (rc)
			err_print(&e, "ctlproviderd");
	}
	conf_free(&conf);
	return rc;
}
