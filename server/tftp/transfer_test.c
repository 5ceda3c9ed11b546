#include "server/tftp/transfer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct tftp_options none;

static unsigned op_of(const struct transfer_packet *p)
{
	return (unsigned)p->head[0] << 8 | p->head[1];
}

static uint16_t block_of(const struct transfer_packet *p)
{
	return (uint16_t)(p->head[2] << 8 | p->head[3]);
}

/* The one packet that is due now; there must be one and no second. */
static void next_packet(struct transfer *t, struct transfer_packet *p)
{
	struct transfer_packet second;

	assert_true(transfer_next(t, p));
	assert_false(transfer_next(t, &second));
}

static void nothing_due(struct transfer *t)
{
	struct transfer_packet p;

	assert_false(transfer_next(t, &p));
}

/* Fetches the whole file as a client without losses would, and compares it. */
static void fetch_all(struct transfer *t, size_t file)
{
	struct transfer_packet p;
	uint16_t block = 0;
	size_t got = 0;

	do {
		next_packet(t, &p);
		block++;
		assert_int_equal(op_of(&p), TFTP_DATA);
		assert_int_equal(p.head_len, TFTP_HEAD);
		assert_int_equal(block_of(&p), block);
		assert_true(p.len <= t->blksize);
		assert_int_equal(p.at, got);
		assert_true(got + p.len <= file);
		got += p.len;
		assert_false(transfer_done(t));
		assert_true(transfer_ack(t, block));
	} while (p.len == t->blksize);
	assert_int_equal(got, file);
	assert_true(transfer_done(t));
	nothing_due(t);
}

static void whole_files_of_all_sizes(void **state)
{
	static const size_t sizes[] = {0, 1, 511, 512, 513, 1024, 4643};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		const size_t file = sizes[i];
		struct transfer t;

		transfer_start(&t, file, TFTP_BLKSIZE_MAX, &none);
		fetch_all(&t, file);
	}
}

static void options_are_answered(void **state)
{
	static const struct {
		struct tftp_options asked;
		const char *oack; /* "|" for NUL */
		size_t n;
	} cases[] = {
		{{1428, 0, false, 0, 0}, "blksize|1428|", 13},
		{{0, 3, false, 0, 0}, "timeout|3|", 10},
		{{0, 0, true, 0, 0}, "tsize|4643|", 11},
		{{0, 0, true, 99, 0}, "tsize|4643|", 11},
		{{65464, 255, true, 0, 0}, "blksize|65464|timeout|255|tsize|4643|", 37},
		{{0, 0, false, 0, 1}, "windowsize|1|", 13},
	};
	const size_t file = 4643;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct transfer t;
		struct transfer_packet p;

		transfer_start(&t, file, TFTP_BLKSIZE_MAX, &cases[i].asked);
		next_packet(&t, &p);
		assert_int_equal(op_of(&p), TFTP_OACK);
		assert_int_equal(p.len, 0);
		assert_int_equal(p.head_len, 2 + cases[i].n);
		for (size_t k = 0; k < cases[i].n; k++)
			assert_int_equal(p.head[2 + k],
					 cases[i].oack[k] == '|' ? 0 : cases[i].oack[k]);
		assert_false(transfer_ack(&t, 1));
		nothing_due(&t);
		assert_true(transfer_ack(&t, 0));
		fetch_all(&t, file);
	}
}

static void duplicate_acks_cause_nothing(void **state)
{
	const size_t file = 2000;
	struct transfer t;
	struct transfer_packet p;

	(void)state;
	transfer_start(&t, file, TFTP_BLKSIZE_MAX, &none);
	next_packet(&t, &p);
	assert_false(transfer_ack(&t, 0));
	assert_false(transfer_ack(&t, 2));
	assert_false(t.proven);
	assert_true(transfer_ack(&t, 1));
	next_packet(&t, &p);
	for (int i = 0; i < 3; i++)
		assert_false(transfer_ack(&t, 1));
	assert_false(transfer_ack(&t, 3));
	nothing_due(&t);
	assert_true(transfer_ack(&t, 2));
	next_packet(&t, &p);
	assert_int_equal(block_of(&p), 3);
}

static void lost_packets_are_repeated(void **state)
{
	const size_t file = 1000;
	struct transfer t;
	struct transfer_packet p, again;

	(void)state;
	transfer_start(&t, file, TFTP_BLKSIZE_MAX, &none);
	next_packet(&t, &p);
	assert_true(transfer_ack(&t, 1));
	next_packet(&t, &p);
	for (int i = 0; i < TRANSFER_REPEATS; i++) {
		assert_true(transfer_timeout(&t));
		next_packet(&t, &again);
		assert_memory_equal(again.head, p.head, TFTP_HEAD);
		assert_int_equal(again.at, p.at);
		assert_int_equal(again.len, p.len);
	}
	assert_false(transfer_timeout(&t));

	transfer_start(&t, file, TFTP_BLKSIZE_MAX, &none);
	next_packet(&t, &p);
	assert_true(transfer_timeout(&t));
	next_packet(&t, &p);
	assert_true(transfer_ack(&t, 1));
	assert_int_equal(t.repeats, 0);
}

/* Whoever forges an address gets few packets sent there, and with options only a small one. */
static void strangers_get_little(void **state)
{
	const struct tftp_options large = {65464, 255, true, 0, 0};
	const size_t file = 100000;
	struct transfer t;
	struct transfer_packet p;
	unsigned packets = 1;

	(void)state;
	transfer_start(&t, file, TFTP_BLKSIZE_MAX, &large);
	next_packet(&t, &p);
	while (transfer_timeout(&t)) {
		assert_true(transfer_wait_ms(&t) <= TRANSFER_WAIT_MAX_MS);
		next_packet(&t, &p);
		assert_int_equal(op_of(&p), TFTP_OACK);
		packets++;
	}
	assert_int_equal(packets, 1 + TRANSFER_REPEATS_UNPROVEN);
}

static void waiting_doubles_up_to_a_limit(void **state)
{
	static const struct {
		uint32_t timeout; /* seconds, agreed */
		bool proven;
		uint32_t waits[4]; /* before each repeat, ms */
	} cases[] = {
		{0, false, {1000, 2000, 4000, 4000}},
		{0, true, {1000, 2000, 4000, 4000}},
		{3, true, {3000, 4000, 4000, 4000}},
		{9, true, {9000, 9000, 9000, 9000}},
		{255, true, {255000, 255000, 255000, 255000}},
		{255, false, {4000, 4000, 4000, 4000}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct tftp_options asked = {0, cases[i].timeout, false, 0, 0};
		struct transfer t;

		transfer_start(&t, 1, TFTP_BLKSIZE_MAX, &asked);
		t.proven = cases[i].proven;
		for (unsigned k = 0; k < 4; k++) {
			assert_int_equal(transfer_wait_ms(&t), cases[i].waits[k]);
			if (k < 3)
				assert_true(transfer_timeout(&t));
		}
	}
}

/* 8 bytes a block: 131072 full ones and an empty one, so the number wraps twice on its way. */
static void block_numbers_wrap(void **state)
{
	const struct tftp_options asked = {8, 0, false, 0, 0};
	const size_t file = 1 << 20;
	struct transfer t;
	struct transfer_packet p;

	(void)state;
	transfer_start(&t, file, TFTP_BLKSIZE_MAX, &asked);
	assert_int_equal(t.last, 131073);
	next_packet(&t, &p);
	assert_true(transfer_ack(&t, 0));
	fetch_all(&t, file);
}

static void repeated_requests(void **state)
{
	const size_t file = 1000;
	struct transfer t;
	struct transfer_packet p;

	(void)state;
	transfer_start(&t, file, TFTP_BLKSIZE_MAX, &none);
	next_packet(&t, &p);
	transfer_repeat_first(&t);
	next_packet(&t, &p);
	assert_int_equal(block_of(&p), 1);
	assert_true(transfer_ack(&t, 1));
	next_packet(&t, &p);
	transfer_repeat_first(&t);
	nothing_due(&t);
}

/* ---- windows ---- */

/* Takes the packets from to to, which must be all that are due, and compares them. */
static void take_window(struct transfer *t, size_t file, uint64_t from, uint64_t to)
{
	struct transfer_packet p;

	for (uint64_t n = from; n <= to; n++) {
		assert_true(transfer_next(t, &p));
		assert_int_equal(op_of(&p), TFTP_DATA);
		assert_int_equal(block_of(&p), (uint16_t)n);
		assert_int_equal(p.at, (n - 1) * t->blksize);
		assert_true(p.at + p.len <= file);
	}
	nothing_due(t);
}

static void start_window(struct transfer *t, size_t file, uint32_t blksize, uint32_t window)
{
	const struct tftp_options asked = {blksize, 0, false, 0, window};
	struct transfer_packet p;

	transfer_start(t, file, TFTP_BLKSIZE_MAX, &asked);
	next_packet(t, &p);
	assert_int_equal(op_of(&p), TFTP_OACK);
	assert_true(transfer_ack(t, 0));
}

static void windows_are_granted_with_a_limit(void **state)
{
	static const struct {
		uint32_t blksize, asked, window;
	} cases[] = {
		{0, 0, 1},      {0, 1, 1},      {0, 4, 4},     {0, 32, 32},    {0, 65535, 32},
		{8192, 32, 16}, {1428, 64, 32}, {65464, 1, 1}, {65464, 32, 2}, {65464, 65535, 2},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct tftp_options asked = {cases[i].blksize, 0, false, 0, cases[i].asked};
		struct transfer t;

		transfer_start(&t, 1, TFTP_BLKSIZE_MAX, &asked);
		assert_int_equal(t.window, cases[i].window);
		assert_int_equal(t.granted.windowsize, cases[i].asked ? cases[i].window : 0);
	}
}

static void a_window_is_on_its_way(void **state)
{
	const size_t file = 10 * 512 + 7;
	struct transfer t;

	(void)state;
	start_window(&t, file, 0, 4);
	take_window(&t, file, 1, 4);
	assert_false(transfer_ack(&t, 5));
	assert_true(transfer_ack(&t, 4));
	take_window(&t, file, 5, 8);
	/* Block 7 got lost: the client has 6, and the window begins anew behind it. */
	assert_true(transfer_ack(&t, 6));
	take_window(&t, file, 7, 10);
	assert_true(transfer_ack(&t, 10));
	take_window(&t, file, 11, 11);
	assert_false(transfer_done(&t));
	assert_true(transfer_ack(&t, 11));
	assert_true(transfer_done(&t));
	assert_false(transfer_ack(&t, 11));
	nothing_due(&t);
}

/* Nothing of a window came: the client repeats its ACK, and is heard once. */
static void a_lost_window_is_repeated_once(void **state)
{
	const size_t file = 10 * 512;
	struct transfer t;

	(void)state;
	start_window(&t, file, 0, 4);
	take_window(&t, file, 1, 4);
	assert_true(transfer_ack(&t, 0));
	take_window(&t, file, 1, 4);
	assert_false(transfer_ack(&t, 0));
	nothing_due(&t);
	assert_true(transfer_ack(&t, 4));
	take_window(&t, file, 5, 8);
	assert_false(transfer_ack(&t, 3));
	assert_true(transfer_ack(&t, 4));
	take_window(&t, file, 5, 8);
	assert_false(transfer_ack(&t, 4));
	assert_true(transfer_timeout(&t));
	take_window(&t, file, 5, 8);
}

/* A forged address gets an OACK, never a window. */
static void a_window_takes_an_answer(void **state)
{
	const struct tftp_options asked = {512, 0, false, 0, 32};
	struct transfer_packet p;
	struct transfer t;

	(void)state;
	transfer_start(&t, 1, TFTP_BLKSIZE_MAX, &asked);
	next_packet(&t, &p);
	while (transfer_timeout(&t))
		next_packet(&t, &p);
	assert_int_equal(op_of(&p), TFTP_OACK);
}

static void block_numbers_wrap_in_a_window(void **state)
{
	const size_t file = 8 * 65540;
	struct transfer t;

	(void)state;
	start_window(&t, file, 8, 30);
	for (uint64_t n = 1; n + 30 <= 65530; n += 30) {
		take_window(&t, file, n, n + 29);
		assert_true(transfer_ack(&t, (uint16_t)(n + 29)));
	}
	take_window(&t, file, 65521, 65541);
	assert_true(transfer_ack(&t, 65535));
	take_window(&t, file, 65536, 65541);
	assert_true(transfer_ack(&t, 0));
	take_window(&t, file, 65537, 65541);
	assert_true(transfer_ack(&t, 5));
	assert_true(transfer_done(&t));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_files_of_all_sizes),
		cmocka_unit_test(options_are_answered),
		cmocka_unit_test(duplicate_acks_cause_nothing),
		cmocka_unit_test(lost_packets_are_repeated),
		cmocka_unit_test(strangers_get_little),
		cmocka_unit_test(waiting_doubles_up_to_a_limit),
		cmocka_unit_test(block_numbers_wrap),
		cmocka_unit_test(repeated_requests),
		cmocka_unit_test(windows_are_granted_with_a_limit),
		cmocka_unit_test(a_window_is_on_its_way),
		cmocka_unit_test(a_lost_window_is_repeated_once),
		cmocka_unit_test(a_window_takes_an_answer),
		cmocka_unit_test(block_numbers_wrap_in_a_window),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
