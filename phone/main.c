/* ctlphone: a phone in software, as strict as a real one. */
#include "common/cli.h"
#include "common/secret.h"
#include "phone/commands.h"

static const struct cli_cmd commands[] = {
	{"boot", "NAME --state DIR", "ask for trust lists and configuration, check them, keep them",
	 cmd_boot},
	{"enroll", "NAME --state DIR", "get, give back or delete a certificate, as CAPF says",
	 cmd_enroll},
	{"verify", "FILE --state DIR", "what a phone in this state would do with FILE", cmd_verify},
	{0},
};

int main(int argc, char **argv)
{
	secret_harden_process();
	return cli_dispatch(commands, "A phone in software, as strict as a real one.",
			    "Exit codes: 0 done, 1 failed, 2 usage, 3 a check said no.", argc, argv,
			    NULL);
}
