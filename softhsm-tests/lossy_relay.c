/*
 * lossy_relay HOST PORT PERCENT SEED: a bad network in a box, for tests. Takes TFTP requests at a
 * free port of 127.0.0.1, which it prints, relays whole transfers to the server at HOST (an IPv4
 * address) and PORT and back, and drops PERCENT of all datagrams and doubles as many, in both
 * directions, as a generator started with SEED decides. Ends at SIGTERM.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	PATHS_MAX = 100, /* clients at a time; the oldest gives way */
	DATAGRAM_MAX = 65536,
};

/* One client's way to the server: near is the port it sees, far the one that the server sees. */
struct path {
	struct sockaddr_in client;
	struct sockaddr_in server; /* the port of the transfer, once it is known */
	int near, far;
	bool used;
};

struct relay {
	int front; /* where requests arrive */
	struct sockaddr_in server;
	unsigned percent;
	uint64_t random;
	struct path paths[PATHS_MAX];
	unsigned oldest;
	uint8_t datagram[DATAGRAM_MAX];
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* xorshift64 */
static bool chance(struct relay *r)
{
	r->random ^= r->random << 13;
	r->random ^= r->random >> 7;
	r->random ^= r->random << 17;
	return (r->random >> 32) % 100 < r->percent;
}

static int local_socket(void)
{
	const struct sockaddr_in a = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&a, sizeof(a)))
		die("socket");
	return fd;
}

static void pass_on(struct relay *r, int fd, const struct sockaddr_in *to, size_t n)
{
	const int copies = chance(r) ? 0 : chance(r) ? 2 : 1;

	for (int i = 0; i < copies; i++)
		(void)!sendto(fd, r->datagram, n, 0, (const struct sockaddr *)to, sizeof(*to));
}

static struct path *path_of(struct relay *r, const struct sockaddr_in *client)
{
	struct path *p;

	for (p = r->paths; p < r->paths + PATHS_MAX; p++)
		if (p->used && p->client.sin_port == client->sin_port &&
		    p->client.sin_addr.s_addr == client->sin_addr.s_addr)
			return p;
	p = &r->paths[r->oldest++ % PATHS_MAX];
	if (p->used) {
		close(p->near);
		close(p->far);
	}
	*p = (struct path){*client, r->server, local_socket(), local_socket(), true};
	return p;
}

/* Takes a datagram; -1 if there is none. */
static ssize_t take(struct relay *r, int fd, struct sockaddr_in *from)
{
	socklen_t len = sizeof(*from);

	return recvfrom(fd, r->datagram, sizeof(r->datagram), MSG_DONTWAIT, (struct sockaddr *)from,
			&len);
}

static void from_front(struct relay *r)
{
	struct sockaddr_in client;
	const ssize_t n = take(r, r->front, &client);

	if (n >= 0)
		pass_on(r, path_of(r, &client)->far, &r->server, (size_t)n);
}

static void from_near(struct relay *r, struct path *p)
{
	struct sockaddr_in client;
	const ssize_t n = take(r, p->near, &client);

	if (n >= 0)
		pass_on(r, p->far, &p->server, (size_t)n);
}

static void from_far(struct relay *r, struct path *p)
{
	const ssize_t n = take(r, p->far, &p->server);

	if (n >= 0)
		pass_on(r, p->near, &p->client, (size_t)n);
}

static void run(struct relay *r)
{
	struct pollfd fds[1 + 2 * PATHS_MAX];

	for (;;) {
		fds[0] = (struct pollfd){r->front, POLLIN, 0};
		for (size_t i = 0; i < PATHS_MAX; i++) {
			const struct path *p = &r->paths[i];

			fds[1 + 2 * i] = (struct pollfd){p->used ? p->near : -1, POLLIN, 0};
			fds[2 + 2 * i] = (struct pollfd){p->used ? p->far : -1, POLLIN, 0};
		}
		if (poll(fds, 1 + 2 * PATHS_MAX, -1) < 0)
			die("poll");
		for (size_t i = 0; i < PATHS_MAX; i++) {
			if (fds[1 + 2 * i].revents)
				from_near(r, &r->paths[i]);
			if (fds[2 + 2 * i].revents)
				from_far(r, &r->paths[i]);
		}
		if (fds[0].revents)
			from_front(r);
	}
}

int main(int argc, char **argv)
{
	static struct relay r;
	struct sockaddr_in at;
	socklen_t len = sizeof(at);

	if (argc != 5) {
		fprintf(stderr, "usage: lossy_relay HOST PORT PERCENT SEED\n");
		return 2;
	}
	r.server.sin_family = AF_INET;
	if (inet_pton(AF_INET, argv[1], &r.server.sin_addr) != 1) {
		fprintf(stderr, "lossy_relay: %s is no IPv4 address\n", argv[1]);
		return 2;
	}
	r.server.sin_port = htons((uint16_t)atoi(argv[2]));
	r.percent = (unsigned)atoi(argv[3]);
	/* Never 0, where the generator would stay. */
	r.random = strtoull(argv[4], NULL, 10) * 2654435761u + 88172645463325252u;
	r.front = local_socket();
	if (getsockname(r.front, (struct sockaddr *)&at, &len))
		die("getsockname");
	printf("%u\n", ntohs(at.sin_port));
	fflush(stdout);
	run(&r);
}
