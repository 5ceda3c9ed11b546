/*
 * An invitation: what a new node needs to know for joining a cluster, as one word to copy.
 *
 * Base64 for URLs, unpadded, of: a byte 1, the SHA-256 of the publisher's provider certificate (32
 * bytes), the secret (32 bytes), "HOST:PORT" of its provider, NUL, the name of the cluster. It
 * works once; the publisher knows the hash of the secret only.
 */
#ifndef SERVER_CLUSTER_INVITE_H
#define SERVER_CLUSTER_INVITE_H

#include "common/bytes.h"
#include "common/err.h"
#include "common/hostport.h"
#include "common/sha256.h"
#include "server/store/store.h"

enum { INVITE_SECRET_LEN = 32 };

struct invite {
	struct hostport publisher;
	uint8_t fingerprint[SHA256_LEN];
	uint8_t secret[INVITE_SECRET_LEN];
	char cluster[STORE_NAME_MAX];
};

/* A new secret, and its hash. Wipe i with OPENSSL_cleanse(). */
int invite_new(struct invite *i, uint8_t hash[SHA256_LEN], struct err *e);

/* Appends the text; buf_wipe() it. ERR_USAGE "invitation" if the names are so long that the text
 * would not be taken as a secret (SECRET_MAX). */
int invite_write(struct buf *text, const struct invite *i, struct err *e);

/* Reads it back. ERR_USAGE "invitation" if it is none. Says nothing of what it holds. */
int invite_read(struct invite *i, struct span text, struct err *e);

/* The secret alone, as it goes to the publisher, and the hash of what came there. False if the text
 * is none. */
void invite_secret_text(struct buf *text, const struct invite *i);
bool invite_secret_hash(uint8_t hash[SHA256_LEN], const char *text);

#endif
