/*
 * A phone starts: it asks for its trust list, believes it or not, and keeps what it believes.
 * Source: doc/formats.md, "When a phone accepts a list" and "Messages".
 */
#ifndef PHONE_BOOT_H
#define PHONE_BOOT_H

#include "phone/stored.h"

#include <stdio.h>

enum {
	BOOT_DEVICE_MAX = 16,        /* "SEP001122334455" and its NUL */
	BOOT_NAME_MAX = 24,          /* "CTLSEP001122334455.tlv" and its NUL */
	BOOT_BLKSIZE_DEFAULT = 1428, /* with all headers, one Ethernet frame */
};

enum boot_result {
	BOOT_NONE,      /* no list on the server, none stored */
	BOOT_INSTALLED, /* the first list, trusted as it came */
	BOOT_UPDATED,   /* signed by a SAST of the stored one */
	BOOT_UNCHANGED, /* the very list that is stored */
	BOOT_KEPT,      /* the stored list, or none, stays as it was */
};

/* Fetches the file name: appends it to out and returns 0; ERR_FAILED "tftp-not-found" if there is
 * no such file, other errors if nobody knows. */
typedef int boot_fetch_fn(void *arg, const char *name, struct buf *out, struct err *e);

struct boot {
	/* To be set before boot_run() or boot_verify(); borrowed. */
	const char *dir; /* the phone's folder */
	FILE *account;   /* where each step is told; NULL: nowhere */

	/* What came of it. */
	char device[BOOT_DEVICE_MAX]; /* empty with boot_verify() */
	enum boot_result result;
	bool trusted;       /* a list is in force and the server's, if there was one, is believed */
	const char *status; /* the text that the phone would show */
	struct stored stored;         /* as it was before */
	char own_name[BOOT_NAME_MAX]; /* the list's name for this device */
	const char *offered_name;     /* what the server had; NULL: nothing */
	struct buf offered_bytes;
	struct tl *offered;        /* NULL if it is no list, or there is none */
	const struct tl *in_force; /* offered, stored.ctl or NULL */
};

/* Takes a device name, "SEP" and 12 hexadecimal digits of either case; the digits become capitals.
 * ERR_USAGE "device-name". */
int boot_device(char device[BOOT_DEVICE_MAX], const char *name, struct err *e);

/* Boots the device b->device: fetches, judges, installs. 0 if the phone ends up as its server wants
 * it, which includes a server without a list; ERR_REFUSED and the rule's id if the server's list is
 * refused; ERR_FAILED if nothing could be fetched, or "stored-list", or the list could not be
 * written. b tells the rest in every case; give it to boot_free(). */
int boot_run(struct boot *b, boot_fetch_fn *fetch, void *arg, struct err *e);

/* As boot_run() with a file as if the server had sent it, but installs nothing. name is borrowed:
 * how to call the file. */
int boot_verify(struct boot *b, const char *name, struct span file, struct err *e);

void boot_free(struct boot *b);

/* "installed", "updated", "unchanged", "kept", "none". */
const char *boot_result_word(enum boot_result r);

/* "mixed", "nonsecure" or, without a list, "none". */
const char *boot_mode_word(const struct tl *in_force);

#endif
