/*
 * The front door of a program: a table of commands, each with its own argp(3) parser.
 */
#ifndef COMMON_CLI_H
#define COMMON_CLI_H

#include "common/err.h"

#include <argp.h>

/* One command. argv[0] is what was typed up to it ("ctlclient token list"), for its --help. */
struct cli_cmd {
	const char *name;    /* "list"; a table ends with NULL */
	const char *args;    /* "URI [FILE]", for the overview; may be empty */
	const char *summary; /* one line, for the overview */
	int (*run)(int argc, char **argv, void *ctx); /* returns the exit code */
};

/* Finds the command that argv[1] names in the table and runs it; returns its exit code. Answers
 * --help (an overview with intro above the commands and outro below) and --version itself. A word
 * that is no command is answered with the nearest ones, on standard error, and ERR_USAGE. */
int cli_dispatch(const struct cli_cmd *table, const char *intro, const char *outro, int argc,
		 char **argv, void *ctx);

/* Runs an argp parser with the suite's habits: usage errors end the program with ERR_USAGE. */
void cli_parse(const struct argp *argp, int argc, char **argv, void *input);

/* Asks a yes-or-no question on the terminal; anything but y or yes means no. Without a terminal
 * the answer is yes: scripts were asked to act, not to chat. */
int cli_confirm(const char *question);

#endif
