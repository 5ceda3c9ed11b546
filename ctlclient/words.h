/*
 * Digests in words, to be read aloud from one desk to another: one word for each byte, from a list
 * of 256 short English words that no two share their first three letters. The list is part of the
 * product: doc/ceremony.md, "The digest in words".
 */
#ifndef CTLCLIENT_WORDS_H
#define CTLCLIENT_WORDS_H

#include "common/bytes.h"

enum { WORD_MAX = 7 }; /* letters of the longest word, and its NUL */

/* The word for a byte; lower-case ASCII. */
const char *words_of(uint8_t byte);

/* Appends the words of s in lines of so many, one blank between them, each line after indent and
 * with a newline at its end. */
void words_put(struct buf *b, struct span s, size_t per_line, const char *indent);

#endif
