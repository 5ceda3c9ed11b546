/*
 * The counters of wrong PINs, kept in a file beside the control file, one line for each token:
 * serial number, wrong PINs of the user, wrong PINs of the SO.
 */
#include "shim.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum { TRIES = 15, LINE_SIZE = 64 };

struct counter {
	char serial[17];
	unsigned user, so;
};

struct counters {
	FILE *file; /* locked */
	struct counter list[TOKENS_MAX];
	size_t n;
};

static void counters_open(struct counters *cs)
{
	char path[4096];
	char line[LINE_SIZE];
	int fd;

	*cs = (struct counters){0};
	snprintf(path, sizeof(path), "%s.pins", control_path());
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || flock(fd, LOCK_EX) || !(cs->file = fdopen(fd, "r+")))
		shim_die("cannot open %s", path);
	while (cs->n < TOKENS_MAX && fgets(line, sizeof(line), cs->file)) {
		struct counter *c = &cs->list[cs->n];

		if (sscanf(line, "%16s %u %u", c->serial, &c->user, &c->so) == 3)
			cs->n++;
	}
}

static void counters_close(struct counters *cs, bool save)
{
	if (save) {
		rewind(cs->file);
		if (ftruncate(fileno(cs->file), 0))
			shim_die("cannot write the PIN counters");
		for (size_t i = 0; i < cs->n; i++)
			fprintf(cs->file, "%s %u %u\n", cs->list[i].serial, cs->list[i].user,
				cs->list[i].so);
	}
	if (fclose(cs->file))
		shim_die("cannot write the PIN counters");
}

/* A token without a serial number has no counters. */
static struct counter *counter_of(struct counters *cs, const struct token *t)
{
	char serial[17];

	token_serial(t, serial);
	if (!*serial)
		return NULL;
	for (size_t i = 0; i < cs->n; i++)
		if (!strcmp(cs->list[i].serial, serial))
			return &cs->list[i];
	if (cs->n == TOKENS_MAX)
		shim_die("more tokens than PIN counters");
	memcpy(cs->list[cs->n].serial, serial, sizeof(serial));
	return &cs->list[cs->n++];
}

static struct counter count_now(const struct token *t)
{
	struct counter none = {0};
	struct counters cs;
	const struct counter *c;

	counters_open(&cs);
	c = counter_of(&cs, t);
	counters_close(&cs, false);
	return c ? *c : none;
}

/* One more wrong PIN, or a right one, of the user or of the SO. */
static void count(const struct token *t, CK_USER_TYPE who, CK_RV rv)
{
	struct counters cs;
	struct counter *c;

	if (rv != CKR_OK && rv != CKR_PIN_INCORRECT)
		return;
	counters_open(&cs);
	c = counter_of(&cs, t);
	if (c && who == CKU_SO)
		c->so = rv == CKR_OK ? 0 : c->so + 1;
	else if (c)
		c->user = rv == CKR_OK ? 0 : c->user + 1;
	counters_close(&cs, true);
}

static CK_ULONG tries(const struct token *t, const char *key)
{
	const struct rule *r = control_for(&shim.control, key, 1, t);

	return r ? rule_number(r, 2, TRIES) : TRIES;
}

static bool is_locked(const struct token *t, CK_USER_TYPE who)
{
	const struct counter c = count_now(t);

	return who == CKU_SO ? c.so >= tries(t, "so-pin-tries") : c.user >= tries(t, "pin-tries");
}

struct pin_bits {
	CK_FLAGS low, final, locked;
};

static CK_FLAGS bits(const struct pin_bits *b, unsigned wrong, CK_ULONG limit)
{
	CK_FLAGS flags = wrong ? b->low : 0;

	if (wrong >= limit)
		flags |= b->locked;
	else if (wrong + 1 == limit)
		flags |= b->final;
	return flags;
}

CK_FLAGS pin_flags(const struct token *t, CK_FLAGS flags)
{
	static const struct pin_bits user = {CKF_USER_PIN_COUNT_LOW, CKF_USER_PIN_FINAL_TRY,
					     CKF_USER_PIN_LOCKED};
	static const struct pin_bits so = {CKF_SO_PIN_COUNT_LOW, CKF_SO_PIN_FINAL_TRY,
					   CKF_SO_PIN_LOCKED};
	const struct counter c = count_now(t);

	flags &= ~(user.low | user.final | user.locked | so.low | so.final | so.locked);
	return flags | bits(&user, c.user, tries(t, "pin-tries")) |
	       bits(&so, c.so, tries(t, "so-pin-tries"));
}

/* ---- the pad ---- */

bool pin_pad(const struct token *t)
{
	return control_for(&shim.control, "pin-pad", 1, t);
}

/* A PIN as the program gives it or, at a reader with a pad, as a finger types it there. */
struct pin {
	CK_UTF8CHAR *text;
	CK_ULONG len;
};

static CK_RV typed(struct pin *p, const struct token *t, const char *key)
{
	const struct rule *r = control_for(&shim.control, key, 0, NULL);

	if (!pin_pad(t))
		return CKR_OK;
	if (p->text)
		return CKR_ARGUMENTS_BAD;
	if (!r)
		return CKR_FUNCTION_CANCELED;
	*p = (struct pin){(CK_UTF8CHAR *)r->word[1], r->len[1]};
	return CKR_OK;
}

/* ---- the functions ---- */

static void remember(struct token *t, const struct pin *p)
{
	t->pin_len = p->len < SIM_PIN_MAX ? p->len : 0;
	memcpy(t->pin, p->text, t->pin_len);
}

static CK_RV login_again(struct session *s, const struct pin *p)
{
	const struct token *t = s->token;

	if (!s->asks)
		return CKR_OPERATION_NOT_INITIALIZED;
	s->asks_granted = p->text && p->len == t->pin_len && !memcmp(p->text, t->pin, p->len);
	return s->asks_granted ? CKR_OK : CKR_PIN_INCORRECT;
}

CK_RV shim_C_Login(CK_SESSION_HANDLE session, CK_USER_TYPE who, CK_UTF8CHAR *text, CK_ULONG len)
{
	struct pin p = {text, len};
	struct call c;
	CK_RV rv = call_session(&c, FN_C_Login, session);

	if (rv == CKR_OK)
		rv = typed(&p, c.token, who == CKU_SO ? "pin-pad-types-so" : "pin-pad-types");
	if (rv == CKR_OK && is_locked(c.token, who))
		rv = CKR_PIN_LOCKED;
	if (rv == CKR_OK) {
		if (who == CKU_CONTEXT_SPECIFIC)
			rv = login_again(c.session, &p);
		else
			rv = shim.real->C_Login(c.real, who, p.text, p.len);
		count(c.token, who, rv);
	}
	if (rv == CKR_OK && who == CKU_USER)
		remember(c.token, &p);
	return call_end(&c, rv);
}

CK_RV shim_C_InitToken(CK_SLOT_ID slot, CK_UTF8CHAR *text, CK_ULONG len, CK_UTF8CHAR *label)
{
	struct pin p = {text, len};
	struct call c;
	CK_RV rv = call_slot(&c, FN_C_InitToken, slot);

	if (rv == CKR_OK)
		rv = typed(&p, c.token, "pin-pad-types-so");
	if (rv == CKR_OK && is_locked(c.token, CKU_SO))
		rv = CKR_PIN_LOCKED;
	if (rv == CKR_OK) {
		rv = shim.real->C_InitToken(c.token->real, p.text, p.len, label);
		count(c.token, CKU_SO, rv);
	}
	if (rv == CKR_OK) {
		count(c.token, CKU_USER, CKR_OK);
		rv = tokens_fetch();
	}
	return call_end(&c, rv);
}

CK_RV shim_C_InitPIN(CK_SESSION_HANDLE session, CK_UTF8CHAR *text, CK_ULONG len)
{
	struct pin p = {text, len};
	struct call c;
	CK_RV rv = call_session(&c, FN_C_InitPIN, session);

	if (rv == CKR_OK)
		rv = typed(&p, c.token, "pin-pad-types-new");
	if (rv == CKR_OK)
		rv = shim.real->C_InitPIN(c.real, p.text, p.len);
	if (rv == CKR_OK)
		count(c.token, CKU_USER, CKR_OK);
	return call_end(&c, rv);
}

static CK_USER_TYPE logged_in(CK_SESSION_HANDLE real)
{
	CK_SESSION_INFO info;

	return shim.real->C_GetSessionInfo(real, &info) == CKR_OK &&
			       info.state == CKS_RW_SO_FUNCTIONS
		       ? CKU_SO
		       : CKU_USER;
}

CK_RV shim_C_SetPIN(CK_SESSION_HANDLE session, CK_UTF8CHAR *old_text, CK_ULONG old_len,
		    CK_UTF8CHAR *new_text, CK_ULONG new_len)
{
	struct pin before = {old_text, old_len};
	struct pin after = {new_text, new_len};
	CK_USER_TYPE who = CKU_USER;
	struct call c;
	CK_RV rv = call_session(&c, FN_C_SetPIN, session);

	if (rv == CKR_OK) {
		who = logged_in(c.real);
		rv = typed(&before, c.token, who == CKU_SO ? "pin-pad-types-so" : "pin-pad-types");
	}
	if (rv == CKR_OK)
		rv = typed(&after, c.token, "pin-pad-types-new");
	if (rv == CKR_OK && is_locked(c.token, who))
		rv = CKR_PIN_LOCKED;
	if (rv == CKR_OK) {
		rv = shim.real->C_SetPIN(c.real, before.text, before.len, after.text, after.len);
		count(c.token, who, rv);
	}
	if (rv == CKR_OK && who == CKU_USER)
		remember(c.token, &after);
	return call_end(&c, rv);
}
