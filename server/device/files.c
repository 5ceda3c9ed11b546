#include "server/device/files.h"

#include <stdio.h>
#include <string.h>

/* In front of the MAC address, or of the whole name if prefix is NULL. */
struct pattern {
	const char *prefix, *plain, *encrypted; /* no such file: NULL */
};

enum { PATTERNS = 2 };

static const struct pattern patterns[][PATTERNS] = {
	[DEVICE_NAMING_DEVICE] = {{NULL, ".cnf.xml", ".cnf.xml.enc.sgn"}},
	/* The guide prints SIP<MAC>; phones of today ask by their own name. */
	[DEVICE_NAMING_SIP_XML] = {{NULL, ".cnf.xml", ".cnf.xml.enc.sgn"},
				   {"SIP", ".cnf.xml", ".cnf.xml.enc.sgn"}},
	[DEVICE_NAMING_SIP_TEXT] = {{"SIP", ".cnf", ".cnf.enc.sgn"}, {NULL, ".cnf.xml", NULL}},
	[DEVICE_NAMING_LD] = {{"LD", "", ".x"}},
	[DEVICE_NAMING_NONE] = {{NULL, NULL, NULL}},
};

bool device_file_name(char out[DEVICE_FILE_MAX], const struct device_model *m,
		      enum device_protocol protocol, const char *name, enum device_file_form file,
		      unsigned n)
{
	const struct device_ability *a = device_ability(m, protocol);
	const char *mac = device_name_mac(name);
	const struct pattern *p;
	const char *suffix;

	if (n >= PATTERNS || !a->there)
		return false;
	if (file == DEVICE_FILE_ENCRYPTED && a->cipher == DEVICE_CIPHER_NONE)
		return false;
	p = &patterns[a->naming][n];
	suffix = file == DEVICE_FILE_PLAIN ? p->plain : p->encrypted;
	if (!suffix)
		return false;
	snprintf(out, DEVICE_FILE_MAX, "%s%s%s", p->prefix && mac ? p->prefix : "",
		 p->prefix && mac ? mac : name, suffix);
	return true;
}
