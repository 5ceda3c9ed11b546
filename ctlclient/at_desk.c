#include "ctlclient/at_desk.h"

#include <stdlib.h>

static int keep_certs(struct at_desk *a, const struct token_info *info,
		      const struct token_cert *certs, size_t n, struct err *e)
{
	struct desk_cert *more = reallocarray(a->certs, a->n + n + 1, sizeof(*more));

	if (!more)
		return err_nomem(e);
	a->certs = more;
	for (size_t i = 0; i < n; i++) {
		if (!X509_up_ref(certs[i].cert))
			return err_nomem(e);
		desk_cert_of(&a->certs[a->n++], info, certs[i].cert);
	}
	return 0;
}

static int look_at(struct at_desk *a, struct tokens *ts, const struct token_info *info,
		   struct err *e)
{
	struct token *t = NULL;
	struct token_cert *certs = NULL;
	struct err ignored;
	size_t n = 0;
	int rc = 0;

	if (!info->initialized || token_find(&t, ts, info->uri, &ignored))
		return 0;
	if (!token_certs(t, &certs, &n, &ignored))
		rc = keep_certs(a, info, certs, n, e);
	token_certs_free(certs, n);
	token_free(t);
	return rc;
}

/* No token at hand says nothing against what is reviewed. */
static int job_look(struct tokens *ts, void *arg, struct err *e)
{
	struct token_info *infos = NULL;
	struct err ignored;
	size_t n = 0;
	int rc = 0;

	if (tokens_list(ts, &infos, &n, &ignored))
		return 0;
	for (size_t i = 0; !rc && i < n; i++)
		rc = look_at(arg, ts, &infos[i], e);
	free(infos);
	return rc;
}

int at_desk_look(struct at_desk *a, struct desk *d, struct err *e)
{
	*a = (struct at_desk){0};
	return desk_run(d, job_look, a, e);
}

void at_desk_free(struct at_desk *a)
{
	for (size_t i = 0; i < a->n; i++)
		desk_cert_free(&a->certs[i]);
	free(a->certs);
	*a = (struct at_desk){0};
}

const struct desk_cert *at_desk_has(const struct at_desk *a, const X509 *cert)
{
	for (size_t i = 0; i < a->n; i++)
		if (!X509_cmp(a->certs[i].cert, cert))
			return &a->certs[i];
	return NULL;
}
