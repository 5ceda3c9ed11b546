#include "ctlclient/minimal_config.h"

#include "common/hex.h"

#include <libxml/parser.h>
#include <libxml/tree.h>
#include <limits.h>
#include <openssl/evp.h>
#include <string.h>

static int refuse(const char *why, struct err *e)
{
	err_set(e, ERR_REFUSED, "config-xml", "this is no configuration of a phone: %s", why);
	return err_hint(e, "without it no minimal configuration can be made; --no-minimal leaves "
			   "that out");
}

static int read_full(xmlDocPtr *out, struct span full, struct err *e)
{
	const int options = XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING;
	xmlDocPtr doc =
		full.len && full.len <= INT_MAX
			? xmlReadMemory((const char *)full.data, (int)full.len, NULL, NULL, options)
			: NULL;
	xmlNodePtr root = doc ? xmlDocGetRootElement(doc) : NULL;

	if (root && !doc->intSubset && !strcmp((const char *)root->name, "device")) {
		*out = doc;
		return 0;
	}
	if (doc)
		xmlFreeDoc(doc);
	return refuse(!doc ? "it is no XML" : "its root element is not device", e);
}

static int cert_hash(struct buf *hex, const X509 *phone, struct err *e)
{
	uint8_t md[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (!X509_digest(phone, EVP_md5(), md, &len))
		return err_openssl(e, ERR_FAILED, "digest", "cannot compute certHash");
	hex_lower(hex, span_of(md, len), 0);
	return buf_cstr(hex) ? 0 : err_nomem(e);
}

static bool copy(xmlNodePtr to, xmlNodePtr from, const char *element)
{
	for (xmlNodePtr n = from->children; n; n = n->next) {
		xmlNodePtr twin;

		if (n->type != XML_ELEMENT_NODE || strcmp((const char *)n->name, element) != 0)
			continue;
		twin = xmlDocCopyNode(n, to->doc, 1);
		return twin && xmlAddChild(to, twin);
	}
	return true;
}

static bool fill(xmlNodePtr to, xmlNodePtr from, const char *hash)
{
	static const char *const copied[] = {"ipAddressMode", "loadInformation", "capfAuthMode",
					     "capfList"};
	bool good = xmlNewTextChild(to, NULL, BAD_CAST "fullConfig", BAD_CAST "false");

	for (size_t i = 0; i < sizeof(copied) / sizeof(copied[0]); i++)
		good = good && copy(to, from, copied[i]);
	return good && xmlNewTextChild(to, NULL, BAD_CAST "certHash", BAD_CAST hash) &&
	       xmlNewTextChild(to, NULL, BAD_CAST "encrConfig", BAD_CAST "true");
}

static int write_minimal(struct buf *out, xmlDocPtr full, const char *hash, struct err *e)
{
	xmlDocPtr doc = xmlNewDoc(BAD_CAST "1.0");
	xmlNodePtr root = doc ? xmlNewDocNode(doc, NULL, BAD_CAST "device", NULL) : NULL;
	xmlChar *text = NULL;
	int len = 0;

	if (root)
		xmlDocSetRootElement(doc, root);
	if (root && fill(root, xmlDocGetRootElement(full), hash))
		xmlDocDumpFormatMemoryEnc(doc, &text, &len, "UTF-8", 1);
	if (text)
		buf_put(out, text, (size_t)len);
	xmlFree(text);
	if (doc)
		xmlFreeDoc(doc);
	return len > 0 && !out->bad ? 0 : err_nomem(e);
}

int minimal_config(struct buf *out, struct span full, const X509 *phone, struct err *e)
{
	struct buf hash = {0};
	xmlDocPtr doc = NULL;
	int rc = read_full(&doc, full, e);

	if (!rc)
		rc = cert_hash(&hash, phone, e);
	if (!rc)
		rc = write_minimal(out, doc, (const char *)hash.data, e);
	if (doc)
		xmlFreeDoc(doc);
	buf_free(&hash);
	return rc;
}
