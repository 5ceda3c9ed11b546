/* The commands below "ctlclient file". All return the exit code. */
#ifndef CTLCLIENT_FILE_COMMANDS_H
#define CTLCLIENT_FILE_COMMANDS_H

int file_sign(int argc, char **argv, void *ctx);
int file_verify(int argc, char **argv, void *ctx);
int file_strip(int argc, char **argv, void *ctx);
int file_encrypt(int argc, char **argv, void *ctx);
int file_decrypt(int argc, char **argv, void *ctx);

#endif
