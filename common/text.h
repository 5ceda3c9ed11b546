/* Text of strangers, made safe to show: one line, no control of the terminal. */
#ifndef COMMON_TEXT_H
#define COMMON_TEXT_H

#include "common/bytes.h"

/* Appends s. Printable UTF-8 stays as it is; everything else becomes \xNN byte by byte: control
 * characters (C0, DEL, C1), line separators, marks that turn the reading direction, and what is
 * not UTF-8. A backslash is doubled, so that no two inputs look alike. */
void text_printable(struct buf *b, struct span s);

/* Whether text_printable() would leave s as it is, backslashes aside. What is so can stand in XML
 * (XML 1.0 section 2.2), too. */
bool text_is_printable(struct span s);

/* Whether text ends in that, in any case. */
bool text_ends_in(const char *text, const char *end);

#endif
