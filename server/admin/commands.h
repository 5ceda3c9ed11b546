/* The commands of ctladmin. All return the exit code. */
#ifndef SERVER_ADMIN_COMMANDS_H
#define SERVER_ADMIN_COMMANDS_H

int cmd_user_add(int argc, char **argv, void *ctx);
int cmd_node_init(int argc, char **argv, void *ctx);

#endif
