#include "server/tftp/transfer.h"

/* What a client gets that asks for a window: so much that no buffer on the way overflows. */
static uint32_t window_for(uint32_t asked, uint32_t blksize)
{
	const uint32_t fits = TRANSFER_WINDOW_BYTES / blksize;
	const uint32_t most = fits < TRANSFER_WINDOW_MAX ? fits : TRANSFER_WINDOW_MAX;

	if (asked > most)
		asked = most;
	return asked ? asked : 1;
}

void transfer_start(struct transfer *t, uint64_t size, uint32_t blksize_max,
		    const struct tftp_options *asked)
{
	*t = (struct transfer){
		.size = size,
		.granted = *asked,
		.blksize = asked->blksize ? asked->blksize : TFTP_BLKSIZE_DEFAULT,
	};
	/* RFC 2348: a server may grant less than it was asked for. */
	if (t->blksize > blksize_max)
		t->blksize = blksize_max;
	if (asked->blksize)
		t->granted.blksize = t->blksize;
	if (asked->has_tsize)
		t->granted.tsize = size;
	t->window = window_for(asked->windowsize, t->blksize);
	if (asked->windowsize)
		t->granted.windowsize = t->window;
	t->last = size / t->blksize + 1;
	t->base = tftp_any_option(asked) ? 0 : 1;
	t->next = t->base;
}

bool transfer_next(struct transfer *t, struct transfer_packet *p)
{
	const uint64_t n = t->next;
	const uint64_t end = t->base + (t->base ? t->window : 1);

	if (n >= end || n > t->last)
		return false;
	t->next++;
	if (n == 0) {
		p->head_len = tftp_put_oack(p->head, sizeof(p->head), &t->granted);
		p->len = 0;
		return true;
	}
	tftp_put_head(p->head, TFTP_DATA, (uint16_t)n);
	p->head_len = TFTP_HEAD;
	p->at = (n - 1) * t->blksize;
	p->len = n < t->last ? t->blksize : (size_t)(t->size - p->at);
	return true;
}

bool transfer_ack(struct transfer *t, uint16_t block)
{
	const uint16_t ahead = (uint16_t)(block - (uint16_t)t->base);

	if (transfer_done(t))
		return false;
	if (ahead >= t->next - t->base) {
		/* The block before the window: nothing of it came, or this is an old copy. */
		if (ahead != UINT16_MAX || t->window == 1 || !t->base || t->went_back)
			return false;
		t->went_back = true;
	} else {
		t->base += ahead + 1U;
		t->went_back = false;
		t->repeats = 0;
	}
	t->next = t->base;
	t->proven = true;
	return true;
}

bool transfer_done(const struct transfer *t)
{
	return t->base > t->last;
}

bool transfer_timeout(struct transfer *t)
{
	if (t->repeats >= (t->proven ? TRANSFER_REPEATS : TRANSFER_REPEATS_UNPROVEN))
		return false;
	t->repeats++;
	t->next = t->base;
	return true;
}

uint32_t transfer_wait_ms(const struct transfer *t)
{
	const uint32_t first = t->granted.timeout ? t->granted.timeout * 1000 : TRANSFER_WAIT_MS;
	const uint32_t doubled = first << t->repeats;
	uint32_t most = TRANSFER_WAIT_MAX_MS;

	/* An agreed timeout is kept, but not by a client nobody has heard of. */
	if (t->proven && first > most)
		most = first;
	return doubled < most ? doubled : most;
}

void transfer_repeat_first(struct transfer *t)
{
	if (!t->proven)
		t->next = t->base;
}
