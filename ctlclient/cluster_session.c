#include "ctlclient/cluster_session.h"

#include "common/text.h"

#include <stdio.h>
#include <string.h>

#define SESSIONS "/api/v1/session"

int cluster_session_open(struct cluster_session *s, struct api *api, struct err *e)
{
	json_t *nothing = json_object(), *doc = NULL;
	const char *id = NULL;
	int rc = api_send_json(api, "POST", SESSIONS, nothing, &doc, e);

	*s = (struct cluster_session){0};
	json_decref(nothing);
	if (rc && !strcmp(e->id, "no-such-path"))
		return 0;
	if (rc)
		return rc;
	if (json_unpack(doc, "{s:s}", "id", &id) ||
	    (size_t)snprintf(s->path, sizeof(s->path), SESSIONS "/%s", id) >= sizeof(s->path) ||
	    !api_use_session(api, id))
		rc = err_set(e, ERR_FAILED, "provider-answer",
			     "the provider's answer names no session");
	else
		s->api = api;
	json_decref(doc);
	return rc;
}

void cluster_session_close(struct cluster_session *s)
{
	json_t *nothing, *doc = NULL;
	struct err ignored;

	if (!s->api)
		return;
	nothing = json_object();
	(void)api_send_json(s->api, "DELETE", s->path, nothing, &doc, &ignored);
	json_decref(nothing);
	json_decref(doc);
	s->api = NULL;
}

static void put_generation(struct buf *lines, json_t *g)
{
	const char *time = "", *user = "", *address = "", *difference = "";
	struct buf head = {0};
	json_int_t number = 0;

	json_unpack(g, "{s?I, s?s, s?s, s?s, s?s}", "generation", &number, "time", &time, "user",
		    &user, "address", &address, "difference", &difference);
	buf_printf(&head, "generation %lld, by %s from %s at %s:", (long long)number, user, address,
		   time);
	text_printable(lines, buf_view(&head));
	buf_u8(lines, '\n');
	buf_free(&head);
	for (const char *p = difference; *p;) {
		const size_t n = strcspn(p, "\n");

		buf_str(lines, "  ");
		text_printable(lines, span_of(p, n));
		buf_u8(lines, '\n');
		p += n + (p[n] == '\n');
	}
}

void cluster_session_changes(struct buf *lines, struct api *api, int64_t since)
{
	struct err ignored;
	json_t *doc = NULL, *g;
	size_t i;

	if (api_get_json(api, "/api/v1/ctl/history?limit=20", &doc, &ignored))
		return;
	json_array_foreach(json_object_get(doc, "generations"), i, g)
	{
		if (json_integer_value(json_object_get(g, "generation")) > since)
			put_generation(lines, g);
	}
	json_decref(doc);
}

void cluster_session_tell_changes(struct api *api, int64_t since)
{
	struct buf lines = {0};

	cluster_session_changes(&lines, api, since);
	if (buf_cstr(&lines))
		fputs(buf_cstr(&lines), stderr);
	buf_free(&lines);
}
