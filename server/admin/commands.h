/* The commands of ctladmin. All return the exit code. */
#ifndef SERVER_ADMIN_COMMANDS_H
#define SERVER_ADMIN_COMMANDS_H

int cmd_user_add(int argc, char **argv, void *ctx);
int cmd_user_list(int argc, char **argv, void *ctx);
int cmd_user_set_role(int argc, char **argv, void *ctx);
int cmd_user_passwd(int argc, char **argv, void *ctx);
int cmd_user_lock(int argc, char **argv, void *ctx);
int cmd_user_unlock(int argc, char **argv, void *ctx);
int cmd_user_remove(int argc, char **argv, void *ctx);
int cmd_user_cert(int argc, char **argv, void *ctx);
int cmd_audit_list(int argc, char **argv, void *ctx);
int cmd_audit_verify(int argc, char **argv, void *ctx);
int cmd_audit_export(int argc, char **argv, void *ctx);
int cmd_backup_create(int argc, char **argv, void *ctx);
int cmd_backup_restore(int argc, char **argv, void *ctx);
int cmd_export_tftp(int argc, char **argv, void *ctx);
int cmd_node_init(int argc, char **argv, void *ctx);
int cmd_node_invite(int argc, char **argv, void *ctx);
int cmd_node_join(int argc, char **argv, void *ctx);
int cmd_node_list(int argc, char **argv, void *ctx);
int cmd_node_show(int argc, char **argv, void *ctx);
int cmd_node_remove(int argc, char **argv, void *ctx);
int cmd_node_renew(int argc, char **argv, void *ctx);
int cmd_node_set_address(int argc, char **argv, void *ctx);

#endif
