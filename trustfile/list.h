/*
 * Trust lists as bytes: CTLFile.tlv and ITLFile.tlv, taken apart and checked.
 *
 * Pure: bytes in, facts out; no files, no sockets, no token. Strict in the sense of doc/formats.md
 * "Strictness": what a careless phone might read in two ways is refused.
 */
#ifndef TRUSTFILE_LIST_H
#define TRUSTFILE_LIST_H

#include "common/bytes.h"
#include "common/err.h"
#include "trustfile/signature.h"

#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>

#define TL_CTL_NAME "CTLFile.tlv"
#define TL_ITL_NAME "ITLFile.tlv"

enum {
	TL_FILE_MIN = 10,         /* VERSION and HEADERLENGTH */
	TL_FILE_MAX = 1 << 20,    /* more than any phone takes; a bound for readers */
	TL_FILE_WARN = 60 * 1024, /* phones fail near 64 KB */
	TL_RECORDS_MAX = 2048,    /* likewise: 64 KB hold fewer, even bare ones */
	TL_IP_LEN = 4,
};

/* FUNCTION of a record. Other values are kept as numbers. */
enum tl_role {
	TL_SAST = 0,
	TL_CCM = 1,
	TL_CCM_TFTP = 2,
	TL_TFTP = 3,
	TL_CAPF = 4,
	TL_APP_SERVER = 7,
	TL_TVS = 21,
};

/* One record. The spans point into the file's bytes; data is NULL where the tag is absent. Names
 * keep the NUL at their end. */
struct tl_record {
	struct span raw; /* the whole record, RECORDLENGTH included */
	struct span dns, subject, issuer, serial, pubkey, signature, der, ip, hash;
	uint16_t role;
	X509 *cert; /* tag 9 decoded, owned by the list; NULL without it */
};

struct tl {
	struct span raw; /* the whole file: borrowed, must outlive the list */
	uint16_t header_len;
	uint8_t version[2];
	bool has_list_version;
	uint8_t list_version[2];
	struct span signer_name, signer_serial, signer_issuer; /* names with their NUL */
	enum tl_digest digest;
	uint8_t modulus_code;
	size_t sig_at;             /* offset of the SIGNATURE TLV */
	struct span signature;     /* its value */
	struct span filename;      /* with its NUL */
	uint32_t timestamp;        /* seconds since 1970, UTC */
	size_t padding;            /* 0x0D bytes at the end of the header */
	struct tl_record *records; /* n of them, owned */
	size_t n;
};

/* Takes file apart. On success *out is the caller's (tl_free); file is borrowed by it. Errors are
 * ERR_REFUSED with id "ctl-parse", "ctl-digest" (unknown code) or "ctl-record" (a record
 * contradicts itself, or its certificate does not decode), and name the offset. */
int tl_parse(struct tl **out, struct span file, struct err *e);
void tl_free(struct tl *l);

/* The list speaks for itself: FILENAME is filename, one of its own SAST records matches the
 * header's issuer and serial number, and that certificate verifies the signature. Errors are
 * ERR_REFUSED: "ctl-name", "ctl-signer" (no such record), "ctl-signature". */
int tl_verify(const struct tl *l, const char *filename, struct err *e);

/* Verifies the signature with the key of one certificate. ERR_REFUSED "ctl-signature". */
int tl_verify_with(const struct tl *l, const X509 *cert, struct err *e);

/* The SAST record of l whose serial and issuer are those in the header of by, and, if verify, whose
 * certificate verifies by's signature; NULL if there is none. l and by may be the same list. */
const struct tl_record *tl_signer_in(const struct tl *l, const struct tl *by, bool verify);

/* As tl_signer_in, but in whatever role and with or without certificate: the first record that
 * bears the signer's serial and issuer. For telling why a signer was not accepted. */
const struct tl_record *tl_record_of_signer(const struct tl *l, const struct tl *by);

/* Appends the digest (20 or 64 bytes, by l->digest) of what the signature covers. */
int tl_signed_digest(struct buf *b, const struct tl *l, struct err *e);

/* True if the serial numbers are equal after stripping leading zeros. */
bool tl_serial_eq(struct span a, struct span b);

/* The role by its short name ("ccm+tftp", as on the command line), or its number as text in
 * scratch (16 bytes at least). */
const char *tl_role_name(uint16_t role, char scratch[16]);

/* As tl_role_name, in capitals as the vendor prints it: "CCM+TFTP", "SAST". */
const char *tl_role_label(uint16_t role, char scratch[16]);

/* The role of a short name: ccm+tftp, ccm, tftp, capf, app-server, tvs or sast. False if unknown.
 */
bool tl_role_parse(uint16_t *role, const char *name);

/* True if no record with the role CCM, CCM+TFTP or TFTP has a certificate (and there is one such
 * record at least): phones then ask for unsigned files. */
bool tl_is_nonsecure(const struct tl *l);

/* A name without its NUL, for printing. */
struct span tl_text(struct span name);

/* Appends "NAME (serial AA:BB)": the signer as the header names it, printable. */
void tl_signer_text(struct buf *b, const struct tl *l);

#endif
