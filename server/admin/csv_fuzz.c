/* libFuzzer harness of CSV files of phones: whatever they hold, reading ends, and a record that was
 * read is read again from what is written of it. */
#include "server/admin/phone_csv.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_and_read(const struct csv *c)
{
	struct buf text = {0};
	struct csv again;
	struct err e;
	bool there;
	FILE *in;

	/* Behind a header, as in an export: at the very beginning a mark would be left out. */
	buf_str(&text, "header,line\r\n");
	for (size_t i = 0; i < c->nfields; i++) {
		if (i)
			buf_str(&text, ",");
		csv_put(&text, c->fields[i]);
	}
	buf_str(&text, "\r\n");
	in = fmemopen(text.data, text.len, "r");
	if (text.bad || !in)
		abort();
	csv_open(&again, in);
	if (csv_next(&again, &there, &e) || !there)
		abort();
	/* Quotes may have made it too long; a single empty field is a blank line. */
	if (!csv_next(&again, &there, &e) && there) {
		if (again.nfields != c->nfields)
			abort();
		for (size_t i = 0; i < c->nfields; i++)
			if (strcmp(again.fields[i], c->fields[i]) != 0)
				abort();
	}
	csv_close(&again);
	fclose(in);
	buf_free(&text);
}

static void read_all(struct csv *c, struct phone_csv *columns)
{
	bool there = true, header = true;
	unsigned long line = 0;
	json_t *row;
	struct err e;

	while (there) {
		if (csv_next(c, &there, &e)) {
			if (c->line < line)
				abort();
			line = c->line;
			continue;
		}
		if (!there)
			return;
		write_and_read(c);
		if (header && phone_csv_header(columns, c, &e))
			return;
		if (!header && !phone_csv_row(&row, columns, c, &e))
			json_decref(row);
		header = false;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct phone_csv *columns = calloc(1, sizeof(*columns));
	FILE *in = size ? fmemopen((void *)(uintptr_t)data, size, "r") : NULL;
	struct csv c;

	if (in && columns) {
		csv_open(&c, in);
		read_all(&c, columns);
		csv_close(&c);
		fclose(in);
	}
	free(columns);
	return 0;
}
