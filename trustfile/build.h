/*
 * Building and signing trust lists. The private key is never seen here: a callback signs the
 * DigestInfo. Source: doc/formats.md, "What the signature covers" and "Records".
 */
#ifndef TRUSTFILE_BUILD_H
#define TRUSTFILE_BUILD_H

#include "trustfile/list.h"
#include "trustfile/seal.h"

/* A record to be. Either raw holds a record of an older list, which is copied byte for byte, or
 * the other members describe one. */
struct tl_entry {
	struct span raw;
	const char *dns;  /* DNSNAME without NUL; "" for tokens */
	const X509 *cert; /* borrowed; required unless bare */
	uint16_t role;
	uint8_t ip[TL_IP_LEN]; /* network order; zeros for tokens */
	bool has_ip;           /* IPADDRESS is left out without it */
	bool bare;             /* non-secure form: DNSNAME, FUNCTION, IPADDRESS only */
};

struct tl_plan {
	const char *filename; /* TL_CTL_NAME or TL_ITL_NAME */
	enum tl_digest digest;
	uint32_t timestamp;
	const X509 *signer; /* must be the certificate of one of the SAST entries; if that entry is
			     * raw, the header names the signer in the words of that record */
	const struct tl_entry *entries;
	size_t n;
};

/* Builds and signs the file, and checks the result with tl_parse and tl_verify before handing it
 * over. Records are written in the vendor's order without tag 8, in the order of the entries, names
 * in server form. Errors: ERR_REFUSED "signer-key" (not RSA, or a modulus the format has no code
 * for, such as 3072 bits; with SHA-512 also one that is too short), "signer-not-listed",
 * "no-certificate" (an entry that is neither raw nor bare has none), "too-long" (a length that does
 * not fit), "certificate-name"; those of tl_record_parse for a raw entry; whatever sign returns;
 * and those of tl_parse and tl_verify, if what was signed does not verify. Nothing is appended to
 * out then. */
int tl_build(struct buf *out, const struct tl_plan *plan, tl_sign_fn *sign, void *arg,
	     struct err *e);

/* The file as it would be, with zeros for the signature: for tl_parse(), to be shown before
 * anything is signed. Errors as tl_build. */
int tl_build_preview(struct buf *out, const struct tl_plan *plan, struct err *e);

#endif
