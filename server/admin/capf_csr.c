/*
 * ctladmin capf csr: a third-party authority issues phones' certificates. Requests are carried out
 * to it, and certificates back in, by hand.
 */
#include "common/file.h"
#include "common/hex.h"
#include "common/sha256.h"
#include "server/admin/capf_authority.h"
#include "server/admin/commands.h"
#include "server/admin/node_args.h"
#include "server/store/notify.h"
#include "server/store/store_capf.h"
#include "trustfile/cert.h"

#include <ctype.h>
#include <dirent.h>
#include <jansson.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum {
	FILE_MAX = 1 << 20,
	CERT_MAX = 8 * 1024, /* what phones and proofs take */
};

/* ---- what waits ---- */

struct waiting {
	struct store_capf_request r;
	struct buf spki; /* r.spki */
};

struct waitings {
	struct waiting *list;
	size_t n;
};

static int add(const struct store_capf_request *r, void *arg, struct err *e)
{
	struct waitings *w = arg;
	struct waiting *grown = realloc(w->list, (w->n + 1) * sizeof(*grown));

	if (!grown)
		return err_nomem(e);
	w->list = grown;
	grown[w->n] = (struct waiting){.r = *r};
	buf_span(&grown[w->n].spki, r->spki);
	grown[w->n].r.spki = (struct span){0};
	return grown[w->n++].spki.bad ? err_nomem(e) : 0;
}

static void waitings_free(struct waitings *w)
{
	for (size_t i = 0; i < w->n; i++)
		buf_free(&w->list[i].spki);
	free(w->list);
}

static const char *when(char text[32], int64_t t)
{
	const time_t seconds = (time_t)t;
	struct tm tm;

	strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &tm));
	return text;
}

static int list(const struct node_args *a, struct store *s, const char *state, struct err *e)
{
	struct waitings w = {0};
	json_t *rows = json_array();
	char text[32];
	int rc = store_capf_requests(s, add, &w, e);

	(void)state;
	for (size_t i = 0; !rc && i < w.n; i++) {
		const struct store_capf_request *r = &w.list[i].r;
		const char *what = r->ready ? "waits for its phone" : "waits for a certificate";

		if (a->json)
			json_array_append_new(rows, json_pack("{s:s, s:s, s:b}", "name", r->device,
							      "made", when(text, r->made), "ready",
							      r->ready));
		else
			printf("%-20s %s  %s\n", r->device, when(text, r->made), what);
	}
	if (!rc && a->json) {
		json_t *doc = json_pack("{s:O}", "requests", rows);

		rc = doc && !json_dumpf(doc, stdout, JSON_INDENT(2)) ? (putchar('\n'), 0)
								     : err_nomem(e);
		json_decref(doc);
	}
	json_decref(rows);
	waitings_free(&w);
	return rc;
}

/* ---- out ---- */

static int failed(struct err *e)
{
	return err_openssl(e, ERR_FAILED, "certificate", "cannot make the request");
}

static bool add_extension(STACK_OF(X509_EXTENSION) * list, int nid, const char *value)
{
	X509_EXTENSION *x = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	if (x && sk_X509_EXTENSION_push(list, x) > 0)
		return true;
	X509_EXTENSION_free(x);
	return false;
}

/* OpenSSL takes a comma for the end of a name. */
static bool is_plain(const char *name)
{
	return !name[strcspn(name, ",;\\\" ")];
}

static bool add_extensions(X509_REQ *req, const char *device)
{
	STACK_OF(X509_EXTENSION) *list = sk_X509_EXTENSION_new_null();
	char uri[STORE_CAPF_NAME_MAX + 8];
	bool good;

	snprintf(uri, sizeof(uri), "URI:%s", device);
	good = list &&
	       add_extension(list, NID_key_usage, "critical,digitalSignature,keyEncipherment") &&
	       add_extension(list, NID_ext_key_usage, "serverAuth,clientAuth,ipsecEndSystem") &&
	       (!is_plain(device) || add_extension(list, NID_subject_alt_name, uri)) &&
	       X509_REQ_add_extensions(req, list);
	sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
	return good;
}

/* Only who has a key can sign a request for it, and phones sign none: the request has the name and
 * the extensions, and is signed with a key of the moment; the key to be certified goes beside it.
 */
static int make_request(X509_REQ **out, const struct store_cert *present, const char *device,
			EVP_PKEY *moment, struct err *e)
{
	X509_REQ *req = X509_REQ_new();
	X509_NAME *subject = NULL;
	int rc = capf_authority_subject(&subject, present, device, e);

	if (!rc && (!req || !X509_REQ_set_version(req, X509_REQ_VERSION_1) ||
		    !X509_REQ_set_subject_name(req, subject) || !X509_REQ_set_pubkey(req, moment) ||
		    !add_extensions(req, device) || !X509_REQ_sign(req, moment, EVP_sha256())))
		rc = failed(e);
	X509_NAME_free(subject);
	if (rc)
		X509_REQ_free(req);
	else
		*out = req;
	return rc;
}

/* DIR/NAME.suffix; a colon in a name is none of a file. */
static char *path_of(const char *dir, const char *name, const char *suffix)
{
	char *path;

	if (asprintf(&path, "%s/%s.%s", dir, name, suffix) < 0)
		return NULL;
	for (char *p = path + strlen(dir); *p; p++)
		if (*p == ':')
			*p = '_';
	return path;
}

static int write_bio(const char *dir, const char *name, const char *suffix, BIO *bio, struct err *e)
{
	char *path = path_of(dir, name, suffix), *text;
	const long n = BIO_get_mem_data(bio, &text);
	int rc = path ? file_write(path, span_of(text, (size_t)n), 0644, e) : err_nomem(e);

	free(path);
	return rc;
}

static int write_both(const char *dir, const char *name, X509_REQ *req, struct span spki,
		      struct err *e)
{
	BIO *csr = BIO_new(BIO_s_mem()), *pub = BIO_new(BIO_s_mem());
	int rc = csr && pub && PEM_write_bio_X509_REQ(csr, req) &&
				 PEM_write_bio(pub, PEM_STRING_PUBLIC, "", spki.data,
					       (long)spki.len) > 0
			 ? 0
			 : failed(e);

	if (!rc)
		rc = write_bio(dir, name, "csr", csr, e);
	if (!rc)
		rc = write_bio(dir, name, "pub", pub, e);
	BIO_free(csr);
	BIO_free(pub);
	return rc;
}

static int export_one(const char *dir, const struct waiting *w, const struct store_cert *present,
		      EVP_PKEY *moment, struct err *e)
{
	X509_REQ *req;
	int rc = make_request(&req, present, w->r.device, moment, e);

	if (rc)
		return rc;
	rc = write_both(dir, w->r.device, req, buf_view(&w->spki), e);
	X509_REQ_free(req);
	return rc;
}

static int export_all(const char *dir, const struct waitings *w, const struct store_cert *present,
		      struct err *e)
{
	EVP_PKEY *moment = EVP_EC_gen("P-256");
	size_t n = 0;
	int rc = moment ? file_mkdirs(dir, 0755, e) : failed(e);

	for (size_t i = 0; !rc && i < w->n; i++) {
		if (w->list[i].r.ready)
			continue;
		rc = export_one(dir, &w->list[i], present, moment, e);
		n++;
	}
	EVP_PKEY_free(moment);
	if (rc)
		return rc;
	printf("wrote %zu requests into %s\n", n, dir);
	if (n)
		printf("NAME.csr has name and extensions, NAME.pub the key that is to be "
		       "certified:\n"
		       "  openssl x509 -req -in NAME.csr -force_pubkey NAME.pub -copy_extensions "
		       "copy \\\n    -CA ca.pem -CAkey ca.key -out NAME.pem\n");
	return 0;
}

static int no_capf(struct err *e)
{
	return err_set(e, ERR_FAILED, "role", "this node has no CAPF: the first node has it");
}

static int export(const struct node_args *a, struct store *s, const char *state, struct err *e)
{
	struct store_node self;
	struct waitings w = {0};
	const struct store_cert *present;
	int rc = store_node_self(s, &self, e);

	(void)state;
	if (rc)
		return rc;
	present = store_node_cert(&self, "capf");
	rc = present ? store_capf_requests(s, add, &w, e) : no_capf(e);
	if (!rc)
		rc = export_all(a->words[0], &w, present, e);
	waitings_free(&w);
	store_node_free(&self);
	return rc;
}

/* ---- in ---- */

struct import {
	struct store *s;
	const struct store_node *self;
	struct waitings waiting;
	size_t good, bad;
};

static int refuse(struct err *e, const char *why)
{
	return err_set(e, ERR_REFUSED, "capf-certificate", "%s", why);
}

static bool names(const X509 *x, const char *device)
{
	const X509_NAME *subject = X509_get_subject_name(x);
	const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	unsigned char *utf8 = NULL;
	bool same;
	int n;

	if (at < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0)
		return false;
	n = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
	same = n > 0 && (size_t)n == strlen(device) && !memcmp(utf8, device, (size_t)n);
	OPENSSL_free(utf8);
	return same;
}

static bool issued_by(X509 *x, struct span der)
{
	struct err ignored;
	X509 *issuer;
	bool good;

	if (cert_from_der(&issuer, der, &ignored))
		return false;
	good = !X509_NAME_cmp(X509_get_issuer_name(x), X509_get_subject_name(issuer)) &&
	       X509_verify(x, X509_get0_pubkey(issuer)) == 1;
	ERR_clear_error();
	X509_free(issuer);
	return good;
}

static bool is_external(const struct import *i, X509 *x)
{
	for (size_t k = 0; k < i->self->ncerts; k++)
		if (!strcmp(i->self->certs[k].role, STORE_ROLE_CAPF_EXTERNAL) &&
		    issued_by(x, i->self->certs[k].der))
			return true;
	return false;
}

static struct waiting *find_key(const struct import *i, X509 *x)
{
	for (size_t k = 0; k < i->waiting.n; k++) {
		struct waiting *w = &i->waiting.list[k];
		const unsigned char *p = w->spki.data;
		EVP_PKEY *key = d2i_PUBKEY(NULL, &p, (long)w->spki.len);
		const bool same = key && EVP_PKEY_eq(key, X509_get0_pubkey(x)) == 1;

		EVP_PKEY_free(key);
		if (same)
			return w;
	}
	ERR_clear_error();
	return NULL;
}

static int check(const struct import *i, X509 *x, struct span der, const struct waiting *w,
		 struct err *e)
{
	if (!w) {
		refuse(e, "its key is that of no request that waits");
		return err_hint(e, "the key to be certified is in NAME.pub, not in NAME.csr: "
				   "-force_pubkey; \"ctladmin capf csr list\" shows who waits");
	}
	if (!names(x, w->r.device))
		return err_set(e, ERR_REFUSED, "capf-certificate",
			       "its common name is not %s, whose key it has", w->r.device);
	if (!is_external(i, x)) {
		refuse(e, "it is not issued by the third-party authority");
		return err_hint(e, "\"ctladmin capf csr authority FILE\" says who that is");
	}
	if (der.len > CERT_MAX)
		return refuse(e, "it is longer than phones take");
	if (X509_cmp_current_time(X509_get0_notAfter(x)) < 0 ||
	    X509_cmp_current_time(X509_get0_notBefore(x)) > 0)
		return refuse(e, "it is not valid now");
	if (X509_check_ca(x))
		return refuse(e, "it is an authority's certificate: its phone could make others");
	if (!(X509_get_key_usage(x) & KU_DIGITAL_SIGNATURE))
		return refuse(e, "its keyUsage does not have digitalSignature");
	return w->r.ready ? refuse(e, "there is one for this key already") : 0;
}

static int64_t seconds_of(const ASN1_TIME *t)
{
	struct tm tm;

	return ASN1_TIME_to_tm(t, &tm) ? (int64_t)timegm(&tm) : 0;
}

static bool serial_of(char text[STORE_CAPF_SERIAL_MAX], X509 *x)
{
	BIGNUM *n = ASN1_INTEGER_to_BN(X509_get0_serialNumber(x), NULL);
	char *digits = n && !BN_is_negative(n) && !BN_is_zero(n) ? BN_bn2hex(n) : NULL;
	const bool good = digits && strlen(digits) < STORE_CAPF_SERIAL_MAX;

	if (good)
		for (size_t i = 0; i <= strlen(digits); i++)
			text[i] = (char)tolower((unsigned char)digits[i]);
	OPENSSL_free(digits);
	BN_free(n);
	return good;
}

static int keep(struct store *s, const struct waiting *w, X509 *x, struct span der, struct err *e)
{
	struct store_capf_issued i = {.number = w->r.number,
				      .der = der,
				      .not_before = seconds_of(X509_get0_notBefore(x)),
				      .not_after = seconds_of(X509_get0_notAfter(x)),
				      .issued = time(NULL),
				      .external = true};
	struct store_capf_note note = {
		.number = w->r.number,
		.now = i.issued,
		.address = "",
		.text = "the certificate of the third-party authority is here: the phone gets it "
			"when it calls again"};
	const struct store_capf_limits limits = {0, 0};
	struct store_capf_case c;
	struct buf instead = {0};
	bool found;
	int rc;

	if (!serial_of(i.serial, x))
		return refuse(e, "its serial number is none");
	snprintf(i.device, sizeof(i.device), "%s", w->r.device);
	rc = sha256_of(i.spki, buf_view(&w->spki), e);
	if (!rc)
		rc = store_capf_get(s, w->r.device, &c, &found, e);
	if (!rc && !found)
		rc = refuse(e, "its device is gone");
	if (!rc)
		rc = store_capf_issue(s, &c, &i, &instead, e);
	if (!rc)
		rc = store_capf_note(s, &c, &note, &limits, e);
	buf_free(&instead);
	return rc;
}

static void import_cert(struct import *i, X509 *x, const char *file)
{
	struct waiting *w = find_key(i, x);
	struct buf der = {0};
	struct err e;
	int rc;

	cert_der(&der, x);
	rc = der.bad ? err_nomem(&e) : check(i, x, buf_view(&der), w, &e);
	if (!rc)
		rc = keep(i->s, w, x, buf_view(&der), &e);
	buf_free(&der);
	if (rc) {
		i->bad++;
		fprintf(stderr, "%s: not taken: %s\n", file, e.what);
		if (*e.hint)
			fprintf(stderr, "  %s\n", e.hint);
		return;
	}
	w->r.ready = true;
	i->good++;
	printf("%s: certificate taken; the phone gets it when it calls again\n", w->r.device);
}

/* One certificate, PEM or DER, or several in PEM. */
static int each_cert(struct span content, const char *file,
		     void (*fn)(void *arg, X509 *x, const char *file), void *arg, struct err *e)
{
	BIO *bio = BIO_new_mem_buf(content.data, (int)content.len);
	size_t n = 0;
	X509 *x;
	int rc = 0;

	while (bio && (x = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
		fn(arg, x, file);
		X509_free(x);
		n++;
	}
	BIO_free(bio);
	ERR_clear_error();
	if (n)
		return 0;
	rc = cert_from_file_bytes(&x, content, e);
	if (!rc) {
		fn(arg, x, file);
		X509_free(x);
	}
	return rc;
}

static void import_each(void *arg, X509 *x, const char *file)
{
	import_cert(arg, x, file);
}

static int import_file(struct import *i, const char *path, struct err *e)
{
	struct buf content = {0};
	int rc = file_read(path, FILE_MAX, &content, e);

	if (!rc)
		rc = each_cert(buf_view(&content), path, import_each, i, e);
	buf_free(&content);
	return rc;
}

static bool is_cert_file(const char *name)
{
	static const char *const suffixes[] = {".pem", ".crt", ".cer", ".der"};
	const size_t n = strlen(name);

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
		if (n > 4 && !strcasecmp(name + n - 4, suffixes[i]))
			return true;
	return false;
}

static int import_folder(struct import *i, const char *folder, DIR *d, struct err *e)
{
	const struct dirent *entry;
	int rc = 0;

	while (!rc && (entry = readdir(d))) {
		char *path;
		struct err why;

		if (!is_cert_file(entry->d_name))
			continue;
		path = file_join(folder, entry->d_name);
		if (!path) {
			rc = err_nomem(e);
		} else if (import_file(i, path, &why)) {
			i->bad++;
			fprintf(stderr, "%s: not taken: %s\n", path, why.what);
		}
		free(path);
	}
	return rc;
}

static int import_path(struct import *i, const char *path, struct err *e)
{
	DIR *d = opendir(path);
	int rc;

	if (!d)
		return import_file(i, path, e);
	rc = import_folder(i, path, d, e);
	closedir(d);
	return rc;
}

static int import(const struct node_args *a, struct store *s, const char *state, struct err *e)
{
	struct store_node self;
	struct import i = {.s = s, .self = &self};
	int rc = store_node_self(s, &self, e);

	if (rc)
		return rc;
	rc = store_capf_requests(s, add, &i.waiting, e);
	if (!rc)
		rc = import_path(&i, a->words[0], e);
	if (i.good)
		notify_all(state);
	if (!rc)
		printf("%zu taken, %zu not\n", i.good, i.bad);
	if (!rc && i.bad)
		rc = err_set(e, ERR_REFUSED, "capf-certificate", "%zu certificates were not taken",
			     i.bad);
	waitings_free(&i.waiting);
	store_node_free(&self);
	return rc;
}

/* ---- who issues ---- */

struct chain {
	struct buf ders[CAPF_CHAIN_MAX];
	size_t n;
	const char *why; /* NULL: all of them are fit */
};

static void take_authority(void *arg, X509 *x, const char *file)
{
	struct chain *c = arg;

	(void)file;
	if (c->n == CAPF_CHAIN_MAX)
		c->why = "has too many certificates";
	else if (X509_check_ca(x) != 1 || !(X509_get_key_usage(x) & KU_KEY_CERT_SIGN))
		c->why = "has a certificate that is no authority's";
	else if (X509_cmp_current_time(X509_get0_notAfter(x)) < 0)
		c->why = "has a certificate that has expired";
	else
		cert_der(&c->ders[c->n++], x);
}

static int authority(const struct node_args *a, struct store *s, const char *state, struct err *e)
{
	const bool none = !strcmp(a->words[0], "none");
	struct buf content = {0};
	struct chain c = {0};
	int rc = none ? 0 : file_read(a->words[0], FILE_MAX, &content, e);

	if (!rc && !none)
		rc = each_cert(buf_view(&content), a->words[0], take_authority, &c, e);
	if (!rc && c.why)
		rc = err_set(e, ERR_REFUSED, "capf-authority", "%s %s", a->words[0], c.why);
	if (!rc)
		rc = capf_authority_external(s, c.ders, c.n, e);
	if (!rc) {
		notify_all(state);
		printf(none ? "ctlcapfd issues certificates itself again\n"
			    : "keys of phones wait from now on as requests: \"ctladmin capf csr "
			      "export DIR\"\n");
	}
	for (size_t i = 0; i < c.n; i++)
		buf_free(&c.ders[i]);
	buf_free(&content);
	return rc;
}

/* ---- commands ---- */

static int run(const char *args, const char *doc, size_t nwords, node_cmd_fn *fn,
	       enum store_access access, int argc, char **argv)
{
	static const struct argp_option options[] = {NODE_OPTION_JSON, NODE_OPTIONS_WHERE, {0}};
	struct node_args a = {.nwords_min = nwords, .nwords_max = nwords};

	return node_cmd(&a, options, args, doc, access, fn, argc, argv);
}

static int cmd_list(int argc, char **argv, void *ctx)
{
	(void)ctx;
	return run("",
		   "Lists the keys that wait for a certificate, or have one and wait for their "
		   "phone.",
		   0, list, STORE_READ, argc, argv);
}

static int cmd_export(int argc, char **argv, void *ctx)
{
	(void)ctx;
	return run("DIR",
		   "Writes a request for each key that waits: DIR/NAME.csr with the name and what "
		   "the certificate is for, and DIR/NAME.pub with the key, which only its phone "
		   "could sign a request with.",
		   1, export, STORE_READ, argc, argv);
}

static int cmd_import(int argc, char **argv, void *ctx)
{
	(void)ctx;
	return run("FILE|DIR",
		   "Takes certificates that the third-party authority has made, PEM or DER. Each "
		   "must have the key and the name of a request that waits. Phones get them when "
		   "they call again.",
		   1, import, STORE_WRITE, argc, argv);
}

static int cmd_authority(int argc, char **argv, void *ctx)
{
	(void)ctx;
	return run("FILE|none",
		   "Says who issues phones' certificates: the third-party authority whose "
		   "certificate (and those above it) is in FILE, PEM or DER; with \"none\" CAPF "
		   "itself again. LSCs of all of them count as proofs, on all nodes.",
		   1, authority, STORE_WRITE, argc, argv);
}

int cmd_capf_csr(int argc, char **argv, void *ctx)
{
	static const struct cli_cmd table[] = {
		{"authority", "FILE|none", "say who the third-party authority is", cmd_authority},
		{"list", "", "list the keys that wait", cmd_list},
		{"export", "DIR", "write requests", cmd_export},
		{"import", "FILE|DIR", "take certificates", cmd_import},
		{0},
	};

	return cli_dispatch(table,
			    "Phones' certificates from a third-party authority, carried by hand. "
			    "These commands run on the first node.",
			    "", argc, argv, ctx);
}
