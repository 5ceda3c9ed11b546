/* The client against a server that says one thing. */
#include "phone/fetch.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { FILE_LIMIT = 20, REQUEST_MAX = 2048 };

struct server {
	int fd;
	uint16_t port;
	const char *answer;
	char request[REQUEST_MAX];
	pthread_t thread;
};

/* One connection; closed after the answer. */
static void *serve(void *arg)
{
	struct server *s = arg;
	const int c = accept(s->fd, NULL, NULL);
	size_t n = 0;

	while (c >= 0 && n < sizeof(s->request) - 1 && !strstr(s->request, "\r\n\r\n")) {
		const ssize_t got = read(c, s->request + n, sizeof(s->request) - 1 - n);

		if (got <= 0)
			break;
		n += (size_t)got;
	}
	if (c >= 0) {
		(void)!write(c, s->answer, strlen(s->answer));
		close(c);
	}
	return NULL;
}

static void start(struct server *s, const char *answer)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);

	*s = (struct server){.answer = answer, .fd = socket(AF_INET, SOCK_STREAM, 0)};
	assert_true(s->fd >= 0);
	assert_int_equal(bind(s->fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(s->fd, 1), 0);
	assert_int_equal(getsockname(s->fd, (struct sockaddr *)&a, &len), 0);
	s->port = ntohs(a.sin_port);
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void stop(struct server *s)
{
	shutdown(s->fd, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	close(s->fd);
}

#define OK "HTTP/1.1 200 OK\r\n"
#define END "Connection: close\r\n\r\n"

static const struct {
	const char *what, *answer, *file, *id;
} cases[] = {
	{"a file", OK "Content-Length: 5\r\n" END "hello", "hello", NULL},
	{"an empty file", OK "Content-Length: 0\r\n" END, "", NULL},
	{"until it closes", OK END "hello", "hello", NULL},
	{"in chunks", OK "Transfer-Encoding: chunked\r\n" END "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
	 "hello", NULL},
	{"just small enough", OK END "01234567890123456789", "01234567890123456789", NULL},
	{"too large", OK END "012345678901234567890", NULL, "http-too-large"},
	{"too large by its word", OK "Content-Length: 99999999999\r\n" END "01234567890123456789x",
	 NULL, "http-too-large"},
	{"not there", "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n" END "no", NULL,
	 "http-not-found"},
	{"busy", "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n" END, NULL, "http-refused"},
	{"elsewhere",
	 "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n" END, NULL,
	 "http-refused"},
	{"cut off", OK "Content-Length: 9\r\n" END "hello", NULL, "http-unreachable"},
	{"nonsense", "hello", NULL, "http-unreachable"},
	{"nothing", "", NULL, "http-unreachable"},
};

static void answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct http_get h = {.max = FILE_LIMIT};
		struct server s;
		struct buf out = {0};
		struct err e;
		char where[64];
		int rc;

		print_message("%s\n", cases[i].what);
		start(&s, cases[i].answer);
		snprintf(where, sizeof(where), "127.0.0.1:%u", s.port);
		assert_int_equal(http_get_server(&h, where, &e), 0);
		buf_str(&out, "before");
		rc = http_get(&out, &h, "SEP001122334455.cnf.xml.sgn", &e);
		stop(&s);
		assert_ptr_equal(strstr(s.request, "GET /SEP001122334455.cnf.xml.sgn HTTP/1.1\r\n"),
				 s.request);
		if (cases[i].id) {
			assert_int_not_equal(rc, 0);
			assert_string_equal(e.id, cases[i].id);
			assert_int_equal(fetch_is_missing(&e), !strcmp(e.id, "http-not-found"));
		} else {
			assert_int_equal(rc, 0);
			assert_string_equal(buf_cstr(&out) + strlen("before"), cases[i].file);
		}
		buf_free(&out);
	}
}

/* File by file: what HTTP does not have, TFTP may. */
static void tftp_is_asked_next(void **state)
{
	struct http_get h = {.max = FILE_LIMIT};
	struct tftp_get t = {.server = {"127.0.0.1", 1}, .blksize = 512, .max = FILE_LIMIT};
	struct fetch_servers both = {.tftp = &t, .http = &h};
	struct server s;
	struct buf out = {0};
	struct err e;

	(void)state;
	start(&s, "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n" END);
	snprintf(h.base, sizeof(h.base), "http://127.0.0.1:%u/", s.port);
	assert_int_equal(fetch_file(&both, "f", &out, &e), ERR_FAILED);
	stop(&s);
	assert_string_equal(e.id, "tftp-unreachable");
	start(&s, OK END "hello");
	snprintf(h.base, sizeof(h.base), "http://127.0.0.1:%u/", s.port);
	assert_int_equal(fetch_file(&both, "f", &out, &e), 0);
	stop(&s);
	assert_int_equal(out.len, 5);
	/* The page that says so is no part of any file. */
	both.tftp = NULL;
	start(&s, "HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n" END "sorry");
	snprintf(h.base, sizeof(h.base), "http://127.0.0.1:%u/", s.port);
	assert_int_equal(fetch_file(&both, "f", &out, &e), ERR_FAILED);
	stop(&s);
	assert_int_equal(out.len, 5);
	buf_free(&out);
}

static void servers(void **state)
{
	static const struct {
		const char *text, *base; /* NULL: refused */
	} table[] = {
		{"pub", "http://pub:6970/"},
		{"pub:8080", "http://pub:8080/"},
		{"http://pub", "http://pub:6970/"},
		{"http://pub:80/phones", "http://pub:80/phones/"},
		{"http://pub/phones/", "http://pub:6970/phones/"},
		{"https://pub", "https://pub:6971/"},
		{"[::1]:7000", "http://[::1]:7000/"},
		{"", NULL},
		{"http://", NULL},
		{"http://pub:0", NULL},
		{"http://pub/a?b", NULL},
		{"http://u@pub/", NULL},
		{"file:///etc/passwd", NULL},
		{"ftp://pub/", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct http_get h = {0};
		struct err e;
		const int rc = http_get_server(&h, table[i].text, &e);

		print_message("%s\n", table[i].text);
		assert_int_equal(rc, table[i].base ? 0 : ERR_USAGE);
		if (table[i].base)
			assert_string_equal(h.base, table[i].base);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers),
		cmocka_unit_test(tftp_is_asked_next),
		cmocka_unit_test(servers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
