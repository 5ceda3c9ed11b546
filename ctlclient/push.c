#include "ctlclient/push.h"

#include "common/file.h"
#include "ctlclient/ctl_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	WATCH_TRIES = 20, /* looks at the distribution until all nodes are active */
	WATCH_NANOSECONDS = 500000000,
};

/* ---- keeping ---- */

int push_save(const struct push *p, const char *path, struct err *e)
{
	struct buf text = {0};
	int rc = bundle_signed(&text, &p->list, e);

	if (!rc)
		rc = file_create(path, buf_view(&text), 0600, e);
	buf_free(&text);
	return rc;
}

/* The name of the file it is kept in, for the caller to free(), or NULL if that did not work. */
static char *keep(const struct push *p)
{
	char *dir = file_state_dir();
	char *path = NULL;
	char sha256[2 * SHA256_LEN + 1];
	struct err ignored;

	if (!dir || sha256_text(sha256, p->list.list, &ignored) ||
	    file_mkdirs(dir, 0700, &ignored) ||
	    asprintf(&path, "%s/signed-%.16s.json", dir, sha256) < 0)
		path = NULL;
	if (path && push_save(p, path, &ignored) && strcmp(ignored.id, "file-exists") != 0) {
		free(path);
		path = NULL;
	}
	free(dir);
	return path;
}

static int undelivered(char **kept_in, const struct push *p, struct err *e)
{
	char *kept = p->kept ? strdup(p->kept) : keep(p);
	char hint[ERR_HINT_MAX];

	snprintf(hint, sizeof(hint), "%s", e->hint);
	if (kept)
		err_hint(
			e,
			"%s%sthe signed list is kept in %s: \"ctlclient cluster push %s\" sends it "
			"again, without a token",
			hint, *hint ? "; " : "", kept, kept);
	*kept_in = kept;
	return (int)e->kind;
}

/* Not one that the provider has judged; whoever else answers in its place has judged nothing. */
static bool is_worth_keeping(int rc, const struct err *e)
{
	return rc != ERR_REFUSED || !strcmp(e->id, "provider-certificate");
}

/* ---- pushing ---- */

bool push_is_done(json_t *answer)
{
	json_t *list = json_object_get(answer, "distribution");
	json_t *d;
	size_t i;

	json_array_foreach(list, i, d)
	{
		const char *state = json_string_value(json_object_get(d, "state"));

		if (!state || strcmp(state, "active") != 0)
			return false;
	}
	return json_array_size(list) > 0;
}

static const char *text_of(json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "-";
}

/* The same node in another answer, or NULL. */
static json_t *node_in(json_t *answer, const char *name)
{
	json_t *d;
	size_t i;

	json_array_foreach(json_object_get(answer, "distribution"), i, d)
	{
		if (!strcmp(text_of(d, "node"), name))
			return d;
	}
	return NULL;
}

/* A line for each node whose state is news; before is NULL the first time. */
static void tell_news(json_t *before, json_t *now)
{
	json_t *d;
	size_t i;

	json_array_foreach(json_object_get(now, "distribution"), i, d)
	{
		json_t *known = node_in(before, text_of(d, "node"));
		const char *state = text_of(d, "state");
		const bool failed = !strcmp(state, "failed");

		if (known && !strcmp(text_of(known, "state"), state))
			continue;
		fprintf(stderr, "  %-20s %s%s%s\n", text_of(d, "node"), state,
			failed ? ", tried again: " : "", failed ? text_of(d, "detail") : "");
	}
}

/* Looks again until every node has the list, or patience ends; *answer is replaced. What happens
 * meanwhile is told on standard error. */
static int watch(struct api *api, json_t **answer, bool quiet, struct err *e)
{
	const struct timespec pause = {0, WATCH_NANOSECONDS};

	if (!quiet && !push_is_done(*answer)) {
		fprintf(stderr, "the list is accepted, and on its way to the nodes:\n");
		tell_news(NULL, *answer);
	}
	for (int i = 0; i < WATCH_TRIES && !push_is_done(*answer); i++) {
		json_t *fresh = NULL;
		int rc;

		nanosleep(&pause, NULL);
		rc = api_get_json(api, "/api/v1/ctl/distribution", &fresh, e);
		if (rc)
			return err_wrap(e, "the list was accepted, but what became of it is not "
					   "known");
		if (!quiet)
			tell_news(*answer, fresh);
		json_decref(*answer);
		*answer = fresh;
	}
	return 0;
}

static void print_result(json_t *answer, bool mixed)
{
	json_t *d;
	size_t i;

	printf("accepted as generation %lld; the cluster is in %s mode\n",
	       json_integer_value(json_object_get(answer, "generation")),
	       mixed ? "mixed" : "non-secure");
	json_array_foreach(json_object_get(answer, "distribution"), i, d)
	{
		printf("  %-20s %-9s %s\n", text_of(d, "node"), text_of(d, "state"),
		       text_of(d, "detail"));
	}
	printf("next: restart the TFTP and call services where they do not follow by themselves, "
	       "and\nreset the phones; put the tokens back into their safe places\n");
}

/* True if the provider's present list is this very one. */
static bool is_there_already(struct api *api, const struct push *p)
{
	struct api_reply reply;
	struct err ignored;
	bool same;

	if (api_get(api, "/api/v1/ctl", &reply, &ignored))
		return false;
	same = span_eq(buf_view(&reply.body), p->list.list);
	buf_free(&reply.body);
	return same;
}

/* The list alone, or together with the TFTP servers that it is the first to have. */
static int put_list(struct api *api, const struct bundle_list *l, struct api_reply *reply,
		    struct err *e)
{
	static const char path[] = "/api/v1/ctl";
	json_t *tftps = l->tftp ? tftp_wish_json(l->tftp) : NULL;
	json_t *body;
	int rc;

	if (!tftps)
		return api_put(api, path, l->list, l->generation, reply, e);
	body = json_pack("{s:o, s:o}", "ctl", ctl_json_base64(l->list), "tftp_servers", tftps);
	rc = body ? api_put_json(api, path, body, l->generation, reply, e) : err_nomem(e);
	json_decref(body);
	return rc;
}

int push_send(json_t **answer, char **kept_in, struct api *api, const struct push *p, struct err *e)
{
	struct api_reply reply;
	int rc = put_list(api, &p->list, &reply, e);

	*kept_in = NULL;
	if (rc == ERR_CONFLICT && is_there_already(api, p))
		return api_get_json(api, "/api/v1/ctl/distribution", answer, e);
	if (rc == ERR_CONFLICT)
		return err_hint(e, "look at \"ctlclient cluster history\", then make the change "
				   "again: it starts from the new list");
	if (rc && !strcmp(e->id, "provider-down"))
		err_hint(e, "the connection broke while the list was under way, so it may have "
			    "been accepted");
	if (rc)
		return is_worth_keeping(rc, e) ? undelivered(kept_in, p, e) : rc;
	rc = json_read(answer, buf_view(&reply.body), e);
	buf_free(&reply.body);
	return rc;
}

static json_t *facts(json_t *answer)
{
	return json_pack("{s:O*, s:O*}", "generation", json_object_get(answer, "generation"),
			 "distribution", json_object_get(answer, "distribution"));
}

int push_list(struct api *api, const struct push *p, struct err *e)
{
	json_t *answer = NULL;
	char *kept_in = NULL;
	int rc = push_send(&answer, &kept_in, api, p, e);

	free(kept_in);
	rc = transcript_step(p->transcript, "push", rc, rc ? NULL : facts(answer), e);
	if (!rc)
		rc = watch(api, &answer, p->json, e);
	if (rc)
		goto out;
	if (!push_is_done(answer)) {
		err_set(e, ERR_PARTIAL, "distribution",
			"the list was accepted, but not every node serves it yet");
		rc = err_hint(e,
			      "the provider keeps trying; \"ctlclient cluster status\" shows the "
			      "nodes and the reasons");
	}
	rc = transcript_step(p->transcript, "distribution", rc, facts(answer), e);
	if (p->json) {
		json_object_set_new(answer, "security_mode",
				    json_string(p->list.mixed ? "mixed" : "nonsecure"));
		json_print(answer);
		answer = NULL;
	} else {
		print_result(answer, p->list.mixed);
	}
out:
	json_decref(answer);
	return rc;
}
