/*
 * bench_fill STATE COUNT LINES: adds COUNT phones with LINES lines each to the store of a node,
 * named as bench_phones asks for them.
 */
#include "server/store/notify.h"
#include "server/store/store_phone.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_MAC = 1122000000 };

static int add(struct store *s, uint64_t mac, size_t lines, struct err *e)
{
	struct store_phone p = {.model = "7970", .protocol = DEVICE_SIP, .nlines = lines};
	int rc;

	snprintf(p.name, sizeof(p.name), "SEP%012" PRIu64, mac);
	p.lines = calloc(lines, sizeof(*p.lines));
	if (!p.lines)
		return err_nomem(e);
	for (size_t i = 0; i < lines; i++) {
		snprintf(p.lines[i].dn, sizeof(p.lines[i].dn), "%" PRIu64 "%02zu", mac % 100000, i);
		snprintf(p.lines[i].label, sizeof(p.lines[i].label), "Extension %zu", i);
		snprintf(p.lines[i].display, sizeof(p.lines[i].display), "Phone %" PRIu64, mac);
	}
	rc = store_phone_add(s, &p, e);
	store_phone_free(&p);
	return rc;
}

int main(int argc, char **argv)
{
	const unsigned long count = argc == 4 ? strtoul(argv[2], NULL, 10) : 0;
	const unsigned long lines = argc == 4 ? strtoul(argv[3], NULL, 10) : 0;
	struct store *s = NULL;
	struct err e;
	int rc;

	if (!count || !lines || lines > STORE_LINES_MAX) {
		fprintf(stderr, "usage: bench_fill STATE COUNT LINES\n");
		return ERR_USAGE;
	}
	rc = store_open(&s, argv[1], STORE_WRITE, &e);
	for (unsigned long i = 0; i < count && !rc; i++)
		rc = add(s, FIRST_MAC + i, lines, &e);
	store_close(s);
	if (rc)
		err_print(&e, "bench_fill");
	else
		notify_all(argv[1]);
	return rc;
}
