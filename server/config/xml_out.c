#include "server/config/xml_out.h"

#include <libxml/xmlwriter.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { USUAL = 12 * 1024 }; /* bytes of a configuration: room for them at once */

struct xml_out {
	struct buf bytes;
	xmlTextWriterPtr writer;
	bool bad;
};

static bool writable(const struct xml_out *x)
{
	return x && !x->bad;
}

static void note(struct xml_out *x, int rc)
{
	x->bad = x->bad || rc < 0;
}

static void xml_out_free(struct xml_out *x)
{
	if (!x)
		return;
	if (x->writer)
		xmlFreeTextWriter(x->writer);
	buf_wipe(&x->bytes);
	free(x);
}

static int on_write(void *arg, const char *data, int n)
{
	struct xml_out *x = arg;

	buf_put(&x->bytes, data, (size_t)n);
	return x->bytes.bad ? -1 : n;
}

static xmlTextWriterPtr new_writer(struct xml_out *x)
{
	xmlOutputBufferPtr to = xmlOutputBufferCreateIO(on_write, NULL, x, NULL);
	xmlTextWriterPtr writer = to ? xmlNewTextWriter(to) : NULL;

	if (to && !writer)
		xmlOutputBufferClose(to);
	return writer;
}

struct xml_out *xml_out_new(void)
{
	struct xml_out *x = calloc(1, sizeof(*x));

	if (!x)
		return NULL;
	(void)buf_room(&x->bytes, USUAL);
	x->writer = new_writer(x);
	if (!x->writer) {
		xml_out_free(x);
		return NULL;
	}
	note(x, xmlTextWriterSetIndent(x->writer, 1));
	note(x, xmlTextWriterSetIndentString(x->writer, BAD_CAST "  "));
	note(x, xmlTextWriterStartDocument(x->writer, NULL, "UTF-8", NULL));
	return x;
}

void xml_out_open(struct xml_out *x, const char *element)
{
	if (writable(x))
		note(x, xmlTextWriterStartElement(x->writer, BAD_CAST element));
}

void xml_out_close(struct xml_out *x)
{
	if (writable(x))
		note(x, xmlTextWriterEndElement(x->writer));
}

/* XML 1.0 section 2.2, for what comes out of valid UTF-8. */
static bool is_char(int c)
{
	return c == '\t' || c == '\n' || c == '\r' || (c >= 0x20 && c <= 0xd7ff) ||
	       (c >= 0xe000 && c <= 0xfffd) || (c >= 0x10000 && c <= 0x10ffff);
}

/* Nearly every text is of these alone. */
static bool is_plain(const char *text)
{
	while (*text >= ' ' && *text <= '~')
		text++;
	return !*text;
}

/* A copy of text without what XML cannot hold. */
static xmlChar *clean(const char *text)
{
	const size_t len = strlen(text);
	xmlChar *out = malloc(len + 1);
	size_t n = 0;

	for (size_t i = 0; out && i < len;) {
		int size = (int)(len - i < 4 ? len - i : 4);
		const int c = xmlGetUTF8Char((const unsigned char *)text + i, &size);

		if (c < 0 || size <= 0) {
			i++;
			continue;
		}
		if (is_char(c)) {
			memcpy(out + n, text + i, (size_t)size);
			n += (size_t)size;
		}
		i += (size_t)size;
	}
	if (out)
		out[n] = '\0';
	return out;
}

static void discard(xmlChar *text)
{
	if (text)
		OPENSSL_cleanse(text, strlen((char *)text));
	free(text);
}

void xml_out_attribute(struct xml_out *x, const char *name, const char *value)
{
	xmlChar *text;

	if (!writable(x))
		return;
	text = clean(value);
	note(x, text ? xmlTextWriterWriteAttribute(x->writer, BAD_CAST name, text) : -1);
	discard(text);
}

void xml_out_text(struct xml_out *x, const char *element, const char *text)
{
	xmlChar *cleaned;

	if (!writable(x))
		return;
	if (is_plain(text)) {
		note(x, xmlTextWriterWriteElement(x->writer, BAD_CAST element, BAD_CAST text));
		return;
	}
	cleaned = clean(text);
	note(x, cleaned ? xmlTextWriterWriteElement(x->writer, BAD_CAST element, cleaned) : -1);
	discard(cleaned);
}

void xml_out_number(struct xml_out *x, const char *element, long long value)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", value);
	xml_out_text(x, element, text);
}

void xml_out_bool(struct xml_out *x, const char *element, bool value)
{
	xml_out_text(x, element, value ? "true" : "false");
}

int xml_out_end(struct xml_out *x, struct buf *out, struct err *e)
{
	int rc = 0;

	if (writable(x))
		note(x, xmlTextWriterEndDocument(x->writer));
	if (writable(x))
		note(x, xmlTextWriterFlush(x->writer));
	if (writable(x) && !out->data) {
		*out = x->bytes;
		x->bytes = (struct buf){0};
	} else if (writable(x)) {
		buf_span(out, buf_view(&x->bytes));
	}
	if (!writable(x) || out->bad)
		rc = err_set(e, ERR_FAILED, "config-xml",
			     "the configuration file cannot be built: out of memory");
	xml_out_free(x);
	return rc;
}
