#include "softhsm-tests/kill/lists.h"

#include "ctlclient/desk.h"
#include "trustfile/build.h"

#include <stdlib.h>

enum { SIGNERS = 2 };

struct lists {
	struct desk *desk;
	struct desk_signer *signers[SIGNERS];
	uint32_t time; /* of the last one */
	unsigned count;
};

int lists_open(struct lists **out, struct err *e)
{
	const struct desk_opts opts = {.modules = {getenv("CTL_MODULE")}};
	static const char *const tokens[SIGNERS] = {"CTL_TOKEN_1", "CTL_TOKEN_2"};
	struct lists *l = calloc(1, sizeof(*l));
	int rc;

	if (!l)
		return err_nomem(e);
	rc = desk_open(&l->desk, &opts, e);
	for (size_t i = 0; !rc && i < SIGNERS; i++) {
		rc = desk_signer_find(&l->signers[i], l->desk, getenv(tokens[i]), e);
		if (!rc)
			rc = desk_signer_login(l->signers[i], "to sign lists for a test", e);
	}
	if (rc)
		lists_close(l);
	else
		*out = l;
	return rc;
}

void lists_close(struct lists *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < SIGNERS; i++)
		desk_signer_free(l->signers[i]);
	desk_close(l->desk);
	free(l);
}

int lists_next(struct buf *out, struct lists *l, struct span present, struct err *e)
{
	struct desk_signer *signer = l->signers[l->count++ % SIGNERS];
	struct tl_entry *entries = NULL;
	struct tl_plan plan;
	struct tl *old = NULL;
	int rc = tl_parse(&old, present, e);

	if (rc)
		return rc;
	entries = calloc(old->n, sizeof(*entries));
	if (!entries) {
		rc = err_nomem(e);
		goto out;
	}
	for (size_t i = 0; i < old->n; i++)
		entries[i].raw = old->records[i].raw;
	l->time = (l->time > old->timestamp ? l->time : old->timestamp) + 1;
	plan = (struct tl_plan){.filename = TL_CTL_NAME,
				.digest = old->digest,
				.timestamp = l->time,
				.signer = desk_signer_cert(signer)->cert,
				.entries = entries,
				.n = old->n};
	rc = tl_build(out, &plan, desk_signer_sign, signer, e);
out:
	free(entries);
	tl_free(old);
	return rc;
}
