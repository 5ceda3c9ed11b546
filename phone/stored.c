#include "phone/stored.h"

#include "common/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int unusable(struct stored *s, struct err *e)
{
	tl_free(s->ctl);
	s->ctl = NULL;
	e->kind = ERR_FAILED;
	snprintf(e->id, sizeof(e->id), "stored-list");
	err_wrap(e, "the stored list %s cannot be trusted any more", s->path);
	return err_hint(e,
			"erase it as one would on the phone (delete the file) if the next list may "
			"be trusted as it comes, or put a good copy back");
}

int stored_load(struct stored *s, const char *dir, struct err *e)
{
	int rc;

	*s = (struct stored){.path = file_join(dir, TL_CTL_NAME)};
	if (!s->path)
		return err_nomem(e);
	rc = file_read(s->path, TL_FILE_MAX, &s->bytes, e);
	if (rc && !strcmp(e->id, "file-missing"))
		return 0;
	if (!rc)
		rc = tl_parse(&s->ctl, buf_view(&s->bytes), e);
	if (!rc)
		rc = tl_verify(s->ctl, TL_CTL_NAME, e);
	return rc ? unusable(s, e) : 0;
}

int stored_install(const struct stored *s, const char *dir, struct span file, struct err *e)
{
	const int rc = file_mkdirs(dir, 0755, e);

	return rc ? rc : file_write(s->path, file, 0644, e);
}

void stored_free(struct stored *s)
{
	tl_free(s->ctl);
	buf_free(&s->bytes);
	free(s->path);
	*s = (struct stored){0};
}
