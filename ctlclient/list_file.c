#include "ctlclient/list_file.h"

#include "common/file.h"

#include <string.h>
#include <sys/stat.h>
#include <time.h>

int list_file_open(struct list_file *f, const char *path, struct err *e)
{
	const bool standard_input = !strcmp(path, "-");
	struct stat st;
	int rc;

	*f = (struct list_file){.path = path};
	rc = file_read(standard_input ? "/dev/stdin" : path, TL_FILE_MAX, &f->bytes, e);
	if (rc)
		goto fail;
	f->mtime = !standard_input && !stat(path, &st) ? (int64_t)st.st_mtime : (int64_t)time(NULL);
	rc = tl_parse(&f->list, buf_view(&f->bytes), e);
	if (rc) {
		err_wrap(e, "%s", path);
		goto fail;
	}
	return 0;
fail:
	list_file_close(f);
	return rc;
}

void list_file_close(struct list_file *f)
{
	tl_free(f->list);
	buf_free(&f->bytes);
	*f = (struct list_file){0};
}
