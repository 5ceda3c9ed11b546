#include "ctlclient/commands.h"

#include "common/cli.h"
#include "ctlclient/file_commands.h"

#include <stddef.h>

int cmd_file(int argc, char **argv, void *ctx)
{
	static const struct cli_cmd table[] = {
		{"sign", "--signer KEY FILE...", "make FILE.sgn, as phones want it", file_sign},
		{"verify", "--list CTL FILE...", "would phones take these files?", file_verify},
		{"strip", "FILE.sgn...", "the file inside a signed one", file_strip},
		{"encrypt", "--signer KEY --for CERT FILE...",
		 "make FILE.enc.sgn for one phone, and the minimal FILE.sgn", file_encrypt},
		{"decrypt", "--key KEY FILE.enc.sgn...", "what a phone finds in it", file_decrypt},
		{NULL, NULL, NULL, NULL},
	};

	return cli_dispatch(
		table,
		"Signs and encrypts what phones download, for servers that hand out plain "
		"files; ctltftpd does it by itself.",
		"A key is a pkcs11: URI or a PEM file. Many files may be named at once: the "
		"key is\nopened once.",
		argc, argv, ctx);
}
