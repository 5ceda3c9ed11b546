/* libFuzzer harness of CAPF messages. Corpus: the messages of vectors/capf, as bytes. */
#include "server/net/capf_message.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was understood once is understood again after we have written it. */
static void write_again(const struct capf_message *m)
{
	struct capf_message again;
	struct buf b = {0};
	struct err e;
	const size_t start = capf_begin(&b, m->command, m->session);

	for (int tag = 1; tag < CAPF_TAGS; tag++)
		if (m->value[tag].data)
			capf_put_bytes(&b, (enum capf_tag)tag, m->value[tag]);
	capf_end(&b, start);
	if (b.bad || capf_parse(&again, buf_view(&b), &e))
		abort();
	for (int tag = 1; tag < CAPF_TAGS; tag++)
		if (!span_eq(m->value[tag], again.value[tag]))
			abort();
	buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct span bytes = span_of(data, size);
	struct capf_message m;
	struct capf_sudi sudi;
	struct capf_sha2 sha2;
	struct span s;
	struct err e;
	unsigned v;
	size_t n;

	if (capf_frame(&n, bytes, NULL, &e) || !n || n > size)
		return 0;
	if (capf_parse(&m, span_of(data, n), &e))
		return 0;
	for (int tag = 1; tag < CAPF_TAGS; tag++)
		(void)capf_number(&m, (enum capf_tag)tag, &v);
	if (capf_string(&m, CAPF_DEVICE_NAME, &s) && s.len >= n)
		abort();
	if (capf_certificate(&m, &s) && s.len >= n)
		abort();
	(void)capf_sha2(&m, &sha2);
	(void)capf_sudi(&m, &sudi);
	write_again(&m);
	return 0;
}
