#include "server/tftp/content.h"

#include <stdlib.h>

struct content *content_new(struct buf *bytes)
{
	struct content *c = calloc(1, sizeof(*c));

	if (c) {
		c->refs = 1;
		c->bytes = *bytes;
		*bytes = (struct buf){0};
	}
	buf_free(bytes);
	return c;
}

struct content *content_ref(struct content *c)
{
	if (c)
		c->refs++;
	return c;
}

void content_unref(struct content *c)
{
	if (!c || --c->refs)
		return;
	buf_free(&c->bytes);
	free(c);
}
