#include "phone/config_xml.h"

#include "common/text.h"

#include <ctype.h>
#include <libxml/parser.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VALUE_SHOWN_MAX = 60, SCALAR_MAX = 64 };

/* ---- the document ---- */

static int refuse_xml(struct err *e, const char *why)
{
	err_set(e, ERR_REFUSED, "config-xml", "the configuration cannot be read: %s", why);
	return err_hint(e, "it must be well-formed XML with the root element <device>, without a "
			   "document type");
}

/* A document type may define entities, which is how small files become large ones. */
static void on_doctype(void *arg, const xmlChar *name, const xmlChar *external,
		       const xmlChar *system)
{
	xmlParserCtxt *ctxt = arg;

	(void)name, (void)external, (void)system;
	ctxt->_private = ctxt;
	xmlStopParser(ctxt);
}

static int explain(const xmlParserCtxt *ctxt, struct err *e)
{
	const xmlError *last = xmlCtxtGetLastError((void *)ctxt);
	char text[ERR_WHAT_MAX / 2];
	struct buf shown = {0};

	if (ctxt->_private)
		return refuse_xml(e, "it has a document type");
	text_printable(&shown, last && last->message
				       ? span_of(last->message, strcspn(last->message, "\n"))
				       : span_of("it is empty", 11));
	snprintf(text, sizeof(text), "line %d: %.300s", last ? last->line : 0,
		 buf_cstr(&shown) ? buf_cstr(&shown) : "");
	buf_free(&shown);
	return refuse_xml(e, text);
}

static int check_root(xmlDoc *doc, const char *root, struct err *e)
{
	const xmlNode *top = xmlDocGetRootElement(doc);
	char text[SCALAR_MAX];

	if (top && !strcmp((const char *)top->name, root))
		return 0;
	snprintf(text, sizeof(text), "its root element is not <%s>", root);
	return refuse_xml(e, text);
}

int xml_read(xmlDoc **doc, struct span file, size_t max, const char *root, struct err *e)
{
	const int options = XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING;
	xmlParserCtxt *ctxt;
	int rc = 0;

	if (file.len > max || file.len > INT_MAX)
		return refuse_xml(e, "it is too large");
	ctxt = xmlNewParserCtxt();
	if (!ctxt)
		return err_nomem(e);
	ctxt->sax->internalSubset = on_doctype;
	*doc = xmlCtxtReadMemory(ctxt, file.len ? (const char *)file.data : "", (int)file.len, NULL,
				 NULL, options);
	if (*doc && !ctxt->_private)
		rc = check_root(*doc, root, e);
	else
		rc = explain(ctxt, e);
	if (rc) {
		xmlFreeDoc(*doc);
		*doc = NULL;
	}
	xmlFreeParserCtxt(ctxt);
	return rc;
}

/* ---- elements ---- */

void xml_refuse(struct xml_reading *r, const char *fmt, ...)
{
	char text[ERR_WHAT_MAX];
	va_list ap;

	if (r->rc)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	r->rc = err_set(r->e, ERR_REFUSED, "config-value",
			"the configuration cannot be used: %.600s", text);
}

xmlNode *xml_next(const xmlNode *parent, const xmlNode *after, const char *name)
{
	xmlNode *n = after ? after->next : parent ? parent->children : NULL;

	while (n &&
	       (n->type != XML_ELEMENT_NODE || (name && strcmp((const char *)n->name, name) != 0)))
		n = n->next;
	return n;
}

xmlNode *xml_child(struct xml_reading *r, xmlNode *parent, const char *name)
{
	xmlNode *n = r->rc ? NULL : xml_next(parent, NULL, name);

	if (!n || !xml_next(parent, n, name))
		return n;
	xml_refuse(r, "line %ld: <%.60s> is there twice", xmlGetLineNo(n), name);
	return NULL;
}

xmlNode *xml_path(struct xml_reading *r, xmlNode *parent, const char *path)
{
	char name[SCALAR_MAX];

	while (parent && *path) {
		const size_t n = strcspn(path, "/");

		snprintf(name, sizeof(name), "%.*s", (int)n, path);
		parent = xml_child(r, parent, name);
		path += n + (path[n] == '/');
	}
	return parent;
}

/* ---- values ---- */

/* An element's text, put together; owned by the caller. NULL if there are elements in it. */
static char *collect(struct xml_reading *r, xmlNode *node)
{
	struct buf b = {0};
	char *text;

	for (xmlNode *n = node->children; n; n = n->next) {
		if (n->type == XML_TEXT_NODE || n->type == XML_CDATA_SECTION_NODE)
			buf_str(&b, (const char *)n->content);
		else if (n->type == XML_ELEMENT_NODE || n->type == XML_ENTITY_REF_NODE)
			xml_refuse(r, "line %ld: <%.60s> should hold a text only",
				   xmlGetLineNo(node), node->name);
	}
	text = (char *)(uintptr_t)buf_cstr(&b);
	if (!text && !r->rc)
		r->rc = err_nomem(r->e);
	if (!r->rc)
		return text;
	buf_wipe(&b);
	return NULL;
}

static void discard(char *text)
{
	OPENSSL_cleanse(text, strlen(text));
	free(text);
}

static char *trimmed(char *text)
{
	size_t n;

	text += strspn(text, " \t\r\n");
	n = strlen(text);
	while (n && isspace((unsigned char)text[n - 1]))
		text[--n] = '\0';
	return text;
}

void xml_text_of(struct xml_reading *r, xmlNode *node, char *value, size_t size)
{
	char *whole = r->rc ? NULL : collect(r, node);
	const char *text;

	if (!whole)
		return;
	text = trimmed(whole);
	if (strlen(text) >= size)
		xml_refuse(r, "line %ld: <%.60s> has more than %zu bytes", xmlGetLineNo(node),
			   node->name, size - 1);
	else
		memcpy(value, text, strlen(text) + 1);
	discard(whole);
}

void xml_text(struct xml_reading *r, xmlNode *parent, const char *name, char *value, size_t size)
{
	xmlNode *n = xml_child(r, parent, name);

	if (n)
		xml_text_of(r, n, value, size);
}

void xml_secret(struct xml_reading *r, xmlNode *node, struct secret *s)
{
	char *text = r->rc || !node ? NULL : collect(r, node);

	if (!text)
		return;
	if (strlen(text) >= SECRET_MAX)
		xml_refuse(r, "<%.60s> has more than %d bytes", node->name, SECRET_MAX - 1);
	else if (*text)
		r->rc = secret_set(s, text, strlen(text), r->e);
	discard(text);
	for (xmlNode *n = node->children; n; n = n->next)
		if (n->content)
			OPENSSL_cleanse(n->content, strlen((const char *)n->content));
}

void xml_host(struct xml_reading *r, xmlNode *parent, const char *name, char *value, size_t size)
{
	xml_text(r, parent, name, value, size);
	for (const char *p = value; !r->rc && *p; p++)
		if ((unsigned char)*p <= ' ' || (unsigned char)*p >= 0x7f)
			xml_refuse(r, "<%.60s> is no name or address of a server", name);
}

static void refuse_value(struct xml_reading *r, const char *name, const char *value,
			 const char *want)
{
	struct buf shown = {0};

	text_printable(&shown, span_of(value, strnlen(value, VALUE_SHOWN_MAX)));
	xml_refuse(r, "<%.60s> is \"%s\", not %s", name, buf_cstr(&shown) ? buf_cstr(&shown) : "",
		   want);
	buf_free(&shown);
}

void xml_flag(struct xml_reading *r, xmlNode *parent, const char *name, bool *value)
{
	char text[SCALAR_MAX] = "";

	xml_text(r, parent, name, text, sizeof(text));
	if (r->rc || !*text)
		return;
	if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
		refuse_value(r, name, text, "true or false");
	*value = *text == 't';
}

static void parse_number(struct xml_reading *r, const char *name, const char *text, unsigned min,
			 unsigned max, unsigned *value)
{
	char want[SCALAR_MAX];
	char *rest;
	unsigned long n;

	if (r->rc || !*text)
		return;
	n = strtoul(text, &rest, 10);
	if (!isdigit((unsigned char)*text) || *rest || n < min || n > max) {
		snprintf(want, sizeof(want), "a number from %u to %u", min, max);
		refuse_value(r, name, text, want);
		return;
	}
	*value = (unsigned)n;
}

void xml_number(struct xml_reading *r, xmlNode *parent, const char *name, unsigned min,
		unsigned max, unsigned *value)
{
	char text[SCALAR_MAX] = "";

	xml_text(r, parent, name, text, sizeof(text));
	parse_number(r, name, text, min, max, value);
}

void xml_attribute_number(struct xml_reading *r, xmlNode *node, const char *name, unsigned min,
			  unsigned max, unsigned *value)
{
	xmlChar *text = r->rc ? NULL : xmlGetNoNsProp(node, (const xmlChar *)name);

	if (text)
		parse_number(r, name, (const char *)text, min, max, value);
	xmlFree(text);
}
