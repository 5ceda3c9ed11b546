/* The commands below "ctlclient ctl". All return the exit code. */
#ifndef CTLCLIENT_CTL_COMMANDS_H
#define CTLCLIENT_CTL_COMMANDS_H

int ctl_create(int argc, char **argv, void *ctx);
int ctl_update(int argc, char **argv, void *ctx);
int ctl_show(int argc, char **argv, void *ctx);
int ctl_verify(int argc, char **argv, void *ctx);
int ctl_diff(int argc, char **argv, void *ctx);

#endif
