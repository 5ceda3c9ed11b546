/* The doctor's questions to the provider about one phone. */
#include "ctlclient/doctor.h"

#include "common/text.h"
#include "ctlclient/cluster_view.h"

#include <stdio.h>
#include <string.h>

enum { PATH_MAX_LEN = 64, SHOWN_MAX = 200 };

static const char why_known[] = "a phone that nobody has set up gets but the default configuration";
static const char why_cert[] =
	"a phone proves by its certificate who it is, and decrypts with its key";
static const char why_asked[] =
	"a phone that does not ask cannot get anything; what it asked for shows what it believes";

static const char *const known_steps[] = {"phone", "phone-certificate", "phone-last-request"};

enum { KNOWN, CERTIFICATE, ASKED, STEPS };

static void skip(struct doctor *d, size_t first, const char *why)
{
	for (size_t i = first; i < STEPS; i++)
		doctor_skip(d, known_steps[i], "%s", why);
}

void doctor_phone_unknown(struct doctor *d, const char *why)
{
	skip(d, KNOWN, why);
}

/* ---- reading the answer ---- */

/* The text at a path of two keys at most, made safe to print; "" if there is none. */
static const char *text_at(char out[SHOWN_MAX], const json_t *doc, const char *key, const char *sub)
{
	const json_t *v = json_object_get(doc, key);
	struct buf shown = {0};
	const char *text;

	if (sub)
		v = json_object_get(v, sub);
	text = json_string_value(v);
	text = text ? text : "";
	text_printable(&shown, span_of(text, strlen(text)));
	snprintf(out, SHOWN_MAX, "%s", buf_cstr(&shown) ? buf_cstr(&shown) : "");
	buf_free(&shown);
	return out;
}

static bool flag_at(const json_t *doc, const char *key, const char *sub)
{
	const json_t *v = json_object_get(doc, key);

	return json_is_true(sub ? json_object_get(v, sub) : v);
}

/* ---- is it set up? ---- */

static void tell_known(struct doctor *d)
{
	const json_t *doc = d->phone.doc;
	char model[SHOWN_MAX], protocol[SHOWN_MAX], profile[SHOWN_MAX], mode[SHOWN_MAX];
	char wanted[SHOWN_MAX];

	text_at(mode, doc, "effective", "device_security_mode");
	text_at(wanted, doc, "device_security_mode", NULL);
	doctor_ok(d, known_steps[KNOWN], "%s, %s, profile \"%s\": %s%s%s%s",
		  text_at(model, doc, "model", NULL), text_at(protocol, doc, "protocol", NULL),
		  text_at(profile, doc, "profile", NULL), mode,
		  strcmp(mode, wanted) ? " here, and by its profile " : "",
		  strcmp(mode, wanted) ? wanted : "",
		  flag_at(doc, "effective", "tftp_encrypted_config") ? ", configuration encrypted"
								     : "");
}

static void tell_absent(struct doctor *d, const struct err *e)
{
	struct doctor_step *s = doctor_error(d, known_steps[KNOWN], why_known, e);

	if (!strcmp(e->id, "no-phone"))
		snprintf(s->mend, sizeof(s->mend),
			 "ctladmin phone add %s --model MODEL --protocol sip --profile PROFILE",
			 d->phone.device);
	skip(d, CERTIFICATE, "the provider does not know this phone");
}

/* ---- its certificate ---- */

static bool needs_certificate(const json_t *doc)
{
	char mode[SHOWN_MAX];

	return flag_at(doc, "effective", "tftp_encrypted_config") ||
	       strcmp(text_at(mode, doc, "effective", "device_security_mode"), "nonsecure") != 0;
}

static void tell_no_certificate(struct doctor *d)
{
	const json_t *doc = d->phone.doc;
	char status[SHOWN_MAX], detail[SHOWN_MAX];
	struct doctor_step *s;

	text_at(status, doc, "capf", "status");
	text_at(detail, doc, "capf", "detail");
	if (!needs_certificate(doc)) {
		doctor_ok(d, known_steps[CERTIFICATE], "none is known, and none is needed");
		return;
	}
	if (!strcmp(status, "pending")) {
		doctor_ok(d, known_steps[CERTIFICATE],
			  "none is known yet; a CAPF operation is pending: the phone has to come "
			  "to CAPF%s",
			  flag_at(doc, "auth_string", NULL)
				  ? ", with the authentication string typed in"
				  : "");
		return;
	}
	s = doctor_wrong(d, known_steps[CERTIFICATE], ERR_FAILED, why_cert,
			 "none is known, though its profile needs one%s%s",
			 *detail ? "; CAPF's last word: " : "", detail);
	snprintf(s->mend, sizeof(s->mend), "ctladmin capf set %s install --generate, then reset it",
		 d->phone.device);
}

static void tell_certificate(struct doctor *d)
{
	static const char *const kinds[] = {"lsc", "mic"};
	char subject[SHOWN_MAX], md5[SHOWN_MAX], until[SHOWN_MAX];

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const json_t *cert = json_object_get(d->phone.doc, kinds[i]);

		if (!json_is_object(cert))
			continue;
		doctor_ok(d, known_steps[CERTIFICATE], "%s %s, until %s, MD5 %s", i ? "MIC" : "LSC",
			  text_at(subject, cert, "subject", NULL),
			  text_at(until, cert, "not_after", NULL), text_at(md5, cert, "md5", NULL));
		return;
	}
	if (flag_at(d->phone.doc, "key", NULL))
		doctor_ok(d, known_steps[CERTIFICATE],
			  "none; its configuration is encrypted with a key that was typed in");
	else
		tell_no_certificate(d);
}

/* ---- what it asked for last ---- */

static void tell_asked(struct doctor *d)
{
	const json_t *doc = d->phone.doc;
	char file[SHOWN_MAX], address[SHOWN_MAX], outcome[SHOWN_MAX], when[SHOWN_MAX];
	struct doctor_step *s;

	text_at(file, doc, "seen", "file");
	text_at(address, doc, "seen", "address");
	text_at(outcome, doc, "seen", "outcome");
	text_at(when, doc, "seen", "time");
	if (!*file) {
		s = doctor_wrong(d, known_steps[ASKED], ERR_FAILED, why_asked,
				 "it has not asked for anything yet");
		snprintf(s->mend, sizeof(s->mend),
			 "check that the phone is on the network and that DHCP option 150 (or its "
			 "own setting) names this TFTP server");
	} else if (flag_at(doc, "reset_pending", NULL)) {
		s = doctor_wrong(d, known_steps[ASKED], ERR_FAILED, why_asked,
				 "%s, %s, from %s: %s; it has not loaded what changed since", file,
				 when, address, outcome);
		snprintf(s->mend, sizeof(s->mend), "ctladmin reset %s", d->phone.device);
	} else {
		doctor_ok(d, known_steps[ASKED], "%s, %s, from %s: %s", file, when, address,
			  outcome);
	}
}

/* ---- all of it ---- */

void doctor_phone_known(struct doctor *d, struct api *api, const struct cluster_view *view)
{
	struct doctor_phone *p = &d->phone;
	char path[PATH_MAX_LEN];
	struct err e;

	p->has_list = true;
	buf_span(&p->list, buf_view(&view->file));
	snprintf(path, sizeof(path), "/api/v1/phones/%s", p->device);
	if (api_get_json(api, path, &p->doc, &e)) {
		tell_absent(d, &e);
		return;
	}
	tell_known(d);
	tell_certificate(d);
	tell_asked(d);
}
