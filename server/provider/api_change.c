#include "server/provider/api_change.h"

#include "common/json.h"
#include "server/provider/node_api.h"

#include <stdlib.h>
#include <string.h>

int etag_parse(int64_t *number, const char *field, struct err *e)
{
	enum { DIGITS_MAX = 18 };
	const size_t digits = *field == '"' ? strspn(field + 1, "0123456789") : 0;

	if (!digits || digits > DIGITS_MAX || strcmp(field + 1 + digits, "\"") != 0)
		return err_set(e, ERR_USAGE, "bad-request",
			       "If-Match is not one number in quotes, such as \"4\"");
	*number = strtoll(field + 1, NULL, 10);
	return 0;
}

/* The version that If-Match names; STORE_ANY_VERSION if it is missing or "*". */
static int if_match(const struct call *c, int64_t *version, struct err *e)
{
	const char *field = https_header(c->request, "If-Match");

	*version = STORE_ANY_VERSION;
	return field && strcmp(field, "*") != 0 ? etag_parse(version, field, e) : 0;
}

int call_needs_if_match(int64_t expected, struct err *e)
{
	if (expected != STORE_ANY_VERSION)
		return 0;
	err_set(e, ERR_USAGE, "no-version",
		"If-Match is missing: it names the version that is to be replaced");
	return err_hint(e, "send the ETag of the one that was read, or change single members with "
			   "PATCH");
}

int change_begin(struct call *c, struct store *s, json_t **doc, int64_t *expected, struct err *e)
{
	int rc = node_api_must_be_first(s, e);

	if (!rc && expected)
		rc = if_match(c, expected, e);
	if (rc || !doc)
		return rc;
	if (!json_read(doc, https_body(c->request), e))
		return 0;
	err_wrap(e, "the body");
	e->kind = ERR_USAGE;
	return ERR_USAGE;
}

int answer_doc(struct call *c, json_t *doc, int64_t version, struct err *e)
{
	c->doc = doc;
	c->generation = version;
	return doc ? 0 : err_nomem(e);
}

int answer_nothing(struct call *c, struct err *e)
{
	return answer_doc(c, json_object(), NO_GENERATION, e);
}
