/*
 * What a phone keeps of an enrolment that is under way, so that a power cut does not undo it: the
 * key pair it has made, the certificate it got for it, and how it proved who it is. Files of its
 * folder, 0600: lsc.pending.key, lsc.pending.pem, capf.mode.
 */
#ifndef PHONE_PENDING_H
#define PHONE_PENDING_H

#include "common/err.h"
#include "server/device/model.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

/* The key that was made; *key is NULL if there is none, or none that can be used. */
int pending_key(EVP_PKEY **key, const char *dir, struct err *e);
int pending_key_put(const char *dir, const EVP_PKEY *key, struct err *e);

/* Puts the certificate for that key in the place of the LSC. Whenever that is broken off,
 * pending_recover() completes it. */
int pending_install(const char *dir, const X509 *cert, const EVP_PKEY *key, struct err *e);
int pending_recover(const char *dir, struct err *e);

/* The mode of the operation that has not ended; 0: there is none. */
int pending_mode(enum device_auth *mode, const char *dir, struct err *e);
int pending_mode_put(const char *dir, enum device_auth mode, struct err *e);

/* The operation has ended: nothing of it is kept. */
void pending_clear(const char *dir);

#endif
