#include "phone/config_text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_LINES_MAX = 4096, PORT_MAX = 65535 };

static int refuse(struct err *e, size_t line, const char *why)
{
	return err_set(e, ERR_REFUSED, "config-text",
		       "the configuration cannot be read: line %zu %s", line, why);
}

/* Cuts blanks off both ends. */
static struct span trim(struct span s)
{
	while (s.len && isspace(s.data[0])) {
		s.data++;
		s.len--;
	}
	while (s.len && isspace(s.data[s.len - 1]))
		s.len--;
	return s;
}

static struct span unquote(struct span s)
{
	if (s.len >= 2 && s.data[0] == '"' && s.data[s.len - 1] == '"')
		return span_of(s.data + 1, s.len - 2);
	return s;
}

static bool is(struct span key, const char *name)
{
	return span_eq(key, span_of(name, strlen(name)));
}

static bool take_text(char *out, size_t size, struct span value)
{
	if (value.len >= size || *out)
		return false;
	memcpy(out, value.data, value.len);
	out[value.len] = '\0';
	return true;
}

static bool take_port(uint16_t *port, struct span value)
{
	unsigned long n = 0;

	for (size_t i = 0; i < value.len; i++) {
		if (!isdigit(value.data[i]) || n > PORT_MAX)
			return false;
		n = n * 10 + value.data[i] - '0';
	}
	*port = (uint16_t)n;
	return n > 0 && n <= PORT_MAX;
}

/* "line1_name", and UID for the phones that have one line. */
static bool take_line(struct config *c, struct span key, struct span value)
{
	const bool numbered = key.len == strlen("line1_name") && !memcmp(key.data, "line", 4) &&
			      !memcmp(key.data + 5, "_name", 5) && isdigit(key.data[4]);
	struct config_line *more;

	if (!numbered && !is(key, "UID"))
		return true;
	if (c->nlines == CONFIG_LINES_MAX)
		return false;
	more = realloc(c->lines, (c->nlines + 1) * sizeof(*more));
	if (!more)
		return false;
	c->lines = more;
	more[c->nlines] = (struct config_line){
		.button = numbered ? (unsigned)(key.data[4] - '0') : 1,
	};
	return take_text(more[c->nlines++].name, sizeof(more->name), value);
}

static bool take(struct config *c, struct span key, struct span value)
{
	struct config_cm *cm = &c->cms[0];

	if (is(key, "proxy1_address") || is(key, "Proxy"))
		return take_text(cm->host, sizeof(cm->host), value);
	if (is(key, "proxy1_port"))
		return take_port(&cm->sip, value);
	if (is(key, "image_version"))
		return take_text(c->load, sizeof(c->load), value);
	return take_line(c, key, value);
}

static int read_line(struct config *c, struct span line, size_t number, struct err *e)
{
	const uint8_t *colon;

	line = trim(line);
	if (!line.len || line.data[0] == '#' || line.data[0] == ';')
		return 0;
	for (size_t i = 0; i < line.len; i++)
		if (line.data[i] < ' ' && line.data[i] != '\t')
			return refuse(e, number, "is no text");
	colon = memchr(line.data, ':', line.len);
	if (!colon)
		return refuse(e, number, "has no colon");
	if (!take(c, trim(span_of(line.data, (size_t)(colon - line.data))),
		  unquote(trim(span_of(colon + 1, line.len - (size_t)(colon + 1 - line.data))))))
		return refuse(e, number, "is there twice, or has a value that cannot be");
	return 0;
}

static int read_lines(struct config *c, struct span file, struct err *e)
{
	struct rd r = rd_of(file);
	int rc = 0;

	for (size_t n = 1; !rc && r.left; n++) {
		const uint8_t *end = memchr(r.p, '\n', r.left);
		const size_t len = end ? (size_t)(end - r.p) : r.left;

		if (n > TEXT_LINES_MAX)
			return refuse(e, n, "is one too many");
		rc = read_line(c, rd_take(&r, len), n, e);
		if (end)
			rd_u8(&r);
	}
	return rc;
}

int config_parse_text(struct config *c, struct span file, struct err *e)
{
	int rc = 0;

	*c = (struct config){
		.mode = DEVICE_NONSECURE,
		.protocol = DEVICE_SIP,
		.cms = {{.sip = CONFIG_PORT_SIP,
			 .sips = CONFIG_PORT_SIPS,
			 .sccp = CONFIG_PORT_SCCP,
			 .sccps = CONFIG_PORT_SCCPS}},
	};
	if (file.len > CONFIG_FILE_MAX)
		rc = refuse(e, 1, "belongs to a file that is too large");
	if (!rc)
		rc = read_lines(c, file, e);
	if (rc) {
		config_free(c);
		return rc;
	}
	c->ncms = *c->cms[0].host ? 1 : 0;
	c->full = c->ncms > 0;
	return 0;
}
