#include "server/cluster/cert_json.h"

#include "common/json.h"
#include "trustfile/cert.h"

#include <time.h>

static json_t *json_name(const X509_NAME *name)
{
	struct buf text = {0};
	struct err ignored;
	json_t *v = cert_name(&text, name, &ignored) ? json_string("") : json_text(buf_view(&text));

	buf_free(&text);
	return v;
}

static json_t *json_serial(const X509 *cert)
{
	struct buf serial = {0};
	json_t *v;

	cert_serial(&serial, cert);
	v = json_hex(buf_view(&serial));
	buf_free(&serial);
	return v;
}

static json_t *json_sha256(const X509 *cert)
{
	struct buf digest = {0};
	json_t *v;

	cert_sha256(&digest, cert);
	v = json_hex(buf_view(&digest));
	buf_free(&digest);
	return v;
}

static json_t *json_not_after(const X509 *cert)
{
	char text[32];
	struct tm tm;

	if (!ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm))
		return json_string("");
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return json_string(text);
}

static json_t *json_pem(const X509 *cert)
{
	struct buf pem = {0};
	json_t *v;

	cert_pem(&pem, cert);
	v = pem.bad ? NULL : json_text(buf_view(&pem));
	buf_free(&pem);
	return v;
}

json_t *cert_json(const char *role, X509 *cert)
{
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "role", role, "subject",
			 json_name(X509_get_subject_name(cert)), "issuer",
			 json_name(X509_get_issuer_name(cert)), "serial", json_serial(cert),
			 "sha256", json_sha256(cert), "not_after", json_not_after(cert),
			 "certificate", json_pem(cert));
}
