#include "common/cli.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where the summaries start: behind the longest command, unless that is far out. */
static int column(const struct cli_cmd *table)
{
	enum { GAP = 5, WIDEST = 40 };
	int width = 0;

	for (const struct cli_cmd *c = table; c->name; c++) {
		const int n = (int)(strlen(c->name) + strlen(c->args)) + GAP;

		if (n > width && n < WIDEST)
			width = n;
	}
	return width;
}

static void overview(FILE *to, const struct cli_cmd *table, const char *intro, const char *outro,
		     const char *program)
{
	const int width = column(table);

	fprintf(to, "Usage: %s COMMAND ...\n%s\n\n", program, intro);
	for (const struct cli_cmd *c = table; c->name; c++) {
		const int used = fprintf(to, "  %s %s", c->name, c->args);

		fprintf(to, "%*s%s\n", used < width ? width - used : 2, "", c->summary);
	}
	fprintf(to, "\n%s%s\"%s COMMAND --help\" tells more.\n", outro, *outro ? "\n" : "",
		program);
}

static int no_such_command(const struct cli_cmd *table, const char *word, const char *program)
{
	bool any = false;

	fprintf(stderr, "%s: there is no command \"%s\"\n", program, word);
	for (const struct cli_cmd *c = table; c->name; c++) {
		if (strncmp(c->name, word, 2) != 0)
			continue;
		fprintf(stderr, "%s \"%s\"", any ? "," : "  did you mean", c->name);
		any = true;
	}
	fprintf(stderr, "%s  \"%s --help\" lists the commands\n", any ? "?\n" : "", program);
	return ERR_USAGE;
}

static int run(const struct cli_cmd *c, int argc, char **argv, void *ctx)
{
	char *typed = argv[1];
	char *name = NULL;
	int rc;

	if (asprintf(&name, "%s %s", argv[0], c->name) < 0)
		return ERR_FAILED;
	argv[1] = name;
	rc = c->run(argc - 1, argv + 1, ctx);
	argv[1] = typed;
	free(name);
	return rc;
}

int cli_dispatch(const struct cli_cmd *table, const char *intro, const char *outro, int argc,
		 char **argv, void *ctx)
{
	if (argc < 2) {
		overview(stderr, table, intro, outro, argv[0]);
		return ERR_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-?") || !strcmp(argv[1], "help")) {
		overview(stdout, table, intro, outro, argv[0]);
		return 0;
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		printf("%s %s\n", argv[0], CTL_VERSION);
		return 0;
	}
	for (const struct cli_cmd *c = table; c->name; c++)
		if (!strcmp(c->name, argv[1]))
			return run(c, argc, argv, ctx);
	return no_such_command(table, argv[1], argv[0]);
}

void cli_parse(const struct argp *argp, int argc, char **argv, void *input)
{
	argp_err_exit_status = ERR_USAGE;
	argp_program_version = "ctlsuite " CTL_VERSION;
	if (argp_parse(argp, argc, argv, 0, NULL, input))
		exit(ERR_USAGE);
}

int cli_confirm(const char *question)
{
	char answer[16];

	if (!isatty(STDIN_FILENO))
		return 1;
	fprintf(stderr, "%s [y/N] ", question);
	if (!fgets(answer, sizeof(answer), stdin))
		return 0;
	answer[strcspn(answer, "\n")] = '\0';
	return !strcmp(answer, "y") || !strcmp(answer, "yes");
}
