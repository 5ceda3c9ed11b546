/* The commands of ctlclient, one file each. All return the exit code. */
#ifndef CTLCLIENT_COMMANDS_H
#define CTLCLIENT_COMMANDS_H

int cmd_token(int argc, char **argv, void *ctx);      /* token list|show|init|keygen|test */
int cmd_ctl(int argc, char **argv, void *ctx);        /* ctl create|update|show|verify|diff */
int cmd_file(int argc, char **argv, void *ctx);       /* file sign|verify|strip|... */
int cmd_cluster(int argc, char **argv, void *ctx);    /* cluster show|status|fetch|set-mode|... */
int cmd_bundle(int argc, char **argv, void *ctx);     /* bundle show|sign */
int cmd_transcript(int argc, char **argv, void *ctx); /* transcript verify */
int cmd_wizard(int argc, char **argv, void *ctx);     /* what runs without a command */
int cmd_doctor(int argc, char **argv, void *ctx);     /* doctor */

#endif
