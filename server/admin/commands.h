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
int cmd_profile_add(int argc, char **argv, void *ctx);
int cmd_profile_copy(int argc, char **argv, void *ctx);
int cmd_profile_set(int argc, char **argv, void *ctx);
int cmd_profile_rename(int argc, char **argv, void *ctx);
int cmd_profile_show(int argc, char **argv, void *ctx);
int cmd_profile_list(int argc, char **argv, void *ctx);
int cmd_profile_remove(int argc, char **argv, void *ctx);
int cmd_digest_set(int argc, char **argv, void *ctx);
int cmd_digest_list(int argc, char **argv, void *ctx);
int cmd_digest_remove(int argc, char **argv, void *ctx);
int cmd_template_add(int argc, char **argv, void *ctx);
int cmd_template_set(int argc, char **argv, void *ctx);
int cmd_template_secret(int argc, char **argv, void *ctx);
int cmd_template_rename(int argc, char **argv, void *ctx);
int cmd_template_show(int argc, char **argv, void *ctx);
int cmd_template_list(int argc, char **argv, void *ctx);
int cmd_template_remove(int argc, char **argv, void *ctx);
int cmd_template_parameters(int argc, char **argv, void *ctx);
int cmd_phone_add(int argc, char **argv, void *ctx);
int cmd_phone_set(int argc, char **argv, void *ctx);
int cmd_phone_rename(int argc, char **argv, void *ctx);
int cmd_phone_show(int argc, char **argv, void *ctx);
int cmd_phone_secrets(int argc, char **argv, void *ctx);
int cmd_phone_list(int argc, char **argv, void *ctx);
int cmd_phone_remove(int argc, char **argv, void *ctx);
int cmd_phone_cert(int argc, char **argv, void *ctx);
int cmd_phone_key(int argc, char **argv, void *ctx);
int cmd_phone_secret(int argc, char **argv, void *ctx);
int cmd_phone_import(int argc, char **argv, void *ctx);
int cmd_phone_export(int argc, char **argv, void *ctx);
int cmd_phone_models(int argc, char **argv, void *ctx);

#endif
