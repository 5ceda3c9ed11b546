/* The columns of a CSV file of phones: what a header may name, and what a row means. */
#ifndef SERVER_ADMIN_PHONE_CSV_H
#define SERVER_ADMIN_PHONE_CSV_H

#include "common/json.h"
#include "server/admin/csv.h"

enum { PHONE_CSV_LINES_MAX = 100 };

/* Columns that are texts of the API's phone, in the order of an export. */
extern const char *const phone_csv_texts[];

enum phone_csv_kind {
	PHONE_CSV_IGNORE,
	PHONE_CSV_TEXT,   /* a member of that name */
	PHONE_CSV_NUMBER, /* a member that is a number */
	PHONE_CSV_DN,     /* of a line, with its number */
	PHONE_CSV_LABEL,
	PHONE_CSV_DISPLAY,
	PHONE_CSV_PARAM, /* a parameter of that name */
};

struct phone_csv {
	struct phone_csv_column {
		enum phone_csv_kind kind;
		char name[80];
		size_t line; /* from 0 */
	} columns[CSV_FIELDS_MAX];
	size_t ncolumns;
	bool has_header; /* the first record was one, and not a phone */
};

/* Reads the first record. A file whose first record is a device's name or MAC address and nothing
 * else has no header: it is a list of names. ERR_USAGE "csv-header": a column that is not known, is
 * there twice, or none with names. */
int phone_csv_header(struct phone_csv *p, const struct csv *c, struct err *e);

/* A row as the API takes a phone; empty fields say nothing. ERR_USAGE "csv" if it has more fields
 * than the header, or a text that is not UTF-8. On success *out is the caller's (json_decref). */
int phone_csv_row(json_t **out, const struct phone_csv *p, const struct csv *c, struct err *e);

#endif
