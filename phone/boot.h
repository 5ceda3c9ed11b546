/*
 * A phone starts: it asks for its trust lists and its configuration, in the order in which real
 * ones do, believes them or not, and keeps what it believes.
 */
#ifndef PHONE_BOOT_H
#define PHONE_BOOT_H

#include "phone/settle.h"
#include "phone/trust.h"

enum {
	BOOT_DEVICE_MAX = DEVICE_NAME_MAX,
	BOOT_BLKSIZE_DEFAULT = 1428, /* with all headers, one Ethernet frame */
};

/* Whether the server that was asked is one of the list's TFTP services. */
enum boot_server { BOOT_SERVER_UNKNOWN, BOOT_SERVER_LISTED, BOOT_SERVER_UNLISTED };

struct boot {
	/* To be set before; borrowed. */
	const char *dir;                  /* the phone's folder; NULL: a phone that keeps nothing */
	bool read_only;                   /* nothing is written to the folder */
	struct account account;           /* where each step is told */
	char device[BOOT_DEVICE_MAX];     /* see boot_device() */
	const struct device_model *model; /* NULL: as in the folder */
	enum device_protocol protocol;    /* 0: as in the folder */
	const char *server;               /* host that is asked; NULL: not to be looked at */

	/* What came of it. */
	struct stored stored; /* as it is after it */
	struct trust lists[STORED_LISTS];
	bool asked_itl;
	enum boot_server listed;
	bool settled; /* config is filled in */
	struct settled config;
	const char *status; /* the text that the phone would show */
};

/* Takes a device name, "SEP" (or "ATA") and 12 hexadecimal digits of either case; the digits become
 * capitals. ERR_USAGE "device-name". */
int boot_device(char device[BOOT_DEVICE_MAX], const char *name, struct err *e);

/* Only reads what the phone has: the first step of boot_run(). Errors of stored_load(). */
int boot_load(struct boot *b, struct err *e);

/* Boots b->device: its CTL, its ITL (where the model knows such), its configuration. What is
 * refused does not end it: the phone goes on with what it has; a server that does not answer does.
 * 0 if nothing was refused; else the first error: those of stored_load(), trust_update() and
 * settle_update(). b tells the rest in every case; give it to boot_free(). */
int boot_run(struct boot *b, fetch_fn *fetch, void *arg, struct err *e);

void boot_free(struct boot *b);

/* For struct http_get: whether the lists in force of the struct boot that arg is have the
 * certificate der as TFTP. */
bool boot_knows_server(void *arg, struct span der);

/* "mixed", "nonsecure" or, without a list, "none". */
const char *boot_mode_word(const struct tl *in_force);

#endif
