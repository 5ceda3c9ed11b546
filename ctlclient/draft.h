/*
 * A trust list being put together: who may sign, which servers, by the rules an administrator has
 * to keep. The commands and, later, the wizard fill a draft; none of them has rules of its own.
 */
#ifndef CTLCLIENT_DRAFT_H
#define CTLCLIENT_DRAFT_H

#include "trustfile/build.h"
#include "trustfile/list.h"

struct draft;

/* Starts a draft: empty, or with the records of old, byte for byte. old (NULL for none) is borrowed
 * until draft_free(). */
int draft_new(struct draft **out, const struct tl *old, struct err *e);
void draft_free(struct draft *d);

/* 0 if draft_add_sast() would take the certificate, else its error. */
int draft_check_sast(const struct draft *d, const X509 *cert, struct err *e);

/* Adds a security token's certificate (the draft keeps a reference). The same key twice is
 * ERR_REFUSED "same-token"; a key that cannot sign trust lists "ctl-signer-key". */
int draft_add_sast(struct draft *d, X509 *cert, struct err *e);

/* Takes out the token whose certificate has this serial number, or this SHA-256 fingerprint
 * (hexadecimal, colons allowed). ERR_USAGE "serial" if it is not hexadecimal; ERR_REFUSED
 * "sast-unknown", or "sast-ambiguous" if two tokens share the serial number. */
int draft_remove_sast(struct draft *d, const char *name, struct err *e);

struct draft_server {
	uint16_t role;
	char dns[256];
	bool has_ip;
	uint8_t ip[TL_IP_LEN];
	X509 *cert; /* NULL: a record of the non-secure form */
};

/* Adds a server's record (a reference to cert is kept). A second record of the same role and host
 * is ERR_REFUSED "server-exists". */
int draft_add_server(struct draft *d, const struct draft_server *s, struct err *e);

/* Takes out the records of a host. ERR_REFUSED "server-unknown", or "server-in-use" if one of them
 * is for call control, TFTP beside it, or CAPF, unless retired says that the host is gone. */
int draft_remove_server(struct draft *d, const char *host, bool retired, struct err *e);

/* Takes out all server records, to put in those of the cluster. A record added afterwards that
 * describes the same as one taken out is copied from it byte for byte. */
void draft_clear_servers(struct draft *d);

/* Non-secure form: the call-control and TFTP records lose their certificates. */
int draft_strip(struct draft *d, struct err *e);

/* The first of the rules below, by itself: ERR_REFUSED "ctl-unknown-signer" if there is an old list
 * and this token is not in it. */
int draft_check_signer(const struct draft *d, const X509 *signer, struct err *e);

/* Checks the whole: the signer is a token of the old list (if there is one) and of this one, two
 * different tokens remain, and there is a call server. ERR_REFUSED "ctl-unknown-signer",
 * "ctl-signer-not-listed", "ctl-two-tokens", "ctl-no-call-server". */
int draft_check(const struct draft *d, const X509 *signer, struct err *e);

/* The plan for tl_build: good until the draft changes. The time stamp is now, or one
 * second after the old list's if the clock is not past that. */
int draft_plan(struct tl_plan *plan, struct draft *d, const X509 *signer, enum tl_digest digest,
	       struct err *e);

#endif
