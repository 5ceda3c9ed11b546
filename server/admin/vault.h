/*
 * Bytes under a passphrase, for backups: scrypt and AES-256-GCM.
 *
 * Layout, big-endian: the 16 bytes "ctlsuite backup\n"; version 1; log2 of scrypt's N; its r and p,
 * one byte each; 16 bytes of salt; 12 bytes of nonce; the ciphertext; 16 bytes of tag. Everything
 * before the ciphertext is authenticated with it. The key is scrypt(passphrase, salt), 32 bytes
 * (RFC 7914).
 */
#ifndef SERVER_ADMIN_VAULT_H
#define SERVER_ADMIN_VAULT_H

#include "common/bytes.h"
#include "common/secret.h"

/* Appends the sealed form of plain to out. */
int vault_seal(struct buf *out, struct span plain, const struct secret *passphrase, struct err *e);

/* Appends what was sealed to plain (buf_wipe() it). ERR_FAILED "backup-format": it is no such file,
 * or of a later version; ERR_REFUSED "backup-passphrase": another passphrase, or a changed file. */
int vault_open(struct buf *plain, struct span sealed, const struct secret *passphrase,
	       struct err *e);

#endif
