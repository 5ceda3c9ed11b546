#include "phone/report.h"

#include <openssl/evp.h>
#include <string.h>

enum { SHA256_LEN = 32 };

static json_t *sha256_json(struct span file)
{
	uint8_t digest[SHA256_LEN];

	if (!EVP_Digest(file.data, file.len, digest, NULL, EVP_sha256(), NULL))
		return NULL;
	return json_hex(span_of(digest, sizeof(digest)));
}

static json_t *signer_json(const struct tl *l)
{
	if (!l)
		return json_null();
	return json_pack("{s:o, s:o, s:o}", "name", json_text(tl_text(l->signer_name)), "issuer",
			 json_text(tl_text(l->signer_issuer)), "serial",
			 json_hex(l->signer_serial));
}

/* Text that may have come from anywhere; JSON's null for NULL. */
static json_t *string_json(const char *s)
{
	return s ? json_text(span_of(s, strlen(s))) : json_null();
}

static json_t *reason_json(const struct err *failed)
{
	if (!failed)
		return json_null();
	return json_pack("{s:s, s:o, s:o}", "id", failed->id, "text", string_json(failed->what),
			 "hint", string_json(failed->hint));
}

static json_t *offered_json(const struct boot *b)
{
	if (!b->offered_name)
		return json_null();
	return json_pack("{s:o, s:I, s:o, s:o}", "name", string_json(b->offered_name), "size",
			 (json_int_t)b->offered_bytes.len, "sha256",
			 sha256_json(buf_view(&b->offered_bytes)), "signer",
			 signer_json(b->offered));
}

json_t *report_json(const struct boot *b, const struct err *failed)
{
	const struct tl *l = b->in_force;

	return json_pack("{s:o, s:s, s:s, s:b, s:o, s:s, s:o, s:o, s:o, s:o}", "device",
			 string_json(b->device[0] ? b->device : NULL), "status", b->status,
			 "result", boot_result_word(b->result), "trusted", (int)b->trusted,
			 "reason", reason_json(failed), "mode", boot_mode_word(l), "signer",
			 signer_json(l), "sha256", l ? sha256_json(l->raw) : json_null(), "file",
			 string_json(l ? b->stored.path : NULL), "offered", offered_json(b));
}
