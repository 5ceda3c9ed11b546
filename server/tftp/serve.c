#include "server/tftp/serve.h"

#include <string.h>

static const struct err too_much = {
	.kind = ERR_FAILED,
	.id = "limit",
	.what = "this address has asked for too many different files",
};

/* "CP-7970-SEP001122334455" proves the same as "SEP001122334455". */
static bool is_its_own(const char *proved, const char *device)
{
	const size_t n = strlen(proved), m = strlen(device);

	return n >= m && !strcasecmp(proved + n - m, device);
}

enum catalog_answer serve_find(struct serve *s, const struct serve_ask *ask,
			       struct catalog_waiter *w, struct content **out, const struct err **e)
{
	char device[NAME_DEVICE];
	enum catalog_answer a;

	if (ask->device && name_device(device, ask->name) && !is_its_own(ask->device, device))
		return CATALOG_ABSENT;
	a = catalog_find(s->catalog, ask->name, ask->now_ms, NULL, out, e);
	if (a != CATALOG_LATER || !w)
		return a;
	if (!limits_take(s->limits, LIMIT_LOOKS, ask->peer, 1, ask->now_ms)) {
		*e = &too_much;
		return CATALOG_TROUBLE;
	}
	return catalog_find(s->catalog, ask->name, ask->now_ms, w, out, e);
}
