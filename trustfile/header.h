/*
 * The header that every signed file begins with: CTLFile.tlv and ITLFile.tlv, .sgn, .enc.sgn.
 * Source: doc/formats.md, "Shape", "The header" and "Strictness".
 */
#ifndef TRUSTFILE_HEADER_H
#define TRUSTFILE_HEADER_H

#include "common/bytes.h"
#include "common/err.h"
#include "trustfile/signature.h"

enum tf_kind {
	TF_LIST, /* version 1, LISTVERSION allowed, records follow */
	TF_SGN,  /* version 1, the payload follows */
	TF_ENC,  /* version 2, ENCRYPTIONINFO and the inner digest required, cipher text follows */
	TF_ENC_MANUAL, /* as TF_ENC, without KEYINFO: the key was typed into the phone */
};

enum tf_tag {
	TF_VERSION = 1,
	TF_HEADERLENGTH = 2,
	TF_SIGNERID = 3,
	TF_SIGNERNAME = 4,
	TF_SERIALNUMBER = 5,
	TF_CANAME = 6,
	TF_SIGNATUREINFO = 7,
	TF_DIGESTALGORITHM = 8,
	TF_SIGNATUREALGOINFO = 9,
	TF_SIGNATUREALGORITHM = 10,
	TF_SIGNATUREMODULUS = 11,
	TF_SIGNATURE = 12,
	TF_PADDING = 13, /* a lone byte, not a TLV */
	TF_FILENAME = 14,
	TF_TIMESTAMP = 15,
	TF_ENCRYPTIONINFO = 16,
	TF_IVINFO = 17,
	TF_IVSCHEME = 18,
	TF_IV = 19,
	TF_PADDINGCOUNT = 20,
	TF_KEYINFO = 21,
	TF_KEYSCHEME = 22,
	TF_KEYSIZE = 23,
	TF_KEYALGORITHM = 24,
	TF_WRAPPEDKEY = 25,
	TF_INNERDIGESTALGORITHM = 26,
	TF_INNERDIGEST = 27,
	TF_LISTVERSION = 28,
	TF_TAGS = 29,
};

enum { TF_HEADER_MIN = 10 }; /* bytes of VERSION and HEADERLENGTH */

struct tf_header {
	struct span value[TF_TAGS]; /* views into the file, by tag; data is NULL where absent */
	uint16_t len;               /* HEADERLENGTH: offset of what follows */
	size_t sig_at;              /* offset of the SIGNATURE TLV */
	enum tl_digest digest;
	uint8_t modulus_code;
	uint32_t timestamp;
	size_t padding; /* bytes of padding at the end */
};

/* Takes the header of file apart; h borrows file. ERR_REFUSED "ctl-parse" or "ctl-digest" (for
 * the others "sgn-parse" and "sgn-digest"), with the offset. */
int tf_header_parse(struct tf_header *h, struct span file, enum tf_kind kind, struct err *e);

/* "SIGNERNAME", or NULL for a tag that headers do not have. */
const char *tf_tag_name(uint8_t tag);

/* True for the tags 3, 7, 9, 16, 17 and 21, whose values are TLVs again. */
bool tf_is_container(uint8_t tag);

/* True if value is a name: one NUL, at its end. */
bool tf_is_name(struct span value);

#endif
