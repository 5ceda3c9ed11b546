/* The commands of ctlphone: argv[0] is what was typed up to the command; the exit code. */
#ifndef PHONE_COMMANDS_H
#define PHONE_COMMANDS_H

int cmd_boot(int argc, char **argv, void *ctx);
int cmd_enroll(int argc, char **argv, void *ctx);
int cmd_verify(int argc, char **argv, void *ctx);

#endif
