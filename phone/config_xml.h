/*
 * Reading hostile XML with libxml2: one small document, no document type, values with limits. The
 * verbs below do nothing once something was wrong, so that it needs to be looked at only once.
 */
#ifndef PHONE_CONFIG_XML_H
#define PHONE_CONFIG_XML_H

#include "common/bytes.h"
#include "common/err.h"
#include "common/secret.h"

#include <libxml/tree.h>
#include <stdbool.h>

struct xml_reading {
	int rc; /* 0, or the kind of the first error */
	struct err *e;
};

/* Reads a document whose root element has that name and which has no document type; *doc is the
 * caller's (xmlFreeDoc). ERR_REFUSED "config-xml". */
int xml_read(xmlDoc **doc, struct span file, size_t max, const char *root, struct err *e);

/* Notes what is wrong: ERR_REFUSED "config-value". */
void xml_refuse(struct xml_reading *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The child element of that name; NULL if there is none, if parent is NULL, or if there are two,
 * which is wrong. */
xmlNode *xml_child(struct xml_reading *r, xmlNode *parent, const char *name);

/* The same down a path, "commonProfile/phonePassword". */
xmlNode *xml_path(struct xml_reading *r, xmlNode *parent, const char *path);

/* The first child element of that name (NULL: any) behind the child after (NULL: from the start).
 */
xmlNode *xml_next(const xmlNode *parent, const xmlNode *after, const char *name);

/* Values of a child element. Where there is no such child, or it is empty, *value stays what it is.
 * A host has neither blanks nor control characters in it. */
void xml_text(struct xml_reading *r, xmlNode *parent, const char *name, char *value, size_t size);
void xml_host(struct xml_reading *r, xmlNode *parent, const char *name, char *value, size_t size);
void xml_flag(struct xml_reading *r, xmlNode *parent, const char *name, bool *value);
void xml_number(struct xml_reading *r, xmlNode *parent, const char *name, unsigned min,
		unsigned max, unsigned *value);

/* The same of an attribute. */
void xml_attribute_number(struct xml_reading *r, xmlNode *node, const char *name, unsigned min,
			  unsigned max, unsigned *value);

/* The text of an element without blanks at both ends; wrong if it is longer than size - 1 bytes or
 * has elements in it. */
void xml_text_of(struct xml_reading *r, xmlNode *node, char *value, size_t size);

/* The text of an element, with its blanks, which is wiped there; node may be NULL. */
void xml_secret(struct xml_reading *r, xmlNode *node, struct secret *s);

#endif
