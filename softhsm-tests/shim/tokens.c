#include "shim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The length of a space padded field without its padding. */
static size_t field_len(const CK_UTF8CHAR *field, size_t len)
{
	while (len && (field[len - 1] == ' ' || !field[len - 1]))
		len--;
	return len;
}

void token_serial(const struct token *t, char out[17])
{
	const size_t len = field_len(t->info.serialNumber, sizeof(t->info.serialNumber));

	memcpy(out, t->info.serialNumber, len);
	out[len] = '\0';
}

bool token_named(const struct token *t, const char *word, size_t len)
{
	static const char by_serial[] = "serial=";
	const size_t prefix = sizeof(by_serial) - 1;
	char serial[17];

	if (!strcmp(word, "*"))
		return true;
	if (!t)
		return false;
	token_serial(t, serial);
	if (!strncmp(word, by_serial, prefix))
		return !strcmp(serial, word + prefix);
	return len && len == field_len(t->info.label, sizeof(t->info.label)) &&
	       !memcmp(t->info.label, word, len);
}

static bool is_initialised(const struct token *t)
{
	return t->info.flags & CKF_TOKEN_INITIALIZED;
}

/* ---- which there are ---- */

static struct token *known_by_slot(CK_SLOT_ID real)
{
	for (size_t i = 0; i < shim.token_count; i++)
		if (shim.tokens[i].real == real)
			return &shim.tokens[i];
	return NULL;
}

/* SoftHSM numbers its slots anew with each start. */
static struct token *known_by_serial(const CK_TOKEN_INFO *info)
{
	for (size_t i = 0; i < shim.token_count; i++) {
		struct token *t = &shim.tokens[i];

		if (!memcmp(t->info.serialNumber, info->serialNumber, sizeof(info->serialNumber)))
			return t;
	}
	return NULL;
}

static bool number_taken(CK_SLOT_ID number)
{
	for (size_t i = 0; i < shim.token_count; i++)
		if (shim.tokens[i].number == number)
			return true;
	return false;
}

static void take(CK_SLOT_ID real)
{
	CK_TOKEN_INFO info;
	struct token *t = known_by_slot(real);

	if (shim.real->C_GetTokenInfo(real, &info) != CKR_OK)
		return;
	if (!t)
		t = known_by_serial(&info);
	if (!t && shim.token_count < TOKENS_MAX) {
		CK_SLOT_ID number = 0;

		while (number_taken(number))
			number++;
		t = &shim.tokens[shim.token_count++];
		*t = (struct token){.number = number};
	}
	if (t) {
		t->real = real;
		t->info = info;
	}
}

static int by_label(const void *a, const void *b)
{
	const struct token *x = a;
	const struct token *y = b;
	const int differ = memcmp(x->info.label, y->info.label, sizeof(x->info.label));

	if (is_initialised(x) != is_initialised(y))
		return is_initialised(x) ? -1 : 1;
	return differ ? differ
		      : memcmp(x->info.serialNumber, y->info.serialNumber,
			       sizeof(x->info.serialNumber));
}

/* By label, so that tests know which token sits where; SoftHSM's empty one comes last. */
static void number_all(void)
{
	qsort(shim.tokens, shim.token_count, sizeof(shim.tokens[0]), by_label);
	for (size_t i = 0; i < shim.token_count; i++)
		shim.tokens[i].number = i;
}

CK_RV tokens_fetch(void)
{
	CK_SLOT_ID ids[TOKENS_MAX];
	CK_ULONG n = 0;
	const bool first = !shim.token_count;
	CK_RV rv = shim.real->C_GetSlotList(CK_TRUE, NULL, &n);

	n = TOKENS_MAX;
	if (rv == CKR_OK)
		rv = shim.real->C_GetSlotList(CK_TRUE, ids, &n);
	for (CK_ULONG i = 0; rv == CKR_OK && i < n; i++)
		take(ids[i]);
	if (first)
		number_all();
	return rv;
}

/* ---- SoftHSM's habit ---- */

/* When something was last added to SoftHSM's folder of tokens, or taken out of it. */
static struct timespec folder_changed(void)
{
	const char *path = getenv("SOFTHSM2_CONF");
	FILE *f = path ? fopen(path, "re") : NULL;
	char line[1024];
	char folder[1024];
	struct stat st = {0};

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, " directories.tokendir = %1023[^\n]", folder) == 1 &&
		    stat(folder, &st))
			st = (struct stat){0};
	if (f)
		fclose(f);
	return st.st_mtim;
}

static CK_RV restart(void)
{
	CK_RV rv = real_stop();

	if (rv == CKR_OK)
		rv = real_start();
	/* No number of SoftHSM's holds any longer. */
	for (size_t i = 0; i < shim.token_count; i++)
		shim.tokens[i].real = (CK_SLOT_ID)-1;
	return rv;
}

static void forget_vanished(void)
{
	size_t kept = 0;

	for (size_t i = 0; i < shim.token_count; i++)
		if (shim.tokens[i].real != (CK_SLOT_ID)-1)
			shim.tokens[kept++] = shim.tokens[i];
	shim.token_count = kept;
}

static bool new_tokens_are_hidden(void)
{
	const struct rule *r = control_for(&shim.control, "new-tokens", 0, NULL);

	return r && !strcmp(r->word[1], "after-initialize");
}

CK_RV tokens_rediscover(void)
{
	const struct timespec now = folder_changed();
	const bool changed =
		now.tv_sec != shim.token_folder.tv_sec || now.tv_nsec != shim.token_folder.tv_nsec;
	const bool again =
		shim.token_count && changed && !sessions_any(NULL) && !new_tokens_are_hidden();
	CK_RV rv = again ? restart() : CKR_OK;

	if (again || !shim.token_count)
		shim.token_folder = now;
	if (rv == CKR_OK)
		rv = tokens_fetch();
	if (again)
		forget_vanished();
	return rv;
}

/* ---- which are in ---- */

static bool has_reader(const struct token *t)
{
	const struct rule *empty = control_for(&shim.control, "uninitialised", 0, NULL);

	if (!is_initialised(t) && empty && !strcmp(empty->word[1], "hidden"))
		return false;
	return !control_for(&shim.control, "remove-reader", 1, t);
}

static unsigned long insertions(const struct token *t)
{
	const struct rule *r = control_for(&shim.control, "inserted", 1, t);

	return r ? rule_number(r, 2, 0) : 0;
}

static void update(struct token *t, bool first)
{
	const unsigned long insertion = insertions(t);
	const bool anew = !first && insertion > t->insertion;
	bool in;

	if (anew)
		t->pulled = false;
	in = has_reader(t) && !t->pulled && !control_for(&shim.control, "remove", 1, t);
	if (t->present && (!in || anew))
		sessions_lose(t);
	if (!first && in && (!t->present || anew))
		t->unseen = new_tokens_are_hidden();
	t->present = in;
	if (first || anew)
		t->insertion = insertion;
	if (first)
		t->reported = in ? insertion + 1 : 0;
}

void tokens_update(bool first)
{
	for (size_t i = 0; i < shim.token_count; i++)
		update(&shim.tokens[i], first);
}

void tokens_recall(const struct token *before, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct token *t = known_by_serial(&before[i].info);

		if (t && before[i].pulled)
			t->pulled = insertions(t) <= before[i].insertion;
	}
}

void token_pull(struct token *t)
{
	t->pulled = true;
	t->present = false;
	sessions_lose(t);
}

bool token_shows(const struct token *t)
{
	return t->present && !t->unseen;
}

/* ---- and where ---- */

static void view_add(struct slot_view *list, size_t *n, CK_SLOT_ID id, struct token *t)
{
	for (size_t i = 0; i < *n; i++)
		if (list[i].id == id) {
			if (!list[i].token)
				list[i].token = t;
			return;
		}
	if (*n < SLOT_VIEWS_MAX)
		list[(*n)++] = (struct slot_view){id, t};
}

size_t slot_views(struct slot_view out[SLOT_VIEWS_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < shim.token_count; i++) {
		struct token *t = &shim.tokens[i];
		struct token *shown = token_shows(t) ? t : NULL;
		const struct rule *moved = control_for(&shim.control, "slot", 1, t);
		const struct rule *twin = control_for(&shim.control, "twin", 1, t);

		if (!has_reader(t))
			continue;
		view_add(out, &n, moved ? rule_number(moved, 2, 0) : t->number, shown);
		if (twin)
			view_add(out, &n, rule_number(twin, 2, 0), shown);
	}
	return n;
}

bool slot_find(CK_SLOT_ID id, struct slot_view *out)
{
	struct slot_view list[SLOT_VIEWS_MAX];
	const size_t n = slot_views(list);

	for (size_t i = 0; i < n; i++)
		if (list[i].id == id) {
			*out = list[i];
			return true;
		}
	return false;
}
