/* The commands below "ctlclient cluster". All return the exit code. */
#ifndef CTLCLIENT_CLUSTER_COMMANDS_H
#define CTLCLIENT_CLUSTER_COMMANDS_H

int cluster_show(int argc, char **argv, void *ctx);
int cluster_status(int argc, char **argv, void *ctx);
int cluster_fetch(int argc, char **argv, void *ctx);
int cluster_history(int argc, char **argv, void *ctx);
int cluster_set_mode(int argc, char **argv, void *ctx);
int cluster_update(int argc, char **argv, void *ctx);
int cluster_add_token(int argc, char **argv, void *ctx);
int cluster_remove_token(int argc, char **argv, void *ctx);
int cluster_add_tftp(int argc, char **argv, void *ctx);
int cluster_remove_tftp(int argc, char **argv, void *ctx);
int cluster_request(int argc, char **argv, void *ctx);
int cluster_push(int argc, char **argv, void *ctx);

#endif
