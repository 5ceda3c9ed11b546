#include "ctlclient/wizard/text.h"

#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

enum { PATH_SIZE = 4096 };

/* PREFIX/share/locale for a program in PREFIX/bin, wherever PREFIX is. */
static void bind_translations(void)
{
	static const char beside[] = "/../share/locale";
	char path[PATH_SIZE + sizeof(beside)];
	const ssize_t n = readlink("/proc/self/exe", path, PATH_SIZE);
	char *slash;

	if (n <= 0 || n >= PATH_SIZE)
		return;
	path[n] = '\0';
	slash = strrchr(path, '/');
	if (!slash)
		return;
	strcpy(slash, beside);
	bindtextdomain("ctlsuite", path);
	textdomain("ctlsuite");
}

/* Numbers and dates are for machines, too: they stay as they are. */
void text_start(void)
{
	setlocale(LC_CTYPE, "");
	setlocale(LC_MESSAGES, "");
	bind_translations();
}

/* One character: its length in bytes, 1 at least, and its columns. */
static size_t character(const char *p, size_t left, size_t *columns)
{
	mbstate_t state = {0};
	wchar_t c;
	const size_t n = mbrtowc(&c, p, left, &state);

	*columns = 1;
	if (n == 0 || n == (size_t)-1 || n == (size_t)-2)
		return 1;
	if (wcwidth(c) >= 0)
		*columns = (size_t)wcwidth(c);
	return n;
}

/* Bytes of text (len of them) that fit into so many columns; *used tells how many they take. */
static size_t fitting(const char *text, size_t len, size_t columns, size_t *used)
{
	size_t at = 0;

	*used = 0;
	while (at < len) {
		size_t wide;
		const size_t n = character(text + at, len - at, &wide);

		if (*used + wide > columns)
			break;
		*used += wide;
		at += n;
	}
	return at;
}

size_t text_columns(const char *text)
{
	size_t used;

	(void)fitting(text, strlen(text), SIZE_MAX, &used);
	return used;
}

void text_pad(struct buf *out, const char *text, size_t columns)
{
	const size_t len = strlen(text);
	size_t used;
	size_t n = fitting(text, len, columns, &used);

	if (n < len && columns) {
		n = fitting(text, len, columns - 1, &used);
		buf_put(out, text, n);
		buf_u8(out, '~');
		used++;
	} else {
		buf_put(out, text, n);
	}
	for (; used < columns; used++)
		buf_u8(out, ' ');
}

/* A word that is longer than a line: in pieces of about the same length, behind marks if there are
 * any. It starts at start, n bytes of the line fit. */
static size_t break_word(const char *line, size_t start, size_t end, size_t n, size_t room)
{
	const size_t pieces = (end - start + room - 1) / room;
	size_t target = start + (end - start) / pieces + 1;

	if (target > n)
		target = n;
	for (size_t i = target; i > start + 1; i--)
		if (strchr(":,;/", line[i - 1]))
			return i;
	return n > start ? n : start + 1;
}

/* Where to break a line of len bytes, of which n fit into room: at a blank, if the word behind it
 * fits into the next line. */
static size_t break_at(const char *line, size_t len, size_t n, size_t room)
{
	size_t blank = n, start, end;

	while (blank > 0 && line[blank] != ' ')
		blank--;
	start = blank + strspn(line + blank, " ");
	end = start;
	while (end < len && line[end] != ' ')
		end++;
	if (end - start > room && n > start)
		return break_word(line, start, end, n, room);
	return blank ? blank : n ? n : 1;
}

static void wrap_line(struct buf *out, const char *line, size_t len, size_t columns)
{
	size_t indent = strspn(line, " ");
	size_t used;

	if (len > indent + 1 && strchr("-+~*", line[indent]) && line[indent + 1] == ' ')
		indent += 2;
	if (indent > columns / 2 || indent > len)
		indent = 0;
	buf_put(out, line, indent);
	line += indent;
	len -= indent;
	for (;;) {
		size_t n = fitting(line, len, columns - indent, &used);

		if (n == len)
			break;
		n = break_at(line, len, n, columns - indent);
		buf_put(out, line, n);
		while (n < len && line[n] == ' ')
			n++;
		line += n;
		len -= n;
		buf_printf(out, "\n%*s", (int)indent, "");
	}
	buf_put(out, line, len);
}

void text_wrap(struct buf *out, const char *text, size_t columns)
{
	while (*text) {
		const size_t len = strcspn(text, "\n");

		wrap_line(out, text, len, columns);
		text += len;
		if (*text == '\n') {
			buf_u8(out, '\n');
			text++;
		}
	}
}
