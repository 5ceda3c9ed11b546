#include "ctlclient/tftp_wish.h"

#include "common/i18n.h"
#include "ctlclient/cert_file.h"
#include "ctlclient/ctl_json.h"
#include "ctlclient/server_spec.h"
#include "trustfile/cert.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool tftp_wish_is_empty(const struct tftp_wish *w)
{
	return !w->n_added && !w->n_removed;
}

int tftp_wish_parse(struct draft_server *s, const char *text, struct err *e)
{
	char *whole = NULL;
	int rc;

	*s = (struct draft_server){0};
	if (asprintf(&whole, "role=tftp,%s", text) < 0)
		return err_nomem(e);
	rc = server_spec_parse(s, whole, false, e);
	free(whole);
	if (!rc && s->role != TL_TFTP) {
		X509_free(s->cert);
		s->cert = NULL;
		rc = err_set(e, ERR_USAGE, "server-spec", "the role of a TFTP server is tftp");
	}
	if (rc == ERR_USAGE)
		err_hint(e, "write host=H,ip=A,cert=FILE; the certificate is the one that server "
			    "signs its files with");
	return rc;
}

static int not_typed(struct err *e, const char *what)
{
	return err_set(e, ERR_USAGE, "server-spec", "%s", what);
}

int tftp_wish_make(struct draft_server *s, const char *host, const char *ip, const char *cert_file,
		   struct err *e)
{
	*s = (struct draft_server){.role = TL_TFTP};
	if (!*host || strlen(host) >= sizeof(s->dns))
		return not_typed(e, _("the server has no name"));
	strcpy(s->dns, host);
	s->has_ip = inet_pton(AF_INET, *ip ? ip : host, s->ip) == 1;
	if (*ip && !s->has_ip)
		return not_typed(e, _("the address is not like 192.0.2.9"));
	if (!*cert_file)
		return not_typed(e, _("the file of the certificate is missing"));
	return cert_file_read(&s->cert, cert_file, e);
}

/* ---- what is wished for ---- */

static size_t find_added(const struct tftp_wish *w, const char *name)
{
	size_t i = 0;

	while (i < w->n_added && strcmp(w->added[i].dns, name) != 0)
		i++;
	return i;
}

static size_t find_removed(const struct tftp_wish *w, const char *name)
{
	size_t i = 0;

	while (i < w->n_removed && strcmp(w->removed[i], name) != 0)
		i++;
	return i;
}

bool tftp_wish_adds(const struct tftp_wish *w, const char *name)
{
	return find_added(w, name) < w->n_added;
}

bool tftp_wish_removes(const struct tftp_wish *w, const char *name)
{
	return find_removed(w, name) < w->n_removed;
}

static int too_many(struct err *e)
{
	return err_set(e, ERR_USAGE, "too-many", "no more than %d TFTP servers at once",
		       TFTP_WISH_MAX);
}

int tftp_wish_add(struct tftp_wish *w, const struct draft_server *s, struct err *e)
{
	tftp_wish_drop(w, s->dns);
	tftp_wish_keep(w, s->dns);
	if (w->n_added == TFTP_WISH_MAX)
		return too_many(e);
	if (!X509_up_ref(s->cert))
		return err_nomem(e);
	w->added[w->n_added] = *s;
	w->added[w->n_added++].role = TL_TFTP;
	return 0;
}

int tftp_wish_remove(struct tftp_wish *w, const char *name, struct err *e)
{
	if (tftp_wish_removes(w, name))
		return 0;
	if (w->n_removed == TFTP_WISH_MAX || strlen(name) >= sizeof(w->removed[0]))
		return too_many(e);
	strcpy(w->removed[w->n_removed++], name);
	return 0;
}

void tftp_wish_drop(struct tftp_wish *w, const char *name)
{
	const size_t i = find_added(w, name);

	if (i == w->n_added)
		return;
	X509_free(w->added[i].cert);
	w->n_added--;
	memmove(&w->added[i], &w->added[i + 1], (w->n_added - i) * sizeof(w->added[0]));
}

void tftp_wish_keep(struct tftp_wish *w, const char *name)
{
	const size_t i = find_removed(w, name);

	if (i == w->n_removed)
		return;
	w->n_removed--;
	memmove(w->removed[i], w->removed[i + 1], (w->n_removed - i) * sizeof(w->removed[0]));
}

/* ---- as JSON ---- */

static json_t *server_json(const struct draft_server *s)
{
	char ip[INET_ADDRSTRLEN] = "";

	if (s->has_ip)
		inet_ntop(AF_INET, s->ip, ip, sizeof(ip));
	return json_pack("{s:s, s:s, s:o}", "name", s->dns, "address", ip, "certificate",
			 ctl_json_pem(s->cert));
}

json_t *tftp_wish_json(const struct tftp_wish *w)
{
	json_t *add = json_array(), *gone = json_array();

	for (size_t i = 0; i < w->n_added; i++)
		json_array_append_new(add, server_json(&w->added[i]));
	for (size_t i = 0; i < w->n_removed; i++)
		json_array_append_new(gone, json_string(w->removed[i]));
	if (tftp_wish_is_empty(w) || json_array_size(add) != w->n_added ||
	    json_array_size(gone) != w->n_removed) {
		json_decref(add);
		json_decref(gone);
		return NULL;
	}
	return json_pack("{s:o, s:o}", "add", add, "remove", gone);
}

static bool read_server(struct tftp_wish *w, json_t *v)
{
	struct draft_server s = {.role = TL_TFTP};
	const char *name, *address, *pem;
	struct err ignored;
	bool ok;

	if (json_unpack(v, "{s:s, s:s, s:s !}", "name", &name, "address", &address, "certificate",
			&pem) ||
	    !*name || strlen(name) >= sizeof(s.dns))
		return false;
	strcpy(s.dns, name);
	s.has_ip = inet_pton(AF_INET, address, s.ip) == 1;
	if ((*address && !s.has_ip) || tftp_wish_adds(w, name) ||
	    cert_from_file_bytes(&s.cert, span_of(pem, strlen(pem)), &ignored))
		return false;
	ok = !tftp_wish_add(w, &s, &ignored);
	X509_free(s.cert);
	return ok;
}

bool tftp_wish_read(struct tftp_wish *w, json_t *v)
{
	json_t *add, *gone, *item;
	struct err ignored;
	size_t i;

	if (!v)
		return true;
	if (json_unpack(v, "{s:o, s:o !}", "add", &add, "remove", &gone) || !json_is_array(add) ||
	    !json_is_array(gone))
		return false;
	json_array_foreach(gone, i, item)
	{
		const char *name = json_string_value(item);

		if (!name || !*name || tftp_wish_remove(w, name, &ignored))
			return false;
	}
	json_array_foreach(add, i, item)
	{
		if (!read_server(w, item))
			return false;
	}
	return true;
}

/* ---- */

void tftp_wish_free(struct tftp_wish *w)
{
	for (size_t i = 0; i < w->n_added; i++)
		X509_free(w->added[i].cert);
	w->n_added = w->n_removed = 0;
}
