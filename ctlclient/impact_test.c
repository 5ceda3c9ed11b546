#include "ctlclient/impact.h"

#include "common/hex.h"
#include "trustfile/testkit.h"

#include <stdio.h>
#include <string.h>

struct loaded {
	struct buf bytes;
	struct tl *list;
};

static struct loaded load(const char *name)
{
	struct loaded l = {0};
	char path[64];
	struct err e;

	if (!name)
		return l;
	snprintf(path, sizeof(path), "vectors/tlv/%s.tlv", name);
	l.bytes = test_file(path);
	assert_int_equal(tl_parse(&l.list, buf_view(&l.bytes), &e), 0);
	return l;
}

static void unload(struct loaded *l)
{
	tl_free(l->list);
	buf_free(&l->bytes);
}

static void who_follows(void **state)
{
	static const struct {
		const char *old, *neu;
		bool follows;
		size_t kept, added, removed;
		const char *says[3];
	} table[] = {
		{NULL, "ctl-sha1", false, 0, 2, 0, {"whoever signed it", "another cluster"}},
		{"ctl-sha1", "ctl-update-sast2", true, 2, 0, 0, {"present list follow"}},
		{"ctl-sha1", "ctl-nonsecure", true, 2, 0, 0, {"present list follow"}},
		{"ctl-sha1",
		 "ctl-new-signer",
		 false,
		 1,
		 1,
		 1,
		 {"NO phone that has", "only ", "phones that have this list refuse"}},
		{"ctl-sha1",
		 "ctl-sha512",
		 false,
		 0,
		 2,
		 2,
		 {"NO phone that has", "deleted by hand"}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct loaded old = load(table[i].old);
		struct loaded neu = load(table[i].neu);
		const struct impact im = impact_of(old.list, neu.list);
		struct buf text = {0};

		print_message("%s to %s\n", table[i].old ? table[i].old : "nothing", table[i].neu);
		assert_int_equal(im.follows, table[i].follows);
		assert_int_equal(im.kept, table[i].kept);
		assert_int_equal(im.added, table[i].added);
		assert_int_equal(im.removed, table[i].removed);
		impact_text(&text, &im);
		for (size_t k = 0; k < 3 && table[i].says[k]; k++)
			if (!strstr(buf_cstr(&text), table[i].says[k]))
				fail_msg("\"%s\" is not in: %s", table[i].says[k], buf_cstr(&text));
		assert_int_equal(!strstr(buf_cstr(&text), "WARNING"),
				 table[i].follows || !table[i].old);
		buf_free(&text);
		unload(&neu);
		unload(&old);
	}
}

/* ---- how far back ---- */

/* A difference that adds the SAST records of a list whose numbers are in which. */
static json_t *generation(int number, const struct tl *l, const char *which)
{
	struct buf text = {0};
	size_t sast = 0;
	json_t *g;

	buf_str(&text, "~ CCM+TFTP pub  new certificate CN=pub  serial 01\n");
	for (size_t i = 0; i < l->n; i++) {
		const struct tl_record *r = &l->records[i];

		if (r->role != TL_SAST || !strchr(which, '1' + (char)sast++))
			continue;
		buf_str(&text, "+ SAST CN=a  serial name  serial ");
		hex_upper(&text, r->serial, ':');
		buf_u8(&text, '\n');
	}
	g = json_pack("{s:i, s:s}", "generation", number, "difference", buf_cstr(&text));
	buf_free(&text);
	return g;
}

/* ctl-sha1 has two tokens; ctl-update-sast2 is signed by the second. */
static void how_far_back(void **state)
{
	static const struct {
		const char *what, *added[3]; /* by generation, from 1 */
		const char *says, *silent;
	} table[] = {
		{"both from the first", {"12", "", ""}, "any list of this cluster", "NOT"},
		{"the signer came later", {"1", "", "2"}, "generation 3 or a later", "any list"},
		{"the other one is the later", {"2", "1", ""}, "any list of this cluster", "NOT"},
		{"both came later", {"", "12", ""}, "generation 2 or a later", "sign with"},
		{"taken out and put in again", {"12", "", "2"}, "generation 3 or a later", "any"},
		{"unknown", {"", "", ""}, "", "phones"},
	};
	struct loaded old = load("ctl-sha1");
	struct loaded neu = load("ctl-update-sast2");
	const struct impact im = impact_of(old.list, neu.list);

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		json_t *list = json_array();
		json_t *history;
		struct buf text = {0};

		for (int g = 3; g >= 1; g--)
			json_array_append_new(list, generation(g, old.list, table[i].added[g - 1]));
		history = json_pack("{s:o}", "generations", list);
		impact_reach(&text, &im, history);
		if (!strstr(buf_cstr(&text), table[i].says) ||
		    strstr(buf_cstr(&text), table[i].silent))
			fail_msg("%s: %s", table[i].what, buf_cstr(&text));
		buf_free(&text);
		json_decref(history);
	}
	unload(&neu);
	unload(&old);
}

static void a_token_that_reaches_further_is_named(void **state)
{
	struct loaded old = load("ctl-sha1");
	struct loaded neu = load("ctl-update-sast2");
	const struct impact im = impact_of(old.list, neu.list);
	json_t *history = json_pack("{s:[o,o]}", "generations", generation(2, old.list, "2"),
				    generation(1, old.list, "1"));
	struct buf text = {0};

	(void)state;
	impact_reach(&text, &im, history);
	assert_non_null(strstr(buf_cstr(&text), "sign with"));
	assert_non_null(strstr(buf_cstr(&text), "since generation 1"));
	buf_free(&text);
	json_decref(history);
	unload(&neu);
	unload(&old);
}

/* A history that is no history says nothing. */
static void strange_histories(void **state)
{
	static const char *const table[] = {
		"[]",
		"{}",
		"{\"generations\":1}",
		"{\"generations\":[1,null,\"x\",{}]}",
		"{\"generations\":[{\"generation\":-5,\"difference\":\"+ SAST   serial 01\"}]}",
		"{\"generations\":[{\"generation\":2,\"difference\":\"+ SAST \"}]}",
		"{\"generations\":[{\"generation\":2,\"difference\":\"+ SAST   serial \"}]}",
		"{\"generations\":[{\"generation\":2,\"difference\":\"+ SAST   serial zz\"}]}",
	};
	struct loaded old = load("ctl-sha1");
	struct loaded neu = load("ctl-update-sast2");
	const struct impact im = impact_of(old.list, neu.list);

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		json_t *history = json_loads(table[i], 0, NULL);
		struct buf text = {0};

		assert_non_null(history);
		impact_reach(&text, &im, history);
		assert_int_equal(text.len, 0);
		buf_free(&text);
		json_decref(history);
	}
	unload(&neu);
	unload(&old);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_follows),
		cmocka_unit_test(how_far_back),
		cmocka_unit_test(a_token_that_reaches_further_is_named),
		cmocka_unit_test(strange_histories),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
