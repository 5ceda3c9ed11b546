#include "pkcs11/module_info.h"

#include "pkcs11/cryptoki.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Looks for a loaded file by the last part of its path: p11-kit keeps a module's name as it was
 * configured, and the loader searched its folders for it. */
static void find_loaded(char *out, size_t size, const char *name)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char *line = NULL;
	size_t room = 0;

	while (maps && !*out && getline(&line, &room, maps) > 0) {
		char *path = strchr(line, '/');
		const char *last;

		if (!path)
			continue;
		path[strcspn(path, "\n")] = '\0';
		last = strrchr(path, '/') + 1;
		if (!strcmp(last, name) && strlen(path) < size)
			memcpy(out, path, strlen(path) + 1);
	}
	free(line);
	if (maps)
		fclose(maps);
}

static void file_of(struct module_info *info, CK_FUNCTION_LIST *fn)
{
	char *name = p11_kit_module_get_filename(fn);

	if (name && *name == '/' && strlen(name) < sizeof(info->file))
		memcpy(info->file, name, strlen(name) + 1);
	else if (name)
		find_loaded(info->file, sizeof(info->file),
			    strrchr(name, '/') ? strrchr(name, '/') + 1 : name);
	free(name);
}

static void describe(struct module_info *out, const struct module *m)
{
	const CK_INFO *i = &m->info;
	struct token_info as_token = {0};

	*out = (struct module_info){0};
	snprintf(out->name, sizeof(out->name), "%s", m->name);
	text_show(out->description, sizeof(out->description), i->libraryDescription,
		  sizeof(i->libraryDescription));
	text_show(out->manufacturer, sizeof(out->manufacturer), i->manufacturerID,
		  sizeof(i->manufacturerID));
	snprintf(out->library, sizeof(out->library), "%u.%u", i->libraryVersion.major,
		 i->libraryVersion.minor);
	snprintf(out->cryptoki, sizeof(out->cryptoki), "%u.%u", i->cryptokiVersion.major,
		 i->cryptokiVersion.minor);
	file_of(out, m->fn);
	snprintf(as_token.manufacturer, sizeof(as_token.manufacturer), "%s", out->manufacturer);
	out->software = token_is_software(&as_token);
}

int modules_describe(struct module_info **out, size_t *out_n, struct tokens *ts, struct err *e)
{
	struct module_info *list = calloc(ts->n + 1, sizeof(*list));

	if (!list)
		return err_nomem(e);
	for (size_t i = 0; i < ts->n; i++)
		describe(&list[i], &ts->modules[i]);
	*out = list;
	*out_n = ts->n;
	return 0;
}
