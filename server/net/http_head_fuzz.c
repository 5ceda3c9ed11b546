/* libFuzzer harness of the HTTP head parser. Corpus: vectors/http_head. */
#include "server/net/http_head.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever is kept is text, and lies in what was read. */
static void check_text(const char *text, const char *head, size_t n)
{
	if (!text || text < head || text >= head + n ||
	    !memchr(text, '\0', (size_t)(head + n - text)))
		abort();
}

static void check(const struct http_head *h, const char *head, size_t n)
{
	char text[64];
	unsigned long number;
	bool found;

	check_text(h->method, head, n);
	check_text(h->path, head, n);
	if (*h->path != '/' || h->nfields > HTTP_FIELDS_MAX)
		abort();
	for (size_t i = 0; i < h->nfields; i++) {
		check_text(h->fields[i].name, head, n);
		check_text(h->fields[i].value, head, n);
		if (!http_head_field(h, h->fields[i].name))
			abort();
	}
	if (http_query_number(h->query, "limit", &number) && number > 999999999)
		abort();
	if (http_query_text(h->query, "name", text, sizeof(text), &found) && found &&
	    strlen(text) >= sizeof(text))
		abort();
	(void)http_unescape(text, sizeof(text), h->path, strlen(h->path));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_head h = {0};
	struct err e;
	char *head;

	if (size > HTTP_HEAD_MAX)
		return 0;
	/* Just so many bytes, so that one too far is seen. */
	head = malloc(size ? size : 1);
	if (!head)
		return 0;
	if (size)
		memcpy(head, data, size);
	if (!http_head_parse(&h, head, size, &e))
		check(&h, head, size);
	free(head);
	return 0;
}
