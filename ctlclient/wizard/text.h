/*
 * The wizard's words: English in the source, translated by gettext(3), laid out in columns of the
 * terminal. po/ has the translations; po/README tells how to add one.
 */
#ifndef CTLCLIENT_WIZARD_TEXT_H
#define CTLCLIENT_WIZARD_TEXT_H

#include "common/bytes.h"
#include "common/i18n.h"

/* Takes language and character set from the environment. The translations are those that were
 * installed with the program, or built beside it. Call before any thread is started. */
void text_start(void);

/* Columns that text takes on the terminal. */
size_t text_columns(const char *text);

/* Appends text in lines of at most so many columns, broken at blanks, or inside what is longer than
 * a line behind one of :,;/ if there is one. Lines that follow get the indentation of the first,
 * and 2 more after a "- ", "+ ", "~ " or "* ". A newline in text stays one. There is no newline at
 * the end. */
void text_wrap(struct buf *out, const char *text, size_t columns);

/* Appends text and blanks up to so many columns, or as much of it as fits with "~" at the end. */
void text_pad(struct buf *out, const char *text, size_t columns);

#endif
