/* Tokens that come and go, on a SoftHSM of our own: a token's folder moved away is a token pulled
 * out. */
#include "pkcs11/owner.h"
#include "pkcs11/testhsm.h"
#include "pkcs11/watch.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_SIZE = 600, LOOKS_MAX = 40 };

static struct token_info first, second;

static int setup(void **state)
{
	hsm_setup(state);
	first = hsm_token(*state, "SAST 1");
	second = hsm_token(*state, "SAST 2");
	return 0;
}

static struct watch *open_watch(void)
{
	struct watch *w;
	struct err e;

	assert_ok(watch_open(&w, &e), &e);
	return w;
}

/* SoftHSM's folder of a token carries the serial number at its end. */
static void path_of(char path[PATH_SIZE], const char *folder, const struct token_info *t)
{
	DIR *d = opendir(folder);
	const struct dirent *entry;
	char tail[32];

	assert_non_null(d);
	snprintf(tail, sizeof(tail), "%.4s-%s", t->serial, t->serial + 4);
	*path = '\0';
	while ((entry = readdir(d)))
		if (strlen(entry->d_name) > strlen(tail) &&
		    !strcmp(entry->d_name + strlen(entry->d_name) - strlen(tail), tail))
			snprintf(path, PATH_SIZE, "%s/%s", folder, entry->d_name);
	closedir(d);
	assert_true(*path);
}

static void drawer(char path[PATH_SIZE])
{
	snprintf(path, PATH_SIZE, "%s.drawer", hsm_folder());
}

static void move(const struct token_info *t, const char *from, const char *to)
{
	char old[PATH_SIZE], new[PATH_SIZE];

	path_of(old, from, t);
	snprintf(new, sizeof(new), "%.300s%s", to, strrchr(old, '/'));
	assert_int_equal(rename(old, new), 0);
}

static void pull_out(const struct token_info *t)
{
	char away[PATH_SIZE];

	drawer(away);
	(void)mkdir(away, 0700);
	move(t, hsm_folder(), away);
}

static void put_in(const struct token_info *t)
{
	char away[PATH_SIZE];

	drawer(away);
	move(t, away, hsm_folder());
}

/* Looks until there is news. */
static const struct watch_event *news(struct watch *w, struct tokens *ts, size_t *n)
{
	struct err e;

	for (int i = 0; i < LOOKS_MAX; i++) {
		const struct watch_event *events;

		assert_ok(watch_look(w, ts, &e), &e);
		events = watch_events(w, n);
		if (*n)
			return events;
		(void)watch_wait(w, 1000, -1);
	}
	fail_msg("nothing was seen");
	return NULL;
}

static void no_news(struct watch *w, struct tokens *ts)
{
	struct err e;
	size_t n;

	while (watch_pause(w))
		(void)watch_wait(w, 1000, -1);
	assert_ok(watch_look(w, ts, &e), &e);
	(void)watch_events(w, &n);
	assert_int_equal(n, 0);
}

static void assert_token(const struct watch_event *ev, enum watch_kind kind,
			 const struct token_info *t, bool again, size_t tokens)
{
	assert_int_equal(ev->kind, kind);
	assert_string_equal(ev->token.serial, t->serial);
	assert_string_equal(ev->token.label, t->label);
	assert_int_equal(ev->again, again);
	assert_int_equal(ev->tokens, tokens);
}

static void sees_what_is_there(void **state)
{
	struct watch *w = open_watch();
	const struct watch_event *events;
	size_t n;

	events = news(w, *state, &n);
	assert_int_equal(n, 2); /* the empty slot of SoftHSM is none */
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(events[i].kind, WATCH_TOKEN_CAME);
		assert_true(events[i].at_start);
		assert_false(events[i].again);
		assert_int_equal(events[i].tokens, 2);
		assert_non_null(strstr(events[i].token.uri, events[i].token.serial));
	}
	no_news(w, *state);
	watch_close(w);
}

static void sees_one_go_and_come(void **state)
{
	struct watch *w = open_watch();
	const struct watch_event *events;
	size_t n;

	(void)news(w, *state, &n);
	pull_out(&first);
	events = news(w, *state, &n);
	assert_int_equal(n, 1);
	assert_token(&events[0], WATCH_TOKEN_LEFT, &first, false, 1);
	assert_false(events[0].at_start);
	put_in(&first);
	events = news(w, *state, &n);
	assert_int_equal(n, 1);
	assert_token(&events[0], WATCH_TOKEN_CAME, &first, true, 2);
	watch_close(w);
}

static void sees_another_in_its_place(void **state)
{
	const struct watch_event *events;
	struct watch *w;
	size_t n;

	pull_out(&second);
	w = open_watch();
	(void)news(w, *state, &n);
	pull_out(&first);
	put_in(&second);
	events = news(w, *state, &n);
	assert_int_equal(n, 2);
	assert_token(&events[0], WATCH_TOKEN_LEFT, &first, false, 1);
	assert_token(&events[1], WATCH_TOKEN_CAME, &second, false, 1);
	put_in(&first);
	events = news(w, *state, &n);
	assert_int_equal(n, 1);
	assert_token(&events[0], WATCH_TOKEN_CAME, &first, true, 2);
	watch_close(w);
}

static void sees_two_at_once(void **state)
{
	const struct watch_event *events;
	struct watch *w;
	size_t n;

	pull_out(&first);
	pull_out(&second);
	w = open_watch();
	no_news(w, *state);
	put_in(&first);
	put_in(&second);
	events = news(w, *state, &n);
	assert_int_equal(n, 2);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(events[i].kind, WATCH_TOKEN_CAME);
		assert_int_equal(events[i].tokens, 2);
		assert_false(events[i].at_start);
	}
	watch_close(w);
}

static void sees_a_new_token(void **state)
{
	struct watch *w = open_watch();
	const struct watch_event *events;
	struct token_info made;
	size_t n;

	(void)news(w, *state, &n);
	made = hsm_token(*state, "New");
	events = news(w, *state, &n);
	assert_int_equal(n, 1);
	assert_token(&events[0], WATCH_TOKEN_CAME, &made, false, 3);
	pull_out(&made);
	(void)news(w, *state, &n);
	watch_close(w);
}

/* Who is logged in stays so: the module is not restarted under a session. */
static void leaves_sessions_alone(void **state)
{
	struct token *t = hsm_login(*state, "pkcs11:token=SAST%201");
	const unsigned generation = t->at.module->generation;
	const struct watch_event *events;
	struct watch *w;
	size_t n;

	pull_out(&second);
	w = open_watch();
	(void)news(w, *state, &n);
	put_in(&second);
	no_news(w, *state);
	assert_true(session_is_open(t));
	assert_int_equal(t->at.module->generation, generation);
	token_free(t);
	events = news(w, *state, &n);
	assert_int_equal(n, 1);
	assert_token(&events[0], WATCH_TOKEN_CAME, &second, false, 2);
	watch_close(w);
}

/* A session does not outlive its token, and the token is found again by its serial number. */
static void finds_it_again(void **state)
{
	struct token *t = hsm_find(*state, "pkcs11:token=SAST%201");
	struct watch *w = open_watch();
	struct err e;
	size_t n;

	(void)news(w, *state, &n);
	assert_true(token_is_present(t));
	pull_out(&first);
	(void)news(w, *state, &n);
	assert_false(token_is_present(t));
	assert_err(token_login_check(t, false, &e), &e, ERR_TOKEN, "token-removed");
	put_in(&first);
	(void)news(w, *state, &n);
	assert_true(token_is_present(t));
	assert_ok(token_login_check(t, false, &e), &e);
	token_free(t);
	watch_close(w);
}

/* The time between looks is theirs, not ours. */
static void does_not_look_too_often(void **state)
{
	struct watch *w = open_watch();
	const unsigned generation = ((struct tokens *)*state)->modules[0].generation;
	struct err e;
	size_t n;

	(void)news(w, *state, &n);
	for (int i = 0; i < 1000; i++)
		assert_ok(watch_look(w, *state, &e), &e);
	assert_true(((struct tokens *)*state)->modules[0].generation <= generation + 1);
	assert_true(watch_pause(w) <= 3000);
	watch_close(w);
}

static void wakes_for_others(void **state)
{
	struct watch *w = open_watch();
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_false(watch_wait(w, 0, fds[0]));
	assert_int_equal(write(fds[1], "x", 1), 1);
	assert_true(watch_wait(w, 1000, fds[0]));
	assert_false(watch_wait(w, 0, -1));
	close(fds[0]);
	close(fds[1]);
	watch_close(w);
}

/* A module that cannot start any more is named once, and once more when it can again. */
static void tells_of_a_module_in_trouble(void **state)
{
	struct watch *w = open_watch();
	const struct watch_event *events;
	char away[PATH_SIZE];
	size_t n;

	(void)news(w, *state, &n);
	snprintf(away, sizeof(away), "%s.away", hsm_folder());
	assert_int_equal(rename(hsm_folder(), away), 0);
	events = news(w, *state, &n);
	assert_int_equal(n, 3);
	assert_int_equal(events[0].kind, WATCH_MODULE_FAILS);
	assert_non_null(strstr(events[0].why, "does not start"));
	assert_int_equal(events[1].kind, WATCH_TOKEN_LEFT);
	assert_int_equal(events[2].kind, WATCH_TOKEN_LEFT);
	no_news(w, *state);
	assert_int_equal(rename(away, hsm_folder()), 0);
	events = news(w, *state, &n);
	assert_int_equal(n, 3);
	assert_int_equal(events[0].kind, WATCH_MODULE_WORKS);
	assert_int_equal(events[1].kind, WATCH_TOKEN_CAME);
	assert_true(events[1].again);
	watch_close(w);
}

static int teardown(void **state)
{
	char away[PATH_SIZE + 16];
	const int rc = hsm_teardown(state);

	snprintf(away, sizeof(away), "rm -rf '%s.drawer'", hsm_folder());
	return system(away) || rc; // NOLINT: the folder's name is ours
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sees_what_is_there),
		cmocka_unit_test(sees_one_go_and_come),
		cmocka_unit_test(sees_another_in_its_place),
		cmocka_unit_test(sees_two_at_once),
		cmocka_unit_test(leaves_sessions_alone),
		cmocka_unit_test(finds_it_again),
		cmocka_unit_test(does_not_look_too_often),
		cmocka_unit_test(wakes_for_others),
		cmocka_unit_test(tells_of_a_module_in_trouble),
		cmocka_unit_test(sees_a_new_token),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
