#include "ctlclient/pin_args.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

static const char attribute[] = "pin-value=";

static char *value_in(char *arg)
{
	char *found = strstr(arg, attribute);

	return found ? found + sizeof(attribute) - 1 : NULL;
}

void pin_args_hide(struct pin_args *p, int argc, char **argv)
{
	for (int i = 1; i < argc && p->n < PIN_ARGS_MAX; i++) {
		char *value = value_in(argv[i]);
		char *copy = value ? strdup(argv[i]) : NULL;

		if (!copy)
			continue;
		argv[i] = p->copies[p->n++] = copy;
		for (; *value; value++)
			*value = '*';
	}
}

void pin_args_wipe(struct pin_args *p)
{
	while (p->n) {
		char *copy = p->copies[--p->n];

		OPENSSL_cleanse(copy, strlen(copy));
		free(copy);
	}
}
