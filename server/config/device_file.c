#include "server/config/device_file.h"

#include "common/hex.h"
#include "common/sha256.h"
#include "server/config/cluster.h"
#include "server/config/device_text.h"
#include "server/config/device_xml.h"
#include "server/config/request.h"
#include "trustfile/cert.h"
#include "trustfile/encrypted.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct device_files {
	struct device_files_setup setup;
	struct cluster cluster;
};

/* One request on its way to a file. */
struct job {
	struct device_files *ctx;
	struct request request;
	struct file_signer signer; /* cert is NULL: nothing can be signed */
	struct store_device device;
	bool found; /* device is filled in */
	enum request_form form;
	bool encrypted; /* the encrypted file is asked for */
	struct config_source source;
	X509 *phone_cert; /* LSC, else MIC; NULL: none is known */
	char version[2 * SHA256_LEN + 1];
	uint8_t tag[DEVICE_FILE_TAG_LEN];
};

/* ---- context ---- */

static uint16_t port_or(uint16_t port, uint16_t usual)
{
	return port ? port : usual;
}

struct device_ports device_ports_of(const struct conf *conf)
{
	return (struct device_ports){.capf = conf->capf.listen.port};
}

int device_files_open(struct device_files **out, const struct device_files_setup *setup,
		      struct err *e)
{
	enum { SCCP = 2000, SIP = 5060, SIPS = 5061, CAPF = 3804, TVS = 2445 };
	struct device_files *ctx = calloc(1, sizeof(*ctx));
	struct device_ports *p;

	if (!ctx)
		return err_nomem(e);
	ctx->setup = *setup;
	p = &ctx->setup.ports;
	p->sccp = port_or(p->sccp, SCCP);
	p->sip = port_or(p->sip, SIP);
	p->sips = port_or(p->sips, SIPS);
	p->capf = port_or(p->capf, CAPF);
	p->tvs = port_or(p->tvs, TVS);
	*out = ctx;
	return 0;
}

void device_files_close(struct device_files *ctx)
{
	if (!ctx)
		return;
	cluster_free(&ctx->cluster);
	free(ctx);
}

/* Brings cluster and key up to date. */
static int refresh(struct device_files *ctx, struct err *e)
{
	bool fresh;
	const int rc = cluster_refresh(&ctx->cluster, ctx->setup.store, &fresh, e);

	if (!rc && fresh && ctx->setup.key)
		file_key_refresh(ctx->setup.key);
	return rc;
}

/* ---- finding out what the file is made from ---- */

static void job_end(struct job *j)
{
	file_signer_drop(&j->signer);
	if (j->found)
		store_device_free(&j->device);
	X509_free(j->phone_cert);
}

/* The device whose file it is, if there is one. */
static int find_device(struct job *j, struct err *e)
{
	for (size_t i = 0; i < REQUEST_DEVICES && *j->request.devices[i]; i++) {
		const struct store_phone *p = &j->device.phone;
		int rc = store_device_get(j->ctx->setup.store, j->request.devices[i], &j->device,
					  &j->found, e);

		if (rc)
			return rc;
		if (!j->found)
			continue;
		j->source.model = device_model_find(p->model);
		if (j->source.model)
			j->form = request_form(&j->request, j->source.model, p->protocol, p->name,
					       &j->encrypted);
		if (j->form != FORM_NONE)
			return 0;
		store_device_free(&j->device);
		j->found = false;
	}
	return 0;
}

/* The certificate that CAPF knows of the phone: the LSC, else the MIC. */
static struct span cert_of(const struct store_phone *p)
{
	return buf_view(p->lsc.len ? &p->lsc : &p->mic);
}

/* Its MD5 (doc/formats.md, "Encrypted configurations"). */
static int take_cert_hash(struct job *j, struct err *e)
{
	const struct span der = cert_of(&j->device.phone);
	uint8_t md[EVP_MAX_MD_SIZE];
	struct buf hex = {0};
	unsigned len = 0;
	int rc = 0;

	if (!der.len)
		return 0;
	if (!EVP_Digest(der.data, der.len, md, &len, EVP_md5(), NULL))
		return err_openssl(e, ERR_FAILED, "digest", "cannot compute certHash");
	hex_lower(&hex, span_of(md, len), 0);
	if (buf_cstr(&hex))
		snprintf(j->source.cert_hash, DEVICE_HASH_MAX, "%s", (const char *)hex.data);
	else
		rc = err_nomem(e);
	buf_free(&hex);
	return rc;
}

static int take_device(struct job *j, struct err *e)
{
	const struct store_profile *p = &j->device.profile;
	const struct device_wish wish = {p->mode, p->transport, p->encrypted_config};

	j->source.device = &j->device;
	j->source.effect = device_effect(j->source.model, j->device.phone.protocol, &wish,
					 j->ctx->cluster.mixed);
	return take_cert_hash(j, e);
}

static void put_signer(struct buf *b, const struct file_signer *s, enum tl_digest digest)
{
	if (s->cert)
		buf_put(b, s->print, sizeof(s->print));
	buf_u8(b, (uint8_t)digest);
}

static void put_ports(struct buf *b, const struct device_ports *p)
{
	buf_u16(b, p->sccp);
	buf_u16(b, p->sip);
	buf_u16(b, p->sips);
	buf_u16(b, p->capf);
	buf_u16(b, p->tvs);
}

/* What all files share. */
static void put_common(struct buf *b, const struct device_files *ctx, const struct file_signer *s)
{
	buf_put(b, ctx->cluster.digest, CLUSTER_DIGEST_LEN);
	put_signer(b, s, ctx->setup.digest);
	put_ports(b, &ctx->setup.ports);
}

static void put_i64(struct buf *b, int64_t v)
{
	buf_u32(b, (uint32_t)((uint64_t)v >> 32));
	buf_u32(b, (uint32_t)v);
}

static int make_tag(struct job *j, struct err *e)
{
	const struct store_phone *p = &j->device.phone;
	struct buf b = {0};
	int rc;

	put_common(&b, j->ctx, &j->signer);
	for (const char *c = j->request.name; *c; c++)
		buf_u8(&b, (uint8_t)tolower((unsigned char)*c));
	buf_u8(&b, 0);
	buf_u8(&b, j->request.wants_signed);
	buf_u8(&b, j->found);
	if (j->found) {
		put_i64(&b, p->id);
		put_i64(&b, j->device.stamp);
		buf_u8(&b, (uint8_t)p->capf.operation);
		buf_u8(&b, (uint8_t)p->capf.status);
		buf_str(&b, j->source.cert_hash);
	}
	rc = b.bad ? err_nomem(e) : sha256_of(j->tag, buf_view(&b), e);
	buf_free(&b);
	return rc;
}

/* The tag says when the file is another one, which is what versionStamp is for. */
static int make_version(struct job *j, struct err *e)
{
	enum { STAMP_BYTES = 8 };
	struct buf hex = {0};
	int rc = 0;

	hex_lower(&hex, span_of(j->tag, STAMP_BYTES), 0);
	if (buf_cstr(&hex))
		snprintf(j->version, sizeof(j->version), "%lld-%s", (long long)j->device.stamp,
			 (const char *)hex.data);
	else
		rc = err_nomem(e);
	buf_free(&hex);
	j->source.version = j->version;
	return rc;
}

/* Everything up to the tag. End with job_end() in every case. */
static int job_start(struct job *j, struct device_files *ctx, struct span name, struct err *e)
{
	int rc = refresh(ctx, e);

	*j = (struct job){.ctx = ctx};
	if (rc)
		return rc;
	request_parse(&j->request, name);
	if (ctx->setup.key)
		file_signer_take(&j->signer, ctx->setup.key);
	j->source.nodes = ctx->cluster.nodes;
	j->source.n = ctx->cluster.n;
	j->source.ports = ctx->setup.ports;
	if (j->request.what == REQUEST_DEVICE)
		rc = find_device(j, e);
	if (!rc && j->found)
		rc = take_device(j, e);
	if (!rc)
		rc = make_tag(j, e);
	if (!rc)
		rc = make_version(j, e);
	return rc;
}

/* ---- building ---- */

static void set_absent(struct device_file *out, const char *why)
{
	out->kind = DEVICE_FILE_NONE;
	out->why = why;
}

/* SHA-512 where it is wanted and the model takes it; who asks for the default file may be any. */
static enum tl_digest digest_for(const struct job *j)
{
	const bool takes = j->found && j->source.model->sha512;

	return j->ctx->setup.digest == TL_SHA512 && takes ? TL_SHA512 : TL_SHA1;
}

/* FILENAME in the spelling that phones use, whatever this one typed. */
static void full_name(char out[REQUEST_MAX + sizeof(".sgn")], const struct job *j)
{
	const struct device_model *m = j->source.model;
	const struct store_phone *p = &j->device.phone;
	const enum device_file_form form = j->encrypted ? DEVICE_FILE_ENCRYPTED : DEVICE_FILE_PLAIN;
	char own[DEVICE_FILE_MAX] = "XMLDefault.cnf.xml";

	for (unsigned n = 0; j->found && device_file_name(own, m, p->protocol, p->name, form, n);
	     n++)
		if (!strcasecmp(own, j->request.name))
			break;
	snprintf(out, REQUEST_MAX + sizeof(".sgn"), "%s%s", own,
		 j->request.wants_signed ? ".sgn" : "");
}

static struct sgn_plan plan_of(const struct job *j, const char *filename)
{
	return (struct sgn_plan){
		.filename = filename,
		.signer = j->signer.cert,
		.list = j->ctx->cluster.list,
		.digest = digest_for(j),
		.timestamp = (uint32_t)time(NULL),
		.checked = true,
	};
}

/* The clear file, whole or minimal. */
static int make_plain(struct buf *out, const struct job *j, bool full, struct err *e)
{
	if (!j->found)
		return default_xml(out, &j->source, e);
	switch (j->form) {
	case FORM_TEXT:
		return device_text(out, &j->source, full, e);
	case FORM_LD:
		return device_text_ld(out, &j->source, full, e);
	case FORM_XML:
	case FORM_NONE:
		break;
	}
	return full ? device_xml_full(out, &j->source, e) : device_xml_minimal(out, &j->source, e);
}

static int build_plain(struct device_file *out, struct job *j, struct err *e)
{
	char filename[REQUEST_MAX + sizeof(".sgn")];
	struct sgn_plan plan;
	struct buf plain = {0};
	int rc;

	out->kind = !j->found                           ? DEVICE_FILE_DEFAULT
		    : j->source.effect.encrypted_config ? DEVICE_FILE_MINIMAL
							: DEVICE_FILE_FULL;
	out->why = out->kind == DEVICE_FILE_MINIMAL
			   ? "the profile wants configurations encrypted: the clear one is minimal"
			   : "";
	out->has_secrets = out->kind == DEVICE_FILE_FULL && config_has_secrets(&j->source);
	rc = make_plain(&plain, j, out->kind != DEVICE_FILE_MINIMAL, e);
	full_name(filename, j);
	plan = plan_of(j, filename);
	out->is_signed = j->request.wants_signed;
	if (!rc && out->is_signed)
		rc = sgn_build(&out->bytes, &plan, buf_view(&plain), file_signer_sign, &j->signer,
			       e);
	else if (!rc)
		buf_span(&out->bytes, buf_view(&plain));
	buf_wipe(&plain);
	return !rc && out->bytes.bad ? err_nomem(e) : rc;
}

static int encrypt(struct buf *out, struct job *j, struct span plain, struct err *e)
{
	const enum device_cipher cipher =
		device_ability(j->source.model, j->device.phone.protocol)->cipher;
	char filename[REQUEST_MAX + sizeof(".sgn")];
	struct enc_plan plan = {.phone = NULL};

	if (cipher == DEVICE_CIPHER_RC4)
		return enc_rc4(out, plain, j->device.key.data, e);
	full_name(filename, j);
	plan.sgn = plan_of(j, filename);
	if (cipher == DEVICE_CIPHER_AES)
		plan.manual_key = j->device.key.data;
	else
		plan.phone = j->phone_cert;
	return enc_build(out, &plan, plain, file_signer_sign, &j->signer, e);
}

/* Why the encrypted file cannot be there; NULL if it can. */
static const char *no_encryption(const struct job *j)
{
	const enum device_cipher cipher =
		device_ability(j->source.model, j->device.phone.protocol)->cipher;

	if (!j->source.effect.encrypted_config)
		return "encryption of configurations is off for this phone";
	if (cipher == DEVICE_CIPHER_PUBKEY && !j->phone_cert)
		return "no certificate of the phone is known yet: CAPF has to meet it first";
	if (cipher == DEVICE_CIPHER_PUBKEY && !cert_rsa_bits(j->phone_cert))
		return "the phone's certificate has no RSA key, so nothing can be encrypted for it";
	if (cipher != DEVICE_CIPHER_PUBKEY && j->device.key.len != device_key_len(cipher))
		return "no key is stored for this phone";
	if (cipher != DEVICE_CIPHER_RC4 && !j->signer.cert)
		return "this node has no key to sign files with";
	return NULL;
}

static int build_encrypted(struct device_file *out, struct job *j, struct err *e)
{
	const struct span der = cert_of(&j->device.phone);
	struct buf plain = {0};
	struct err unreadable;
	const char *why;
	int rc;

	/* One that cannot be read counts as none. */
	if (der.len)
		(void)cert_from_der(&j->phone_cert, der, &unreadable);
	why = no_encryption(j);
	if (why) {
		set_absent(out, why);
		return 0;
	}
	out->kind = DEVICE_FILE_SEALED;
	out->why = "";
	out->is_signed = j->form != FORM_LD;
	rc = make_plain(&plain, j, true, e);
	if (!rc)
		rc = encrypt(&out->bytes, j, buf_view(&plain), e);
	buf_wipe(&plain);
	return rc;
}

/* Why there is no file at all; NULL if there is one. */
static const char *no_file(const struct job *j)
{
	if (j->request.what == REQUEST_OTHER)
		return "this is no name of a configuration file";
	if (j->request.what == REQUEST_DEVICE && !j->found)
		return "no such phone is configured";
	if (!j->request.wants_signed)
		return NULL;
	if (!j->ctx->cluster.mixed)
		return "nothing is signed while the cluster is non-secure";
	return j->signer.cert ? NULL : "this node has no key to sign files with";
}

/* Whose certificates those are that may have the file, where it is for the phone alone. */
static int take_owners(struct device_file *out, const struct job *j, struct err *e)
{
	const struct buf *const certs[] = {&j->device.phone.lsc, &j->device.phone.mic};
	int rc = 0;

	for (size_t i = 0; !rc && out->has_secrets && i < DEVICE_FILE_OWNERS; i++)
		if (certs[i]->len)
			rc = sha256_of(out->owners[out->nowners++], buf_view(certs[i]), e);
	return rc;
}

static int build(struct device_file *out, struct job *j, struct err *e)
{
	int rc;

	if (j->found) {
		memcpy(out->device, j->device.phone.name, sizeof(out->device));
		out->stamp = j->device.stamp;
	}
	if (no_file(j)) {
		set_absent(out, no_file(j));
		return 0;
	}
	rc = j->encrypted ? build_encrypted(out, j, e) : build_plain(out, j, e);
	return rc ? rc : take_owners(out, j, e);
}

int device_file_rebuild(struct device_file *out, struct device_files *ctx, struct span name,
			const uint8_t was[DEVICE_FILE_TAG_LEN], struct err *e)
{
	struct job j;
	int rc = job_start(&j, ctx, name, e);

	*out = (struct device_file){.why = ""};
	memcpy(out->tag, j.tag, sizeof(out->tag));
	if (!rc && was && !memcmp(j.tag, was, sizeof(j.tag)))
		out->kind = DEVICE_FILE_SAME;
	else if (!rc)
		rc = build(out, &j, e);
	job_end(&j);
	if (rc)
		device_file_free(out);
	return rc;
}

int device_file_build(struct device_file *out, struct device_files *ctx, struct span name,
		      struct err *e)
{
	return device_file_rebuild(out, ctx, name, NULL, e);
}

void device_file_free(struct device_file *f)
{
	buf_wipe(&f->bytes);
}

int device_file_tag(uint8_t tag[DEVICE_FILE_TAG_LEN], struct device_files *ctx, struct span name,
		    struct err *e)
{
	struct job j;
	const int rc = job_start(&j, ctx, name, e);

	if (!rc)
		memcpy(tag, j.tag, DEVICE_FILE_TAG_LEN);
	job_end(&j);
	return rc;
}

int device_files_epoch(uint8_t tag[DEVICE_FILE_TAG_LEN], struct device_files *ctx, struct err *e)
{
	struct file_signer signer = {0};
	struct buf b = {0};
	int64_t revision = 0;
	int rc = refresh(ctx, e);

	if (!rc)
		rc = store_phone_revision(ctx->setup.store, &revision, e);
	if (!rc && ctx->setup.key)
		file_signer_take(&signer, ctx->setup.key);
	put_common(&b, ctx, &signer);
	put_i64(&b, revision);
	if (!rc)
		rc = b.bad ? err_nomem(e) : sha256_of(tag, buf_view(&b), e);
	file_signer_drop(&signer);
	buf_free(&b);
	return rc;
}

bool device_file_is_config(struct span name)
{
	struct request r;

	request_parse(&r, name);
	return r.what != REQUEST_OTHER;
}

int device_files_sign(struct buf *out, bool *absent, struct device_files *ctx, const char *filename,
		      struct span content, struct err *e)
{
	struct file_signer signer = {0};
	int rc = refresh(ctx, e);

	if (!rc && ctx->setup.key)
		file_signer_take(&signer, ctx->setup.key);
	*absent = !signer.cert || !ctx->cluster.mixed;
	if (!rc && !*absent) {
		const struct sgn_plan plan = {
			.filename = filename,
			.signer = signer.cert,
			.list = ctx->cluster.list,
			.digest = TL_SHA1, /* nobody knows yet which model asks */
			.timestamp = (uint32_t)time(NULL),
			.checked = true,
		};

		rc = sgn_build(out, &plan, content, file_signer_sign, &signer, e);
	}
	file_signer_drop(&signer);
	return rc;
}
