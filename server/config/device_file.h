/*
 * What a phone gets for the name of a configuration file that it asks for: made from the store,
 * signed and encrypted as cluster, profile and model demand it. Source: doc/formats.md,
 * "Configuration files".
 *
 * A context belongs to one thread (a worker), with a store handle of that thread.
 */
#ifndef SERVER_CONFIG_DEVICE_FILE_H
#define SERVER_CONFIG_DEVICE_FILE_H

#include "common/bytes.h"
#include "server/config/file_key.h"
#include "server/device/name.h"
#include "server/store/store.h"
#include "trustfile/signature.h"

enum {
	DEVICE_FILE_TAG_LEN = 32,
	DEVICE_FILE_REQUEST_MAX = 128, /* bytes of a name that is looked at; longer ones: absent */
};

/* Where the other services answer, as the configuration tells phones. 0: the usual port. */
struct device_ports {
	uint16_t sccp, sip, sips, capf, tvs;
};

/* As the configuration of this node says; the other nodes are taken to be like it. */
struct device_ports device_ports_of(const struct conf *conf);

struct device_files_setup {
	struct store *store; /* of this thread; borrowed */
	struct file_key
		*key; /* of all threads; borrowed. NULL: nothing that needs a signature exists */
	enum tl_digest
		digest; /* TL_SHA512: for the models that take it; 0 and TL_SHA1: SHA-1 for all */
	struct device_ports ports;
};

struct device_files;

int device_files_open(struct device_files **out, const struct device_files_setup *setup,
		      struct err *e);
void device_files_close(struct device_files *ctx);

enum device_file_kind {
	DEVICE_FILE_NONE,    /* "file not found": no bytes */
	DEVICE_FILE_FULL,    /* the whole configuration, in the clear */
	DEVICE_FILE_MINIMAL, /* the minimal one that stands for an encrypted one */
	DEVICE_FILE_SEALED,  /* the whole configuration, encrypted */
	DEVICE_FILE_DEFAULT, /* XMLDefault.cnf.xml */
	DEVICE_FILE_SAME,    /* as before: device_file_rebuild() only */
};

enum { DEVICE_FILE_OWNERS = 2 }; /* certificates of a phone: LSC and MIC */

struct device_file {
	enum device_file_kind kind;
	bool is_signed;   /* a .sgn of some kind */
	bool has_secrets; /* passwords in the clear: for the phone alone */
	/* With has_secrets: SHA-256 of the phone's certificates, nowners of them. */
	uint8_t owners[DEVICE_FILE_OWNERS][DEVICE_FILE_TAG_LEN];
	size_t nowners;
	struct buf bytes;                 /* owned */
	uint8_t tag[DEVICE_FILE_TAG_LEN]; /* as device_file_tag() */
	char device[DEVICE_NAME_MAX];     /* whose it is, if such a device exists; else "" */
	int64_t stamp;                    /* store_device.stamp; 0 without device */
	const char *why; /* for logs and "doctor": why it is this file and no other; static */
};

/* The file of that name: bytes of a stranger, of any case, with or without one slash in front,
 * without a NUL at the end. A name that stands for nothing is no error, but absent. Errors are of
 * the store, the key, or memory: then nobody knows, and a phone should ask again. On success give
 * out to device_file_free(). */
int device_file_build(struct device_file *out, struct device_files *ctx, struct span name,
		      struct err *e);

/* The same, unless the tag is still was: then kind is DEVICE_FILE_SAME, and there are no bytes. */
int device_file_rebuild(struct device_file *out, struct device_files *ctx, struct span name,
			const uint8_t was[DEVICE_FILE_TAG_LEN], struct err *e);

/* Frees and wipes it. */
void device_file_free(struct device_file *f);

/* A digest of everything that the file of that name is made from: data of the store, security mode,
 * signing key, the phone's certificate. While it stays the same, the file that was built before is
 * good. Costs some reads of the store; nothing is signed. */
int device_file_tag(uint8_t tag[DEVICE_FILE_TAG_LEN], struct device_files *ctx, struct span name,
		    struct err *e);

/* A digest that changes whenever the tag of any file may have changed: to be compared first when
 * the store says that something happened. */
int device_files_epoch(uint8_t tag[DEVICE_FILE_TAG_LEN], struct device_files *ctx, struct err *e);

/* Whether that name is one of configuration files at all, whoever's: true for everything that
 * device_file_build() could know, so that nothing else has to be asked for it. */
bool device_file_is_config(struct span name);

/* Signs any other file that phones download (ring lists, locales) in a mixed cluster: appends the
 * .sgn to out. filename is the name as phones ask for it, with ".sgn" and without a slash in front.
 * *absent: nothing is signed in a non-secure cluster, or without a key. */
int device_files_sign(struct buf *out, bool *absent, struct device_files *ctx, const char *filename,
		      struct span content, struct err *e);

#endif
