/* Writing XML, on libxml2's writer: nothing fails until the end. */
#ifndef SERVER_CONFIG_XML_OUT_H
#define SERVER_CONFIG_XML_OUT_H

#include "common/bytes.h"
#include "common/err.h"

struct xml_out;

/* Begins a document: UTF-8, indented. Never NULL but when out of memory; the functions below take
 * NULL and do nothing. */
struct xml_out *xml_out_new(void);

void xml_out_open(struct xml_out *x, const char *element);
void xml_out_close(struct xml_out *x);

/* On the element that was opened last, before anything is in it. */
void xml_out_attribute(struct xml_out *x, const char *name, const char *value);

/* <element>text</element>. Of text, what XML cannot hold (control characters, broken UTF-8) is left
 * out. */
void xml_out_text(struct xml_out *x, const char *element, const char *text);
void xml_out_number(struct xml_out *x, const char *element, long long value);

/* "true", "false" */
void xml_out_bool(struct xml_out *x, const char *element, bool value);

/* Ends the document, appends it to out, and frees (and wipes) x. ERR_FAILED "config-xml". */
int xml_out_end(struct xml_out *x, struct buf *out, struct err *e);

#endif
