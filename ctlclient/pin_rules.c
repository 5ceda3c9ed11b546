#include "ctlclient/pin_rules.h"

#include <ctype.h>
#include <openssl/crypto.h>
#include <string.h>

enum { SHORT = 6, TELLING = 4 /* characters of a label or serial number that give it away */ };

static const char default_pin[] = "Cisco123";

static bool is_text(const struct secret *pin, const char *text)
{
	return pin->len == strlen(text) && !CRYPTO_memcmp(pin->text, text, pin->len);
}

bool pin_is_default(const struct secret *pin)
{
	return is_text(pin, default_pin);
}

/* ---- what forbids one ---- */

static bool too_short(const struct secret *pin, const struct token_info *info)
{
	return pin->len < info->pin_min;
}

/* Some tokens say nothing, others 0 or less than the least length. */
static bool has_longest(const struct token_info *info)
{
	return info->pin_max && info->pin_max >= info->pin_min;
}

static bool too_long(const struct secret *pin, const struct token_info *info)
{
	return has_longest(info) && pin->len > info->pin_max;
}

int pin_rules_check(const struct secret *pin, const struct secret *old,
		    const struct token_info *info, const char *what, struct err *e)
{
	if (too_short(pin, info) || too_long(pin, info)) {
		struct buf b = {0};

		pin_rules_length(&b, info);
		err_set(e, ERR_REFUSED, "pin-rules",
			"the new %s has %zu characters; the token %s takes %s", what, pin->len,
			info->label, buf_cstr(&b) ? buf_cstr(&b) : "other lengths");
		buf_free(&b);
		return err_hint(e, "nothing was changed");
	}
	if (old && pin->len == old->len && !CRYPTO_memcmp(pin->text, old->text, pin->len)) {
		err_set(e, ERR_REFUSED, "pin-rules", "the new %s is the old one", what);
		return err_hint(e, "nothing was changed");
	}
	return 0;
}

/* ---- what speaks against one ---- */

static bool is_one_character(const struct secret *pin)
{
	for (size_t i = 1; i < pin->len; i++)
		if (pin->text[i] != pin->text[0])
			return false;
	return true;
}

/* 123456, abcdef, 987654: each the neighbour of the one before, in one direction. */
static bool is_a_run(const struct secret *pin)
{
	const int step = pin->len > 1 ? pin->text[1] - pin->text[0] : 0;

	if (step != 1 && step != -1)
		return false;
	for (size_t i = 2; i < pin->len; i++)
		if (pin->text[i] - pin->text[i - 1] != step)
			return false;
	return true;
}

/* 1998, 2011: a year is what people take for four digits. */
static bool is_a_year(const struct secret *pin)
{
	return pin->len == 4 && (!memcmp(pin->text, "19", 2) || !memcmp(pin->text, "20", 2)) &&
	       isdigit((unsigned char)pin->text[2]) && isdigit((unsigned char)pin->text[3]);
}

static bool holds(const char *text, const char *part)
{
	return strlen(part) >= TELLING && strcasestr(text, part);
}

/* It can be read off the token, or off "token list". */
static bool is_on_the_token(const struct secret *pin, const struct token_info *info)
{
	return holds(pin->text, info->serial) || holds(pin->text, info->label) ||
	       holds(info->serial, pin->text) || holds(info->label, pin->text);
}

void pin_rules_advice(struct buf *lines, const struct secret *pin, const struct token_info *info)
{
	if (pin_is_default(pin))
		buf_str(lines,
			"it is the one that tokens are delivered with: everybody knows it\n");
	if (is_one_character(pin))
		buf_str(lines, "it is one character over and over\n");
	else if (is_a_run(pin))
		buf_str(lines, "its characters follow each other in order\n");
	if (is_a_year(pin))
		buf_str(lines, "it looks like a year\n");
	if (is_on_the_token(pin, info))
		buf_str(lines, "it can be read off the token: its label or serial number\n");
	if (pin->len < SHORT)
		buf_printf(lines, "it has fewer than %d characters\n", SHORT);
}

/* ---- in words ---- */

void pin_rules_length(struct buf *b, const struct token_info *info)
{
	if (has_longest(info))
		buf_printf(b, "%lu to %lu characters", info->pin_min, info->pin_max);
	else if (info->pin_min)
		buf_printf(b, "%lu characters or more", info->pin_min);
}

void pin_rules_tips(struct buf *b, const struct token_info *info)
{
	struct buf length = {0};

	buf_str(b, "What makes a good PIN:\n");
	if (info)
		pin_rules_length(&length, info);
	if (length.len)
		buf_printf(b, "  * %s: the token %s takes no other\n", buf_cstr(&length),
			   info->label);
	buf_printf(b,
		   "  * %d characters or more; letters too, where the token takes them. Some take "
		   "digits\n    only, and cards with a PIN pad always do\n",
		   SHORT);
	buf_printf(b,
		   "  * none of these: the old PIN, one character over and over, 123456 or abcdef "
		   "or\n    their reverse, a year or birthday, the token's label or serial number, "
		   "%s\n",
		   default_pin);
	buf_str(b,
		"  * another one for each token, and another one again for the SO PIN\n"
		"  * the SO PIN goes into an envelope in a safe, away from the token: who has "
		"both\n"
		"    can set a new PIN and sign\n"
		"A new PIN may be rejected because of its length, because the token wants digits "
		"only or\na mixture, or because it was in use before. The old one holds then.\n");
	buf_free(&length);
}
