#include "server/config/device_text.h"

#include <stdio.h>
#include <string.h>

enum { LINES_MAX = 6 }; /* of a 7960 */

/* A value ends with its line, and quotes cannot be escaped. */
static void put_value(struct buf *b, const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text >= ' ' && *text != '"' && *text != 0x7f)
			buf_u8(b, (uint8_t)*text);
}

static void put_quoted(struct buf *b, const char *name, const char *value)
{
	buf_printf(b, "%s: \"", name);
	put_value(b, value);
	buf_str(b, "\"\n");
}

static const char *call_server(const struct config_source *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (config_node_is(&c->nodes[i], "ccm"))
			return c->nodes[i].name;
	return "";
}

static int voip_port(const struct config_source *c)
{
	return c->device->profile.sip_port ? c->device->profile.sip_port : STORE_SIP_PORT;
}

static void put_line(struct buf *b, const struct config_source *c, size_t i)
{
	const struct store_line *line = &c->device->phone.lines[i];
	const struct {
		const char *key, *value;
	} keys[] = {
		{"name", line->dn},
		{"shortname", *line->label ? line->label : line->dn},
		{"displayname", line->display},
	};

	for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++) {
		char name[32];

		snprintf(name, sizeof(name), "line%zu_%s", i + 1, keys[k].key);
		put_quoted(b, name, keys[k].value);
	}
}

int device_text(struct buf *out, const struct config_source *c, bool full, struct err *e)
{
	const struct store_phone *p = &c->device->phone;

	if (*p->load)
		put_quoted(out, "image_version", p->load);
	if (full) {
		put_quoted(out, "proxy1_address", call_server(c));
		buf_printf(out, "proxy1_port: %u\nproxy_register: 1\nvoip_control_port: %d\n",
			   c->ports.sip, voip_port(c));
	}
	for (size_t i = 0; full && i < p->nlines && i < LINES_MAX; i++)
		put_line(out, c, i);
	return out->bad ? err_nomem(e) : 0;
}

int device_text_ld(struct buf *out, const struct config_source *c, bool full, struct err *e)
{
	const struct store_phone *p = &c->device->phone;

	buf_str(out, "#txt\n");
	if (full) {
		buf_str(out, "UseSIP:1\nSIPRegOn:1\nProxy:");
		put_value(out, call_server(c));
		buf_printf(out, "\nSIPPort:%d\n", voip_port(c));
	}
	if (full && p->nlines) {
		buf_str(out, "UID:");
		put_value(out, p->lines[0].dn);
		buf_str(out, "\nDisplayName:");
		put_value(out, p->lines[0].display);
		buf_u8(out, '\n');
	}
	return out->bad ? err_nomem(e) : 0;
}
