/* One record of a trust list. Source: doc/formats.md, "Records" and "Strictness". */
#ifndef TRUSTFILE_RECORD_H
#define TRUSTFILE_RECORD_H

#include "trustfile/list.h"

enum tl_record_tag {
	TL_RECORDLENGTH = 1,
	TL_DNSNAME = 2,
	TL_SUBJECTNAME = 3,
	TL_FUNCTION = 4,
	TL_ISSUERNAME = 5,
	TL_RECORD_SERIAL = 6,
	TL_PUBLICKEY = 7,
	TL_RECORD_SIGNATURE = 8,
	TL_CERTIFICATE = 9,
	TL_IPADDRESS = 10,
	TL_CERTHASH = 11,
	TL_HASHALGORITHM = 12,
	TL_RECORD_TAGS = 13,
};

enum {
	TL_RECORD_HEAD = 5, /* bytes of RECORDLENGTH */
	TL_HASH_LEN = 20,
};

/* Takes apart the record that bytes begin with; what follows it is left alone. at is the offset
 * of bytes in the file, for messages. On success r borrows bytes and is to be given to
 * tl_record_free(). ERR_REFUSED "ctl-parse" or "ctl-record". */
int tl_record_parse(struct tl_record *r, struct span bytes, size_t at, struct err *e);

/* Lets go of what r owns, not of r. */
void tl_record_free(struct tl_record *r);

/* "DNSNAME", or NULL for a tag that records do not have. */
const char *tl_record_tag_name(uint8_t tag);

#endif
