#include "server/tftp/transfer.h"

void transfer_start(struct transfer *t, struct span content, const struct tftp_options *asked)
{
	*t = (struct transfer){
		.content = content,
		.granted = *asked,
		.blksize = asked->blksize ? asked->blksize : TFTP_BLKSIZE_DEFAULT,
	};
	if (asked->has_tsize)
		t->granted.tsize = content.len;
	t->last = content.len / t->blksize + 1;
	t->base = tftp_any_option(asked) ? 0 : 1;
	t->next = t->base;
}

bool transfer_next(struct transfer *t, struct transfer_packet *p)
{
	const uint64_t n = t->next;
	uint64_t at;

	if (n != t->base || transfer_done(t))
		return false;
	t->next++;
	if (n == 0) {
		p->head_len = tftp_put_oack(p->head, sizeof(p->head), &t->granted);
		p->body = span_of(NULL, 0);
		return true;
	}
	tftp_put_head(p->head, TFTP_DATA, (uint16_t)n);
	p->head_len = TFTP_HEAD;
	at = (n - 1) * t->blksize;
	p->body = span_of(t->content.data + at, n < t->last ? t->blksize : t->content.len - at);
	return true;
}

bool transfer_ack(struct transfer *t, uint16_t block)
{
	if (block != (uint16_t)t->base || transfer_done(t))
		return false;
	t->base++;
	t->next = t->base;
	t->repeats = 0;
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
