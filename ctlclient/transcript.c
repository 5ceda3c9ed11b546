#include "ctlclient/transcript.h"

#include "common/file.h"
#include "common/json.h"
#include "common/sha256.h"
#include "ctlclient/ctl_json.h"
#include "trustfile/cert.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { OPT_TRANSCRIPT = 256, OPT_OPERATOR, OPT_CONTINUES };

static const struct argp_option options[] = {
	{"transcript", OPT_TRANSCRIPT, "FILE", 0,
	 "Keep a record of the ceremony, signed by the token; the file must not exist", 0},
	{"operator", OPT_OPERATOR, "NAME", 0, "Who holds the ceremony, for the record", 0},
	{"continues", OPT_CONTINUES, "FILE", 0,
	 "An earlier record of the ceremony: its SHA-256 becomes part of this one", 0},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct transcript_opts *o = state->input;

	switch (key) {
	case OPT_TRANSCRIPT:
		o->path = arg;
		return 0;
	case OPT_OPERATOR:
		o->operator_name = arg;
		return 0;
	case OPT_CONTINUES:
		o->continues = arg;
		return 0;
	case ARGP_KEY_END:
		if ((o->operator_name || o->continues) && !o->path)
			argp_error(state, "--%s is for the record; give --transcript FILE",
				   o->operator_name ? "operator" : "continues");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp options_transcript = {options, parse, NULL, NULL, NULL, NULL, NULL};

struct transcript {
	char *path;
	int fd;
	json_int_t n;                      /* lines written */
	char previous[2 * SHA256_LEN + 1]; /* SHA-256 of the last one */
	EVP_MD_CTX *all;                   /* SHA-512 over all of them */
	off_t size;
	X509 *cert; /* who closes it: NULL until known */
	tl_sign_fn *sign;
	void *arg;
};

/* ---- facts ---- */

json_t *transcript_bytes(const char *file, struct span data)
{
	char sha256[2 * SHA256_LEN + 1];
	struct err ignored;

	if (sha256_text(sha256, data, &ignored))
		return NULL;
	return json_pack("{s:o*, s:I, s:s}", "file",
			 file ? json_text(span_of(file, strlen(file))) : NULL, "size",
			 (json_int_t)data.len, "sha256", sha256);
}

json_t *transcript_cert(const X509 *cert)
{
	struct buf subject = {0};
	struct buf serial = {0};
	struct buf sha256 = {0};
	struct err ignored;
	json_t *doc;

	if (cert_name(&subject, X509_get_subject_name(cert), &ignored))
		buf_str(&subject, "?");
	cert_serial(&serial, cert);
	cert_sha256(&sha256, cert);
	doc = json_pack("{s:o, s:o, s:o}", "subject", json_text(buf_view(&subject)), "serial",
			json_hex(buf_view(&serial)), "sha256", json_hex(buf_view(&sha256)));
	buf_free(&subject);
	buf_free(&serial);
	buf_free(&sha256);
	return doc;
}

/* ---- lines ---- */

static int cannot_write(const struct transcript *t, int why, struct err *e)
{
	err_set(e, ERR_FAILED, "transcript", "cannot write the record %s: %s", t->path,
		strerror(why));
	return err_hint(e, "without the record the ceremony does not go on; free some space, or "
			   "name another file");
}

/* What a failed write left behind is cut off again: a record has whole lines only. */
static int append(struct transcript *t, struct span line, struct err *e)
{
	ssize_t n;

	do
		n = write(t->fd, line.data, line.len);
	while (n < 0 && errno == EINTR);
	if (n == (ssize_t)line.len && !fsync(t->fd)) {
		t->size += n;
		return 0;
	}
	n = n < 0 || n == (ssize_t)line.len ? errno : ENOSPC;
	if (ftruncate(t->fd, t->size))
		n = errno;
	return cannot_write(t, (int)n, e);
}

/* Writes doc as the next line, the link to the one before it added; lets go of doc. */
static int write_line(struct transcript *t, json_t *doc, struct err *e)
{
	char *text;
	struct buf line = {0};
	int rc = 0;

	if (json_object_set_new(doc, "previous", json_string(t->previous)))
		rc = err_nomem(e);
	text = rc ? NULL : json_dumps(doc, JSON_COMPACT);
	json_decref(doc);
	buf_str(&line, text ? text : "");
	buf_u8(&line, '\n');
	if (!rc && (!text || line.bad))
		rc = err_nomem(e);
	if (!rc && line.len > TRANSCRIPT_LINE_MAX)
		rc = cannot_write(t, EMSGSIZE, e);
	if (!rc)
		rc = append(t, buf_view(&line), e);
	if (!rc)
		rc = sha256_text(t->previous, buf_view(&line), e);
	if (!rc && EVP_DigestUpdate(t->all, line.data, line.len) != 1)
		rc = err_openssl(e, ERR_FAILED, "digest", "cannot compute SHA-512");
	if (!rc)
		t->n++;
	free(text);
	buf_free(&line);
	return rc;
}

int transcript_step(struct transcript *t, const char *step, int rc, json_t *facts, struct err *e)
{
	struct err of_writing;
	json_t *doc;
	int failed;

	if (!t) {
		json_decref(facts);
		return rc;
	}
	doc = json_pack("{s:I, s:o, s:s, s:s}", "n", t->n + 1, "time", ctl_json_time(time(NULL)),
			"step", step, "result", rc ? "failed" : "ok");
	if (rc)
		json_object_set_new(doc, "error",
				    json_pack("{s:s, s:o}", "id", e->id, "text",
					      json_text(span_of(e->what, strlen(e->what)))));
	json_object_update_missing(doc, facts);
	json_decref(facts);
	failed = write_line(t, doc, &of_writing);
	if (failed && !rc)
		*e = of_writing;
	return rc ? rc : failed;
}

/* ---- the file ---- */

static int make_file(struct transcript *t, struct err *e)
{
	char *copy;
	int folder;

	t->fd = open(t->path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0644);
	if (t->fd < 0 && errno == EEXIST) {
		err_set(e, ERR_FAILED, "file-exists", "the record %s exists already", t->path);
		return err_hint(e, "records are never overwritten: name a new file");
	}
	if (t->fd < 0)
		return cannot_write(t, errno, e);
	copy = strdup(t->path);
	folder = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	free(copy);
	if (folder >= 0) {
		(void)fsync(folder);
		close(folder);
	}
	return 0;
}

static void transcript_free(struct transcript *t)
{
	if (t->fd >= 0)
		close(t->fd);
	EVP_MD_CTX_free(t->all);
	X509_free(t->cert);
	free(t->path);
	free(t);
}

static const char *login_name(char *scratch, size_t size)
{
	struct passwd pw;
	struct passwd *found = NULL;

	if (getpwuid_r(getuid(), &pw, scratch, size, &found) || !found)
		return "?";
	return pw.pw_name;
}

static json_t *first_line(const struct transcript_opts *o, const char *command)
{
	char scratch[4096];
	char host[256] = "?";
	const char *login = login_name(scratch, sizeof(scratch));
	const char *who = o->operator_name ? o->operator_name : login;

	(void)gethostname(host, sizeof(host) - 1);
	return json_pack("{s:s, s:i, s:s, s:s, s:s, s:s, s:o, s:o, s:o}", "format",
			 TRANSCRIPT_FORMAT, "version", TRANSCRIPT_VERSION, "command", command,
			 "ctlsuite", CTL_VERSION, "openssl",
			 OpenSSL_version(OPENSSL_VERSION_STRING), "p11_kit", CTL_P11KIT_VERSION,
			 "operator", json_text(span_of(who, strlen(who))), "login",
			 json_text(span_of(login, strlen(login))), "host",
			 json_text(span_of(host, strlen(host))));
}

static int add_continued(json_t *facts, const char *path, struct err *e)
{
	struct buf earlier = {0};
	int rc = path ? file_read(path, TRANSCRIPT_FILE_MAX, &earlier, e) : 0;

	if (path && !rc &&
	    json_object_set_new(facts, "continues", transcript_bytes(path, buf_view(&earlier))))
		rc = err_nomem(e);
	buf_free(&earlier);
	return rc;
}

static int begin(struct transcript *t, const struct transcript_opts *o, const char *command,
		 struct err *e)
{
	json_t *facts = first_line(o, command);
	int rc = add_continued(facts, o->continues, e);

	if (!rc)
		rc = make_file(t, e);
	if (!rc)
		return transcript_step(t, "begin", 0, facts, e);
	json_decref(facts);
	return rc;
}

int transcript_open(struct transcript **out, const struct transcript_opts *o, const char *command,
		    struct err *e)
{
	struct transcript *t;
	int rc = 0;

	*out = NULL;
	if (!o->path)
		return 0;
	t = calloc(1, sizeof(*t));
	if (!t)
		return err_nomem(e);
	t->fd = -1;
	t->path = strdup(o->path);
	t->all = EVP_MD_CTX_new();
	memset(t->previous, '0', sizeof(t->previous) - 1);
	if (!t->path || !t->all || EVP_DigestInit_ex(t->all, EVP_sha512(), NULL) != 1)
		rc = err_nomem(e);
	if (!rc)
		rc = begin(t, o, command, e);
	if (rc)
		transcript_free(t);
	else
		*out = t;
	return rc;
}

/* ---- the end ---- */

void transcript_seal_with(struct transcript *t, X509 *cert, tl_sign_fn *sign, void *arg)
{
	if (!t || !X509_up_ref(cert))
		return;
	X509_free(t->cert);
	t->cert = cert;
	t->sign = sign;
	t->arg = arg;
}

/* The signature covers all lines before its own: SHA-512, PKCS#1 v1.5. */
static int sign_all(struct buf *sig, const struct transcript *t, struct err *e)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	struct buf info = {0};
	const size_t siglen = ((size_t)cert_rsa_bits(t->cert) + 7) / 8;
	uint8_t *to = buf_room(sig, siglen);
	int rc;

	if (!to || EVP_DigestFinal_ex(t->all, digest, &n) != 1)
		return err_nomem(e);
	rc = tf_digest_info(&info, TL_SHA512, span_of(digest, n), e);
	if (!rc)
		rc = t->sign(t->arg, info.data, info.len, to, siglen, e);
	if (!rc)
		sig->len += siglen;
	buf_free(&info);
	return rc;
}

static int seal(struct transcript *t, struct err *e)
{
	struct buf sig = {0};
	int rc = sign_all(&sig, t, e);

	if (rc)
		err_wrap(e, "the record %s is not signed", t->path);
	else
		rc = write_line(t,
				json_pack("{s:I, s:s, s:s, s:o, s:o}", "n", t->n + 1, "step",
					  "signature", "algorithm", TRANSCRIPT_ALGORITHM,
					  "certificate", ctl_json_pem(t->cert), "signature",
					  ctl_json_base64(buf_view(&sig))),
				e);
	buf_free(&sig);
	return rc;
}

int transcript_close(struct transcript *t, int rc, struct err *e)
{
	struct err of_closing = {0};
	json_t *facts;
	int failed;

	if (!t)
		return rc;
	facts = json_pack("{s:o}", "signer", t->cert ? transcript_cert(t->cert) : json_null());
	if (rc)
		of_closing = *e;
	failed = transcript_step(t, "end", rc, facts, &of_closing);
	if (t->cert && (rc || !failed))
		failed = seal(t, &of_closing);
	if (failed && !rc)
		*e = of_closing;
	transcript_free(t);
	return rc ? rc : failed;
}
