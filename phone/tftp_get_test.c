/* The client against a server that follows a script. */
#include "phone/tftp_get.h"
#include "server/net/tftp_packet.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { STEPS_MAX = 12, PACKET_MAX = 256, FILE_MAX = 40, PATIENCE_MS = 5000 };

/* A packet is an operation and a text in which "|" stands for NUL. */
struct step {
	enum { END, REQUEST, TAKE, SEND, STRANGER, STRANGER_TAKES } act;
	unsigned op;
	const char *text;
};

/* What the client asks with and without options, and a full grant. */
#define ASKS "f|octet|blksize|16|timeout|1|tsize|0|"
#define ASKS_PLAINLY "f|octet|"
#define GRANTS "blksize|16|tsize|20|"

static const struct {
	const char *why;
	struct step steps[STEPS_MAX];
	const char *file; /* what arrives */
	const char *id;   /* or the error */
} cases[] = {
	{"options granted",
	 {{REQUEST, TFTP_RRQ, ASKS},
	  {SEND, TFTP_OACK, GRANTS},
	  {TAKE, TFTP_ACK, "||"},
	  {SEND, TFTP_DATA, "|\1abcdefghijklmnop"},
	  {TAKE, TFTP_ACK, "|\1"},
	  {SEND, TFTP_DATA, "|\2qrst"},
	  {TAKE, TFTP_ACK, "|\2"}},
	 "abcdefghijklmnopqrst",
	 NULL},
	{"a server that knows no options",
	 {{REQUEST, TFTP_RRQ, ASKS}, {SEND, TFTP_DATA, "|\1small"}, {TAKE, TFTP_ACK, "|\1"}},
	 "small",
	 NULL},
	{"a server that grants some",
	 {{REQUEST, TFTP_RRQ, ASKS},
	  {SEND, TFTP_OACK, "blksize|8|"},
	  {TAKE, TFTP_ACK, "||"},
	  {SEND, TFTP_DATA, "|\1abcdefgh"},
	  {TAKE, TFTP_ACK, "|\1"},
	  {SEND, TFTP_DATA, "|\2"},
	  {TAKE, TFTP_ACK, "|\2"}},
	 "abcdefgh",
	 NULL},
	{"a server that dislikes options",
	 {{REQUEST, TFTP_RRQ, ASKS},
	  {SEND, TFTP_ERROR, "|\10no options|"},
	  {REQUEST, TFTP_RRQ, ASKS_PLAINLY},
	  {SEND, TFTP_DATA, "|\1plain"},
	  {TAKE, TFTP_ACK, "|\1"}},
	 "plain",
	 NULL},
	{"an empty file",
	 {{REQUEST, TFTP_RRQ, ASKS}, {SEND, TFTP_DATA, "|\1"}, {TAKE, TFTP_ACK, "|\1"}},
	 "",
	 NULL},
	{"a lost request is repeated",
	 {{REQUEST, TFTP_RRQ, ASKS},
	  {REQUEST, TFTP_RRQ, ASKS},
	  {SEND, TFTP_DATA, "|\1x"},
	  {TAKE, TFTP_ACK, "|\1"}},
	 "x",
	 NULL},
	{"lost ACKs are repeated",
	 {{REQUEST, TFTP_RRQ, ASKS},
	  {SEND, TFTP_OACK, GRANTS},
	  {TAKE, TFTP_ACK, "||"},
	  {SEND, TFTP_OACK, GRANTS},
	  {TAKE, TFTP_ACK, "||"},
	  {SEND, TFTP_DATA, "|\1abcdefghijklmnop"},
	  {TAKE, TFTP_ACK, "|\1"},
	  {SEND, TFTP_DATA, "|\1abcdefghijklmnop"},
	  {TAKE, TFTP_ACK, "|\1"},
	  {SEND, TFTP_DATA, "|\2end"},
	  {TAKE, TFTP_ACK, "|\2"}},
	 "abcdefghijklmnopend",
	 NULL},
	{"a block from the future is not taken",
	 {{REQUEST, TFTP_RRQ, ASKS},
	  {SEND, TFTP_OACK, GRANTS},
	  {TAKE, TFTP_ACK, "||"},
	  {SEND, TFTP_DATA, "|\2wrong"},
	  {SEND, TFTP_DATA, "|\1right"},
	  {TAKE, TFTP_ACK, "|\1"}},
	 "right",
	 NULL},
	{"a stranger is told off and changes nothing",
	 {{REQUEST, TFTP_RRQ, ASKS},
	  {SEND, TFTP_OACK, GRANTS},
	  {TAKE, TFTP_ACK, "||"},
	  {STRANGER, TFTP_DATA, "|\1forged"},
	  {STRANGER_TAKES, TFTP_ERROR, "|\5Unknown transfer ID|"},
	  {SEND, TFTP_DATA, "|\1real"},
	  {TAKE, TFTP_ACK, "|\1"}},
	 "real",
	 NULL},
	{"nonsense is ignored",
	 {{REQUEST, TFTP_RRQ, ASKS},
	  {SEND, 99, "nonsense"},
	  {SEND, TFTP_ACK, "|\1"},
	  {SEND, TFTP_DATA, "|"},
	  {SEND, TFTP_DATA, "|\1good"},
	  {TAKE, TFTP_ACK, "|\1"}},
	 "good",
	 NULL},
	{"not found",
	 {{REQUEST, TFTP_RRQ, ASKS}, {SEND, TFTP_ERROR, "|\1no such file|"}},
	 NULL,
	 "tftp-not-found"},
	{"refused twice",
	 {{REQUEST, TFTP_RRQ, ASKS},
	  {SEND, TFTP_ERROR, "|\2no|"},
	  {REQUEST, TFTP_RRQ, ASKS_PLAINLY},
	  {SEND, TFTP_ERROR, "|\2no|"}},
	 NULL,
	 "tftp-refused"},
	{"broken off in the middle",
	 {{REQUEST, TFTP_RRQ, ASKS},
	  {SEND, TFTP_OACK, GRANTS},
	  {TAKE, TFTP_ACK, "||"},
	  {SEND, TFTP_DATA, "|\1abcdefghijklmnop"},
	  {TAKE, TFTP_ACK, "|\1"},
	  {SEND, TFTP_ERROR, "||disk on fire"}},
	 NULL,
	 "tftp-refused"},
	{"more granted than asked for",
	 {{REQUEST, TFTP_RRQ, ASKS},
	  {SEND, TFTP_OACK, "blksize|17|"},
	  {TAKE, TFTP_ERROR, "|\10it grants what was not asked for|"}},
	 NULL,
	 "tftp-protocol"},
	{"a block that is larger than agreed",
	 {{REQUEST, TFTP_RRQ, ASKS},
	  {SEND, TFTP_OACK, GRANTS},
	  {TAKE, TFTP_ACK, "||"},
	  {SEND, TFTP_DATA, "|\1abcdefghijklmnopX"},
	  {TAKE, TFTP_ERROR, "|\4a block is larger than agreed|"}},
	 NULL,
	 "tftp-protocol"},
	{"a size that is too large",
	 {{REQUEST, TFTP_RRQ, ASKS},
	  {SEND, TFTP_OACK, "tsize|41|"},
	  {TAKE, TFTP_ERROR, "|\3The file is too large|"}},
	 NULL,
	 "tftp-too-large"},
	{"a file that does not end",
	 {{REQUEST, TFTP_RRQ, ASKS},
	  {SEND, TFTP_OACK, GRANTS},
	  {TAKE, TFTP_ACK, "||"},
	  {SEND, TFTP_DATA, "|\1abcdefghijklmnop"},
	  {TAKE, TFTP_ACK, "|\1"},
	  {SEND, TFTP_DATA, "|\2abcdefghijklmnop"},
	  {TAKE, TFTP_ACK, "|\2"},
	  {SEND, TFTP_DATA, "|\3abcdefghijklmnop"},
	  {TAKE, TFTP_ERROR, "|\3The file is too large|"}},
	 NULL,
	 "tftp-too-large"},
};

struct client {
	pthread_t thread;
	struct tftp_get how;
	struct buf out;
	struct err e;
	int rc;
};

static void *client_run(void *arg)
{
	struct client *c = arg;

	c->rc = tftp_get(&c->out, &c->how, "f", &c->e);
	return NULL;
}

static int local_socket(uint16_t *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, n), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	*port = ntohs(a.sin_port);
	return fd;
}

static size_t packet_of(uint8_t out[PACKET_MAX], const struct step *s)
{
	const size_t n = strlen(s->text);

	assert_true(n + 2 <= PACKET_MAX);
	out[0] = 0;
	out[1] = (uint8_t)s->op;
	for (size_t i = 0; i < n; i++)
		out[i + 2] = s->text[i] == '|' ? 0 : (uint8_t)s->text[i];
	return n + 2;
}

static void send_to(int fd, const struct sockaddr_in *peer, const struct step *s)
{
	uint8_t packet[PACKET_MAX];
	const size_t n = packet_of(packet, s);

	assert_int_equal(sendto(fd, packet, n, 0, (const struct sockaddr *)peer, sizeof(*peer)), n);
}

static void take_at(int fd, struct sockaddr_in *peer, const struct step *s)
{
	struct pollfd poll_fd = {fd, POLLIN, 0};
	uint8_t want[PACKET_MAX], got[PACKET_MAX];
	const size_t n = packet_of(want, s);
	socklen_t len = sizeof(*peer);

	assert_int_equal(poll(&poll_fd, 1, PATIENCE_MS), 1);
	assert_int_equal(recvfrom(fd, got, sizeof(got), 0, (struct sockaddr *)peer, &len), n);
	assert_memory_equal(got, want, n);
}

static void play(const struct step *steps, int well_known, int tid, int stranger)
{
	struct sockaddr_in peer = {0};
	struct sockaddr_in from;

	for (const struct step *s = steps; s->act != END; s++) {
		switch (s->act) {
		case REQUEST:
			take_at(well_known, &peer, s);
			break;
		case TAKE:
			take_at(tid, &from, s);
			assert_int_equal(from.sin_port, peer.sin_port);
			break;
		case STRANGER_TAKES:
			take_at(stranger, &from, s);
			break;
		case SEND:
			send_to(tid, &peer, s);
			break;
		case STRANGER:
			send_to(stranger, &peer, s);
			break;
		case END:
			break;
		}
	}
}

static void scripts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct client c = {
			.how = {.server = {.host = "127.0.0.1"}, .blksize = 16, .max = FILE_MAX}};
		uint16_t ignored;
		const int well_known = local_socket(&c.how.server.port);
		const int tid = local_socket(&ignored);
		const int stranger = local_socket(&ignored);

		print_message("%s\n", cases[i].why);
		assert_int_equal(pthread_create(&c.thread, NULL, client_run, &c), 0);
		play(cases[i].steps, well_known, tid, stranger);
		pthread_join(c.thread, NULL);
		if (cases[i].id) {
			assert_int_not_equal(c.rc, 0);
			assert_string_equal(c.e.id, cases[i].id);
		} else {
			assert_int_equal(c.rc, 0);
			assert_int_equal(c.out.len, strlen(cases[i].file));
			if (c.out.len)
				assert_memory_equal(c.out.data, cases[i].file, c.out.len);
		}
		buf_free(&c.out);
		close(well_known);
		close(tid);
		close(stranger);
	}
}

static void nobody_listens(void **state)
{
	struct client c = {.how = {.server = {.host = "127.0.0.1"}, .blksize = 512, .max = 9}};

	(void)state;
	close(local_socket(&c.how.server.port));
	client_run(&c);
	assert_int_equal(c.rc, ERR_FAILED);
	assert_string_equal(c.e.id, "tftp-unreachable");
	strcpy(c.how.server.host, "no-such-host.invalid");
	client_run(&c);
	assert_int_equal(c.rc, ERR_FAILED);
	assert_string_equal(c.e.id, "tftp-host");
	buf_free(&c.out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scripts),
		cmocka_unit_test(nobody_listens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
