#include "server/cluster/ctl_facts.h"

#include "common/hex.h"
#include "common/text.h"
#include "trustfile/diff.h"

#include <stdio.h>

void ctl_facts_free(struct ctl_facts *facts)
{
	buf_free(&facts->difference);
	*facts = (struct ctl_facts){0};
}

void ctl_facts_text(char *to, size_t size, struct span name)
{
	struct buf shown = {0};
	const char *text;

	text_printable(&shown, tl_text(name));
	text = buf_cstr(&shown);
	snprintf(to, size, "%s", text ? text : "");
	buf_free(&shown);
}

void ctl_facts_note(struct ctl_facts *facts, const struct tl *neu)
{
	struct store_signer *s = &facts->signer;
	struct buf digits = {0};
	const char *serial;

	facts->mixed = !tl_is_nonsecure(neu);
	ctl_facts_text(s->subject, sizeof(s->subject), neu->signer_name);
	ctl_facts_text(s->issuer, sizeof(s->issuer), neu->signer_issuer);
	hex_lower(&digits, neu->signer_serial, 0);
	serial = buf_cstr(&digits);
	snprintf(s->serial, sizeof(s->serial), "%s", serial ? serial : "");
	buf_free(&digits);
}

int ctl_facts_compare(struct ctl_facts *facts, const struct tl *present, const struct tl *neu,
		      struct err *e)
{
	struct tl_diff d;

	if (tl_diff(&d, present, neu, e))
		return (int)e->kind;
	tl_diff_text(&facts->difference, &d);
	tl_diff_free(&d);
	return facts->difference.bad ? err_nomem(e) : 0;
}

int ctl_facts_read(struct ctl_facts *facts, struct span present, struct span neu, struct err *e)
{
	struct tl *before = NULL, *after = NULL;
	int rc = 0;

	*facts = (struct ctl_facts){0};
	if (present.len)
		rc = tl_parse(&before, present, e);
	if (!rc)
		rc = tl_parse(&after, neu, e);
	if (!rc) {
		ctl_facts_note(facts, after);
		rc = ctl_facts_compare(facts, before, after, e);
	}
	tl_free(before);
	tl_free(after);
	return rc;
}
