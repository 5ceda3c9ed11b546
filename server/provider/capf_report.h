/* The CAPF report: one row for each phone, as CSV (RFC 4180). It shows authentication strings: they
 * are meant to be handed out. */
#ifndef SERVER_PROVIDER_CAPF_REPORT_H
#define SERVER_PROVIDER_CAPF_REPORT_H

#include "server/store/store_capf.h"

/* Appends the report of the phones that the filter finds. Cells that a spreadsheet would take for a
 * formula get an apostrophe in front. */
int capf_report(struct buf *csv, struct store *s, const struct store_phone_filter *f,
		struct err *e);

/* Appends one cell, in quotes where it needs them. */
void capf_report_cell(struct buf *csv, const char *text);

#endif
