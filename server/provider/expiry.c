#include "server/provider/expiry.h"

#include "server/provider/when.h"

#include <openssl/x509.h>
#include <stdio.h>

enum { DAY_S = 24 * 3600, SENTENCE_MAX = 512 };

static bool end_of(int64_t *not_after, struct span der)
{
	const uint8_t *p = der.data;
	X509 *cert = d2i_X509(NULL, &p, (long)der.len);
	struct tm tm;
	const bool ok = cert && ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm);

	if (ok)
		*not_after = timegm(&tm);
	X509_free(cert);
	return ok;
}

void expiry_each(const struct store_node *nodes, size_t n, expiry_fn *fn, void *arg)
{
	int64_t not_after;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < nodes[i].ncerts; k++)
			if (end_of(&not_after, nodes[i].certs[k].der))
				fn(&nodes[i], nodes[i].certs[k].role, not_after, arg);
}

struct warning {
	int64_t now;
	void (*fn)(const char *sentence, void *arg);
	void *arg;
};

static void look(const struct store_node *n, const char *role, int64_t not_after, void *arg)
{
	const struct warning *w = arg;
	const int64_t days = (not_after - w->now) / DAY_S;
	char text[SENTENCE_MAX], end[WHEN_MAX];

	if (not_after - w->now > EXPIRY_WARN_DAYS * (int64_t)DAY_S)
		return;
	when_text(end, not_after);
	if (not_after <= w->now)
		snprintf(text, sizeof(text),
			 "the %s certificate of %s ended at %s; renew it with "
			 "\"ctladmin node renew-cert\"",
			 role, n->name, end);
	else
		snprintf(text, sizeof(text),
			 "the %s certificate of %s ends at %s, in %lld days; "
			 "renew it with \"ctladmin node renew-cert\"",
			 role, n->name, end, (long long)days);
	w->fn(text, w->arg);
}

void expiry_warn(const struct store_node *nodes, size_t n, int64_t now,
		 void (*fn)(const char *sentence, void *arg), void *arg)
{
	struct warning w = {now, fn, arg};

	expiry_each(nodes, n, look, &w);
}
