/*
 * Secrets at rest: AES-256-GCM under a key of the node, STATE/keys/secrets.key, 0600, which is made
 * when the first secret is stored. A copy of the store alone, or a look into it, gives none of them
 * away; who has the state folder has everything.
 *
 * Sealed: 1 byte of version (1), 12 bytes of nonce, the ciphertext, 16 bytes of tag. What the
 * secret is and whose ("digest-user anna") is authenticated with it, so that one row's secret
 * cannot be put into another.
 */
#ifndef SERVER_STORE_SEAL_H
#define SERVER_STORE_SEAL_H

#include "server/store/store.h"

enum { SEAL_MARK_LEN = 32 };

/* Appends the sealed form of plain to out. ERR_FAILED "secrets-key" if the key cannot be read or
 * made. */
int seal(struct store *s, struct buf *out, const char *what, struct span plain, struct err *e);

/* Appends what was sealed to plain; buf_wipe() it. ERR_FAILED "secrets-key"; "sealed" if it was not
 * made with this node's key, or for something else. */
int unseal(struct store *s, struct buf *plain, const char *what, struct span sealed, struct err *e);

/* A mark (HMAC-SHA256 with the node's key) by which equal secrets of one kind can be found. */
int seal_mark(struct store *s, uint8_t mark[SEAL_MARK_LEN], const char *kind, struct span plain,
	      struct err *e);

#endif
