#include "phone/boot.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>
#include <strings.h>

static const char status_failed[] = "Trust List update failed";
static const char status_unusable[] = "Configuration not applied";

/* ---- is the server one of the list's? ---- */

static bool is_server(const struct tl_record *r, const char *host)
{
	const struct span dns = tl_text(r->dns);
	struct in_addr ip;

	if (r->role != TL_TFTP && r->role != TL_CCM_TFTP)
		return false;
	if (r->ip.len == TL_IP_LEN && inet_pton(AF_INET, host, &ip) == 1 &&
	    !memcmp(r->ip.data, &ip, TL_IP_LEN))
		return true;
	return dns.len == strlen(host) && !strncasecmp((const char *)dns.data, host, dns.len);
}

static enum boot_server find_server(const struct tl *l, const char *host)
{
	if (!l || !host)
		return BOOT_SERVER_UNKNOWN;
	for (size_t i = 0; i < l->n; i++)
		if (is_server(&l->records[i], host))
			return BOOT_SERVER_LISTED;
	return BOOT_SERVER_UNLISTED;
}

static void look_at_server(struct boot *b)
{
	b->listed = find_server(b->stored.lists[STORED_CTL].tl, b->server);
	if (b->listed == BOOT_SERVER_UNLISTED)
		account_say(&b->account, "notes",
			    "%s is no TFTP server of the list: phones that are told to use it may "
			    "say \"TFTP server not authorized\"",
			    b->server);
}

/* ---- the order of requests ---- */

static void tell_mode(const struct boot *b)
{
	const struct tl *l = b->stored.lists[STORED_CTL].tl;

	if (!l)
		account_say(&b->account, "mode",
			    "none: unsigned configuration, no protected calls");
	else if (tl_is_nonsecure(l))
		account_say(&b->account, "mode",
			    "non-secure: the phone asks for unsigned configuration");
	else
		account_say(&b->account, "mode", "mixed: the phone asks for signed configuration");
}

/* The first error counts; whether the boot goes on. */
static bool note(int rc, const struct err *now, int *first, struct err *e)
{
	if (rc && !*first) {
		*first = rc;
		*e = *now;
	}
	return rc != ERR_FAILED;
}

static int run(struct boot *b, fetch_fn *fetch, void *arg, struct err *e)
{
	struct err now;
	int first = 0;
	int rc = trust_update(&b->lists[STORED_CTL], &b->stored, STORED_CTL, fetch, arg,
			      &b->account, &now);

	look_at_server(b);
	tell_mode(b);
	if (!note(rc, &now, &first, e))
		return first;
	b->asked_itl = b->stored.model->itl;
	if (b->asked_itl) {
		rc = trust_update(&b->lists[STORED_ITL], &b->stored, STORED_ITL, fetch, arg,
				  &b->account, &now);
		if (!note(rc, &now, &first, e))
			return first;
	}
	b->settled = true;
	rc = settle_update(&b->config, &b->stored, fetch, arg, &b->account, &now);
	note(rc, &now, &first, e);
	return first;
}

/* What went wrong first is what the phone shows. */
static const char *choose_status(const struct boot *b)
{
	const struct trust *ctl = &b->lists[STORED_CTL], *itl = &b->lists[STORED_ITL];

	if (itl->status && !strcmp(itl->status, status_failed))
		return itl->status;
	if (*b->config.status && b->config.found)
		return b->config.status;
	return ctl->status;
}

int boot_load(struct boot *b, struct err *e)
{
	int rc = stored_load(&b->stored, b->dir, e);

	b->stored.read_only = b->read_only;
	if (!rc)
		rc = stored_be(&b->stored, *b->device ? b->device : b->stored.device, b->model,
			       b->protocol, e);
	if (rc) {
		account_say(&b->account, "refuses", "%s", e->what);
		b->lists[STORED_CTL].result = TRUST_KEPT;
		b->status = strcmp(e->id, "stored-list") ? status_unusable : status_failed;
		return rc;
	}
	snprintf(b->device, sizeof(b->device), "%s", b->stored.device);
	trust_tell_stored(&b->stored, STORED_CTL, &b->account);
	trust_tell_stored(&b->stored, STORED_ITL, &b->account);
	return 0;
}

int boot_run(struct boot *b, fetch_fn *fetch, void *arg, struct err *e)
{
	int rc = boot_load(b, e);

	if (!rc) {
		rc = run(b, fetch, arg, e);
		b->status = choose_status(b);
	}
	account_say(&b->account, "status", "%s", b->status);
	return rc;
}

void boot_free(struct boot *b)
{
	for (enum stored_kind k = 0; k < STORED_LISTS; k++)
		trust_free(&b->lists[k]);
	stored_free(&b->stored);
}

bool boot_knows_server(void *arg, struct span der)
{
	const struct boot *b = arg;

	for (enum stored_kind k = 0; k < STORED_LISTS; k++) {
		const struct tl *l = b->stored.lists[k].tl;

		for (size_t i = 0; l && i < l->n; i++) {
			const struct tl_record *r = &l->records[i];

			if ((r->role == TL_TFTP || r->role == TL_CCM_TFTP) && span_eq(r->der, der))
				return true;
		}
	}
	return false;
}

/* ---- words ---- */

int boot_device(char device[BOOT_DEVICE_MAX], const char *name, struct err *e)
{
	static const char *const prefixes[] = {"SEP", "ATA"};
	const char *mac = device_name_mac(name);
	bool good = false;

	for (size_t i = 0; mac && i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		good = good || !strncmp(name, prefixes[i], strlen(prefixes[i]));
	if (!good) {
		err_set(e, ERR_USAGE, "device-name", "\"%.60s\" is not the name of a phone", name);
		return err_hint(e, "it is SEP and the 12 hexadecimal digits of the phone's MAC "
				   "address: SEP001122334455");
	}
	for (size_t i = 0; i < BOOT_DEVICE_MAX && (!i || name[i - 1]); i++)
		device[i] = (char)toupper((unsigned char)name[i]);
	return 0;
}

const char *boot_mode_word(const struct tl *in_force)
{
	if (!in_force)
		return "none";
	return tl_is_nonsecure(in_force) ? "nonsecure" : "mixed";
}
