#include "ctlclient/known.h"

#include "common/file.h"
#include "common/hex.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KNOWN_FILE_MAX = 1 << 20 };

static char *config_dir(void)
{
	const char *xdg = getenv("XDG_CONFIG_HOME");
	const char *home = getenv("HOME");

	if (xdg && *xdg)
		return file_join(xdg, "ctlsuite");
	return home ? file_join(home, ".config/ctlsuite") : NULL;
}

static int load(char **path, struct buf *text, struct err *e)
{
	char *dir = config_dir();
	int rc = 0;

	*path = dir ? file_join(dir, "known_providers") : NULL;
	free(dir);
	if (!*path) {
		err_set(e, ERR_FAILED, "known-providers",
			"there is no home folder to remember "
			"providers in");
		return err_hint(e, "set HOME, or use --ca or --fingerprint");
	}
	rc = file_read(*path, KNOWN_FILE_MAX, text, e);
	if (rc && !strcmp(e->id, "file-missing"))
		rc = 0;
	if (!rc && !buf_cstr(text))
		rc = err_nomem(e);
	return rc;
}

/* "host:port fingerprint": true if the line is for server. */
static bool is_for(const char *line, const struct hostport *server, const char **value)
{
	char key[HOST_MAX + 8];
	const size_t n = (size_t)snprintf(key, sizeof(key), "%s:%u ", server->host, server->port);

	*value = line + n;
	return !strncmp(line, key, n);
}

static int parse_value(const char *value, const char *path, uint8_t *fingerprint, struct err *e)
{
	struct buf bytes = {0};
	const size_t len = strcspn(value, "\n");
	const bool ok = hex_parse(&bytes, value, len) && bytes.len == API_FINGERPRINT_LEN;

	if (ok)
		memcpy(fingerprint, bytes.data, API_FINGERPRINT_LEN);
	buf_free(&bytes);
	if (ok)
		return 0;
	err_set(e, ERR_FAILED, "known-providers", "a line in %s is damaged", path);
	return err_hint(e, "take the provider's line out and compare its fingerprint anew");
}

int known_get(const struct hostport *server, uint8_t fingerprint[API_FINGERPRINT_LEN], bool *found,
	      struct err *e)
{
	struct buf text = {0};
	char *path = NULL;
	const char *value;
	int rc = load(&path, &text, e);

	*found = false;
	for (const char *line = rc ? NULL : (const char *)text.data; line && *line && !rc;) {
		const char *end = strchr(line, '\n');

		if (is_for(line, server, &value)) {
			rc = parse_value(value, path, fingerprint, e);
			*found = !rc;
			break;
		}
		line = end ? end + 1 : NULL;
	}
	buf_free(&text);
	free(path);
	return rc;
}

static void copy_others(struct buf *out, const char *text, const struct hostport *server)
{
	const char *value;

	while (text && *text) {
		const char *end = strchr(text, '\n');
		const size_t len = end ? (size_t)(end - text) + 1 : strlen(text);

		if (!is_for(text, server, &value))
			buf_put(out, text, len);
		text += len;
	}
}

int known_put(const struct hostport *server, const uint8_t fingerprint[API_FINGERPRINT_LEN],
	      struct err *e)
{
	struct buf text = {0};
	struct buf out = {0};
	char *path = NULL;
	char *dir = NULL;
	int rc = load(&path, &text, e);

	if (rc)
		goto done;
	copy_others(&out, (const char *)text.data, server);
	buf_printf(&out, "%s:%u ", server->host, server->port);
	hex_lower(&out, span_of(fingerprint, API_FINGERPRINT_LEN), 0);
	buf_u8(&out, '\n');
	dir = config_dir();
	if (!dir || out.bad)
		rc = err_nomem(e);
	if (!rc)
		rc = file_mkdirs(dir, 0700, e);
	if (!rc)
		rc = file_write(path, buf_view(&out), 0600, e);
done:
	buf_free(&text);
	buf_free(&out);
	free(path);
	free(dir);
	return rc;
}
