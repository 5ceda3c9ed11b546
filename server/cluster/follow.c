#include "server/cluster/follow.h"

#include "trustfile/list.h"
#include "trustfile/rules.h"

static int judge(const struct tl *before, const struct tl *after, struct err *e)
{
	if (tl_phone_verdict(&before, 1, before, after, TL_CTL_NAME, e) == TL_KEEP_OLD)
		return (int)e->kind;
	if (!before || after->timestamp >= before->timestamp)
		return 0;
	return err_set(e, ERR_REFUSED, "ctl-older",
		       "the list is %u seconds older than the one it should replace",
		       before->timestamp - after->timestamp);
}

int follow_step(struct span old, struct span neu, bool *mixed, struct err *e)
{
	struct tl *before = NULL, *after = NULL;
	int rc = 0;

	if (old.len)
		rc = tl_parse(&before, old, e);
	if (!rc)
		rc = tl_parse(&after, neu, e);
	if (!rc)
		rc = judge(before, after, e);
	if (!rc)
		*mixed = !tl_is_nonsecure(after);
	tl_free(before);
	tl_free(after);
	return rc;
}
