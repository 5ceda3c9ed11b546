/* What becomes of a signed list that does not reach the provider. */
#include "ctlclient/push.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* cmocka.h needs these in front of it. */
#include <setjmp.h> // IWYU pragma: keep
#include <stdarg.h> // IWYU pragma: keep
#include <stddef.h> // IWYU pragma: keep

#include <cmocka.h>

/* The provider: answers a list as it is told, and knows no other path. */
static struct err answer;

int api_put(struct api *a, const char *path, struct span body, int64_t generation,
	    struct api_reply *reply, struct err *e)
{
	(void)a;
	(void)path;
	(void)body;
	(void)generation;
	(void)reply;
	*e = answer;
	return (int)e->kind;
}

int api_put_json(struct api *a, const char *path, const json_t *body, int64_t generation,
		 struct api_reply *reply, struct err *e)
{
	(void)body;
	return api_put(a, path, span_of(NULL, 0), generation, reply, e);
}

int api_get(struct api *a, const char *path, struct api_reply *reply, struct err *e)
{
	(void)a;
	(void)reply;
	return err_set(e, ERR_FAILED, "provider-down", "no answer to %s", path);
}

int api_get_json(struct api *a, const char *path, json_t **doc, struct err *e)
{
	(void)a;
	(void)doc;
	return err_set(e, ERR_FAILED, "provider-down", "no answer to %s", path);
}

static void keeps_what_was_not_judged(void **state)
{
	static const struct {
		int kind;
		const char *id;
		bool kept;
	} cases[] = {
		{ERR_FAILED, "provider-down", true},    {ERR_FAILED, "store", true},
		{ERR_TOKEN, "token-removed", true},     {ERR_REFUSED, "provider-certificate", true},
		{ERR_REFUSED, "signer-unknown", false}, {ERR_CONFLICT, "generation", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const uint8_t list[] = {'l', 'i', 's', 't', (uint8_t)i};
		const struct push p = {.list = {.provider = "ccm:8443",
						.cluster = "c",
						.generation = 1,
						.list = {list, sizeof(list)}}};
		char *kept_in = NULL;
		json_t *doc = NULL;
		struct err e = {0};

		err_set(&answer, cases[i].kind, cases[i].id, "no");
		assert_int_equal(push_send(&doc, &kept_in, NULL, &p, &e), cases[i].kind);
		assert_string_equal(e.id, cases[i].id);
		if (!kept_in != !cases[i].kept)
			fail_msg("%s: kept in %s", cases[i].id, kept_in ? kept_in : "no file");
		if (kept_in) {
			assert_non_null(strstr(e.hint, kept_in));
			assert_int_equal(unlink(kept_in), 0);
		}
		free(kept_in);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {cmocka_unit_test(keeps_what_was_not_judged)};
	char folder[] = "/tmp/ctl-push.XXXXXX";
	char command[64];
	int rc;

	if (!mkdtemp(folder) || setenv("XDG_STATE_HOME", folder, 1))
		return 1;
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command) ? 1 : rc;
}
