#include "server/tftp/sessions.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct content *content_of(const char *text)
{
	struct buf b = {0};

	buf_str(&b, text);
	return content_new(&b);
}

static void content_lives_as_long_as_it_is_used(void **state)
{
	struct content *c = content_of("bytes");

	(void)state;
	assert_non_null(c);
	assert_ptr_equal(content_ref(c), c);
	content_unref(c);
	assert_memory_equal(c->bytes.data, "bytes", 5);
	content_unref(c);
	assert_null(content_ref(NULL));
	content_unref(NULL);
}

static union udp_addr peer_of(uint32_t host, uint16_t port)
{
	union udp_addr a = {.in4 = {.sin_family = AF_INET}};

	a.in4.sin_addr.s_addr = htonl(host);
	udp_set_port(&a, port);
	return a;
}

static void sessions_are_found_by_address_and_port(void **state)
{
	struct sessions *s = sessions_new();
	union udp_addr v6 = {.in6 = {.sin6_family = AF_INET6}};
	const union udp_addr a = peer_of(0x7f000001, 1000);
	const union udp_addr b = peer_of(0x7f000001, 1001);
	const union udp_addr c = peer_of(0x7f000002, 1000);
	struct session *one, *two;

	(void)state;
	assert_non_null(s);
	udp_set_port(&v6, 1000);
	one = sessions_add(s, &a);
	two = sessions_add(s, &v6);
	assert_non_null(one);
	assert_non_null(two);
	one->content = content_of("x");
	assert_ptr_equal(sessions_find(s, &a), one);
	assert_ptr_equal(sessions_find(s, &v6), two);
	assert_null(sessions_find(s, &b));
	assert_null(sessions_find(s, &c));
	v6.in6.sin6_scope_id = 2;
	assert_null(sessions_find(s, &v6));
	sessions_remove(s, one);
	assert_null(sessions_find(s, &a));
	assert_int_equal(sessions_count(s), 1);
	assert_ptr_equal(sessions_any(s), two);
	sessions_remove(s, two);
	assert_null(sessions_any(s));
	sessions_free(s);
}

static void places_are_limited(void **state)
{
	struct sessions *s = sessions_new();
	union udp_addr a;

	(void)state;
	assert_non_null(s);
	for (uint32_t i = 0; i < SESSIONS_MAX; i++) {
		a = peer_of(0x0a000000 + i / 60000, (uint16_t)(i % 60000 + 1));
		assert_non_null(sessions_add(s, &a));
	}
	a = peer_of(0x0b000000, 1);
	assert_null(sessions_add(s, &a));
	for (uint32_t i = 0; i < SESSIONS_MAX; i++) {
		const union udp_addr old =
			peer_of(0x0a000000 + i / 60000, (uint16_t)(i % 60000 + 1));
		struct session *one = sessions_find(s, &old);

		assert_non_null(one);
		sessions_remove(s, one);
		assert_null(sessions_find(s, &old));
	}
	assert_int_equal(sessions_count(s), 0);
	assert_non_null(sessions_add(s, &a));
	sessions_free(s);
}

/* When all places are taken, a client that has not answered makes room: the oldest one. */
static void strangers_make_room(void **state)
{
	struct sessions *s = sessions_new();
	const union udp_addr a = peer_of(1, 1), b = peer_of(2, 1), c = peer_of(3, 1);
	struct session *one, *two, *three;

	(void)state;
	assert_non_null(s);
	assert_null(sessions_stranger(s));
	one = sessions_add(s, &a);
	two = sessions_add(s, &b);
	three = sessions_add(s, &c);
	assert_ptr_equal(sessions_stranger(s), one);
	sessions_proven(s, one);
	sessions_proven(s, one);
	assert_ptr_equal(sessions_stranger(s), two);
	sessions_remove(s, two);
	assert_ptr_equal(sessions_stranger(s), three);
	sessions_remove(s, three);
	sessions_remove(s, one);
	assert_null(sessions_stranger(s));
	sessions_free(s);
}

static void hashes_tell_requests_apart(void **state)
{
	struct sessions *s = sessions_new();
	struct sessions *other = sessions_new();
	const struct span a = span_of("\0\1CTLFile.tlv\0octet", 20);
	const struct span b = span_of("\0\1CTLFile.tlv\0octeT", 20);

	(void)state;
	assert_non_null(s);
	assert_non_null(other);
	assert_true(sessions_hash(s, a) == sessions_hash(s, a));
	assert_true(sessions_hash(s, a) != sessions_hash(s, b));
	assert_true(sessions_hash(s, a) != sessions_hash(other, a));
	assert_true(sessions_hash(s, span_of("\0\0", 1)) != sessions_hash(s, span_of("\0\0", 2)));
	sessions_free(s);
	sessions_free(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(content_lives_as_long_as_it_is_used),
		cmocka_unit_test(sessions_are_found_by_address_and_port),
		cmocka_unit_test(places_are_limited),
		cmocka_unit_test(strangers_make_room),
		cmocka_unit_test(hashes_tell_requests_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
