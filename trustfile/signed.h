/*
 * Signed files (.sgn): one file, byte for byte, behind a header with a signature. Also what an
 * .enc.sgn shares with them. Pure: bytes in, bytes out. Source: doc/formats.md, "Signed files".
 */
#ifndef TRUSTFILE_SIGNED_H
#define TRUSTFILE_SIGNED_H

#include "trustfile/header.h"
#include "trustfile/list.h"
#include "trustfile/seal.h"

/* What a signed file is made with. All borrowed. */
struct sgn_plan {
	const char *filename;  /* FILENAME: the path below the root, as phones ask for it, with
				* ".sgn"; no slash in front */
	const X509 *signer;    /* of the TFTP service */
	const struct tl *list; /* if it has the signer as TFTP or CCM+TFTP, the header names it in
				* the words of that record; may be NULL */
	enum tl_digest digest;
	uint32_t timestamp;
	bool checked; /* sign has verified the signature with signer itself: not done once more */
};

/* Wraps payload, and checks the result before handing it over. Errors: ERR_REFUSED
 * "sgn-filename" (empty, or with a slash in front), "certificate-name", those of tf_seal(), and, if
 * what was signed does not verify, those of sgn_parse() and sgn_verify_with(). Nothing is appended
 * to out then. */
int sgn_build(struct buf *out, const struct sgn_plan *plan, struct span payload, tl_sign_fn *sign,
	      void *arg, struct err *e);

/* The part of a file that is not the same in all kinds. */
struct sgn_rest {
	enum tf_kind kind;  /* TF_SGN, TF_ENC or TF_ENC_MANUAL */
	struct span behind; /* TLVs behind TIMESTAMP */
	struct span body;   /* what follows the header */
};

/* What sgn_build() and enc_build() share: signs, and checks the result in the same way. */
int sgn_seal(struct buf *out, const struct sgn_plan *plan, const struct sgn_rest *rest,
	     tl_sign_fn *sign, void *arg, struct err *e);

/* A file taken apart; it borrows the file. */
struct sgn {
	struct span raw;
	enum tf_kind kind;
	struct tf_header header;
	struct span payload; /* what follows the header: the file, or cipher text */
};

/* Takes a .sgn (TF_SGN) or .enc.sgn (TF_ENC, TF_ENC_MANUAL) apart. ERR_REFUSED "sgn-parse",
 * "sgn-digest". */
int sgn_parse(struct sgn *s, struct span file, enum tf_kind kind, struct err *e);

/* What kind a file seems to be, by its first bytes: TF_SGN unless its version is 2, and then
 * TF_ENC if it parses as such. For sgn_parse(). */
enum tf_kind sgn_kind(struct span file);

/* Is the file what its name says, and signed with the key of cert? The serial number must be that
 * of cert; the issuer is not compared, as the form of its text cannot be known. filename is what
 * FILENAME has to be; NULL: anything. ERR_REFUSED "sgn-name", "sgn-signer", "sgn-signature". */
int sgn_verify_with(const struct sgn *s, const X509 *cert, const char *filename, struct err *e);

/* The same by the rules of a phone that stores the lists lists[0..n) (NULL members are skipped):
 * the signer must be in one of them as TFTP or CCM+TFTP, with the issuer and serial number of the
 * header, and that record's certificate must verify. *by, if by is not NULL, is the record.
 * ERR_REFUSED "sgn-name", "sgn-signer" (in no list, or in other roles only; the hint says which),
 * "sgn-signature". */
int sgn_verify_in(const struct sgn *s, const struct tl *const lists[], size_t n,
		  const char *filename, const struct tl_record **by, struct err *e);

/* Appends "NAME (serial AA:BB)": the signer as the header names it, printable. */
void sgn_signer_text(struct buf *b, const struct sgn *s);

#endif
