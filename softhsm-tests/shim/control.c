#include "shim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_SIZE = 4096, EXIT_WRONG_TEST = 97 };

void shim_die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("ctlshim (simulated token): ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	_exit(EXIT_WRONG_TEST);
}

const char *control_path(void)
{
	const char *path = getenv("CTL_SHIM_CONTROL");

	if (!path || !*path)
		shim_die("CTL_SHIM_CONTROL does not name the control file");
	return path;
}

/* What may stand in a line. A letter for each word: Token, Function, Number or its name, Any; a
 * small one may be absent. */
static const struct key {
	const char *name;
	const char *words;
	const char *first; /* what the first word may be, or NULL */
} keys[] = {
	{"remove", "T", NULL},
	{"remove-reader", "T", NULL},
	{"inserted", "TN", NULL},
	{"slot", "TN", NULL},
	{"twin", "TN", NULL},
	{"new-tokens", "A", "after-initialize"},
	{"uninitialised", "A", "hidden"},
	{"slot-events", "A", "none lost"},
	{"removed-answer", "N", NULL},
	{"remove-during", "Ftn", NULL},
	{"remove-after", "Ftn", NULL},
	{"fail", "FNnn", NULL},
	{"delay", "FN", NULL},
	{"hang", "F", NULL},
	{"pin-tries", "TN", NULL},
	{"so-pin-tries", "TN", NULL},
	{"pin-pad", "T", NULL},
	{"pin-pad-types", "A", NULL},
	{"pin-pad-types-new", "A", NULL},
	{"pin-pad-types-so", "A", NULL},
	{"always-authenticate", "T", NULL},
	{"no-mechanism", "Nt", NULL},
	{"label", "TA", NULL},
	{"serial", "TA", NULL},
	{"manufacturer", "TA", NULL},
	{"model", "TA", NULL},
	{"lie-cert", "At", NULL},
	{"attribute-value", "NAt", NULL},
	{"attribute-length", "NNt", NULL},
	{"attribute-size", "NNt", NULL},
	{"slot-count", "N", NULL},
	{"slot-list-length", "N", NULL},
	{"find-length", "N", NULL},
	{"find-nothing", "nn", NULL},
	{"find-endless", "", NULL},
	{"sign-length", "N", NULL},
	{"sign-flip", "N", NULL},
	{"trace", "A", NULL},
};

static bool is_function(const char *name)
{
	for (size_t i = 0; i < FN_COUNT; i++)
		if (!strcmp(name, fn_names[i]))
			return true;
	return !strcmp(name, "*");
}

static bool is_one_of(const char *word, const char *list)
{
	const size_t len = strlen(word);

	for (const char *at = list; len && (at = strstr(at, word)) != NULL; at++)
		if ((at == list || at[-1] == ' ') && (at[len] == ' ' || !at[len]))
			return true;
	return false;
}

static void check_words(const struct rule *r, const char *words)
{
	const int most = (int)strlen(words);

	if (r->words - 1 > most)
		shim_die("too many words: %s", r->line);
	for (int i = 1; i <= most; i++) {
		const char *word = r->word[i];
		const char kind = words[i - 1];

		if (!word && (kind < 'a' || kind > 'z'))
			shim_die("a word is missing: %s", r->line);
		if (word && kind == 'F' && !is_function(word))
			shim_die("no such function: %s", r->line);
		if (word && (kind == 'N' || kind == 'n'))
			(void)name_value(word);
	}
}

static void check(const struct rule *r)
{
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (!strcmp(r->word[0], keys[i].name)) {
			check_words(r, keys[i].words);
			if (keys[i].first && !is_one_of(r->word[1], keys[i].first))
				shim_die("only \"%s\" may stand here: %s", keys[i].first, r->line);
			return;
		}
	shim_die("no such key: %s", r->line);
}

/* "" is the empty word. */
static size_t decode(char *word)
{
	char *out = word;

	if (!strcmp(word, "\"\""))
		*word = '\0';
	for (const char *in = word; *in; in++) {
		unsigned byte;

		if (*in == '%' && sscanf(in + 1, "%2x", &byte) == 1) {
			*out++ = (char)byte;
			in += 2;
		} else {
			*out++ = *in;
		}
	}
	*out = '\0';
	return (size_t)(out - word);
}

static void *must(void *memory)
{
	if (!memory)
		shim_die("out of memory");
	return memory;
}

static void add_rule(struct control *c, const char *line)
{
	struct rule r = {.line = must(strdup(line))};
	char *copy = must(strdup(line));
	char *place;

	for (char *w = strtok_r(copy, " \t", &place); w; w = strtok_r(NULL, " \t", &place)) {
		if (r.words == WORDS_MAX)
			shim_die("too many words: %s", line);
		r.word[r.words] = must(strdup(w));
		r.len[r.words] = decode(r.word[r.words]);
		r.words++;
	}
	free(copy);
	check(&r);
	c->rules = must(realloc(c->rules, (c->n + 1) * sizeof(*c->rules)));
	c->rules[c->n++] = r;
}

static void read_rules(struct control *c, FILE *f)
{
	char line[LINE_SIZE];

	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (line[strspn(line, " \t")] && *line != '#')
			add_rule(c, line);
	}
}

static void go_on_counting(struct control *now, const struct control *before)
{
	for (size_t i = 0; i < now->n; i++)
		for (size_t k = 0; k < before->n; k++)
			if (!strcmp(now->rules[i].line, before->rules[k].line))
				now->rules[i].seen = before->rules[k].seen;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

void control_refresh(struct control *c)
{
	struct control fresh = {0};
	FILE *f;

	if (stat(control_path(), &fresh.as_of))
		fresh.as_of = (struct stat){0};
	if (same_file(&c->as_of, &fresh.as_of))
		return;
	f = fopen(control_path(), "re");
	if (f) {
		/* A writer may have come in between. */
		if (fstat(fileno(f), &fresh.as_of))
			shim_die("cannot look at the control file");
		read_rules(&fresh, f);
		fclose(f);
	}
	go_on_counting(&fresh, c);
	control_free(c);
	*c = fresh;
}

void control_free(struct control *c)
{
	for (size_t i = 0; i < c->n; i++) {
		for (int k = 0; k < c->rules[i].words; k++)
			free(c->rules[i].word[k]);
		free(c->rules[i].line);
	}
	free(c->rules);
	*c = (struct control){0};
}

struct rule *control_for(struct control *c, const char *key, int at, const struct token *t)
{
	for (size_t i = 0; i < c->n; i++) {
		struct rule *r = &c->rules[i];

		if (strcmp(r->word[0], key))
			continue;
		if (!at || !r->word[at] || token_named(t, r->word[at], r->len[at]))
			return r;
	}
	return NULL;
}

CK_ULONG rule_number(const struct rule *r, int at, CK_ULONG otherwise)
{
	return r->word[at] ? name_value(r->word[at]) : otherwise;
}

bool rule_due(struct rule *r, int count_at, int skip_at)
{
	const CK_ULONG count = rule_number(r, count_at, 0);
	const CK_ULONG skip = rule_number(r, skip_at, 0);

	r->seen++;
	return r->seen > skip && (!count || r->seen <= skip + count);
}
