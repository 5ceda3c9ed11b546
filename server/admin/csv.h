/*
 * CSV (RFC 4180) from a stream of any length: one record after the other, in bounded memory. Takes
 * CR LF and LF, a byte order mark, quoted fields with line breaks in them, and blank lines, which
 * are left out. What is wrong with a record does not harm the one behind it.
 */
#ifndef SERVER_ADMIN_CSV_H
#define SERVER_ADMIN_CSV_H

#include "common/bytes.h"
#include "common/err.h"

#include <stdio.h>

enum {
	CSV_FIELDS_MAX = 512,
	CSV_RECORD_MAX = 64 * 1024, /* bytes of a record's fields, with a NUL behind each */
};

struct csv {
	FILE *in; /* borrowed */
	char separator;
	unsigned long line;   /* of the first byte that was not taken yet, from 1 */
	unsigned long record; /* the line on which the present record began */
	struct buf raw;       /* read ahead, taken up to at; owned */
	size_t at;
	struct buf text; /* of the fields; owned */
	const char *fields[CSV_FIELDS_MAX];
	size_t nfields; /* of the present record */
	bool ended;     /* the stream is */
};

/* Starts reading. The separator is a comma, or a semicolon if the first line has more of those
 * outside quotes: so spreadsheets write it where the comma is a decimal point. */
void csv_open(struct csv *c, FILE *in);
void csv_close(struct csv *c);

/* Reads the next record; *there is false at the end. ERR_USAGE "csv" if it is not one: quotes in
 * the wrong place or without an end, a NUL, too long, too many fields; then reading goes on behind
 * its first line. ERR_FAILED "csv-read" if the stream cannot be read. */
int csv_next(struct csv *c, bool *there, struct err *e);

/* Appends text as a field, in quotes if it needs them. */
void csv_put(struct buf *b, const char *text);

#endif
