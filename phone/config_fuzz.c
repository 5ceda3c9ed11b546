/* libFuzzer harness of the configuration's reader. Corpus: trustfile/vectors/sgn. */
#include "phone/config.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool ends(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

static void check(const struct config *c)
{
	if (c->ncms > CONFIG_SERVERS_MAX || c->ncapf > CONFIG_SERVERS_MAX ||
	    c->ntvs > CONFIG_SERVERS_MAX || c->nlines > CONFIG_LINES_MAX ||
	    c->nvalues > CONFIG_VALUES_MAX)
		abort();
	if (c->mode < DEVICE_NONSECURE || c->mode > DEVICE_ENCRYPTED)
		abort();
	if (strlen(c->cert_hash) != 0 && strlen(c->cert_hash) != CONFIG_HASH_MAX - 1)
		abort();
	for (size_t i = 0; i < c->ncms; i++)
		if (!ends(c->cms[i].host, sizeof(c->cms[i].host)) || !c->cms[i].sips)
			abort();
	for (size_t i = 0; i < c->nvalues; i++)
		if (config_value_find(c, c->values[i].name) != &c->values[i])
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config c;
	struct err e;

	if (config_parse(&c, span_of(data, size), &e))
		return 0;
	check(&c);
	config_free(&c);
	return 0;
}
