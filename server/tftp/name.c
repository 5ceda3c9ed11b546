#include "server/tftp/name.h"

#include "common/text.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { MAC_DIGITS = 12 };

/* ---- taking ---- */

static bool take_byte(struct name *n, uint8_t byte)
{
	const char c = byte == '\\' ? '/' : (char)byte;
	const bool first = !n->len || n->text[n->len - 1] == '/';

	if (byte < ' ' || byte > '~' || n->len == NAME_BYTES - 1)
		return false;
	/* Neither an empty part nor a hidden one; "." and ".." are among the latter. */
	if (first && (c == '/' || c == '.'))
		return false;
	n->text[n->len] = c;
	n->key[n->len++] = (char)tolower((unsigned char)c);
	return true;
}

static bool is_whole(const struct name *n)
{
	return n->len && n->text[n->len - 1] != '/';
}

static void begin(struct name *n)
{
	n->len = 0;
}

static void end(struct name *n)
{
	n->text[n->len] = n->key[n->len] = '\0';
	if (text_ends_in(n->text, ".sgn") && !name_is_config(n))
		memcpy(n->key, n->text, n->len);
}

bool name_take(struct name *n, struct span asked)
{
	begin(n);
	if (asked.len && (asked.data[0] == '/' || asked.data[0] == '\\'))
		asked = span_of(asked.data + 1, asked.len - 1);
	for (size_t i = 0; i < asked.len; i++)
		if (!take_byte(n, asked.data[i]))
			return false;
	end(n);
	return is_whole(n);
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool name_take_path(struct name *n, const char *path)
{
	begin(n);
	if (*path != '/')
		return false;
	for (path++; *path; path++) {
		uint8_t byte = (uint8_t)*path;

		if (byte == '%') {
			const int high = digit(path[1]);
			const int low = high < 0 ? -1 : digit(path[2]);

			if (low < 0)
				return false;
			byte = (uint8_t)(high << 4 | low);
			path += 2;
		}
		if (!take_byte(n, byte))
			return false;
	}
	end(n);
	return is_whole(n);
}

/* ---- what it says ---- */

static bool take_word(const char **at, const char *word)
{
	const size_t n = strlen(word);

	if (strncasecmp(*at, word, n) != 0)
		return false;
	*at += n;
	return true;
}

static bool take_mac(const char **at)
{
	for (size_t i = 0; i < MAC_DIGITS; i++)
		if (digit((*at)[i]) < 0)
			return false;
	*at += MAC_DIGITS;
	return true;
}

bool name_is_ctl(const struct name *n)
{
	const char *at = n->text;

	if (!strcasecmp(at, "ctlfile.tlv"))
		return true;
	return take_word(&at, "ctlsep") && take_mac(&at) && !strcasecmp(at, ".tlv");
}

/* What names begin with, and what the device is called then. */
struct front {
	const char *word, *device;
	bool bare; /* the name may end with the digits */
};

/* Takes what stands in front of the digits, and them; *mac is where they begin. NULL if it is not
 * there. */
static const struct front *take_device(const char **at, const char **mac)
{
	static const struct front fronts[] = {
		{"sep", "SEP", false},
		{"sip", "SEP", false},
		{"ata", "ATA", false},
		{"ld", "SEP", true},
	};

	for (size_t i = 0; i < sizeof(fronts) / sizeof(fronts[0]); i++) {
		const char *here = *at;

		if (!take_word(&here, fronts[i].word))
			continue;
		*mac = here;
		if (take_mac(&here)) {
			*at = here;
			return &fronts[i];
		}
	}
	return NULL;
}

static bool ends_here(const char *at, const struct front *f)
{
	return !*at && f->bare;
}

bool name_device(char device[NAME_DEVICE], const struct name *n)
{
	const char *at = n->text, *mac;
	const struct front *f;

	if (!take_word(&at, "ctl") && !take_word(&at, "ext_itl"))
		(void)take_word(&at, "itl");
	f = take_device(&at, &mac);
	if (!f || (*at != '.' && !ends_here(at, f)))
		return false;
	snprintf(device, NAME_DEVICE, "%s%.*s", f->device, MAC_DIGITS, mac);
	for (char *c = device; *c; c++)
		*c = (char)toupper((unsigned char)*c);
	return true;
}

bool name_is_config(const struct name *n)
{
	const char *at = n->text, *mac;
	const struct front *f = take_device(&at, &mac);

	return f && (!strncasecmp(at, ".cnf", 4) || !strcasecmp(at, ".x") || ends_here(at, f));
}
