/*
 * tftp_hostile PORT: sends a TFTP server at 127.0.0.1 what no client should, and checks each
 * answer. The server has to serve a CTLFile.tlv of more than two blocks of 512 bytes.
 */
#include "server/net/tftp_packet.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	ANSWER_MS = 2000, /* an answer that is due comes within */
	SILENCE_MS = 150, /* one that did not come by then will not come */
	DATAGRAM_MAX = 65507,
	CROWD = 5000, /* transfers of one address */
	CROWD_MS = 20000,
	FORGED = 50, /* clients that never answer */
	FORGED_SECONDS = 14,
	FORGED_PACKETS = 4, /* the most that one of them may get */
};

static struct sockaddr_in server;

static void fail(const char *what, const char *why)
{
	fprintf(stderr, "FAILED: %s: %s\n", what, why);
	exit(1);
}

/* ---- talking ---- */

static int new_client(void)
{
	const struct sockaddr_in a = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&a, sizeof(a)))
		fail("socket", "cannot be made");
	return fd;
}

static void send_bytes(int fd, const struct sockaddr_in *to, const void *bytes, size_t n)
{
	if (sendto(fd, bytes, n, 0, (const struct sockaddr *)to, sizeof(*to)) != (ssize_t)n)
		fail("sendto", "does not send");
}

/* Sends a packet in readable form: an operation, then text in which "|" stands for NUL. */
static void send_text(int fd, const struct sockaddr_in *to, unsigned op, const char *text)
{
	static uint8_t packet[DATAGRAM_MAX];
	const size_t n = strlen(text);

	packet[0] = (uint8_t)(op >> 8);
	packet[1] = (uint8_t)op;
	for (size_t i = 0; i < n; i++)
		packet[i + 2] = text[i] == '|' ? 0 : (uint8_t)text[i];
	send_bytes(fd, to, packet, n + 2);
}

static void send_ack(int fd, const struct sockaddr_in *to, uint16_t block)
{
	uint8_t packet[TFTP_HEAD];

	tftp_put_head(packet, TFTP_ACK, block);
	send_bytes(fd, to, packet, sizeof(packet));
}

/* The next packet that comes within ms; its operation, 0 if none came. p is valid until the next.
 */
static unsigned take(int fd, struct tftp_packet *p, struct sockaddr_in *from, int ms)
{
	static uint8_t datagram[DATAGRAM_MAX];
	struct pollfd poll_fd = {fd, POLLIN, 0};
	socklen_t len = sizeof(*from);
	ssize_t n;

	if (poll(&poll_fd, 1, ms) != 1)
		return 0;
	n = recvfrom(fd, datagram, sizeof(datagram), 0, (struct sockaddr *)from, &len);
	if (n < 0 || !tftp_parse(p, span_of(datagram, (size_t)n)))
		fail("the server", "sends a malformed packet");
	return p->op;
}

static void need_data(int fd, struct sockaddr_in *from, uint16_t block, const char *what)
{
	struct tftp_packet p;

	if (take(fd, &p, from, ANSWER_MS) != TFTP_DATA || p.block != block)
		fail(what, "the block that is due does not come");
}

static void need_silence(int fd, const char *what)
{
	struct sockaddr_in from;
	struct tftp_packet p;

	if (take(fd, &p, &from, SILENCE_MS))
		fail(what, "there is an answer where none may be");
}

/* ---- single packets ---- */

enum { NO_ANSWER = -1, IS_DATA = -2, IS_OACK = -3 };

static const struct {
	const char *why;
	unsigned op;
	const char *text;
	int answer;       /* an error's code, or one of the above */
	uint32_t blksize; /* of the OACK */
} packets[] = {
	{"a request without a name", TFTP_RRQ, "", TFTP_ILLEGAL, 0},
	{"a request cut in the name", TFTP_RRQ, "CTLFile.t", TFTP_ILLEGAL, 0},
	{"a request without a mode", TFTP_RRQ, "CTLFile.tlv|", TFTP_ILLEGAL, 0},
	{"a request cut in the mode", TFTP_RRQ, "CTLFile.tlv|octe", TFTP_ILLEGAL, 0},
	{"an empty name", TFTP_RRQ, "|octet|", TFTP_ILLEGAL, 0},
	{"unknown options", TFTP_RRQ, "CTLFile.tlv|octet|multicast||x|y|", IS_DATA, 0},
	{"an option cut off", TFTP_RRQ, "CTLFile.tlv|octet|blksize|10", IS_DATA, 0},
	{"blksize 0", TFTP_RRQ, "CTLFile.tlv|octet|blksize|0|", IS_DATA, 0},
	{"blksize 7", TFTP_RRQ, "CTLFile.tlv|octet|blksize|7|", IS_DATA, 0},
	{"blksize -1", TFTP_RRQ, "CTLFile.tlv|octet|blksize|-1|", IS_DATA, 0},
	{"blksize 70000", TFTP_RRQ, "CTLFile.tlv|octet|blksize|70000|", IS_OACK, 65464},
	{"blksize 2^64", TFTP_RRQ, "CTLFile.tlv|octet|blksize|18446744073709551616|", IS_DATA, 0},
	{"blksize twice", TFTP_RRQ, "CTLFile.tlv|octet|blksize|9|blksize|99|", IS_OACK, 9},
	{"timeout 0", TFTP_RRQ, "CTLFile.tlv|octet|timeout|0|", IS_DATA, 0},
	{"timeout 256", TFTP_RRQ, "CTLFile.tlv|octet|timeout|256|", IS_DATA, 0},
	{"windowsize 0", TFTP_RRQ, "CTLFile.tlv|octet|windowsize|0|", IS_DATA, 0},
	{"windowsize 65536", TFTP_RRQ, "CTLFile.tlv|octet|windowsize|65536|", IS_DATA, 0},
	{"windowsize x", TFTP_RRQ, "CTLFile.tlv|octet|windowsize|x|", IS_DATA, 0},
	{"windowsize 65535", TFTP_RRQ, "CTLFile.tlv|octet|windowsize|65535|", IS_OACK, 0},
	{"netascii", TFTP_RRQ, "CTLFile.tlv|netascii|", TFTP_UNDEFINED, 0},
	{"mail", TFTP_RRQ, "CTLFile.tlv|mail|", TFTP_UNDEFINED, 0},
	{"unknown mode", TFTP_RRQ, "CTLFile.tlv|octets|", TFTP_UNDEFINED, 0},
	{"a write request", TFTP_WRQ, "CTLFile.tlv|octet|", TFTP_ACCESS, 0},
	{"a write request for elsewhere", TFTP_WRQ, "../../tmp/x|octet|", TFTP_ACCESS, 0},
	{"a write request cut off", TFTP_WRQ, "CTLFile", TFTP_ILLEGAL, 0},
	{"..", TFTP_RRQ, "../CTLFile.tlv|octet|", TFTP_NOT_FOUND, 0},
	{"many ..", TFTP_RRQ, "../../../../../../etc/passwd|octet|", TFTP_NOT_FOUND, 0},
	{".. with backslashes", TFTP_RRQ, "..\\..\\CTLFile.tlv|octet|", TFTP_NOT_FOUND, 0},
	{"an absolute path", TFTP_RRQ, "/etc/passwd|octet|", TFTP_NOT_FOUND, 0},
	{"a folder", TFTP_RRQ, "/|octet|", TFTP_NOT_FOUND, 0},
	{"a NUL in the name", TFTP_RRQ, "CTL|File.tlv|octet|", TFTP_UNDEFINED, 0},
	{"a NUL behind the name", TFTP_RRQ, "CTLFile.tlv||octet|", TFTP_UNDEFINED, 0},
	{"controls in the name", TFTP_RRQ, "CTL\n\033[2JFile.tlv|octet|", TFTP_NOT_FOUND, 0},
	{"formats in the name", TFTP_RRQ, "%s%n%s%n.tlv|octet|", TFTP_NOT_FOUND, 0},
	{"a MAC too short", TFTP_RRQ, "CTLSEP00112233445.tlv|octet|", TFTP_NOT_FOUND, 0},
	{"DATA to the well-known port", TFTP_DATA, "|\1data", NO_ANSWER, 0},
	{"ACK to the well-known port", TFTP_ACK, "|\1", NO_ANSWER, 0},
	{"ERROR to the well-known port", TFTP_ERROR, "|\1text|", NO_ANSWER, 0},
	{"OACK to the well-known port", TFTP_OACK, "blksize|512|", NO_ANSWER, 0},
	{"operation 0", 0, "CTLFile.tlv|octet|", NO_ANSWER, 0},
	{"operation 7", 7, "CTLFile.tlv|octet|", NO_ANSWER, 0},
	{"operation 65535", 65535, "CTLFile.tlv|octet|", NO_ANSWER, 0},
};

static void check_answer(const char *why, const struct tftp_packet *p, int answer, uint32_t blksize)
{
	if (answer >= 0 && (p->op != TFTP_ERROR || p->code != answer))
		fail(why, "is not answered by the error it should get");
	if (answer == IS_DATA &&
	    (p->op != TFTP_DATA || p->block != 1 || p->text.len != TFTP_BLKSIZE_DEFAULT))
		fail(why, "is not answered by a block of 512 bytes");
	if (answer == IS_OACK && (p->op != TFTP_OACK || p->options.blksize != blksize))
		fail(why, "is not answered by the options it should get");
}

static void single_packets(void)
{
	for (size_t i = 0; i < sizeof(packets) / sizeof(packets[0]); i++) {
		const int fd = new_client();
		struct sockaddr_in from;
		struct tftp_packet p;

		send_text(fd, &server, packets[i].op, packets[i].text);
		if (packets[i].answer == NO_ANSWER) {
			need_silence(fd, packets[i].why);
			close(fd);
			continue;
		}
		if (!take(fd, &p, &from, ANSWER_MS))
			fail(packets[i].why, "is not answered");
		check_answer(packets[i].why, &p, packets[i].answer, packets[i].blksize);
		if (from.sin_port == server.sin_port)
			fail(packets[i].why, "is answered from the well-known port");
		if (p.op != TFTP_ERROR)
			send_text(fd, &from, TFTP_ERROR, "||enough|");
		close(fd);
	}
}

static void sizes(void)
{
	static const struct {
		size_t name;
		int answer;
	} names[] = {{256, TFTP_NOT_FOUND},
		     {600, TFTP_NOT_FOUND},
		     {1400, TFTP_NOT_FOUND},
		     {1600, TFTP_ILLEGAL},
		     {65000, TFTP_ILLEGAL}};
	static uint8_t zeros[DATAGRAM_MAX];
	const int fd = new_client();
	struct sockaddr_in from;
	struct tftp_packet p;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		static char text[DATAGRAM_MAX];

		memset(text, 'A', names[i].name);
		strcpy(text + names[i].name, "|octet|");
		send_text(fd, &server, TFTP_RRQ, text);
		if (!take(fd, &p, &from, ANSWER_MS))
			fail("a long name", "is not answered");
		check_answer("a long name", &p, names[i].answer, 0);
	}
	send_bytes(fd, &server, zeros, 0);
	send_bytes(fd, &server, zeros, 1);
	send_bytes(fd, &server, zeros, sizeof(zeros));
	need_silence(fd, "nothing, one byte, and as many as possible");
	close(fd);
}

/* ---- whole conversations ---- */

static void acks_out_of_order(void)
{
	const int fd = new_client();
	struct sockaddr_in tid;

	send_text(fd, &server, TFTP_RRQ, "CTLFile.tlv|octet|");
	need_data(fd, &tid, 1, "the first block");
	send_ack(fd, &tid, 0);
	send_ack(fd, &tid, 2);
	send_ack(fd, &tid, 65535);
	need_silence(fd, "ACKs of what was not sent");
	send_ack(fd, &tid, 1);
	need_data(fd, &tid, 2, "after ACK 1");
	for (int i = 0; i < 20; i++)
		send_ack(fd, &tid, 1);
	need_silence(fd, "twenty duplicates of ACK 1");
	send_text(fd, &tid, TFTP_DATA, "|\1data");
	send_text(fd, &tid, TFTP_RRQ, "CTLFile.tlv|octet|");
	send_text(fd, &tid, TFTP_ACK, "");
	need_silence(fd, "other packets in a transfer");
	send_ack(fd, &tid, 2);
	need_data(fd, &tid, 3, "after all that");
	send_text(fd, &tid, TFTP_ERROR, "||enough|");
	send_ack(fd, &tid, 3);
	close(fd);
}

static void strangers(void)
{
	const int fd = new_client(), stranger = new_client();
	struct sockaddr_in tid, from;
	struct tftp_packet p;

	send_text(fd, &server, TFTP_RRQ, "CTLFile.tlv|octet|");
	need_data(fd, &tid, 1, "the first block");
	send_ack(stranger, &tid, 1);
	if (take(stranger, &p, &from, ANSWER_MS) != TFTP_ERROR || p.code != TFTP_UNKNOWN_TID)
		fail("a stranger's ACK", "is not answered by error 5");
	if (from.sin_port != tid.sin_port)
		fail("a stranger's ACK", "is answered from another port than it was sent to");
	send_text(stranger, &tid, TFTP_ERROR, "||stop it|");
	need_silence(stranger, "a stranger's ERROR");
	need_silence(fd, "what a stranger did");
	send_ack(fd, &tid, 1);
	need_data(fd, &tid, 2, "after a stranger's ACK and ERROR");
	send_text(fd, &tid, TFTP_ERROR, "||enough|");
	close(fd);
	close(stranger);
}

static void repeated_requests(void)
{
	const int fd = new_client();
	struct sockaddr_in tid, again;
	struct tftp_packet p;

	send_text(fd, &server, TFTP_RRQ, "CTLFile.tlv|octet|");
	send_text(fd, &server, TFTP_RRQ, "CTLFile.tlv|octet|");
	need_data(fd, &tid, 1, "the first block");
	need_data(fd, &again, 1, "the first block once more");
	if (tid.sin_port != again.sin_port)
		fail("a repeated request", "begins a second transfer");
	send_ack(fd, &tid, 1);
	need_data(fd, &tid, 2, "after ACK 1");
	send_text(fd, &server, TFTP_RRQ, "CTLFile.tlv|octet|");
	need_silence(fd, "a late copy of the request");
	send_text(fd, &server, TFTP_RRQ, "CTLFile.tlv|octet|blksize|1024|");
	if (take(fd, &p, &tid, ANSWER_MS) != TFTP_OACK)
		fail("another request of the same client", "does not begin anew");
	send_text(fd, &tid, TFTP_ERROR, "||enough|");
	close(fd);
}

/* Several blocks at once (RFC 7440), and what is lost of them. */
static void windows(void)
{
	const int fd = new_client();
	struct sockaddr_in tid;
	struct tftp_packet p;

	send_text(fd, &server, TFTP_RRQ, "CTLFile.tlv|octet|windowsize|4|");
	if (take(fd, &p, &tid, ANSWER_MS) != TFTP_OACK || p.options.windowsize != 4)
		fail("windowsize 4", "is not granted");
	need_silence(fd, "a window nobody has acknowledged the options of");
	send_ack(fd, &tid, 0);
	for (uint16_t i = 1; i <= 4; i++)
		need_data(fd, &tid, i, "a block of a window");
	need_silence(fd, "a whole window");
	/* Block 3 got lost. */
	send_ack(fd, &tid, 2);
	for (uint16_t i = 3; i <= 6; i++)
		need_data(fd, &tid, i, "a block of the window after a loss");
	/* All of it got lost; once more is enough. */
	send_ack(fd, &tid, 2);
	for (uint16_t i = 3; i <= 6; i++)
		need_data(fd, &tid, i, "a block of a window that is repeated");
	for (int i = 0; i < 5; i++)
		send_ack(fd, &tid, 2);
	need_silence(fd, "duplicates of an ACK in front of a window");
	send_text(fd, &tid, TFTP_ERROR, "||enough|");
	close(fd);
}

/* One address with as many transfers as it has ports for: all of them begin, and all end. */
static void crowd(void)
{
	static int fds[CROWD];
	struct rlimit files = {CROWD + 100, CROWD + 100};
	struct sockaddr_in from;
	struct tftp_packet p;
	size_t n = CROWD;

	if (setrlimit(RLIMIT_NOFILE, &files)) {
		getrlimit(RLIMIT_NOFILE, &files);
		n = files.rlim_cur > 200 ? (size_t)files.rlim_cur - 100 : 100;
		n = n < CROWD ? n : CROWD;
	}
	for (size_t i = 0; i < n; i++) {
		fds[i] = new_client();
		send_text(fds[i], &server, TFTP_RRQ, "CTLFile.tlv|octet|blksize|65464|");
	}
	for (size_t i = 0; i < n; i++) {
		if (take(fds[i], &p, &from, CROWD_MS) != TFTP_OACK)
			fail("one address with 5,000 transfers", "one of them does not begin");
		send_ack(fds[i], &from, 0);
	}
	for (size_t i = 0; i < n; i++) {
		if (take(fds[i], &p, &from, CROWD_MS) == TFTP_OACK)
			(void)take(fds[i], &p, &from, CROWD_MS);
		if (p.op != TFTP_DATA || p.block != 1)
			fail("one address with 5,000 transfers", "one of them does not go on");
		send_ack(fds[i], &from, 1);
		close(fds[i]);
	}
}

/* Addresses that somebody forged: they never answer, and must not be flooded. */
static void forged_addresses(void)
{
	const time_t end = time(NULL) + FORGED_SECONDS;
	int fds[FORGED];
	unsigned got[FORGED] = {0};
	struct sockaddr_in from;
	struct tftp_packet p;

	for (size_t i = 0; i < FORGED; i++) {
		fds[i] = new_client();
		send_text(fds[i], &server, TFTP_RRQ,
			  i % 2 ? "CTLFile.tlv|octet|"
				: "CTLFile.tlv|octet|blksize|65464|timeout|1|");
	}
	while (time(NULL) < end) {
		for (size_t i = 0; i < FORGED; i++)
			while (take(fds[i], &p, &from, 0))
				got[i]++;
		usleep(50000);
	}
	for (size_t i = 0; i < FORGED; i++) {
		if (got[i] < 1 || got[i] > FORGED_PACKETS)
			fail("a forged address", "gets too many packets, or none");
		close(fds[i]);
	}
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: tftp_hostile PORT\n");
		return 2;
	}
	server = (struct sockaddr_in){.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				      .sin_port = htons((uint16_t)atoi(argv[1]))};
	single_packets();
	sizes();
	acks_out_of_order();
	strangers();
	repeated_requests();
	windows();
	crowd();
	forged_addresses();
	return 0;
}
