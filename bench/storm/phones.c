/*
 * bench_phones: a fleet that reboots. Phones, each with a loopback address of its own, fetch four
 * files one after the other over TFTP and compare every byte with the file in the folder; some of
 * them at any time, until all had their turn. Prints one line of NAME=VALUE. With -l the phones'
 * own files are not in the folder: two rounds then, and the second has to bring what the first did.
 */
#include "common/file.h"
#include "server/net/tftp_packet.h"
#include "server/tftp/udp.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	SOCKETS = 8, /* a phone takes another port for every file */
	AT_ONCE_MAX = 60000,
	NAME_MAX_BYTES = 64,
	STEPS = 4,
	FILE_BYTES_MAX = 1 << 20,
	WAIT_MS = 1000, /* for an answer, as phones do */
	TRIES = 6,
	ROUNDS_PER_LOOK = 64,       /* between two looks at the clock for timeouts */
	FIRST_MAC = 1122000000,     /* in decimal digits */
	FIRST_ADDRESS = 0x7f400001, /* 127.64.0.1 */
};

struct options {
	const char *host, *dir, *absent;
	uint16_t port;
	unsigned phones, at_once, files;
	uint32_t blksize, window;
	pid_t pid;
	bool learn; /* the configurations are not in the folder: what comes first is right */
};

/* One phone at work. */
struct slot {
	unsigned phone; /* which one */
	unsigned step;
	const struct buf *file; /* what has to come; NULL: an error has to come */
	size_t got;
	uint64_t next;  /* block to come */
	uint64_t acked; /* block of the last ACK */
	uint16_t tid;   /* the server's port, 0: not known yet */
	uint32_t blksize, window;
	unsigned socket, tries;
	uint64_t started_us, deadline_us;
	bool idle;
};

struct fleet {
	struct options o;
	union udp_addr server;
	int fds[SOCKETS];
	struct udp_outbox *out[SOCKETS];
	struct udp_inbox *in;
	struct slot *slots;
	struct buf ctl, itl, *configs;
	unsigned begun, done, failed, retries;
	bool learning;     /* the first round of two */
	uint32_t *took_us; /* of each phone that is done */
	uint64_t bytes;
};

static void die(const char *what)
{
	fprintf(stderr, "bench_phones: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* ---- what a phone asks for ---- */

static uint64_t mac_of(unsigned phone)
{
	return FIRST_MAC + (uint64_t)phone;
}

static void name_of(const struct fleet *f, const struct slot *s, char name[NAME_MAX_BYTES])
{
	switch (s->step) {
	case 0:
		snprintf(name, NAME_MAX_BYTES, "%s%012" PRIu64 ".tlv", f->o.absent,
			 mac_of(s->phone));
		break;
	case 1:
		strcpy(name, "CTLFile.tlv");
		break;
	case 2:
		strcpy(name, "ITLFile.tlv");
		break;
	default:
		snprintf(name, NAME_MAX_BYTES, "SEP%012" PRIu64 ".cnf.xml.sgn",
			 mac_of(s->phone % f->o.files));
	}
}

static const struct buf *file_of(const struct fleet *f, const struct slot *s)
{
	const struct buf *const files[STEPS] = {NULL, &f->ctl, &f->itl,
						&f->configs[s->phone % f->o.files]};

	return files[s->step];
}

static void load(const struct fleet *f, struct buf *to, const char *name)
{
	char *path = file_join(f->o.dir, name);
	struct err e;

	if (!path || file_read(path, FILE_BYTES_MAX, to, &e)) {
		fprintf(stderr, "bench_phones: cannot read %s\n", name);
		exit(1);
	}
	free(path);
}

static void load_files(struct fleet *f)
{
	f->configs = calloc(f->o.files, sizeof(*f->configs));
	if (!f->configs)
		die("memory");
	load(f, &f->ctl, "CTLFile.tlv");
	load(f, &f->itl, "ITLFile.tlv");
	if (f->o.learn)
		return;
	for (unsigned i = 0; i < f->o.files; i++) {
		const struct slot s = {.phone = i, .step = 3};
		char name[NAME_MAX_BYTES];

		name_of(f, &s, name);
		load(f, &f->configs[i], name);
	}
}

/* ---- sending ---- */

static void send_to(struct fleet *f, const struct slot *s, uint16_t port, const uint8_t *bytes,
		    size_t n)
{
	const unsigned i = (unsigned)(s - f->slots);
	const union udp_local local = {.in4.ipi_spec_dst.s_addr = htonl(FIRST_ADDRESS + i)};
	union udp_addr to = f->server;

	if (port)
		udp_set_port(&to, port);
	udp_send(f->out[s->socket], &to, &local, span_of(bytes, n));
}

static void send_request(struct fleet *f, struct slot *s)
{
	const struct tftp_options want = {
		.blksize = f->o.blksize == TFTP_BLKSIZE_DEFAULT ? 0 : f->o.blksize,
		.windowsize = f->o.window > 1 ? f->o.window : 0,
	};
	char name[NAME_MAX_BYTES];
	uint8_t packet[UDP_HEAD_MAX];
	size_t n;

	name_of(f, s, name);
	n = tftp_put_request(packet, sizeof(packet), TFTP_RRQ, name, &want);
	send_to(f, s, 0, packet, n);
}

static void send_ack(struct fleet *f, struct slot *s)
{
	uint8_t packet[TFTP_HEAD];

	s->acked = s->next - 1;
	tftp_put_head(packet, TFTP_ACK, (uint16_t)s->acked);
	send_to(f, s, s->tid, packet, sizeof(packet));
}

/* ---- one phone after the other ---- */

static void begin_step(struct fleet *f, struct slot *s)
{
	s->file = file_of(f, s);
	s->got = 0;
	s->next = 1;
	s->acked = 0;
	s->tid = 0;
	s->blksize = TFTP_BLKSIZE_DEFAULT;
	s->window = 1;
	s->tries = 0;
	s->socket = (s->socket + 1) % SOCKETS;
	s->deadline_us = now_us() + WAIT_MS * 1000;
	send_request(f, s);
}

static void begin_phone(struct fleet *f, struct slot *s)
{
	s->idle = f->begun == f->o.phones;
	if (s->idle)
		return;
	s->phone = f->begun++;
	s->step = 0;
	s->started_us = now_us();
	begin_step(f, s);
}

static void fail_phone(struct fleet *f, struct slot *s, const char *why)
{
	char name[NAME_MAX_BYTES];

	name_of(f, s, name);
	if (f->failed++ < 5)
		fprintf(stderr, "bench_phones: %s: %s (at byte %zu)\n", name, why, s->got);
	begin_phone(f, s);
}

static void end_step(struct fleet *f, struct slot *s)
{
	f->bytes += s->got;
	if (++s->step < STEPS) {
		begin_step(f, s);
		return;
	}
	f->took_us[f->done++] = (uint32_t)(now_us() - s->started_us);
	begin_phone(f, s);
}

/* ---- what comes ---- */

/* The first time: the file ends where the server says that it ends. */
static void learn(struct fleet *f, const struct slot *s, struct span text)
{
	struct buf *config = &f->configs[s->phone % f->o.files];

	if (f->learning && s->step == STEPS - 1 && config->len == s->got)
		buf_span(config, text);
}

static void on_data(struct fleet *f, struct slot *s, const struct tftp_packet *p)
{
	/* Our server has the list under this name, too. */
	if (!s->file)
		s->file = &f->ctl;
	if (p->block != (uint16_t)s->next)
		return;
	learn(f, s, p->text);
	if (p->text.len > s->blksize || s->got + p->text.len > s->file->len ||
	    memcmp(s->file->data + s->got, p->text.data, p->text.len) != 0) {
		fail_phone(f, s, "other bytes than in the file");
		return;
	}
	s->got += p->text.len;
	s->next++;
	s->tries = 0;
	s->deadline_us = now_us() + WAIT_MS * 1000;
	if (p->text.len < s->blksize) {
		send_ack(f, s);
		if (s->got == s->file->len)
			end_step(f, s);
		else
			fail_phone(f, s, "shorter than the file");
	} else if (s->next - 1 - s->acked >= s->window) {
		send_ack(f, s);
	}
}

static void on_oack(struct fleet *f, struct slot *s, const struct tftp_options *o)
{
	if (s->next != 1)
		return;
	if (o->blksize)
		s->blksize = o->blksize;
	if (o->windowsize)
		s->window = o->windowsize;
	s->deadline_us = now_us() + WAIT_MS * 1000;
	send_ack(f, s);
}

static void on_packet(struct fleet *f, unsigned socket, const struct udp_in *in)
{
	const uint32_t address = ntohl(in->local.in4.ipi_spec_dst.s_addr);
	const unsigned i = address - FIRST_ADDRESS;
	struct slot *s = i < f->o.at_once ? &f->slots[i] : NULL;
	struct tftp_packet p;

	if (!s || s->idle || s->socket != socket || !tftp_parse(&p, in->data))
		return;
	if (!s->tid)
		s->tid = udp_port(&in->peer);
	if (s->tid != udp_port(&in->peer))
		return;
	if (p.op == TFTP_DATA)
		on_data(f, s, &p);
	else if (p.op == TFTP_OACK)
		on_oack(f, s, &p.options);
	else if (p.op == TFTP_ERROR && !s->step)
		end_step(f, s);
	else
		fail_phone(f, s, "an error of the server");
}

static void on_timeout(struct fleet *f, struct slot *s)
{
	if (++s->tries >= TRIES) {
		fail_phone(f, s, "no answer");
		return;
	}
	f->retries++;
	s->deadline_us = now_us() + WAIT_MS * 1000;
	if (s->tid)
		send_ack(f, s);
	else
		send_request(f, s);
}

static void look_for_timeouts(struct fleet *f)
{
	const uint64_t now = now_us();

	for (unsigned i = 0; i < f->o.at_once; i++)
		if (!f->slots[i].idle && f->slots[i].deadline_us < now)
			on_timeout(f, &f->slots[i]);
}

static void flush_all(struct fleet *f)
{
	for (unsigned i = 0; i < SOCKETS; i++)
		udp_flush(f->out[i]);
}

static void receive(struct fleet *f, unsigned socket)
{
	size_t n;

	do {
		n = udp_receive(f->in, f->fds[socket]);
		for (size_t i = 0; i < n; i++) {
			struct udp_in in;

			udp_inbox_get(f->in, i, &in);
			on_packet(f, socket, &in);
		}
	} while (n == UDP_BATCH);
}

static void run(struct fleet *f)
{
	struct pollfd fds[SOCKETS];

	for (unsigned i = 0; i < SOCKETS; i++)
		fds[i] = (struct pollfd){f->fds[i], POLLIN, 0};
	for (unsigned i = 0; i < f->o.at_once; i++) {
		f->slots[i].socket = i % SOCKETS;
		begin_phone(f, &f->slots[i]);
	}
	flush_all(f);
	for (unsigned round = 0; f->done + f->failed < f->o.phones; round++) {
		const int n = poll(fds, SOCKETS, WAIT_MS / 20);

		for (unsigned i = 0; i < SOCKETS; i++)
			if (fds[i].revents)
				receive(f, i);
		if (!n || round % ROUNDS_PER_LOOK == 0)
			look_for_timeouts(f);
		flush_all(f);
	}
}

/* ---- the account ---- */

/* Milliseconds of processor time of the server and of its children that have ended. */
static double cpu_ms(pid_t pid)
{
	unsigned long user, sys;
	long children_user, children_sys;
	char path[64], line[1024];
	const char *rest;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "r");
	if (!file || !fgets(line, sizeof(line), file))
		die(path);
	fclose(file);
	rest = strrchr(line, ')');
	if (!rest || sscanf(rest, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %ld %ld",
			    &user, &sys, &children_user, &children_sys) != 4)
		die(path);
	return (double)(user + sys + (unsigned long)(children_user + children_sys)) * 1000 /
	       (double)sysconf(_SC_CLK_TCK);
}

static int by_value(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void report(struct fleet *f, double cpu, double seconds)
{
	const unsigned n = f->done;

	if (f->learning)
		printf("config=%zu ", f->configs[0].len);
	qsort(f->took_us, n, sizeof(*f->took_us), by_value);
	printf("cpu=%.4f rate=%.0f p50=%.2f p99=%.2f max=%.2f errors=%u retries=%u bytes=%" PRIu64
	       "\n",
	       n ? cpu / n : 0, n / seconds, n ? f->took_us[n / 2] / 1e3 : 0,
	       n ? f->took_us[(size_t)n * 99 / 100] / 1e3 : 0, n ? f->took_us[n - 1] / 1e3 : 0,
	       f->failed, f->retries, f->bytes);
}

/* ---- beginning and end ---- */

static void open_sockets(struct fleet *f)
{
	struct hostport server = {.port = f->o.port}, any = {.host = "0.0.0.0"};
	union udp_addr at;
	struct err e;

	snprintf(server.host, sizeof(server.host), "%s", f->o.host);
	if (udp_resolve(&f->server, &server, &e) || udp_resolve(&at, &any, &e))
		die(e.what);
	f->in = udp_inbox_new();
	for (unsigned i = 0; i < SOCKETS; i++) {
		if (udp_open(&f->fds[i], &at, &e))
			die(e.what);
		f->out[i] = udp_outbox_new(f->fds[i]);
		if (!f->in || !f->out[i])
			die("memory");
	}
	f->slots = calloc(f->o.at_once, sizeof(*f->slots));
	f->took_us = calloc(f->o.phones, sizeof(*f->took_us));
	if (!f->slots || !f->took_us)
		die("memory");
}

static unsigned number(const char *text, unsigned most)
{
	const unsigned long n = strtoul(text, NULL, 10);

	if (!n || n > most) {
		fprintf(stderr, "bench_phones: %s is not a number from 1 to %u\n", text, most);
		exit(2);
	}
	return (unsigned)n;
}

static void take_option(struct options *o, int option)
{
	switch (option) {
	case 'n':
		o->phones = number(optarg, 10000000);
		break;
	case 'c':
		o->at_once = number(optarg, AT_ONCE_MAX);
		break;
	case 'f':
		o->files = number(optarg, 1000000);
		break;
	case 'b':
		o->blksize = number(optarg, UDP_IN_MAX - TFTP_HEAD);
		break;
	case 'w':
		o->window = number(optarg, 64);
		break;
	case 'p':
		o->pid = (pid_t)number(optarg, 1 << 22);
		break;
	case 'a':
		o->absent = optarg;
		break;
	case 'l':
		o->learn = true;
		break;
	default:
		fprintf(stderr,
			"usage: bench_phones [-n PHONES] [-c AT_ONCE] [-f FILES] "
			"[-b BLKSIZE] [-w WINDOW] [-p PID] [-a ABSENT] [-l] HOST PORT DIR\n");
		exit(2);
	}
}

/* All phones once; returns how many of them failed. */
static unsigned measure(struct fleet *f)
{
	const double cpu = cpu_ms(f->o.pid);
	const uint64_t from = now_us();

	f->begun = f->done = f->failed = f->retries = 0;
	f->bytes = 0;
	run(f);
	report(f, cpu_ms(f->o.pid) - cpu, (double)(now_us() - from) / 1e6);
	fflush(stdout);
	return f->failed;
}

int main(int argc, char **argv)
{
	struct fleet f = {.o = {
				  .phones = 1000,
				  .at_once = 50,
				  .files = 1000,
				  .blksize = TFTP_BLKSIZE_DEFAULT,
				  .window = 1,
				  .absent = "CTLSEP",
				  .pid = getpid(),
			  }};
	unsigned failed;
	int option;

	while ((option = getopt(argc, argv, "n:c:f:b:w:p:a:l")) != -1)
		take_option(&f.o, option);
	if (argc - optind != 3)
		take_option(&f.o, '?');
	f.o.host = argv[optind];
	f.o.port = (uint16_t)number(argv[optind + 1], 65535);
	f.o.dir = argv[optind + 2];
	load_files(&f);
	open_sockets(&f);
	f.learning = f.o.learn;
	failed = measure(&f);
	if (f.learning) {
		f.learning = false;
		failed += measure(&f);
	}
	return failed != 0;
}
