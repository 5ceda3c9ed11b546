#include "server/admin/csv.h"

#include <errno.h>
#include <string.h>

enum { CHUNK = 64 * 1024 };

static const char mark[] = "\xef\xbb\xbf"; /* byte order mark */

void csv_open(struct csv *c, FILE *in)
{
	*c = (struct csv){.in = in, .line = 1};
}

void csv_close(struct csv *c)
{
	buf_free(&c->raw);
	buf_free(&c->text);
}

/* ---- reading ahead ---- */

static int read_more(struct csv *c, struct err *e)
{
	uint8_t *room;
	size_t n;

	if (c->at) {
		memmove(c->raw.data, c->raw.data + c->at, c->raw.len - c->at);
		c->raw.len -= c->at;
		c->at = 0;
	}
	room = buf_room(&c->raw, CHUNK);
	if (!room)
		return err_nomem(e);
	n = fread(room, 1, CHUNK, c->in);
	if (!n && ferror(c->in))
		return err_set(e, ERR_FAILED, "csv-read", "cannot read on behind line %lu: %s",
			       c->line, strerror(errno));
	c->raw.len += n;
	c->ended = n == 0;
	return 0;
}

static void take(struct csv *c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		c->line += c->raw.data[c->at + i] == '\n';
	c->at += n;
}

/* Takes what is left of the line, however long it is. */
static int skip_line(struct csv *c, struct err *e)
{
	for (;;) {
		const size_t left = c->raw.len - c->at;
		const uint8_t *nl = left ? memchr(c->raw.data + c->at, '\n', left) : NULL;

		if (nl) {
			take(c, (size_t)(nl - (c->raw.data + c->at)) + 1);
			return 0;
		}
		take(c, left);
		if (c->ended)
			return 0;
		if (read_more(c, e))
			return (int)e->kind;
	}
}

/* ---- where a record ends ---- */

/* How far the look at a record has come. Quotes count only where a field begins: an inch sign in
 * the middle of one must not swallow the lines behind it. Two in a quoted field close and open it
 * again. */
struct scan {
	size_t n;    /* bytes looked at */
	bool quoted; /* within quotes */
	bool fresh;  /* a quote would open */
};

static bool is_separator(const struct csv *c, uint8_t byte)
{
	return c->separator ? byte == (uint8_t)c->separator : byte == ',' || byte == ';';
}

/* True if the record ends before the byte at s->n. */
static bool scan(struct csv *c, struct scan *s)
{
	for (; c->at + s->n < c->raw.len && s->n <= CSV_RECORD_MAX; s->n++) {
		const uint8_t byte = c->raw.data[c->at + s->n];

		if (byte == '\n' && !s->quoted)
			return true;
		if (byte != '"')
			s->fresh = !s->quoted && is_separator(c, byte);
		else if (s->fresh || s->quoted)
			s->fresh = true, s->quoted = !s->quoted;
	}
	return false;
}

static int refuse(struct csv *c, const char *what, struct err *e)
{
	if (skip_line(c, e))
		return (int)e->kind;
	return err_set(e, ERR_USAGE, "csv", "%s", what);
}

/* The bytes of the next record: *n of them from c->at, without what ends its line. */
static int find_record(struct csv *c, size_t *n, struct err *e)
{
	struct scan s = {.fresh = true};

	while (!scan(c, &s)) {
		if (s.n > CSV_RECORD_MAX)
			return refuse(c,
				      s.quoted ? "a quote is opened and not closed"
					       : "the line is too long",
				      e);
		if (c->ended)
			break;
		if (read_more(c, e))
			return (int)e->kind;
	}
	if (s.quoted)
		return refuse(c, "a quote is opened and not closed", e);
	*n = s.n;
	return 0;
}

/* ---- fields ---- */

static void choose_separator(struct csv *c, size_t n)
{
	size_t commas = 0, semicolons = 0;
	bool quoted = false;

	for (size_t i = 0; i < n; i++) {
		const uint8_t byte = c->raw.data[c->at + i];

		quoted ^= byte == '"';
		commas += !quoted && byte == ',';
		semicolons += !quoted && byte == ';';
	}
	c->separator = semicolons > commas ? ';' : ',';
}

/* Takes one field off the record; its text goes behind the others. */
static const char *take_field(struct csv *c, struct span *rest)
{
	const bool quoted = rest->len && rest->data[0] == '"';
	size_t i = quoted;

	for (; i < rest->len; i++) {
		if (quoted && rest->data[i] == '"') {
			if (i + 1 == rest->len || rest->data[i + 1] != '"')
				break;
			i++;
		} else if (!quoted && rest->data[i] == (uint8_t)c->separator) {
			break;
		}
		if (!rest->data[i])
			return "a NUL is in it";
		buf_u8(&c->text, rest->data[i]);
	}
	i += quoted;
	buf_u8(&c->text, 0);
	if (i < rest->len && rest->data[i] != (uint8_t)c->separator)
		return "something stands behind a closing quote";
	rest->data += i;
	rest->len -= i;
	return NULL;
}

static const char *take_fields(struct csv *c, struct span rest)
{
	size_t starts[CSV_FIELDS_MAX];
	const char *wrong;

	c->text.len = 0;
	for (c->nfields = 0;; rest.data++, rest.len--) {
		if (c->nfields == CSV_FIELDS_MAX)
			return "it has too many fields";
		starts[c->nfields++] = c->text.len;
		wrong = take_field(c, &rest);
		if (wrong)
			return wrong;
		if (!rest.len)
			break;
	}
	for (size_t i = 0; !c->text.bad && i < c->nfields; i++)
		c->fields[i] = (const char *)c->text.data + starts[i];
	return NULL;
}

static int split(struct csv *c, size_t n, struct err *e)
{
	struct span record = span_of(c->raw.data + c->at, n);
	const char *wrong;

	if (record.len && record.data[record.len - 1] == '\r')
		record.len--;
	wrong = take_fields(c, record);
	if (wrong)
		return refuse(c, wrong, e);
	take(c, n + (c->at + n < c->raw.len));
	return c->text.bad ? err_nomem(e) : 0;
}

/* ---- records ---- */

static int skip_mark(struct csv *c, struct err *e)
{
	if (c->line > 1 || c->at || c->raw.len)
		return 0;
	if (read_more(c, e))
		return (int)e->kind;
	if (c->raw.len >= sizeof(mark) - 1 && !memcmp(c->raw.data, mark, sizeof(mark) - 1))
		c->at = sizeof(mark) - 1;
	return 0;
}

static bool is_blank(const struct csv *c, size_t n)
{
	return !n || (n == 1 && c->raw.data[c->at] == '\r');
}

int csv_next(struct csv *c, bool *there, struct err *e)
{
	size_t n = 0;
	int rc = skip_mark(c, e);

	*there = true;
	for (;;) {
		c->record = c->line;
		if (!rc)
			rc = find_record(c, &n, e);
		if (rc || !is_blank(c, n))
			break;
		if (c->at + n >= c->raw.len) {
			*there = false;
			return 0;
		}
		take(c, n + 1);
	}
	if (rc)
		return rc;
	if (!c->separator)
		choose_separator(c, n);
	return split(c, n, e);
}

void csv_put(struct buf *b, const char *text)
{
	const bool quotes = *text == ' ' || strpbrk(text, ",;\"\r\n\t");

	if (!quotes) {
		buf_str(b, text);
		return;
	}
	buf_u8(b, '"');
	for (; *text; text++) {
		if (*text == '"')
			buf_u8(b, '"');
		buf_u8(b, (uint8_t)*text);
	}
	buf_u8(b, '"');
}
