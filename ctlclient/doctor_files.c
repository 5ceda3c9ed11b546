/* What the TFTP service gives a phone, asked for in the phone's own way, and what comes of that. */
#include "ctlclient/doctor.h"

#include "phone/boot.h"
#include "trustfile/cert.h"

#include <stdio.h>
#include <string.h>

static const char why_reach[] = "a phone gets its trust list and its configuration from there";
static const char why_list[] =
	"the list decides which servers and which signed files the phone believes";
static const char why_config[] = "without it the phone does not know where to register";
static const char why_next[] = "the phone does not get further by itself";

static const char *const file_steps[] = {"tftp", "trust-list", "identity-list", "configuration",
					 "next-step"};

enum { REACH, LIST, ITL, CONFIG, NEXT, STEPS };

/* The phone that we play. */
struct visit {
	struct doctor *doctor;
	struct fetch_setup from;
	struct boot boot;
	bool played; /* its certificates are the provider's word: there are no keys */
};

static void skip(struct visit *v, size_t first, const char *why)
{
	for (size_t i = first; i < STEPS; i++)
		doctor_skip(v->doctor, file_steps[i], "%s", why);
}

/* ---- who it is ---- */

static void take_certificate(struct visit *v, enum own_kind kind, const char *key)
{
	struct own_cert *own = &v->boot.stored.own[kind];
	const json_t *doc = json_object_get(v->doctor->phone.doc, key);
	const char *pem = json_string_value(json_object_get(doc, "certificate"));
	const char *md5 = json_string_value(json_object_get(doc, "md5"));
	struct err ignored;

	if (!pem || !md5 || strlen(md5) >= sizeof(own->hash) ||
	    cert_from_file_bytes(&own->cert, span_of(pem, strlen(pem)), &ignored))
		return;
	snprintf(own->hash, sizeof(own->hash), "%s", md5);
}

static int become(struct visit *v, struct err *e)
{
	const struct doctor_phone *p = &v->doctor->phone;
	const char *model = json_string_value(json_object_get(p->doc, "model"));
	const char *protocol = json_string_value(json_object_get(p->doc, "protocol"));
	struct boot *b = &v->boot;
	int rc;

	b->dir = p->state;
	b->read_only = true;
	memcpy(b->device, p->device, sizeof(b->device));
	b->model = model ? device_model_find(model) : NULL;
	if (protocol)
		b->protocol = strcmp(protocol, "sccp") ? DEVICE_SIP : DEVICE_SCCP;
	rc = boot_load(b, e);
	v->played = !p->state;
	if (!rc && v->played) {
		take_certificate(v, OWN_LSC, "lsc");
		take_certificate(v, OWN_MIC, "mic");
	}
	return rc;
}

/* ---- lists ---- */

/* Errors that say that nobody answered, not that something is wrong with a file. */
static bool is_silence(const struct err *e)
{
	return e->kind == ERR_FAILED && (strstr(e->id, "-timeout") ||
					 strstr(e->id, "-unreachable") || strstr(e->id, "-host"));
}

static void tell_reached(struct visit *v)
{
	const struct fetch_setup *f = &v->from;

	if (f->servers.tftp)
		doctor_ok(v->doctor, file_steps[REACH], "%s, port %u answers", f->tftp.server.host,
			  f->tftp.server.port);
	else
		doctor_ok(v->doctor, file_steps[REACH], "%s answers", f->http.base);
}

static void tell_served(struct visit *v, const struct trust *t)
{
	struct doctor *d = v->doctor;
	const struct doctor_phone *p = &d->phone;
	struct buf signer = {0};
	struct doctor_step *s;

	tl_signer_text(&signer, t->offered);
	if (p->has_list && !span_eq(buf_view(&t->offered_bytes), buf_view(&p->list))) {
		s = doctor_wrong(d, file_steps[LIST], ERR_FAILED, why_list,
				 "%s, %zu bytes, is another list than the provider's",
				 t->offered_name, t->offered_bytes.len);
		snprintf(s->mend, sizeof(s->mend),
			 "see \"ctlclient cluster status\" for a node that is behind, and that "
			 "this TFTP service is one of the cluster's");
	} else {
		doctor_ok(d, file_steps[LIST], "%s, %s, signed by %s; %s", t->offered_name,
			  boot_mode_word(t->offered), buf_cstr(&signer) ? buf_cstr(&signer) : "",
			  p->state ? "this phone takes it"
				   : "a phone without a list takes it, others if their list "
				     "has that token");
	}
	buf_free(&signer);
}

static bool visit_list(struct visit *v)
{
	struct doctor *d = v->doctor;
	struct boot *b = &v->boot;
	struct trust *t = &b->lists[STORED_CTL];
	struct doctor_step *s;
	struct err e;
	const int rc =
		trust_update(t, &b->stored, STORED_CTL, fetch_file, &v->from.servers, NULL, &e);

	if (rc && is_silence(&e)) {
		doctor_error(d, file_steps[REACH], why_reach, &e);
		skip(v, LIST, "the TFTP service does not answer");
		return false;
	}
	tell_reached(v);
	if (rc) {
		doctor_error(d, file_steps[LIST], why_list, &e);
	} else if (t->offered) {
		tell_served(v, t);
	} else if (d->phone.list.len) {
		s = doctor_wrong(d, file_steps[LIST], ERR_FAILED, why_list,
				 "the cluster has a list, but this TFTP service has none");
		snprintf(s->mend, sizeof(s->mend),
			 "ctlclient cluster status, for what became of it "
			 "on this node");
	} else {
		doctor_ok(d, file_steps[LIST],
			  "there is none: the phone stays non-secure, with what list it has");
	}
	return true;
}

static bool visit_itl(struct visit *v)
{
	struct doctor *d = v->doctor;
	struct boot *b = &v->boot;
	struct trust *t = &b->lists[STORED_ITL];
	struct err e;
	int rc;

	if (!b->stored.model->itl) {
		doctor_skip(d, file_steps[ITL], "a %s knows none", b->stored.model->name);
		return true;
	}
	rc = trust_update(t, &b->stored, STORED_ITL, fetch_file, &v->from.servers, NULL, &e);
	if (rc)
		doctor_error(d, file_steps[ITL], why_list, &e);
	else
		doctor_ok(d, file_steps[ITL], "%s",
			  t->offered ? "the phone takes it" : "there is none, and none is needed");
	if (rc && is_silence(&e)) {
		skip(v, CONFIG, "the TFTP service does not answer any more");
		return false;
	}
	return true;
}

/* ---- configuration ---- */

static void tell_config(struct visit *v)
{
	const struct settled *r = &v->boot.config;
	const struct config *c = stored_last(&v->boot.stored);
	struct doctor *d = v->doctor;

	doctor_ok(d, file_steps[CONFIG], "%s, %zu bytes%s%s: %s%s", r->asked.name, r->size,
		  *r->signer ? ", signed by " : ", unsigned", r->signer,
		  c && c->full ? "the whole configuration" : "the minimal one",
		  c && c->full ? "" : ", as the whole one is encrypted");
}

static void tell_no_config(struct visit *v)
{
	const struct settled *r = &v->boot.config;
	struct doctor *d = v->doctor;
	struct doctor_step *s = doctor_wrong(
		d, file_steps[CONFIG], ERR_FAILED, why_config,
		"%s: the TFTP service has none for this phone%s", r->asked.name,
		r->result == SETTLE_DEFAULT ? ", which gets that of unknown ones" : "");

	if (d->phone.doc)
		snprintf(s->mend, sizeof(s->mend),
			 "ask the TFTP service of a node of this cluster, and see its log for %s",
			 d->phone.device);
	else
		snprintf(s->mend, sizeof(s->mend),
			 "ctladmin phone add %s --model MODEL --protocol sip --profile PROFILE",
			 d->phone.device);
}

/* Its signature is good, and it is encrypted for a certificate whose key only the phone has. */
static bool is_sealed(const struct visit *v, const struct err *e)
{
	return v->played && v->boot.config.asked.form == ASK_ENCRYPTED &&
	       !strcmp(e->id, "enc-decrypt");
}

static void tell_next(struct visit *v)
{
	const struct next *n = &v->boot.config.next;
	struct doctor *d = v->doctor;
	struct doctor_step *s;

	if (n->step != NEXT_BLOCKED && n->step != NEXT_NOTHING) {
		doctor_ok(d, file_steps[NEXT], "%s", n->why);
		return;
	}
	s = doctor_wrong(d, file_steps[NEXT], ERR_FAILED, why_next, "%s", n->why);
	snprintf(s->mend, sizeof(s->mend), "ctladmin capf explain %s", d->phone.device);
}

static void visit_config(struct visit *v)
{
	struct boot *b = &v->boot;
	struct doctor *d = v->doctor;
	struct err e;
	const int rc =
		settle_update(&b->config, &b->stored, fetch_file, &v->from.servers, NULL, &e);

	if (rc && is_sealed(v, &e)) {
		doctor_ok(d, file_steps[CONFIG],
			  "%s, %zu bytes, signed by %s: encrypted for the phone's certificate",
			  b->config.asked.name, b->config.size, b->config.signer);
		doctor_ok(d, file_steps[NEXT],
			  "a phone that has that certificate decrypts it and registers; another "
			  "goes to CAPF");
	} else if (rc) {
		doctor_error(d, file_steps[CONFIG], why_config, &e);
		tell_next(v);
	} else if (b->config.result == SETTLE_TAKEN || b->config.result == SETTLE_UNCHANGED ||
		   b->config.result == SETTLE_MINIMAL) {
		tell_config(v);
		tell_next(v);
	} else {
		tell_no_config(v);
		doctor_skip(d, file_steps[NEXT], "the phone has no configuration from here");
	}
}

void doctor_files(struct doctor *d)
{
	struct visit v = {.doctor = d};
	struct err e;

	if (fetch_setup(&v.from, d->phone.tftp, d->phone.http, BOOT_BLKSIZE_DEFAULT, &e)) {
		doctor_error(d, file_steps[REACH], why_reach, &e);
		skip(&v, LIST, "no TFTP service was named");
		return;
	}
	/* What the provider knows of the phone's own requests must not become what we ask. */
	v.from.tftp.probe = v.from.http.probe = true;
	v.from.http.is_known = boot_knows_server;
	v.from.http.arg = &v.boot;
	if (become(&v, &e)) {
		doctor_error(d, file_steps[LIST], why_list, &e);
		skip(&v, ITL, "what the phone has stored cannot be read");
	} else if (visit_list(&v) && visit_itl(&v)) {
		visit_config(&v);
	}
	boot_free(&v.boot);
}
