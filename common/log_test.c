#include "common/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* cmocka.h needs these in front of it. */
#include <setjmp.h> // IWYU pragma: keep
#include <stdarg.h> // IWYU pragma: keep
#include <stddef.h> // IWYU pragma: keep

#include <cmocka.h>

/* What a journal got: all fields, a line each. */
static char sent[8192];
static int answer;

static int take(const struct iovec *fields, int n)
{
	sent[0] = '\0';
	for (int i = 0; i < n; i++) {
		strncat(sent, fields[i].iov_base, fields[i].iov_len);
		strcat(sent, "\n");
	}
	return answer;
}

/* Runs with standard error in a file; text gets what was written. */
static void written_by(void (*run)(void *arg), void *arg, char *text, size_t size)
{
	FILE *file = tmpfile();
	const int kept = dup(STDERR_FILENO);
	size_t n;

	fflush(stderr);
	dup2(fileno(file), STDERR_FILENO);
	run(arg);
	fflush(stderr);
	dup2(kept, STDERR_FILENO);
	close(kept);
	rewind(file);
	n = fread(text, 1, size - 1, file);
	text[n] = '\0';
	fclose(file);
}

static const struct log_event accepted = {
	.event = "ctl-accepted", .generation = 7, .user = "anna", .address = "::1"};

static void say_accepted(void *arg)
{
	log_event(arg, LOG_LEVEL_INFO, &accepted, "generation %d is there", 7);
}

static void test_fields(void **state)
{
	struct log lg = {"ctltest", LOG_LEVEL_INFO, true, take};
	char text[512];

	(void)state;
	answer = 0;
	written_by(say_accepted, &lg, text, sizeof(text));
	assert_string_equal(sent, "MESSAGE=generation 7 is there\nPRIORITY=6\n"
				  "SYSLOG_IDENTIFIER=ctltest\nCTL_EVENT=ctl-accepted\n"
				  "CTL_GENERATION=7\nCTL_USER=anna\nCTL_ADDRESS=::1\n");
	assert_string_equal(text, "");
}

static void test_journal_is_gone(void **state)
{
	struct log lg = {"ctltest", LOG_LEVEL_INFO, true, take};
	char text[512];

	(void)state;
	answer = -2;
	written_by(say_accepted, &lg, text, sizeof(text));
	assert_string_equal(text, "<6>generation 7 is there\n");
}

static void test_no_journal(void **state)
{
	struct log lg = {"ctltest", LOG_LEVEL_INFO, false, NULL};
	char text[512];

	(void)state;
	written_by(say_accepted, &lg, text, sizeof(text));
	assert_string_equal(text, "ctltest: generation 7 is there\n");
	lg.level = LOG_LEVEL_WARN;
	written_by(say_accepted, &lg, text, sizeof(text));
	assert_string_equal(text, "");
}

/* A stranger's text makes neither a second line nor a second field. */
static void test_hostile_text(void **state)
{
	const struct log lg = {"ctltest", LOG_LEVEL_INFO, true, take};
	const struct log_event event = {.event = "join-refused", .node = "x\nCTL_USER=root"};
	char *of_stranger = malloc(5000);

	(void)state;
	answer = 0;
	memset(of_stranger, 'a', 4999);
	of_stranger[4999] = '\0';
	log_event(&lg, LOG_LEVEL_WARN, &event, "node %s", "x\nPRIORITY=0\x1b[2J");
	assert_string_equal(sent, "MESSAGE=node x?PRIORITY=0?[2J\nPRIORITY=4\n"
				  "SYSLOG_IDENTIFIER=ctltest\nCTL_EVENT=join-refused\n"
				  "CTL_NODE=x?CTL_USER=root\n");
	log_event(&lg, LOG_LEVEL_WARN, &(struct log_event){.node = of_stranger}, "%s", of_stranger);
	assert_true(strlen(sent) < 3000);
	free(of_stranger);
}

static void test_finds_the_journal(void **state)
{
	struct log lg;
	struct stat st;
	char stream[64];

	(void)state;
	assert_int_equal(fstat(STDERR_FILENO, &st), 0);
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
		 (unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	log_init(&lg, "ctltest");
	assert_true(lg.journal);
	/* Of the service manager's, but standard error goes elsewhere. */
	setenv("JOURNAL_STREAM", "8:99999999", 1);
	log_init(&lg, "ctltest");
	assert_false(lg.journal);
	setenv("JOURNAL_STREAM", "nonsense", 1);
	log_init(&lg, "ctltest");
	assert_false(lg.journal);
	unsetenv("JOURNAL_STREAM");
	log_init(&lg, "ctltest");
	assert_false(lg.journal);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_journal_is_gone),
		cmocka_unit_test(test_no_journal),
		cmocka_unit_test(test_hostile_text),
		cmocka_unit_test(test_finds_the_journal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
