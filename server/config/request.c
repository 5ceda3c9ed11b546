#include "server/config/request.h"

#include "common/text.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { MAC_PREFIX = 3 };

static const char signed_suffix[] = ".sgn";

/* Printable, without a folder: everything that such a name may have. */
static bool take_name(char out[REQUEST_MAX], struct span name)
{
	if (name.len && name.data[0] == '/')
		name = span_of(name.data + 1, name.len - 1);
	if (!name.len || name.len >= REQUEST_MAX)
		return false;
	for (size_t i = 0; i < name.len; i++)
		if (name.data[i] <= ' ' || name.data[i] > '~' || name.data[i] == '/')
			return false;
	memcpy(out, name.data, name.len);
	out[name.len] = '\0';
	return true;
}

static void add_device(struct request *r, const char *name)
{
	struct err e;

	for (size_t i = 0; i < REQUEST_DEVICES; i++) {
		if (*r->devices[i])
			continue;
		if (device_name_parse(r->devices[i], name, &e))
			*r->devices[i] = '\0';
		return;
	}
}

/* "SIP001122334455" is called SEP001122334455 otherwise, or really so. */
static void add_base(struct request *r, const char *base)
{
	const char *mac = device_name_mac(base);

	add_device(r, base);
	if (mac && !strncasecmp(base, "SIP", MAC_PREFIX))
		add_device(r, mac);
}

/* Cuts the longest suffix of configurations off; false if there is none. */
static bool cut_suffix(char base[REQUEST_MAX], const char *name)
{
	static const char *const suffixes[] = {".cnf.xml.enc.sgn", ".cnf.xml", ".cnf.enc.sgn",
					       ".cnf"};

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		if (!text_ends_in(name, suffixes[i]))
			continue;
		snprintf(base, REQUEST_MAX, "%.*s", (int)(strlen(name) - strlen(suffixes[i])),
			 name);
		return *base;
	}
	return false;
}

/* "LD001122334455", "LD001122334455.x" */
static bool cut_ld(char mac[DEVICE_MAC_DIGITS + 1], const char *name)
{
	if (strncasecmp(name, "LD", 2) != 0 ||
	    strspn(name + 2, "0123456789ABCDEFabcdef") != DEVICE_MAC_DIGITS)
		return false;
	if (name[2 + DEVICE_MAC_DIGITS] && strcasecmp(name + 2 + DEVICE_MAC_DIGITS, ".x") != 0)
		return false;
	snprintf(mac, DEVICE_MAC_DIGITS + 1, "%s", name + 2);
	return true;
}

void request_parse(struct request *r, struct span name)
{
	char base[REQUEST_MAX], mac[DEVICE_MAC_DIGITS + 1];

	*r = (struct request){0};
	if (!take_name(r->name, name))
		return;
	r->wants_signed =
		text_ends_in(r->name, signed_suffix) && !text_ends_in(r->name, ".enc.sgn");
	if (r->wants_signed)
		r->name[strlen(r->name) - strlen(signed_suffix)] = '\0';
	if (!strcasecmp(r->name, "XMLDefault.cnf.xml"))
		r->what = REQUEST_DEFAULT;
	else if (cut_suffix(base, r->name))
		add_base(r, base);
	else if (cut_ld(mac, r->name))
		add_device(r, mac);
	if (*r->devices[0])
		r->what = REQUEST_DEVICE;
}

static bool is_named(const struct request *r, const struct device_model *m,
		     enum device_protocol protocol, const char *device, enum device_file_form form)
{
	char own[DEVICE_FILE_MAX];

	for (unsigned n = 0; device_file_name(own, m, protocol, device, form, n); n++)
		if (!strcasecmp(own, r->name))
			return true;
	return false;
}

enum request_form request_form(const struct request *r, const struct device_model *m,
			       enum device_protocol protocol, const char *device, bool *encrypted)
{
	*encrypted = !r->wants_signed && is_named(r, m, protocol, device, DEVICE_FILE_ENCRYPTED);
	if (!*encrypted && !is_named(r, m, protocol, device, DEVICE_FILE_PLAIN))
		return FORM_NONE;
	if (!strncasecmp(r->name, "LD", 2))
		return FORM_LD;
	return strcasestr(r->name, ".cnf.xml") ? FORM_XML : FORM_TEXT;
}
