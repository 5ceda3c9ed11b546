#include "server/net/problem.h"

#include "common/json.h"

#include <stdlib.h>
#include <string.h>

static const struct {
	const char *id;
	int status;
} by_id[] = {
	{"bad-request", 400},      {"login", 401},
	{"forbidden", 403},        {"no-such-path", 404},
	{"locked", 403},           {"client-certificate", 403},
	{"no-session", 404},       {"client-limit", 409},
	{"no-ctl", 404},           {"method", 405},
	{"request-timeout", 408},  {"length-required", 411},
	{"stale-generation", 412}, {"too-large", 413},
	{"content-type", 415},     {"expectation", 417},
	{"no-generation", 428},    {"too-many-logins", 429},
	{"head-too-large", 431},   {"busy", 503},
	{"http-version", 505},     {"disk-full", 507},
	{"invitation", 403},       {"node-only", 403},
	{"not-publisher", 421},    {"no-phone", 404},
	{"no-profile", 404},       {"no-template", 404},
	{"no-digest-user", 404},   {"stale-version", 412},
	{"no-version", 428},       {"secrets-key", 500},
	{"no-serial", 404},        {"no-crl", 404},
	{"no-tftp-server", 404},   {"node-exists", 409},
	{"no-capf-user", 404},     {"not-trusted", 404},
};

static const struct {
	int status;
	const char *title;
} titles[] = {
	{400, "The request is malformed"},
	{401, "Log in, please"},
	{403, "Your account does not allow this"},
	{404, "There is no such thing here"},
	{405, "This path does not take that method"},
	{408, "The request took too long to arrive"},
	{409, "Somebody else was quicker"},
	{411, "The length of the body is missing"},
	{412, "It was changed meanwhile"},
	{413, "The body is too large"},
	{415, "The body is of another type"},
	{417, "That expectation cannot be met"},
	{421, "This is not the publisher"},
	{422, "A rule says no"},
	{428, "If-Match is missing"},
	{429, "Too many failed logins"},
	{431, "The head of the request is too large"},
	{500, "Something went wrong inside"},
	{503, "The service is busy"},
	{505, "That version of HTTP is not spoken here"},
	{507, "The disk is full"},
};

int problem_status(const struct err *e)
{
	for (size_t i = 0; i < sizeof(by_id) / sizeof(by_id[0]); i++)
		if (!strcmp(by_id[i].id, e->id))
			return by_id[i].status;
	switch (e->kind) {
	case ERR_USAGE:
		return 400;
	case ERR_REFUSED:
		return 422;
	case ERR_CONFLICT:
		return 409;
	case ERR_OK:
	case ERR_FAILED:
	case ERR_TOKEN:
	case ERR_PARTIAL:
		break;
	}
	return 500;
}

static const char *title_of(int status)
{
	for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++)
		if (titles[i].status == status)
			return titles[i].title;
	return "Error";
}

static json_t *document(const struct err *e, int status)
{
	const bool internal = status == 500;
	const char *id = internal ? "internal" : e->id;
	const char *detail = internal ? "an internal error; the service's log tells more" : e->what;
	const char *hint = internal ? "" : e->hint;

	return json_pack("{s:o, s:s, s:i, s:o, s:o, s:s}", "type",
			 json_sprintf("urn:ctlsuite:problem:%s", id), "title", title_of(status),
			 "status", status, "detail", json_text(span_of(detail, strlen(detail))),
			 "hint", json_text(span_of(hint, strlen(hint))), "id", id);
}

void problem_write(struct buf *out, const struct err *e, json_t *extra)
{
	json_t *doc = document(e, problem_status(e));
	char *text = NULL;

	if (doc && extra)
		json_object_update(doc, extra);
	if (doc)
		text = json_dumps(doc, JSON_INDENT(2));
	if (text) {
		buf_str(out, text);
		buf_str(out, "\n");
	} else {
		out->bad = true;
	}
	free(text);
	json_decref(extra);
	json_decref(doc);
}
