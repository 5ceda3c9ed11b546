#include "server/provider/commit.h"

#include "server/provider/ctl_check.h"
#include "server/provider/signers.h"
#include "server/provider/views.h"
#include "server/store/audit.h"
#include "server/store/store_tftp.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { ATTEMPTS = 5 };

static int stale(const struct commit *c, struct err *e)
{
	err_set(e, ERR_CONFLICT, "stale-generation", "the CTL is at generation %lld, not %lld",
		(long long)c->present, (long long)c->expected);
	return err_hint(e, "somebody else was quicker: fetch the present list, make the change "
			   "again and sign it");
}

static int check(struct ctl_facts *facts, const struct commit *c, struct store *s,
		 const struct store_ctl *present, struct err *e)
{
	struct ctl_question q = {
		.present = buf_view(&present->file), .neu = c->list, .now = time(NULL)};
	struct store_node *nodes;
	int rc = store_servers(s, &nodes, &q.nnodes, e);

	if (rc)
		return rc;
	q.nodes = nodes;
	rc = ctl_check(facts, &q, e);
	if (!rc && c->signers)
		rc = signers_check(c->signers, q.present, q.neu, e);
	store_nodes_free(nodes, q.nnodes);
	return rc;
}

static int write_ctl(struct commit *c, struct store *s, const struct store_expected *expected,
		     struct ctl_facts *facts, struct err *e)
{
	struct store_ctl row = {.time = time(NULL), .mixed = facts->mixed, .signer = facts->signer};
	int rc;

	snprintf(row.user, sizeof(row.user), "%s", c->user);
	snprintf(row.address, sizeof(row.address), "%s", c->address);
	buf_span(&row.file, c->list);
	buf_span(&row.difference, buf_view(&facts->difference));
	rc = row.file.bad || row.difference.bad ? err_nomem(e)
						: store_ctl_commit(s, expected, &row, e);
	c->generation = row.generation;
	c->mixed = row.mixed;
	store_ctl_free(&row);
	return rc;
}

static void audit_refusal(struct store *s, const char *by, const struct log *log,
			  const struct err *why)
{
	char text[sizeof(why->id) + sizeof(why->what) + 4];
	const struct audit_entry a = {.action = "ctl", .token = by, .detail = text};
	struct err e;

	snprintf(text, sizeof(text), "%s: %s", why->id, why->what);
	if (audit_add(s, &a, &e))
		log_line(log, LOG_LEVEL_ERROR, "a refusal is missing in the audit log: %s", e.what);
}

static void note(const struct commit *c, struct store *s, const struct ctl_facts *facts, int rc,
		 const struct log *log, const struct err *e)
{
	const struct store_signer *signer = &facts->signer;
	char by[sizeof(signer->subject) + sizeof(signer->serial) + 32] = "unknown";
	struct log_event event;

	if (*signer->subject)
		snprintf(by, sizeof(by), "%s serial %s", signer->subject, signer->serial);
	event = (struct log_event){.event = rc ? "ctl-refused" : "ctl-accepted",
				   .generation = rc ? 0 : c->generation,
				   .user = c->user,
				   .address = c->address,
				   .reason = rc ? e->id : NULL};
	if (rc)
		log_event(log, LOG_LEVEL_WARN, &event,
			  "ctl refused (%s): from %s at %s, signer %s: %s", e->id, c->user,
			  c->address, by, e->what);
	else
		log_event(log, LOG_LEVEL_INFO, &event,
			  "ctl accepted: generation %lld, %s, from %s at %s, signer %s",
			  (long long)c->generation, view_mode(c->mixed), c->user, c->address, by);
	/* An accepted one is in the audit log since its transaction. */
	if (rc)
		audit_refusal(s, *signer->subject ? by : "", log, e);
}

static int attempt(struct commit *c, struct store *s, struct ctl_facts *facts, struct err *e)
{
	struct store_expected expected = {.generation = c->expected};
	struct store_ctl present;
	int rc = store_cluster_revision(s, &expected.revision, e);

	if (rc || store_ctl_current(s, &present, e))
		return (int)e->kind;
	c->present = present.generation;
	rc = c->present == c->expected ? check(facts, c, s, &present, e) : stale(c, e);
	if (!rc)
		rc = write_ctl(c, s, &expected, facts, e);
	store_ctl_free(&present);
	return rc;
}

/* The list is checked against the TFTP servers as they will be. All of it is one transaction, which
 * nobody else's change can come into. */
static int attempt_with_tftps(struct commit *c, struct store *s, struct ctl_facts *facts,
			      struct err *e)
{
	int rc = 0;

	if (store_begin(s, e))
		return (int)e->kind;
	for (size_t i = 0; !rc && i < c->ngone; i++)
		rc = store_tftp_remove(s, c->gone[i], e);
	for (size_t i = 0; !rc && i < c->ntftps; i++)
		rc = store_tftp_put(s, &c->tftps[i], e);
	if (!rc)
		rc = attempt(c, s, facts, e);
	return store_end(s, rc, e);
}

int commit_ctl(struct commit *c, struct store *s, const struct log *log, struct err *e)
{
	struct ctl_facts facts = {0};
	int rc = c->ntftps || c->ngone ? attempt_with_tftps(c, s, &facts, e)
				       : attempt(c, s, &facts, e);

	/* A node has changed in between: the list may still be right, or not any more. */
	for (int i = 1; rc && i < ATTEMPTS && !strcmp(e->id, "stale-cluster"); i++) {
		ctl_facts_free(&facts);
		rc = attempt(c, s, &facts, e);
	}
	note(c, s, &facts, rc, log, e);
	ctl_facts_free(&facts);
	return rc;
}
