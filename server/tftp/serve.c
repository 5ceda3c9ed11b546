#include "server/tftp/serve.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

enum { MAC_DIGITS = 12 };

/* If name begins with word, in any case, takes it off. */
static bool take_word(struct span *name, const char *word)
{
	const size_t n = strlen(word);

	if (name->len < n || strncasecmp((const char *)name->data, word, n) != 0)
		return false;
	name->data += n;
	name->len -= n;
	return true;
}

static bool take_mac(struct span *name)
{
	if (name->len < MAC_DIGITS)
		return false;
	for (size_t i = 0; i < MAC_DIGITS; i++)
		if (!isxdigit(name->data[i]))
			return false;
	name->data += MAC_DIGITS;
	name->len -= MAC_DIGITS;
	return true;
}

static bool is_ctl(struct span name)
{
	if (take_word(&name, "CTLFile.tlv"))
		return name.len == 0;
	return take_word(&name, "CTLSEP") && take_mac(&name) && take_word(&name, ".tlv") &&
	       name.len == 0;
}

struct content *serve_find(const struct serve *s, struct span name)
{
	take_word(&name, "/");
	return is_ctl(name) ? s->ctl : NULL;
}
