#include "pkcs11/issue.h"

#include "common/hex.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

enum { TYPE_MAX = 32 };

/* The string form as far as it has been read: RFC 4514 section 3. */
struct reader {
	const char *p;
	bool joined; /* the next part belongs to the same RDN as the one before ("+") */
};

static int bad(struct err *e, const char *at, const char *why)
{
	err_set(e, ERR_USAGE, "subject", "the subject is wrong at \"%.40s\": %s", at, why);
	return err_hint(e, "write it like \"CN=SAST-1,OU=Voice,O=Example\"; a comma, plus or "
			   "quotation mark inside a value needs a backslash in front");
}

static int read_type(int *nid, struct reader *r, struct err *e)
{
	const size_t n = strcspn(r->p, "=,+\\");
	char type[TYPE_MAX];

	if (!n || n >= sizeof(type) || r->p[n] != '=')
		return bad(e, r->p, "an attribute such as CN= is missing");
	memcpy(type, r->p, n);
	type[n] = '\0';
	*nid = OBJ_txt2nid(type);
	if (*nid == NID_undef)
		return bad(e, r->p, "this attribute is not known");
	r->p += n + 1;
	return 0;
}

/* One escaped character: "\," or "\2C". */
static bool read_escaped(struct buf *value, struct reader *r)
{
	const char *c = r->p + 1;

	if (*c && strchr(" \"#+,;<=>\\", *c)) {
		buf_u8(value, (uint8_t)*c);
		r->p += 2;
		return true;
	}
	if (strlen(c) < 2 || !hex_parse(value, c, 2))
		return false;
	r->p += 3;
	return true;
}

static int read_value(struct buf *value, struct reader *r, struct err *e)
{
	size_t kept = 0; /* up to the last character that is not an unescaped space */

	while (*r->p == ' ')
		r->p++;
	if (*r->p == '#')
		return bad(e, r->p, "values in hexadecimal are not supported");
	while (*r->p && *r->p != ',' && *r->p != '+') {
		const char c = *r->p;

		if (strchr("\";<>", c))
			return bad(e, r->p, "this character needs a backslash in front");
		if (c != '\\') {
			buf_u8(value, (uint8_t)c);
			r->p++;
		} else if (!read_escaped(value, r)) {
			return bad(e, r->p,
				   "a backslash stands before , + \" \\ < > ; or two "
				   "hexadecimal digits");
		}
		if (c != ' ')
			kept = value->len;
	}
	value->len = kept;
	return kept ? 0 : bad(e, r->p, "a value is empty");
}

/* In a certificate the least specific part comes first: each part goes in front of those read
 * before it, or into the first RDN if it was joined to it. */
static int add_part(X509_NAME *name, int nid, const struct buf *value, bool joined, struct err *e)
{
	if (value->bad)
		return err_nomem(e);
	if (X509_NAME_add_entry_by_NID(name, nid, MBSTRING_UTF8, value->data, (int)value->len, 0,
				       joined ? 1 : 0))
		return 0;
	return err_openssl(e, ERR_USAGE, "subject", "the subject's %s= cannot be \"%.*s\"",
			   OBJ_nid2sn(nid), (int)value->len, (const char *)value->data);
}

static int read_part(X509_NAME *name, struct reader *r, struct err *e)
{
	struct buf value = {0};
	int nid = NID_undef;
	int rc;

	while (*r->p == ' ')
		r->p++;
	rc = read_type(&nid, r, e);
	if (!rc)
		rc = read_value(&value, r, e);
	if (!rc)
		rc = add_part(name, nid, &value, r->joined, e);
	r->joined = *r->p == '+';
	buf_free(&value);
	return rc;
}

int subject_parse(X509_NAME **out, const char *text, struct err *e)
{
	struct reader r = {text, false};
	X509_NAME *name = X509_NAME_new();
	int rc;

	if (!name)
		return err_nomem(e);
	for (;;) {
		rc = read_part(name, &r, e);
		if (rc || !*r.p)
			break;
		r.p++;
	}
	if (!rc && X509_NAME_get_index_by_NID(name, NID_commonName, -1) < 0)
		rc = bad(e, text, "it has no CN=");
	if (rc)
		X509_NAME_free(name);
	else
		*out = name;
	return rc;
}
