/* libFuzzer harness of the trust-list reader. Corpus: vectors/tlv. */
#include "trustfile/diff.h"
#include "trustfile/listing.h"
#include "trustfile/rules.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void compare(const struct tl *before, const struct tl *after)
{
	struct tl_diff d;
	struct buf text = {0};
	struct err e;

	if (tl_diff(&d, before, after, &e))
		abort();
	if (before == after && (d.n || d.signer_changed || d.mode_changed))
		abort();
	tl_diff_text(&text, &d);
	buf_free(&text);
	tl_diff_free(&d);
}

static void judge(const struct tl *l)
{
	const bool good = tl_signer_in(l, l, true);
	struct err e;

	if (tl_phone_verdict(&l, 1, l, l, TL_CTL_NAME, &e) != TL_KEEP_OLD && !good)
		abort();
	if (tl_token_count(l) > l->n)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct span file = span_of(data, size);
	struct tl *l = NULL;
	struct buf text = {0};
	struct err e;
	int rc;

	if (tl_parse(&l, file, &e))
		return 0;
	rc = tl_verify(l, TL_CTL_NAME, &e);
	tl_listing(&text, l, 0, rc ? &e : NULL);
	compare(NULL, l);
	compare(l, l);
	judge(l);
	buf_free(&text);
	tl_free(l);
	return 0;
}
