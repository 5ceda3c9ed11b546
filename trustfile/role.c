#include "trustfile/list.h"

#include <stdio.h>
#include <string.h>

static const struct {
	uint16_t role;
	const char *name, *label;
} roles[] = {
	{TL_SAST, "sast", "SAST"},
	{TL_CCM, "ccm", "CCM"},
	{TL_CCM_TFTP, "ccm+tftp", "CCM+TFTP"},
	{TL_TFTP, "tftp", "TFTP"},
	{TL_CAPF, "capf", "CAPF"},
	{TL_APP_SERVER, "app-server", "APP-SERVER"},
	{TL_TVS, "tvs", "TVS"},
};

enum { ROLES = sizeof(roles) / sizeof(roles[0]), SCRATCH = 16 };

static const char *number(uint16_t role, char scratch[SCRATCH])
{
	snprintf(scratch, SCRATCH, "%u", role);
	return scratch;
}

const char *tl_role_name(uint16_t role, char scratch[SCRATCH])
{
	for (size_t i = 0; i < ROLES; i++) {
		if (roles[i].role == role)
			return roles[i].name;
	}
	return number(role, scratch);
}

const char *tl_role_label(uint16_t role, char scratch[SCRATCH])
{
	for (size_t i = 0; i < ROLES; i++) {
		if (roles[i].role == role)
			return roles[i].label;
	}
	return number(role, scratch);
}

bool tl_role_parse(uint16_t *role, const char *name)
{
	for (size_t i = 0; i < ROLES; i++) {
		if (!strcmp(roles[i].name, name)) {
			*role = roles[i].role;
			return true;
		}
	}
	return false;
}

bool tl_is_nonsecure(const struct tl *l)
{
	bool any = false;

	for (size_t i = 0; i < l->n; i++) {
		const struct tl_record *r = &l->records[i];

		if (r->role != TL_CCM && r->role != TL_CCM_TFTP && r->role != TL_TFTP)
			continue;
		if (r->cert)
			return false;
		any = true;
	}
	return any;
}
