/* The listing that administrators know from the vendor's "show ctl". */
#ifndef TRUSTFILE_LISTING_H
#define TRUSTFILE_LISTING_H

#include "trustfile/list.h"

/* Appends the listing: MD5 and SHA-1 of the file, its length and time of change (mtime, seconds
 * since 1970, shown as UTC), version and header length, the header's table, one table per record
 * with the etoken line behind each SAST record, and the verdict. verified is NULL if tl_verify
 * succeeded, else its error. Source: doc/formats.md, "The show listing". */
void tl_listing(struct buf *b, const struct tl *l, int64_t mtime, const struct err *verified);

#endif
