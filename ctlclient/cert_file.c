#include "ctlclient/cert_file.h"

#include "common/file.h"
#include "trustfile/cert.h"

int cert_file_read(X509 **out, const char *path, struct err *e)
{
	struct buf content = {0};
	int rc = file_read(path, CERT_FILE_MAX, &content, e);

	if (!rc && cert_from_file_bytes(out, buf_view(&content), e))
		rc = err_wrap(e, "%s", path);
	buf_wipe(&content);
	return rc;
}
