/*
 * What a phone keeps over a power cycle, in a folder of its own:
 *
 *   CTLFile.tlv ITLFile.tlv   the trust lists that it believes
 *   config.cnf                its last good configuration, decrypted; 0600
 *   minimal.cnf               the minimal configuration that it got since then; 0600
 *   digest.json               SIP credentials: they outlive configurations without any; 0600
 *   lsc.pem lsc.key mic.pem mic.key   phone/own_cert.h
 *   config.key                the key that somebody typed in, in hexadecimal digits; 0600
 *   phone.json                what it is: device name, model, protocol
 */
#ifndef PHONE_STORED_H
#define PHONE_STORED_H

#include "phone/config.h"
#include "phone/own_cert.h"
#include "server/device/name.h"
#include "trustfile/list.h"

#define STORED_MODEL_DEFAULT "8841"

enum stored_kind { STORED_CTL, STORED_ITL, STORED_LISTS };

struct stored_list {
	char *path;       /* DIR/CTLFile.tlv, owned; NULL without a folder */
	struct buf bytes; /* its content; owned */
	struct tl *tl;    /* the same, taken apart; owned; NULL if nothing is stored */
};

struct stored_config {
	bool there;
	struct buf bytes;
	struct config config;
};

struct stored {
	char *dir;      /* owned; NULL: a phone without a folder, which keeps nothing */
	bool read_only; /* what changes is kept in memory only */
	char device[DEVICE_NAME_MAX];     /* "": not known */
	const struct device_model *model; /* never NULL after stored_load() */
	enum device_protocol protocol;
	struct stored_list lists[STORED_LISTS];
	struct own_cert own[2]; /* by enum own_kind */
	struct buf key;         /* typed in: 16 or 32 bytes; empty: none */
	struct stored_config full, minimal;
	bool has_digest;
	char digest_user[CONFIG_TEXT_MAX];
	struct secret digest_password;
};

/* Reads what is stored in the folder dir; missing files, or a missing folder, are no error. dir may
 * be NULL: a phone as it comes from the factory. ERR_FAILED "stored-list" if a list that is there
 * cannot be read or does not verify: then nobody can tell any more whom this phone trusted, and it
 * must not start again with whoever comes first. ERR_FAILED "stored-phone" for other files that
 * make no sense, "own-certificate". On success and on failure, give s to stored_free(). */
int stored_load(struct stored *s, const char *dir, struct err *e);

/* Sets what the phone is. model NULL and protocol 0: as it is. */
int stored_be(struct stored *s, const char *device, const struct device_model *model,
	      enum device_protocol protocol, struct err *e);

/* Replaces a list by file, which parses; makes the folder if need be. */
int stored_put_list(struct stored *s, enum stored_kind kind, struct span file, struct err *e);

/* Takes over a configuration: a full one becomes the last good one and ends what a minimal one
 * began; a minimal one is kept beside it. Credentials in it, blank ones too, replace those that are
 * there. Errors of config_parse(), ERR_FAILED "file-write". */
int stored_put_config(struct stored *s, struct span file, struct err *e);

/* The configuration that the phone got last, of whatever kind; NULL: none. */
const struct config *stored_last(const struct stored *s);

/* The own certificate whose MD5 is hash, which is not empty; NULL: none. */
const struct own_cert *stored_own(const struct stored *s, const char *hash);

void stored_free(struct stored *s);

#endif
