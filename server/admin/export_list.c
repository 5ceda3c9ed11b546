#include "server/admin/export_list.h"

#include "common/file.h"
#include "common/sha256.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIST_MAX = 32 << 20 };

int export_list_add(struct export_list *l, const char *name, struct err *e)
{
	enum { FIRST = 256 };

	if (l->n == l->room) {
		const size_t room = l->room ? 2 * l->room : FIRST;
		char **grown = reallocarray(l->names, room, sizeof(*grown));

		if (!grown)
			return err_nomem(e);
		l->names = grown;
		l->room = room;
	}
	l->names[l->n] = strdup(name);
	if (!l->names[l->n])
		return err_nomem(e);
	l->n++;
	return 0;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void export_list_sort(struct export_list *l)
{
	if (l->n)
		qsort(l->names, l->n, sizeof(*l->names), compare);
}

bool export_list_has(const struct export_list *l, const char *name)
{
	return l->n && bsearch(&name, l->names, l->n, sizeof(*l->names), compare);
}

void export_list_free(struct export_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->names[i]);
	free(l->names);
	*l = (struct export_list){0};
}

static int path_of(char **path, const char *state, const char *dir, struct err *e)
{
	char digest[2 * SHA256_LEN + 1];
	char *full = realpath(dir, NULL);
	int rc = full ? sha256_text(digest, span_of(full, strlen(full)), e) : err_nomem(e);

	free(full);
	if (!rc && asprintf(path, "%s/export/%s", state, digest) < 0)
		rc = err_nomem(e);
	return rc;
}

/* Below the tree, without a way out. */
static bool stays_inside(const char *name)
{
	if (!*name || *name == '/')
		return false;
	while (name) {
		if (!strncmp(name, "../", 3) || !strcmp(name, ".."))
			return false;
		name = strchr(name, '/');
		name += name ? 1 : 0;
	}
	return true;
}

static int take_lines(struct export_list *l, char *text, struct err *e)
{
	char *line;
	int rc = 0;

	while (!rc && (line = strsep(&text, "\n")))
		if (stays_inside(line))
			rc = export_list_add(l, line, e);
	export_list_sort(l);
	return rc;
}

int export_list_read(struct export_list *l, const char *state, const char *dir, struct err *e)
{
	struct buf content = {0};
	char *path = NULL;
	int rc = path_of(&path, state, dir, e);

	if (!rc)
		rc = file_read(path, LIST_MAX, &content, e);
	if (!rc)
		rc = buf_cstr(&content) ? take_lines(l, (char *)content.data, e) : err_nomem(e);
	else if (path && !strcmp(e->id, "file-missing"))
		rc = 0;
	buf_free(&content);
	free(path);
	return rc;
}

int export_list_write(const struct export_list *more, const struct export_list *l,
		      const char *state, const char *dir, struct err *e)
{
	struct buf text = {0};
	char *path = NULL, *folder = file_join(state, "export");
	int rc = folder ? file_mkdirs(folder, 0700, e) : err_nomem(e);

	for (size_t i = 0; more && i < more->n; i++)
		buf_printf(&text, "%s\n", more->names[i]);
	for (size_t i = 0; i < l->n; i++)
		buf_printf(&text, "%s\n", l->names[i]);
	if (!rc)
		rc = path_of(&path, state, dir, e);
	if (!rc)
		rc = text.bad ? err_nomem(e) : file_write(path, buf_view(&text), 0600, e);
	buf_free(&text);
	free(path);
	free(folder);
	return rc;
}
