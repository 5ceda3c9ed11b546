#include "phone/verify.h"

#include "common/text.h"
#include "trustfile/signed.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static const char default_stem[] = "XMLDefault.cnf";

enum kind {
	KIND_CTL,
	KIND_ITL,
	KIND_SIGNED,
	KIND_ENCRYPTED,
	KIND_TYPED,
	KIND_CONFIG,   /* in the clear */
	KIND_OTHER,    /* ring lists, locales: in the clear */
	KIND_FIRMWARE, /* signed by its maker, inside */
};

/* The file in question. */
struct question {
	struct boot *boot;
	const char *base; /* last part of its path, or what the phone asked for */
	const char *as;   /* NULL: nobody said */
	struct span file;
};

/* ---- what is it? ---- */

static bool ends_in_any(const char *name, const char *const ends[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (text_ends_in(name, ends[i]))
			return true;
	return false;
}

static bool is_tlv(struct span file)
{
	static const uint8_t start[] = {TF_VERSION, 0, 2};

	return file.len >= TL_FILE_MIN && !memcmp(file.data, start, sizeof(start));
}

static enum kind kind_of_signed(struct span file)
{
	switch (sgn_kind(file)) {
	case TF_ENC:
		return KIND_ENCRYPTED;
	case TF_ENC_MANUAL:
		return KIND_TYPED;
	case TF_LIST:
	case TF_SGN:
		break;
	}
	return KIND_SIGNED;
}

static enum kind kind_of_list(const char *base)
{
	return strncasecmp(base, "ITL", 3) ? KIND_CTL : KIND_ITL;
}

/* A file without a telling name: by what it calls itself. */
static enum kind kind_of_tlv(const char *base, struct span file)
{
	const struct span ctl = span_of(TL_CTL_NAME, sizeof(TL_CTL_NAME));
	const struct span itl = span_of(TL_ITL_NAME, sizeof(TL_ITL_NAME));
	struct tf_header h;
	struct err ignored;

	if (tf_header_parse(&h, file, TF_LIST, &ignored))
		return file.data[3] > 1 ? kind_of_signed(file) : kind_of_list(base);
	if (span_eq(h.value[TF_FILENAME], itl))
		return KIND_ITL;
	return span_eq(h.value[TF_FILENAME], ctl) ? KIND_CTL : KIND_SIGNED;
}

static enum kind find_kind(const char *base, struct span file)
{
	static const char *const firmware[] = {".loads", ".sbn", ".sbin", ".zz"};
	static const char *const configs[] = {".cnf.xml", ".cnf"};
	static const char *const typed[] = {".x", ".cnf.enc.sgn"};

	if (text_ends_in(base, ".tlv"))
		return kind_of_list(base);
	if (ends_in_any(base, typed, sizeof(typed) / sizeof(typed[0])))
		return KIND_TYPED;
	if (text_ends_in(base, ".sgn"))
		return kind_of_signed(file);
	if (is_tlv(file))
		return kind_of_tlv(base, file);
	if (ends_in_any(base, configs, sizeof(configs) / sizeof(configs[0])))
		return KIND_CONFIG;
	if (ends_in_any(base, firmware, sizeof(firmware) / sizeof(firmware[0])))
		return KIND_FIRMWARE;
	if (strchr(base, '.'))
		return KIND_OTHER;
	return file.len && file.data[0] == '<' ? KIND_CONFIG : KIND_CTL;
}

/* ---- trust lists ---- */

static int verify_list(const struct question *q, enum stored_kind kind, struct err *e)
{
	struct boot *b = q->boot;
	int rc = trust_take(&b->lists[kind], &b->stored, kind, q->base, q->file, &b->account, e);

	b->asked_itl = kind == STORED_ITL;
	b->status = b->lists[kind].status;
	return rc;
}

/* ---- configurations ---- */

/* Prefix and MAC address in front of the first dot: the name of some device's file. */
static bool is_device_file(const char *name)
{
	char stem[DEVICE_NAME_MAX] = "";
	const size_t n = strcspn(name, ".");

	if (n >= sizeof(stem))
		return false;
	memcpy(stem, name, n);
	return device_name_mac(stem) != NULL;
}

/* The name by which this phone would have asked for such a file. */
static void own_name(struct ask *a, const struct stored *s, enum device_file_form form)
{
	if (!device_file_name(a->name, s->model, s->protocol, s->device, form, 0))
		*a->name = '\0';
	if (a->form == ASK_SIGNED && strlen(a->name) + sizeof(".sgn") <= sizeof(a->name))
		strcat(a->name, ".sgn");
}

static bool is_default(const char *name)
{
	return !strncasecmp(name, default_stem, strlen(default_stem));
}

/* What it was asked for as: by who asked, by the file's own name, by what the device is, else by
 * what the file calls itself. */
static void choose_name(struct ask *a, const struct question *q, struct span itself)
{
	const struct stored *s = &q->boot->stored;
	const struct span text = tl_text(itself);

	if (q->as || is_device_file(q->base) || is_default(q->base))
		snprintf(a->name, sizeof(a->name), "%s", q->base);
	else if (*s->device && !(text.len && is_default((const char *)text.data)))
		own_name(a, s,
			 a->form == ASK_ENCRYPTED || a->form == ASK_TYPED ? DEVICE_FILE_ENCRYPTED
									  : DEVICE_FILE_PLAIN);
	if (!*a->name)
		snprintf(a->name, sizeof(a->name), "%.*s", (int)text.len,
			 text.len ? (const char *)text.data : "");
}

static int verify_config(const struct question *q, enum ask_form form, struct span itself,
			 struct err *e)
{
	struct boot *b = q->boot;
	const struct device_ability *can = device_ability(b->stored.model, b->stored.protocol);
	struct ask asked = {.form = form, .verify = can->verifies, .why = "it was given to it"};
	int rc;

	choose_name(&asked, q, itself);
	b->settled = true;
	rc = settle_take(&b->config, &b->stored, &asked, q->file, &b->account, e);
	b->status = b->config.status;
	return rc;
}

/* ---- everything else that is signed ---- */

static int refuse(struct boot *b, const struct err *e)
{
	account_say(&b->account, "refuses", "%s", e->what);
	b->status = "File auth error";
	return (int)e->kind;
}

static int verify_other(const struct question *q, const struct sgn *f, struct err *e)
{
	struct boot *b = q->boot;
	const struct stored *s = &b->stored;
	const struct tl *const lists[] = {s->lists[STORED_CTL].tl, s->lists[STORED_ITL].tl};
	const struct tl_record *by;
	char role[16];
	int rc = trust_check_digest(s, f->header.digest, e);

	if (!rc)
		rc = sgn_verify_in(f, lists, STORED_LISTS, q->as, &by, e);
	if (rc)
		return refuse(b, e);
	account_say(&b->account, "accepts",
		    "the signature is good, and a trust list has the signer as %s",
		    tl_role_label(by->role, role));
	return 0;
}

static bool names_config(struct span itself)
{
	static const char *const ends[] = {".cnf.xml.sgn", ".cnf.sgn"};
	const struct span text = tl_text(itself);

	return text.len &&
	       ends_in_any((const char *)text.data, ends, sizeof(ends) / sizeof(ends[0]));
}

static int verify_signed(const struct question *q, enum kind kind, struct err *e)
{
	static const enum tf_kind kinds[] = {
		[KIND_SIGNED] = TF_SGN, [KIND_ENCRYPTED] = TF_ENC, [KIND_TYPED] = TF_ENC_MANUAL};
	struct sgn f;

	if (kind == KIND_TYPED && !is_tlv(q->file))
		return verify_config(q, ASK_TYPED, (struct span){0}, e);
	if (sgn_parse(&f, q->file, kinds[kind], e))
		return refuse(q->boot, e);
	if (kind != KIND_SIGNED)
		return verify_config(q, kind == KIND_TYPED ? ASK_TYPED : ASK_ENCRYPTED,
				     f.header.value[TF_FILENAME], e);
	if (names_config(f.header.value[TF_FILENAME]))
		return verify_config(q, ASK_SIGNED, f.header.value[TF_FILENAME], e);
	return verify_other(q, &f, e);
}

/* ---- in the clear ---- */

static int verify_plain(const struct question *q, enum kind kind, struct err *e)
{
	struct boot *b = q->boot;
	const struct device_ability *can = device_ability(b->stored.model, b->stored.protocol);

	if (ask_is_signed(&b->stored) && can->naming != DEVICE_NAMING_LD) {
		err_set(e, ERR_REFUSED, "file-unsigned",
			"the phone's trust list has the certificate of a TFTP service: it asks for "
			"%s.sgn, and takes nothing unsigned",
			q->base);
		err_hint(e, "sign it: ctlclient file sign");
		return refuse(b, e);
	}
	if (kind == KIND_CONFIG)
		return verify_config(q, ASK_PLAIN, (struct span){0}, e);
	account_say(&b->account, "accepts",
		    "no trust list of it has the certificate of a TFTP service: it takes files as "
		    "they come");
	return 0;
}

static int verify_firmware(const struct question *q, struct err *e)
{
	err_set(e, ERR_FAILED, "file-firmware",
		"%s is firmware: it is signed inside by its maker, which phones check by "
		"themselves and nobody else can",
		q->base);
	account_say(&q->boot->account, "answer", "%s", e->what);
	return (int)e->kind;
}

/* ---- the whole ---- */

static int dispatch(const struct question *q, struct err *e)
{
	const enum kind kind = find_kind(q->base, q->file);

	switch (kind) {
	case KIND_CTL:
		return verify_list(q, STORED_CTL, e);
	case KIND_ITL:
		return verify_list(q, STORED_ITL, e);
	case KIND_SIGNED:
	case KIND_ENCRYPTED:
	case KIND_TYPED:
		return verify_signed(q, kind, e);
	case KIND_CONFIG:
	case KIND_OTHER:
		return verify_plain(q, kind, e);
	case KIND_FIRMWARE:
		break;
	}
	return verify_firmware(q, e);
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

int verify_file(struct boot *b, const char *name, const char *as, struct span file, struct err *e)
{
	const struct question q = {b, as ? as : last_part(name), as, file};
	int rc;

	b->read_only = true;
	b->status = "";
	rc = boot_load(b, e);
	if (!rc)
		rc = dispatch(&q, e);
	if (*b->status)
		account_say(&b->account, "status", "%s", b->status);
	return rc;
}
