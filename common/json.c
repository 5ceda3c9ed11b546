#include "common/json.h"

#include "common/hex.h"

#include <stdio.h>
#include <string.h>

int json_read(json_t **out, struct span text, struct err *e)
{
	json_error_t why;

	*out = json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, &why);
	if (!*out)
		return err_set(e, ERR_FAILED, "json", "not valid JSON: %s (line %d)", why.text,
			       why.line);
	return 0;
}

int json_print(json_t *doc)
{
	int rc = 0;

	if (!doc) {
		fprintf(stderr, "out of memory\n");
		return ERR_FAILED;
	}
	if (json_dumpf(doc, stdout, JSON_INDENT(2)) || putchar('\n') == EOF || fflush(stdout)) {
		perror("standard output");
		rc = ERR_FAILED;
	}
	json_decref(doc);
	return rc;
}

json_t *json_text(struct span s)
{
	struct buf escaped = {0};
	json_t *v = json_stringn((const char *)s.data, s.len);

	if (v || !s.data)
		return v ? v : json_string("");
	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] >= 0x20 && s.data[i] < 0x7f)
			buf_u8(&escaped, s.data[i]);
		else
			buf_printf(&escaped, "\\x%02x", s.data[i]);
	}
	v = escaped.bad ? NULL : json_stringn((const char *)escaped.data, escaped.len);
	buf_free(&escaped);
	return v;
}

json_t *json_chars(const char *text)
{
	return json_text(span_of(text, strlen(text)));
}

json_t *json_hex(struct span s)
{
	struct buf digits = {0};
	json_t *v;

	hex_lower(&digits, s, 0);
	v = digits.bad ? NULL : json_stringn((const char *)digits.data, digits.len);
	buf_free(&digits);
	return v;
}
