#include "server/tftp/transfer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct tftp_options none;

/* A file in which every byte tells where it stands. */
static struct span file_of(size_t n)
{
	uint8_t *data = malloc(n ? n : 1);

	assert_non_null(data);
	for (size_t i = 0; i < n; i++)
		data[i] = (uint8_t)(i * 7 + i / 251);
	return span_of(data, n);
}

static void free_file(struct span file)
{
	free((void *)(uintptr_t)file.data);
}

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
static void fetch_all(struct transfer *t, struct span file)
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
		assert_true(p.body.len <= t->blksize);
		assert_true(got + p.body.len <= file.len);
		if (p.body.len)
			assert_memory_equal(p.body.data, file.data + got, p.body.len);
		got += p.body.len;
		assert_false(transfer_done(t));
		assert_true(transfer_ack(t, block));
	} while (p.body.len == t->blksize);
	assert_int_equal(got, file.len);
	assert_true(transfer_done(t));
	nothing_due(t);
}

static void whole_files_of_all_sizes(void **state)
{
	static const size_t sizes[] = {0, 1, 511, 512, 513, 1024, 4643};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		const struct span file = file_of(sizes[i]);
		struct transfer t;

		transfer_start(&t, file, &none);
		fetch_all(&t, file);
		free_file(file);
	}
}

static void options_are_answered(void **state)
{
	static const struct {
		struct tftp_options asked;
		const char *oack; /* "|" for NUL */
		size_t n;
	} cases[] = {
		{{1428, 0, false, 0}, "blksize|1428|", 13},
		{{0, 3, false, 0}, "timeout|3|", 10},
		{{0, 0, true, 0}, "tsize|4643|", 11},
		{{0, 0, true, 99}, "tsize|4643|", 11},
		{{65464, 255, true, 0}, "blksize|65464|timeout|255|tsize|4643|", 37},
	};
	const struct span file = file_of(4643);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct transfer t;
		struct transfer_packet p;

		transfer_start(&t, file, &cases[i].asked);
		next_packet(&t, &p);
		assert_int_equal(op_of(&p), TFTP_OACK);
		assert_int_equal(p.body.len, 0);
		assert_int_equal(p.head_len, 2 + cases[i].n);
		for (size_t k = 0; k < cases[i].n; k++)
			assert_int_equal(p.head[2 + k],
					 cases[i].oack[k] == '|' ? 0 : cases[i].oack[k]);
		assert_false(transfer_ack(&t, 1));
		nothing_due(&t);
		assert_true(transfer_ack(&t, 0));
		fetch_all(&t, file);
	}
	free_file(file);
}

static void duplicate_acks_cause_nothing(void **state)
{
	const struct span file = file_of(2000);
	struct transfer t;
	struct transfer_packet p;

	(void)state;
	transfer_start(&t, file, &none);
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
	free_file(file);
}

static void lost_packets_are_repeated(void **state)
{
	const struct span file = file_of(1000);
	struct transfer t;
	struct transfer_packet p, again;

	(void)state;
	transfer_start(&t, file, &none);
	next_packet(&t, &p);
	assert_true(transfer_ack(&t, 1));
	next_packet(&t, &p);
	for (int i = 0; i < TRANSFER_REPEATS; i++) {
		assert_true(transfer_timeout(&t));
		next_packet(&t, &again);
		assert_memory_equal(again.head, p.head, TFTP_HEAD);
		assert_ptr_equal(again.body.data, p.body.data);
		assert_int_equal(again.body.len, p.body.len);
	}
	assert_false(transfer_timeout(&t));

	transfer_start(&t, file, &none);
	next_packet(&t, &p);
	assert_true(transfer_timeout(&t));
	next_packet(&t, &p);
	assert_true(transfer_ack(&t, 1));
	assert_int_equal(t.repeats, 0);
	free_file(file);
}

/* Whoever forges an address gets few packets sent there, and with options only a small one. */
static void strangers_get_little(void **state)
{
	const struct tftp_options large = {65464, 255, true, 0};
	const struct span file = file_of(100000);
	struct transfer t;
	struct transfer_packet p;
	unsigned packets = 1;

	(void)state;
	transfer_start(&t, file, &large);
	next_packet(&t, &p);
	while (transfer_timeout(&t)) {
		assert_true(transfer_wait_ms(&t) <= TRANSFER_WAIT_MAX_MS);
		next_packet(&t, &p);
		assert_int_equal(op_of(&p), TFTP_OACK);
		packets++;
	}
	assert_int_equal(packets, 1 + TRANSFER_REPEATS_UNPROVEN);
	free_file(file);
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
		const struct tftp_options asked = {0, cases[i].timeout, false, 0};
		struct transfer t;

		transfer_start(&t, span_of("x", 1), &asked);
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
	const struct tftp_options asked = {8, 0, false, 0};
	const struct span file = file_of(1 << 20);
	struct transfer t;
	struct transfer_packet p;

	(void)state;
	transfer_start(&t, file, &asked);
	assert_int_equal(t.last, 131073);
	next_packet(&t, &p);
	assert_true(transfer_ack(&t, 0));
	fetch_all(&t, file);
	free_file(file);
}

static void repeated_requests(void **state)
{
	const struct span file = file_of(1000);
	struct transfer t;
	struct transfer_packet p;

	(void)state;
	transfer_start(&t, file, &none);
	next_packet(&t, &p);
	transfer_repeat_first(&t);
	next_packet(&t, &p);
	assert_int_equal(block_of(&p), 1);
	assert_true(transfer_ack(&t, 1));
	next_packet(&t, &p);
	transfer_repeat_first(&t);
	nothing_due(&t);
	free_file(file);
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
