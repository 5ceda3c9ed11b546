#include "server/provider/json_take.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

void take_refuse(struct json_take *t, const char *key, const char *what)
{
	if (!t->rc)
		t->rc = err_set(t->e, ERR_USAGE, "bad-request", "the member \"%.40s\" %s", key,
				what);
}

/* NULL if it is missing, or something went wrong before. */
static const json_t *member(const struct json_take *t, const char *key)
{
	return t->rc ? NULL : json_object_get(t->doc, key);
}

bool take_has(const struct json_take *t, const char *key)
{
	return member(t, key) != NULL;
}

void take_text(struct json_take *t, const char *key, char *to, size_t size)
{
	const json_t *v = member(t, key);
	size_t n;

	if (!v)
		return;
	n = json_is_null(v) ? 0 : json_string_length(v);
	if (!json_is_string(v) && !json_is_null(v)) {
		take_refuse(t, key, "is not a text");
	} else if (n >= size) {
		take_refuse(t, key, "is too long");
	} else {
		memset(to, 0, size);
		if (n)
			memcpy(to, json_string_value(v), n);
	}
}

void take_bool(struct json_take *t, const char *key, bool *to)
{
	const json_t *v = member(t, key);

	if (v && !json_is_boolean(v))
		take_refuse(t, key, "is not true or false");
	else if (v)
		*to = json_is_true(v);
}

void take_int(struct json_take *t, const char *key, int *to)
{
	const json_t *v = member(t, key);
	json_int_t n;

	if (!v)
		return;
	n = json_integer_value(v);
	if (!json_is_integer(v) || n < INT_MIN || n > INT_MAX)
		take_refuse(t, key, "is not a whole number");
	else
		*to = (int)n;
}

void take_word(struct json_take *t, const char *key, const char *const *words, size_t n,
	       unsigned *to)
{
	const json_t *v = member(t, key);
	const char *word = json_string_value(v);
	char list[200] = "is none of";
	size_t len = strlen(list);

	if (!v)
		return;
	for (unsigned i = 1; word && i < n; i++)
		if (*words[i] && !strcasecmp(words[i], word)) {
			*to = i;
			return;
		}
	for (unsigned i = 1; i < n && len < sizeof(list); i++)
		if (*words[i])
			len += (size_t)snprintf(list + len, sizeof(list) - len, "%s %s",
						i > 1 ? "," : "", words[i]);
	take_refuse(t, key, list);
}

void take_only(struct json_take *t, const char *const *known)
{
	const char *key;
	json_t *v;

	if (!t->rc && !json_is_object(t->doc))
		t->rc = err_set(t->e, ERR_USAGE, "bad-request", "the body is not a JSON object");
	json_object_foreach((json_t *)t->doc, key, v)
	{
		size_t i = 0;

		while (known[i] && strcmp(known[i], key) != 0)
			i++;
		if (!known[i])
			take_refuse(t, key, "is not known here");
	}
}

int take_end(const struct json_take *t)
{
	return t->rc;
}
