/*
 * bench_floor PORT DIR: the floor under every TFTP server: files in memory, datagrams in batches,
 * one option (blksize), no clock, no log, no limits, no second address. It serves loopback clients
 * of bench_phones and nobody else.
 */
#include "server/net/tftp_packet.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/file.h"

enum {
	BATCH = 64,
	IN_MAX = 512,
	HEAD_MAX = 64,
	FILES_MAX = 100000,
	FILE_BYTES_MAX = 1 << 20,
	TRANSFERS = 1 << 20, /* by the low bits of address and port */
	BUFFER = 4 << 20,
};

struct transfer {
	const struct buf *file;
	uint32_t blksize;
};

struct floor {
	int request, data;
	struct mmsghdr in[BATCH], out[BATCH];
	struct iovec in_iov[BATCH], out_iov[BATCH][2];
	struct sockaddr_in peers[BATCH];
	uint8_t bytes[BATCH][IN_MAX], heads[BATCH][HEAD_MAX];
	unsigned n;
	struct transfer *transfers;
};

static void die(const char *what)
{
	fprintf(stderr, "bench_floor: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void load(const char *dir)
{
	DIR *d = opendir(dir);
	const struct dirent *entry;

	if (!d || !hcreate(2 * FILES_MAX))
		die(dir);
	while ((entry = readdir(d))) {
		struct buf *file = calloc(1, sizeof(*file));
		char *path = file_join(dir, entry->d_name);
		struct err e;

		if (!file || !path)
			die("memory");
		if (entry->d_name[0] != '.' && !file_read(path, FILE_BYTES_MAX, file, &e) &&
		    !hsearch((ENTRY){strdup(entry->d_name), file}, ENTER))
			die("too many files");
		free(path);
	}
	closedir(d);
}

static int open_socket(uint16_t port)
{
	const struct sockaddr_in at = {.sin_family = AF_INET,
				       .sin_port = htons(port),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	const int size = BUFFER;

	if (fd < 0 || bind(fd, (const struct sockaddr *)&at, sizeof(at)))
		die("socket");
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	return fd;
}

static struct transfer *transfer_of(const struct floor *f, const struct sockaddr_in *peer)
{
	return &f->transfers[(ntohl(peer->sin_addr.s_addr) * 8 + ntohs(peer->sin_port) % 8) %
			     TRANSFERS];
}

static void put(struct floor *f, const struct sockaddr_in *peer, size_t head, struct span body)
{
	const unsigned i = f->n++;

	f->out_iov[i][0] = (struct iovec){f->heads[i], head};
	f->out_iov[i][1] = (struct iovec){(void *)(uintptr_t)body.data, body.len};
	f->out[i].msg_hdr = (struct msghdr){
		.msg_name = (void *)(uintptr_t)peer,
		.msg_namelen = sizeof(*peer),
		.msg_iov = f->out_iov[i],
		.msg_iovlen = body.len ? 2 : 1,
	};
}

static void put_block(struct floor *f, const struct sockaddr_in *peer, uint16_t block)
{
	const struct transfer *t = transfer_of(f, peer);
	const size_t at = ((size_t)block - 1) * t->blksize;

	if (!t->file || at > t->file->len)
		return;
	tftp_put_head(f->heads[f->n], TFTP_DATA, block);
	put(f, peer, TFTP_HEAD,
	    span_of(t->file->data + at,
		    t->file->len - at < t->blksize ? t->file->len - at : t->blksize));
}

static void on_request(struct floor *f, const struct sockaddr_in *peer, const struct tftp_packet *p)
{
	const ENTRY *found = hsearch((ENTRY){.key = (char *)(uintptr_t)p->name.data}, FIND);
	struct transfer *t = transfer_of(f, peer);
	uint8_t *head = f->heads[f->n];

	if (!found) {
		put(f, peer, tftp_put_error(head, HEAD_MAX, TFTP_NOT_FOUND, "File not found"),
		    span_of(NULL, 0));
		return;
	}
	*t = (struct transfer){found->data,
			       p->options.blksize ? p->options.blksize : TFTP_BLKSIZE_DEFAULT};
	if (p->options.blksize)
		put(f, peer, tftp_put_oack(head, HEAD_MAX, &p->options), span_of(NULL, 0));
	else
		put_block(f, peer, 1);
}

static void serve(struct floor *f, int fd)
{
	int n;

	for (unsigned i = 0; i < BATCH; i++) {
		f->in_iov[i] = (struct iovec){f->bytes[i], IN_MAX};
		f->in[i].msg_hdr = (struct msghdr){.msg_name = &f->peers[i],
						   .msg_namelen = sizeof(f->peers[i]),
						   .msg_iov = &f->in_iov[i],
						   .msg_iovlen = 1};
	}
	n = recvmmsg(fd, f->in, BATCH, MSG_DONTWAIT, NULL);
	f->n = 0;
	for (int i = 0; i < n; i++) {
		struct tftp_packet p;

		if (!tftp_parse(&p, span_of(f->bytes[i], f->in[i].msg_len)))
			continue;
		if (p.op == TFTP_RRQ)
			on_request(f, &f->peers[i], &p);
		else if (p.op == TFTP_ACK)
			put_block(f, &f->peers[i], (uint16_t)(p.block + 1));
	}
	for (int sent = 0; sent < (int)f->n;) {
		const int more = sendmmsg(f->data, f->out + sent, f->n - (unsigned)sent, 0);

		sent += more > 0 ? more : 1;
	}
}

int main(int argc, char **argv)
{
	struct floor *f = calloc(1, sizeof(*f));

	if (argc != 3 || !f)
		die("usage: bench_floor PORT DIR");
	f->transfers = calloc(TRANSFERS, sizeof(*f->transfers));
	if (!f->transfers)
		die("memory");
	load(argv[2]);
	f->request = open_socket((uint16_t)atoi(argv[1]));
	f->data = open_socket(0);
	puts("ready");
	fflush(stdout);
	for (;;) {
		struct pollfd fds[] = {{f->request, POLLIN, 0}, {f->data, POLLIN, 0}};

		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[0].revents)
			serve(f, f->request);
		if (fds[1].revents)
			serve(f, f->data);
	}
}
