/* libFuzzer harness of what strangers send over TFTP: packets, the names in them, and what a
 * transfer makes of their options. No corpus is needed. */
#include "server/net/tftp_packet.h"
#include "server/tftp/name.h"
#include "server/tftp/transfer.h"

#include <stdlib.h>
#include <string.h>

enum { FILE_BYTES = 100000, PACKETS_MAX = 2000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is written back says the same when it is read. */
static void check_options(const struct tftp_options *o)
{
	uint8_t packet[TFTP_OACK_MAX];
	const size_t n = tftp_put_oack(packet, sizeof(packet), o);
	struct tftp_packet again;

	if (!n || !tftp_parse(&again, span_of(packet, n)) || again.op != TFTP_OACK ||
	    again.options.blksize != o->blksize || again.options.timeout != o->timeout ||
	    again.options.windowsize != o->windowsize || again.options.has_tsize != o->has_tsize ||
	    (o->has_tsize && again.options.tsize != o->tsize))
		abort();
}

static void check_name(struct span asked)
{
	char device[NAME_DEVICE];
	struct name n, again;

	if (!name_take(&n, asked))
		return;
	if (strlen(n.text) != n.len || strlen(n.key) != n.len || strstr(n.text, "..") == n.text ||
	    strstr(n.text, "/.") || strstr(n.text, "//") || n.text[0] == '/')
		abort();
	if (!name_take(&again, span_of(n.text, n.len)) || strcmp(again.text, n.text) != 0)
		abort();
	(void)name_device(device, &n);
	(void)name_is_ctl(&n);
	(void)name_is_config(&n);
}

/* ACKs of the fuzzer's choice: no packet reaches over the end of the file. */
static void check_transfer(const struct tftp_options *o, struct span acks)
{
	struct transfer_packet p;
	struct transfer t;
	unsigned packets = 0;

	transfer_start(&t, FILE_BYTES, TFTP_BLKSIZE_MAX, o);
	for (size_t i = 0; i <= acks.len && packets < PACKETS_MAX; i++) {
		while (transfer_next(&t, &p) && ++packets < PACKETS_MAX)
			if (p.len > t.blksize || (p.len && p.at + p.len > FILE_BYTES) ||
			    (!t.proven && t.next - t.base > 1))
				abort();
		if (i == acks.len || transfer_done(&t))
			return;
		/* Mostly the one that is due. */
		if (acks.data[i] < 200)
			(void)transfer_ack(&t, (uint16_t)(t.base + acks.data[i] % 8));
		else if (acks.data[i] < 220)
			(void)transfer_ack(&t, (uint16_t)(t.base - acks.data[i] % 4));
		else if (!transfer_timeout(&t))
			return;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct span datagram = span_of(data, size);
	struct tftp_packet p;

	if (!tftp_parse(&p, datagram)) {
		if (p.name.data || p.text.data)
			abort();
		return 0;
	}
	if (p.op != TFTP_RRQ && p.op != TFTP_WRQ)
		return 0;
	check_options(&p.options);
	check_name(p.name);
	check_transfer(&p.options, datagram);
	return 0;
}
