#include "phone/boot.h"

#include "trustfile/rules.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>

enum { MAC_DIGITS = 12 };

/* What the screens of phones say. */
static const char status_installed[] = "CTL Installed";
static const char status_updated[] = "Trust List updated";
static const char status_failed[] = "Trust List update failed";
static const char status_none[] = "No Trust List installed";
static const char status_missing[] = "File Not Found : " TL_CTL_NAME;

/* ---- telling ---- */

__attribute__((format(printf, 3, 4))) static void tell(const struct boot *b, const char *what,
						       const char *fmt, ...)
{
	va_list ap;

	if (!b->account)
		return;
	fprintf(b->account, "  %-8s ", what);
	va_start(ap, fmt);
	vfprintf(b->account, fmt, ap);
	va_end(ap);
	fputc('\n', b->account);
}

static void tell_list(const struct boot *b, const char *what, const char *who, const struct tl *l)
{
	struct buf signer = {0};
	const char *text;

	tl_signer_text(&signer, l);
	text = buf_cstr(&signer);
	tell(b, what, "%s: %zu bytes, %zu records, signed by %s", who, l->raw.len, l->n,
	     text ? text : "");
	buf_free(&signer);
}

static void tell_stored(const struct boot *b)
{
	if (b->stored.ctl)
		tell_list(b, "stored", b->stored.path, b->stored.ctl);
	else
		tell(b, "stored", "no trust list: the first that comes is trusted as it is");
}

static void tell_end(const struct boot *b)
{
	tell(b, "status", "%s", b->status);
	if (!b->in_force)
		tell(b, "mode", "none: unsigned configuration, no protected calls");
	else if (tl_is_nonsecure(b->in_force))
		tell(b, "mode", "non-secure: the phone asks for unsigned configuration");
	else
		tell(b, "mode", "mixed: the phone asks for signed configuration");
}

/* ---- judging ---- */

/* Something went wrong: what was in force stays so. Returns rc. */
static int keep(struct boot *b, int rc)
{
	b->result = BOOT_KEPT;
	b->status = status_failed;
	b->trusted = false;
	b->in_force = b->stored.ctl;
	tell(b, "keeps", "%s", b->in_force ? "the stored list" : "nothing: it has no list");
	return rc;
}

static int refuse(struct boot *b, const struct err *e)
{
	tell(b, "refuses", "%s", e->what);
	return keep(b, (int)e->kind);
}

static void accept_list(struct boot *b, enum boot_result result, const char *status,
			const char *why)
{
	b->result = result;
	b->status = status;
	b->trusted = true;
	b->in_force = b->offered;
	tell(b, "accepts", "%s", why);
}

/* Decides about b->offered_bytes. */
static int judge(struct boot *b, struct err *e)
{
	const struct tl *const stored[] = {b->stored.ctl};

	if (tl_parse(&b->offered, buf_view(&b->offered_bytes), e))
		return refuse(b, e);
	tell_list(b, "gets", b->offered_name, b->offered);
	switch (tl_phone_verdict(stored, 1, b->stored.ctl, b->offered, TL_CTL_NAME, e)) {
	case TL_INSTALL_FIRST:
		accept_list(b, BOOT_INSTALLED, status_installed,
			    "the first list: its signature is good, its signer is trusted from "
			    "now on");
		return 0;
	case TL_INSTALL:
		accept_list(b, BOOT_UPDATED, status_updated,
			    "the signature is good, and the stored list knows the signer as a "
			    "security token");
		return 0;
	case TL_UNCHANGED:
		accept_list(b, BOOT_UNCHANGED, status_installed, "the very list that is stored");
		return 0;
	case TL_KEEP_OLD:
		break;
	}
	return refuse(b, e);
}

/* ---- fetching ---- */

/* The phone's own name first, then the common one. *found is false if the server has neither. */
static int fetch_list(struct boot *b, boot_fetch_fn *fetch, void *arg, bool *found, struct err *e)
{
	const char *const names[] = {b->own_name, TL_CTL_NAME};

	snprintf(b->own_name, sizeof(b->own_name), "CTL%s.tlv", b->device);
	*found = false;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		int rc;

		tell(b, "asks for", "%s", names[i]);
		rc = fetch(arg, names[i], &b->offered_bytes, e);
		if (!rc) {
			b->offered_name = names[i];
			*found = true;
			return 0;
		}
		tell(b, "", "%s", e->what);
		if (strcmp(e->id, "tftp-not-found") != 0)
			return rc;
	}
	return 0;
}

/* Absence deletes nothing: a stored list stays in force. */
static void nothing_there(struct boot *b)
{
	b->in_force = b->stored.ctl;
	b->trusted = b->in_force != NULL;
	b->result = b->in_force ? BOOT_KEPT : BOOT_NONE;
	b->status = b->in_force ? status_missing : status_none;
	if (b->in_force)
		tell(b, "keeps", "the stored list: a missing file takes nothing away");
}

static int install(struct boot *b, struct err *e)
{
	if (b->result == BOOT_UNCHANGED)
		return 0;
	if (stored_install(&b->stored, b->dir, buf_view(&b->offered_bytes), e))
		return refuse(b, e);
	tell(b, "stores", "%s", b->stored.path);
	return 0;
}

/* ---- the two jobs ---- */

static int load(struct boot *b, struct err *e)
{
	const int rc = stored_load(&b->stored, b->dir, e);

	if (rc)
		return refuse(b, e);
	tell_stored(b);
	return 0;
}

static int fetch_and_judge(struct boot *b, boot_fetch_fn *fetch, void *arg, struct err *e)
{
	bool found;
	int rc = fetch_list(b, fetch, arg, &found, e);

	if (rc)
		return keep(b, rc);
	if (!found) {
		nothing_there(b);
		return 0;
	}
	rc = judge(b, e);
	return rc ? rc : install(b, e);
}

int boot_run(struct boot *b, boot_fetch_fn *fetch, void *arg, struct err *e)
{
	int rc = load(b, e);

	if (!rc)
		rc = fetch_and_judge(b, fetch, arg, e);
	tell_end(b);
	return rc;
}

int boot_verify(struct boot *b, const char *name, struct span file, struct err *e)
{
	int rc = load(b, e);

	if (!rc) {
		b->offered_name = name;
		buf_span(&b->offered_bytes, file);
		rc = b->offered_bytes.bad ? err_nomem(e) : judge(b, e);
	}
	tell_end(b);
	return rc;
}

void boot_free(struct boot *b)
{
	tl_free(b->offered);
	buf_free(&b->offered_bytes);
	stored_free(&b->stored);
}

/* ---- words ---- */

int boot_device(char device[BOOT_DEVICE_MAX], const char *name, struct err *e)
{
	static const char prefix[] = "SEP";
	const size_t n = strlen(prefix);
	bool good = !strncmp(name, prefix, n) && strlen(name) == n + MAC_DIGITS;

	for (const char *p = name + n; good && *p; p++)
		good = isxdigit((unsigned char)*p) != 0;
	if (!good) {
		err_set(e, ERR_USAGE, "device-name", "\"%s\" is not the name of a phone", name);
		return err_hint(e, "it is SEP and the 12 hexadecimal digits of the phone's MAC "
				   "address: SEP001122334455");
	}
	for (size_t i = 0; i <= n + MAC_DIGITS; i++)
		device[i] = (char)toupper((unsigned char)name[i]);
	return 0;
}

const char *boot_result_word(enum boot_result r)
{
	switch (r) {
	case BOOT_INSTALLED:
		return "installed";
	case BOOT_UPDATED:
		return "updated";
	case BOOT_UNCHANGED:
		return "unchanged";
	case BOOT_KEPT:
		return "kept";
	case BOOT_NONE:
		break;
	}
	return "none";
}

const char *boot_mode_word(const struct tl *in_force)
{
	if (!in_force)
		return "none";
	return tl_is_nonsecure(in_force) ? "nonsecure" : "mixed";
}
