/* What the files about CAPF share. */
#ifndef SERVER_STORE_CAPF_PRIV_H
#define SERVER_STORE_CAPF_PRIV_H

#include "server/store/phone_priv.h"
#include "server/store/store_capf.h"

/* An expression: the number of the next operation. */
#define CAPF_NEXT_NUMBER                                                                           \
	"(SELECT 1 + max(coalesce((SELECT max(number) FROM capf_work), 0),"                        \
	" coalesce((SELECT max(number) FROM capf_issued), 0)))"

/* Sets the authentication string of a phone or an instance; an empty one takes it away. */
int capf_string_set(struct store *s, const struct store_capf_case *c, struct span text,
		    struct err *e);

/* Appends it; buf_wipe(). */
int capf_string_get(struct store *s, const struct store_capf_case *c, struct buf *text,
		    struct err *e);

/* ERR_CONFLICT "capf-gone" unless the operation with that number is still pending. */
int capf_check_pending(struct store *s, const struct store_capf_case *c, int64_t number,
		       struct err *e);

/* "there is no instance ..." */
int capf_no_user(const char *name, struct err *e);

#endif
