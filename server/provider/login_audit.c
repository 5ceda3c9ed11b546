#include "server/provider/login_audit.h"

#include "server/store/audit.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct login_audit {
	pthread_mutex_t lock; /* of what follows */
	unsigned rows;        /* that may still be written */
	unsigned left_out;
	int64_t paced_ms; /* until then rows were counted out */
	const struct log *log;
};

struct login_audit *login_audit_new(const struct log *log)
{
	struct login_audit *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	pthread_mutex_init(&a->lock, NULL);
	a->rows = LOGIN_AUDIT_AT_ONCE;
	a->log = log;
	return a;
}

void login_audit_free(struct login_audit *a)
{
	if (!a)
		return;
	pthread_mutex_destroy(&a->lock);
	free(a);
}

/* True if a row may be written; *left_out is how many were not since the last one. */
static bool take_row(struct login_audit *a, int64_t now_ms, unsigned *left_out)
{
	int64_t earned;
	bool may;

	pthread_mutex_lock(&a->lock);
	earned = (now_ms - a->paced_ms) / LOGIN_AUDIT_PACE_MS;
	if (earned > 0) {
		a->paced_ms += earned * LOGIN_AUDIT_PACE_MS;
		a->rows = earned < LOGIN_AUDIT_AT_ONCE - (int64_t)a->rows
				  ? a->rows + (unsigned)earned
				  : LOGIN_AUDIT_AT_ONCE;
	}
	may = a->rows > 0;
	if (may) {
		a->rows--;
		*left_out = a->left_out;
		a->left_out = 0;
	} else {
		a->left_out++;
	}
	pthread_mutex_unlock(&a->lock);
	return may;
}

void login_audit_note(struct login_audit *a, struct store *s, bool accepted, const char *detail,
		      int64_t now_ms)
{
	char text[ERR_WHAT_MAX + 80];
	const struct audit_entry entry = {.action = "login", .accepted = accepted, .detail = text};
	unsigned left_out = 0;
	struct err e;

	if (!accepted && !take_row(a, now_ms, &left_out))
		return;
	snprintf(text, sizeof(text), "%s", detail);
	if (left_out)
		snprintf(text, sizeof(text), "%s (and %u refused logins before this one)", detail,
			 left_out);
	if (audit_add(s, &entry, &e))
		log_line(a->log, LOG_LEVEL_ERROR, "a login is missing in the audit log: %s",
			 e.what);
}
