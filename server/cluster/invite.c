#include "server/cluster/invite.h"

#include "common/base64.h"
#include "common/secret.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

enum { FORM = 1 };

int invite_new(struct invite *i, uint8_t hash[SHA256_LEN], struct err *e)
{
	if (RAND_priv_bytes(i->secret, sizeof(i->secret)) != 1)
		return err_openssl(e, ERR_FAILED, "invitation", "no random numbers");
	return sha256_of(hash, span_of(i->secret, sizeof(i->secret)), e);
}

int invite_write(struct buf *text, const struct invite *i, struct err *e)
{
	const char *host = i->publisher.host;
	const bool v6 = strchr(host, ':') != NULL;
	struct buf raw = {0};

	buf_u8(&raw, FORM);
	buf_put(&raw, i->fingerprint, sizeof(i->fingerprint));
	buf_put(&raw, i->secret, sizeof(i->secret));
	buf_printf(&raw, "%s%s%s:%u", v6 ? "[" : "", host, v6 ? "]" : "", i->publisher.port);
	buf_u8(&raw, 0);
	buf_str(&raw, i->cluster);
	if (!raw.bad)
		base64_put(text, buf_view(&raw), BASE64_URL);
	buf_wipe(&raw);
	if (text->bad || !text->len)
		return err_nomem(e);
	if (text->len < SECRET_MAX)
		return 0;
	err_set(e, ERR_USAGE, "invitation", "the names of publisher and cluster are too long");
	return err_hint(e, "name an address with --at");
}

static bool take(struct invite *i, struct span raw)
{
	struct rd r = rd_of(raw);
	const uint8_t form = rd_u8(&r);
	const struct span fingerprint = rd_take(&r, sizeof(i->fingerprint));
	const struct span secret = rd_take(&r, sizeof(i->secret));
	const uint8_t *nul = r.bad || !r.left ? NULL : memchr(r.p, '\0', r.left);
	const size_t before = nul ? (size_t)(nul - r.p) : 0;
	const size_t behind = nul ? r.left - before - 1 : 0;
	char where[HOST_MAX + 16];
	struct err ignored;

	if (!nul || form != FORM || before >= sizeof(where) || behind >= sizeof(i->cluster) ||
	    memchr(nul + 1, '\0', behind))
		return false;
	memcpy(i->fingerprint, fingerprint.data, fingerprint.len);
	memcpy(i->secret, secret.data, secret.len);
	memcpy(i->cluster, nul + 1, behind);
	i->cluster[behind] = '\0';
	snprintf(where, sizeof(where), "%s", (const char *)r.p);
	return !hostport_parse(&i->publisher, where, 0, &ignored) && i->publisher.port;
}

int invite_read(struct invite *i, struct span text, struct err *e)
{
	struct buf raw = {0};
	bool ok;

	*i = (struct invite){0};
	ok = text.len < SECRET_MAX && base64_take(&raw, text, BASE64_URL) &&
	     take(i, buf_view(&raw));
	buf_wipe(&raw);
	if (ok)
		return 0;
	OPENSSL_cleanse(i, sizeof(*i));
	err_set(e, ERR_USAGE, "invitation", "that is no invitation");
	return err_hint(e, "copy the whole line that \"ctladmin node invite\" printed on the first "
			   "node");
}

void invite_secret_text(struct buf *text, const struct invite *i)
{
	base64_put(text, span_of(i->secret, sizeof(i->secret)), BASE64_URL);
}

bool invite_secret_hash(uint8_t hash[SHA256_LEN], const char *text)
{
	struct buf secret = {0};
	struct err ignored;
	const bool ok = base64_take(&secret, span_of(text, strlen(text)), BASE64_URL) &&
			secret.len == INVITE_SECRET_LEN &&
			!sha256_of(hash, buf_view(&secret), &ignored);

	buf_wipe(&secret);
	return ok;
}
