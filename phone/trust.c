#include "phone/trust.h"

#include "trustfile/rules.h"

#include <string.h>

/* What the screens of phones say, and how the files are called. */
static const struct kind {
	const char *word, *name;
	const char *installed, *missing;
} kinds[STORED_LISTS] = {
	[STORED_CTL] = {"CTL", TL_CTL_NAME, "CTL Installed", "File Not Found : " TL_CTL_NAME},
	[STORED_ITL] = {"ITL", TL_ITL_NAME, "ITL installed", "File Not Found : " TL_ITL_NAME},
};
static const char status_updated[] = "Trust List updated";
static const char status_failed[] = "Trust List update failed";
static const char status_none[] = "No Trust List installed";

/* One list on its way. */
struct taking {
	struct trust *trust;
	struct stored *stored;
	enum stored_kind kind;
	const struct account *account;
};

/* ---- telling ---- */

static void tell_list(const struct account *a, const char *what, const char *who,
		      const struct tl *l)
{
	struct buf signer = {0};
	const char *text;

	tl_signer_text(&signer, l);
	text = buf_cstr(&signer);
	account_say(a, what, "%s: %zu bytes, %zu records, signed by %s", who, l->raw.len, l->n,
		    text ? text : "");
	buf_free(&signer);
}

void trust_tell_stored(const struct stored *s, enum stored_kind kind, const struct account *a)
{
	const struct stored_list *l = &s->lists[kind];

	if (l->tl)
		tell_list(a, "stored", l->path ? l->path : kinds[kind].name, l->tl);
	else if (kind == STORED_CTL)
		account_say(a, "stored", "no trust list: the first that comes is trusted as it is");
}

/* ---- judging ---- */

/* Something went wrong: what was in force stays so. Returns rc. */
static int keep(const struct taking *t, int rc)
{
	const bool some = t->stored->lists[t->kind].tl != NULL;

	t->trust->result = TRUST_KEPT;
	t->trust->status = status_failed;
	t->trust->trusted = false;
	account_say(t->account, "keeps", "%s",
		    some ? "the stored list" : "nothing: it has no list");
	return rc;
}

static int refuse(const struct taking *t, const struct err *e)
{
	account_say(t->account, "refuses", "%s", e->what);
	return keep(t, (int)e->kind);
}

static void accept_list(const struct taking *t, enum trust_result result, const char *status,
			const char *why)
{
	t->trust->result = result;
	t->trust->status = status;
	t->trust->trusted = true;
	account_say(t->account, "accepts", "%s", why);
}

int trust_check_digest(const struct stored *s, enum tl_digest digest, struct err *e)
{
	if (digest != TL_SHA512 || s->model->sha512)
		return 0;
	err_set(e, ERR_REFUSED, "model-sha512",
		"the file is signed over SHA-512, which the %s does not know", s->model->name);
	return err_hint(e, "sign with SHA-1 for phones of this model");
}

/* Decides about the offered bytes. */
static int judge(const struct taking *t, struct err *e)
{
	const struct stored_list *lists = t->stored->lists;
	const struct tl *const stored[] = {lists[STORED_CTL].tl, lists[STORED_ITL].tl};
	const struct kind *kind = &kinds[t->kind];
	struct trust *r = t->trust;

	if (tl_parse(&r->offered, buf_view(&r->offered_bytes), e))
		return refuse(t, e);
	tell_list(t->account, "gets", r->offered_name, r->offered);
	if (trust_check_digest(t->stored, r->offered->digest, e))
		return refuse(t, e);
	switch (tl_phone_verdict(stored, STORED_LISTS, stored[t->kind], r->offered, kind->name,
				 e)) {
	case TL_INSTALL_FIRST:
		accept_list(t, TRUST_INSTALLED, kind->installed,
			    "the first list: its signature is good, its signer is trusted from "
			    "now on");
		return 0;
	case TL_INSTALL:
		accept_list(t, stored[t->kind] ? TRUST_UPDATED : TRUST_INSTALLED,
			    stored[t->kind] ? status_updated : kind->installed,
			    "the signature is good, and a stored list knows the signer as a "
			    "security token");
		return 0;
	case TL_UNCHANGED:
		accept_list(t, TRUST_UNCHANGED, kind->installed, "the very list that is stored");
		return 0;
	case TL_KEEP_OLD:
		break;
	}
	return refuse(t, e);
}

static int judge_and_store(const struct taking *t, struct err *e)
{
	const int rc = judge(t, e);
	const struct stored *s = t->stored;

	if (rc || t->trust->result == TRUST_UNCHANGED)
		return rc;
	if (stored_put_list(t->stored, t->kind, buf_view(&t->trust->offered_bytes), e))
		return refuse(t, e);
	if (s->dir && !s->read_only)
		account_say(t->account, "stores", "%s", s->lists[t->kind].path);
	return 0;
}

/* ---- fetching ---- */

/* The phone's own name first, then the common one. *found is false if the server has neither. */
static int fetch_list(const struct taking *t, fetch_fn *fetch, void *arg, bool *found,
		      struct err *e)
{
	struct trust *r = t->trust;
	const char *const names[] = {r->own_name, kinds[t->kind].name};

	snprintf(r->own_name, sizeof(r->own_name), "%s%s.tlv", kinds[t->kind].word,
		 t->stored->device);
	*found = false;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		int rc;

		account_say(t->account, "asks for", "%s", names[i]);
		rc = fetch(arg, names[i], &r->offered_bytes, e);
		if (!rc) {
			r->offered_name = names[i];
			*found = true;
			return 0;
		}
		account_say(t->account, "answer", "%s", e->what);
		if (!fetch_is_missing(e))
			return rc;
	}
	return 0;
}

/* Absence deletes nothing: a stored list stays in force. */
static void nothing_there(const struct taking *t)
{
	struct trust *r = t->trust;

	r->trusted = t->stored->lists[t->kind].tl != NULL;
	r->result = r->trusted ? TRUST_KEPT : TRUST_NONE;
	r->status = r->trusted ? kinds[t->kind].missing : status_none;
	if (r->trusted)
		account_say(t->account, "keeps",
			    "the stored list: a missing file takes nothing away");
}

/* ---- the two ways ---- */

int trust_update(struct trust *t, struct stored *s, enum stored_kind kind, fetch_fn *fetch,
		 void *arg, const struct account *a, struct err *e)
{
	const struct taking taking = {t, s, kind, a};
	bool found;
	const int rc = fetch_list(&taking, fetch, arg, &found, e);

	if (rc)
		return keep(&taking, rc);
	if (found)
		return judge_and_store(&taking, e);
	nothing_there(&taking);
	return 0;
}

int trust_take(struct trust *t, struct stored *s, enum stored_kind kind, const char *name,
	       struct span file, const struct account *a, struct err *e)
{
	const struct taking taking = {t, s, kind, a};

	t->offered_name = name;
	buf_span(&t->offered_bytes, file);
	return t->offered_bytes.bad ? err_nomem(e) : judge_and_store(&taking, e);
}

void trust_free(struct trust *t)
{
	tl_free(t->offered);
	buf_free(&t->offered_bytes);
	*t = (struct trust){0};
}

const char *trust_result_word(enum trust_result r)
{
	switch (r) {
	case TRUST_INSTALLED:
		return "installed";
	case TRUST_UPDATED:
		return "updated";
	case TRUST_UNCHANGED:
		return "unchanged";
	case TRUST_KEPT:
		return "kept";
	case TRUST_NONE:
		break;
	}
	return "none";
}
