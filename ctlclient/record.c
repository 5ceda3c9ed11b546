#include "ctlclient/record.h"

#include "common/file.h"
#include "ctlclient/cmd_token.h"
#include "pkcs11/module_info.h"

#include <stdlib.h>

static json_t *module_json(const struct module_info *m)
{
	struct buf file = {0};
	struct err ignored;
	json_t *facts = NULL;

	if (*m->file && !file_read(m->file, BUF_MAX / 2, &file, &ignored))
		facts = transcript_bytes(m->file, buf_view(&file));
	buf_free(&file);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o}", "name", m->name, "description",
			 m->description, "manufacturer", m->manufacturer, "library", m->library,
			 "cryptoki", m->cryptoki, "module_file", facts ? facts : json_null());
}

static int job_modules(struct tokens *ts, void *arg, struct err *e)
{
	struct module_info *list;
	json_t *array = arg;
	size_t n;
	int rc = modules_describe(&list, &n, ts, e);

	if (rc)
		return rc;
	for (size_t i = 0; !rc && i < n; i++)
		rc = json_array_append_new(array, module_json(&list[i])) ? err_nomem(e) : 0;
	free(list);
	return rc;
}

int record_modules(struct transcript *t, struct desk *d, struct err *e)
{
	json_t *modules;
	int rc;

	if (!t)
		return 0;
	modules = json_array();
	rc = desk_run(d, job_modules, modules, e);
	return transcript_step(t, "modules", rc, json_pack("{s:o}", "modules", modules), e);
}

json_t *record_token_json(const struct token_info *info)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:b, s:s, s:s}", "label", info->label,
			 "serial", info->serial, "manufacturer", info->manufacturer, "model",
			 info->model, "module", info->module, "software", token_is_software(info),
			 "initialized", info->initialized, "pin", token_pin_words(info->pin),
			 "so_pin", token_pin_words(info->so_pin));
}

int record_token(struct transcript *t, const struct token_info *info, struct err *e)
{
	if (!t)
		return 0;
	return transcript_step(t, "token", 0, json_pack("{s:o}", "token", record_token_json(info)),
			       e);
}
