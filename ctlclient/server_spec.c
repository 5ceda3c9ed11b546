#include "ctlclient/server_spec.h"

#include "ctlclient/cert_file.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int bad(const char *text, const char *why, const char *what, struct err *e)
{
	err_set(e, ERR_USAGE, "server-spec", "server \"%s\": %s%s", text, why, what);
	return err_hint(e, "write role=R,host=H,ip=A,cert=FILE with R one of ccm+tftp, ccm, tftp, "
			   "capf, app-server, tvs");
}

/* One "key=value", NUL-terminated. */
static int set_part(struct draft_server *s, bool *has_role, const char **cert, const char *text,
		    char *part, struct err *e)
{
	char *value = strchr(part, '=');

	if (!value)
		return bad(text, "no \"=\" in ", part, e);
	*value++ = '\0';
	if (!strcmp(part, "role")) {
		*has_role = tl_role_parse(&s->role, value) && s->role != TL_SAST;
		return *has_role ? 0 : bad(text, "there is no server role ", value, e);
	}
	if (!strcmp(part, "host")) {
		if (!*value || strlen(value) >= sizeof(s->dns))
			return bad(text, "empty or too long a host", "", e);
		snprintf(s->dns, sizeof(s->dns), "%s", value);
		return 0;
	}
	if (!strcmp(part, "ip")) {
		s->has_ip = inet_pton(AF_INET, value, s->ip) == 1;
		return s->has_ip ? 0 : bad(text, "not an IPv4 address: ", value, e);
	}
	if (!strcmp(part, "cert")) {
		*cert = value;
		return 0;
	}
	return bad(text, "unknown part ", part, e);
}

int server_spec_parse(struct draft_server *s, const char *text, bool cert_optional, struct err *e)
{
	char *copy = strdup(text);
	char *rest = copy;
	const char *cert = NULL;
	bool has_role = false;
	char *part;
	int rc = copy ? 0 : err_nomem(e);

	*s = (struct draft_server){0};
	while (!rc && (part = strsep(&rest, ",")))
		rc = set_part(s, &has_role, &cert, text, part, e);
	if (!rc && !has_role)
		rc = bad(text, "role is missing", "", e);
	if (!rc && !s->dns[0])
		rc = bad(text, "host is missing", "", e);
	if (!rc && !cert && !cert_optional)
		rc = bad(text, "cert is missing", "", e);
	if (!rc && !s->has_ip)
		s->has_ip = inet_pton(AF_INET, s->dns, s->ip) == 1;
	if (!rc && cert)
		rc = cert_file_read(&s->cert, cert, e);
	free(copy);
	return rc;
}
