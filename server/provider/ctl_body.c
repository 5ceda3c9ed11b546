#include "server/provider/ctl_body.h"

#include "common/base64.h"
#include "server/cluster/node_desc.h"
#include "trustfile/cert.h"

#include <stdlib.h>
#include <string.h>

static int bad(struct err *e, const char *what)
{
	return err_set(e, ERR_USAGE, "bad-request", "the body %s", what);
}

static int read_tftp(struct store_node *t, json_t *v, struct err *e)
{
	const char *name, *address = "", *pem;
	struct buf der = {0};
	X509 *cert = NULL;
	int rc;

	if (json_unpack(v, "{s:s, s?s, s:s !}", "name", &name, "address", &address, "certificate",
			&pem))
		return bad(e, "has a TFTP server without name or certificate");
	rc = cert_from_file_bytes(&cert, span_of(pem, strlen(pem)), e);
	if (rc)
		return err_wrap(e, "the certificate of %s", name);
	cert_der(&der, cert);
	rc = der.bad ? err_nomem(e) : tftp_desc_make(t, name, address, buf_view(&der), e);
	buf_free(&der);
	X509_free(cert);
	return rc;
}

static int read_added(struct ctl_body *b, json_t *list, struct err *e)
{
	const size_t n = json_array_size(list);
	int rc = 0;

	if (list && (!json_is_array(list) || n > TFTPS_MAX))
		return bad(e, "has something else than a list of a few TFTP servers to add");
	b->tftps = calloc(n ? n : 1, sizeof(*b->tftps));
	if (!b->tftps)
		return err_nomem(e);
	for (; !rc && b->ntftps < n; b->ntftps++)
		rc = read_tftp(&b->tftps[b->ntftps], json_array_get(list, b->ntftps), e);
	return rc;
}

static int read_removed(struct ctl_body *b, json_t *list, struct err *e)
{
	const size_t n = json_array_size(list);

	if (list && (!json_is_array(list) || n > TFTPS_MAX))
		return bad(e, "has something else than a list of a few TFTP servers to remove");
	b->gone = calloc(n ? n : 1, sizeof(*b->gone));
	if (!b->gone)
		return err_nomem(e);
	for (; b->ngone < n; b->ngone++) {
		b->gone[b->ngone] = json_string_value(json_array_get(list, b->ngone));
		if (!b->gone[b->ngone])
			return bad(e, "has a TFTP server to remove that is no text");
	}
	return 0;
}

int ctl_body_read(struct ctl_body *b, struct span body, struct err *e)
{
	json_t *tftps = NULL, *add = NULL, *gone = NULL;
	const char *list;
	int rc;

	*b = (struct ctl_body){0};
	if (json_read(&b->doc, body, e)) {
		err_wrap(e, "the body");
		e->kind = ERR_USAGE;
		return ERR_USAGE;
	}
	if (json_unpack(b->doc, "{s:s, s?o !}", "ctl", &list, "tftp_servers", &tftps) ||
	    !base64_take(&b->list, span_of(list, strlen(list)), BASE64_PLAIN))
		return bad(e, "has no list in base64 as \"ctl\"");
	if (tftps && json_unpack(tftps, "{s?o, s?o !}", "add", &add, "remove", &gone))
		return bad(e, "has \"tftp_servers\" that are not lists to \"add\" and \"remove\"");
	rc = read_added(b, add, e);
	return rc ? rc : read_removed(b, gone, e);
}

void ctl_body_free(struct ctl_body *b)
{
	store_nodes_free(b->tftps, b->ntftps);
	free(b->gone);
	buf_free(&b->list);
	json_decref(b->doc);
	*b = (struct ctl_body){0};
}
