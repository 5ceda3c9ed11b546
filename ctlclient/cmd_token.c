/* ctlclient token: security tokens at this desk. */
#include "ctlclient/cmd_token.h"

#include "common/cli.h"
#include "ctlclient/commands.h"

int cmd_token(int argc, char **argv, void *ctx)
{
	static const struct cli_cmd table[] = {
		{"list", "", "the tokens present, their certificates and URIs", token_cmd_list},
		{"show", "URI", "one token in detail", token_cmd_show},
		{"init", "--label L", "initialise a token: everything on it is lost",
		 token_cmd_init},
		{"keygen", "URI --subject DN", "make a key and its certificate on a token",
		 token_cmd_keygen},
		{"test", "URI", "sign something and say whether the token can sign lists",
		 token_cmd_test},
		{"change-pin", "URI", "change the PIN, or with --so the SO PIN",
		 token_cmd_change_pin},
		{"unblock", "URI", "set a new PIN with the SO PIN", token_cmd_unblock},
		{"csr", "URI", "a request for a certificate", token_cmd_csr},
		{"import-cert", "URI CERT", "store a certificate beside its key",
		 token_cmd_import_cert},
		{"export-cert", "URI", "a certificate as a file", token_cmd_export_cert},
		{"wait", "[URI]", "wait until a token is put in, or pulled out", token_cmd_wait},
		{NULL, NULL, NULL, NULL},
	};

	return cli_dispatch(table, "Security tokens at this desk.",
			    "A token is named by its URI, as \"ctlclient token list\" shows it; "
			    "quote it, it holds semicolons.",
			    argc, argv, ctx);
}

int token_report(int rc, const struct err *e, const char *program)
{
	if (rc && e->what[0])
		err_print(e, program);
	return rc;
}
