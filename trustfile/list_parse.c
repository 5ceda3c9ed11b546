#include "trustfile/header.h"
#include "trustfile/list.h"
#include "trustfile/record.h"

#include <stdlib.h>
#include <string.h>

static int read_header(struct tl *l, struct err *e)
{
	struct tf_header h;
	const int rc = tf_header_parse(&h, l->raw, TF_LIST, e);

	if (rc)
		return rc;
	l->header_len = h.len;
	memcpy(l->version, h.value[TF_VERSION].data, sizeof(l->version));
	l->has_list_version = h.value[TF_LISTVERSION].data;
	if (l->has_list_version)
		memcpy(l->list_version, h.value[TF_LISTVERSION].data, sizeof(l->list_version));
	l->signer_name = h.value[TF_SIGNERNAME];
	l->signer_serial = h.value[TF_SERIALNUMBER];
	l->signer_issuer = h.value[TF_CANAME];
	l->digest = h.digest;
	l->modulus_code = h.modulus_code;
	l->sig_at = h.sig_at;
	l->signature = h.value[TF_SIGNATURE];
	l->filename = h.value[TF_FILENAME];
	l->timestamp = h.timestamp;
	l->padding = h.padding;
	return 0;
}

/* Room for one more record, doubling from a handful; NULL and e if there is none to be had. */
static struct tl_record *next_record(struct tl *l, size_t *room, struct err *e)
{
	struct tl_record *more;

	if (l->n == TL_RECORDS_MAX) {
		err_set(e, ERR_REFUSED, "ctl-parse", "more than %d records", TL_RECORDS_MAX);
		return NULL;
	}
	if (l->n == *room) {
		*room = *room ? 2 * *room : 8;
		more = realloc(l->records, *room * sizeof(*more));
		if (!more) {
			err_nomem(e);
			return NULL;
		}
		l->records = more;
	}
	return l->records + l->n;
}

static int read_records(struct tl *l, struct err *e)
{
	size_t at = l->header_len, room = 0;

	if (at == l->raw.len)
		return err_set(e, ERR_REFUSED, "ctl-parse", "the list has no records");
	while (at < l->raw.len) {
		const struct span rest = span_of(l->raw.data + at, l->raw.len - at);
		struct tl_record *r = next_record(l, &room, e);
		int rc;

		if (!r)
			return (int)e->kind;
		rc = tl_record_parse(r, rest, at, e);
		if (rc)
			return rc;
		l->n++;
		at += r->raw.len;
	}
	return 0;
}

int tl_parse(struct tl **out, struct span file, struct err *e)
{
	struct tl *l;
	int rc;

	if (file.len > TL_FILE_MAX)
		return err_set(e, ERR_REFUSED, "ctl-parse",
			       "the file has %zu bytes; lists have at most %d", file.len,
			       TL_FILE_MAX);
	l = calloc(1, sizeof(*l));
	if (!l)
		return err_nomem(e);
	l->raw = file;
	rc = read_header(l, e);
	if (!rc)
		rc = read_records(l, e);
	if (rc)
		tl_free(l);
	else
		*out = l;
	return rc;
}

void tl_free(struct tl *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->n; i++)
		tl_record_free(&l->records[i]);
	free(l->records);
	free(l);
}
