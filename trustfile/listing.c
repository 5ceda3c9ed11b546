#include "trustfile/listing.h"

#include "common/hex.h"
#include "common/text.h"
#include "trustfile/cert.h"
#include "trustfile/header.h"
#include "trustfile/record.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <string.h>
#include <time.h>

/* "CTL" or "ITL": the listing speaks of the one it shows. */
static const char *kind_of(const struct tl *l)
{
	return span_eq(l->filename, span_of(TL_ITL_NAME, sizeof(TL_ITL_NAME))) ? "ITL" : "CTL";
}

static void put_checksum(struct buf *b, struct span file, const EVP_MD *md, const char *name)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (EVP_Digest(file.data, file.len, digest, &len, md, NULL))
		hex_lower(b, span_of(digest, len), 0);
	else
		buf_str(b, "not available ");
	buf_printf(b, "(%s)\n", name);
}

/* As date(1) in UTC prints it, whatever the locale. */
static void put_time(struct buf *b, int64_t seconds)
{
	static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
					     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	const time_t t = (time_t)seconds;
	struct tm tm;

	if (!gmtime_r(&t, &tm)) {
		buf_printf(b, "%" PRId64, seconds);
		return;
	}
	buf_printf(b, "%s %s %02d %02d:%02d:%02d UTC %d", days[tm.tm_wday], months[tm.tm_mon],
		   tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, tm.tm_year + 1900);
}

static void put_columns(struct buf *b)
{
	buf_str(b, "BYTEPOS\tTAG\t\tLENGTH\tVALUE\n"
		   "-------\t---\t\t------\t-----\n");
}

/* The first three columns; a short label needs two tabs to reach the third. */
static void put_row(struct buf *b, uint8_t tag, const char *label, size_t len)
{
	buf_printf(b, "%u\t%s\t%s%zu", tag, label, strlen(label) < 8 ? "\t" : "", len);
}

static void put_name(struct buf *b, struct span name)
{
	const struct span text = tl_text(name);

	if (text.len)
		buf_u8(b, '\t');
	text_printable(b, text);
}

static void put_serial(struct buf *b, struct span serial)
{
	buf_u8(b, '\t');
	hex_upper(b, serial, ':');
}

static void put_hash(struct buf *b, struct span sha1)
{
	buf_u8(b, '\t');
	hex_upper(b, sha1, ' ');
	buf_str(b, " (SHA1 Hash HEX)");
}

/* Eight bytes per row, and no zero in front of a single digit. */
static void put_signature(struct buf *b, struct span value)
{
	for (size_t i = 0; i < value.len; i++)
		buf_printf(b, "%s%x", i % 8 ? "  " : "\n", value.data[i]);
}

static const char *header_label(uint8_t tag)
{
	const char *name = tf_tag_name(tag);

	/* The vendor's spelling, which scripts look for. */
	if (tag == TF_DIGESTALGORITHM)
		return "DIGESTALGORTITHM";
	if (tag == TF_SIGNATUREALGORITHM)
		return "SIGNATUREALGORTITHM";
	return name ? name : "UNKNOWN";
}

static void put_header_row(struct buf *b, uint8_t tag, struct span value)
{
	if (tf_is_container(tag)) {
		put_row(b, tag, header_label(tag), 2);
		buf_printf(b, "\t%zu\n", value.len);
		return;
	}
	put_row(b, tag, header_label(tag), value.len);
	if (tag == TF_SIGNERNAME || tag == TF_CANAME)
		put_name(b, value);
	else if (tag == TF_SERIALNUMBER)
		put_serial(b, value);
	else if (tag == TF_SIGNATURE)
		put_signature(b, value);
	else if (tag == TF_LISTVERSION)
		buf_printf(b, "\t%u.%u", value.data[0], value.data[1]);
	buf_u8(b, '\n');
}

/* The header again, in the order of the file. tl_parse found it sound, so that walking through a
 * container instead of over it shows what it holds. */
static void put_header(struct buf *b, const struct tl *l)
{
	struct rd r = rd_of(span_of(l->raw.data, l->header_len));

	rd_take(&r, TF_HEADER_MIN);
	put_columns(b);
	while (r.left && *r.p != TF_PADDING) {
		const uint8_t tag = rd_u8(&r);
		const struct rd inside = {r.p + 2, r.left - 2, false};
		const struct span value = rd_take(&r, rd_u16(&r));

		put_header_row(b, tag, value);
		if (tf_is_container(tag))
			r = inside;
	}
}

static void put_record_row(struct buf *b, const struct tl_record *r, uint8_t tag, struct span value)
{
	const char *label = tl_record_tag_name(tag);
	struct buf sha1 = {0};
	char scratch[16];

	put_row(b, tag, label ? label : "UNKNOWN", value.len);
	if (tag == TL_RECORDLENGTH) {
		buf_printf(b, "\t%zu", r->raw.len);
	} else if (tag == TL_DNSNAME || tag == TL_SUBJECTNAME || tag == TL_ISSUERNAME) {
		put_name(b, value);
	} else if (tag == TL_FUNCTION) {
		buf_printf(b, "\t%s",
			   r->role == TL_SAST ? "System Administrator Security Token"
					      : tl_role_label(r->role, scratch));
	} else if (tag == TL_RECORD_SERIAL) {
		put_serial(b, value);
	} else if (tag == TL_CERTHASH) {
		put_hash(b, value);
	} else if (tag == TL_CERTIFICATE) {
		cert_sha1(&sha1, r->cert);
		put_hash(b, buf_view(&sha1));
		buf_free(&sha1);
	}
	buf_u8(b, '\n');
}

static void put_record(struct buf *b, const struct tl_record *record)
{
	struct rd r = rd_of(record->raw);

	put_columns(b);
	while (r.left) {
		const uint8_t tag = rd_u8(&r);
		const struct span value = rd_take(&r, rd_u16(&r));

		put_record_row(b, record, tag, value);
	}
}

static void put_records(struct buf *b, const struct tl *l)
{
	const struct tl_record *signer = tl_signer_in(l, l, true);

	for (size_t i = 0; i < l->n; i++) {
		const struct tl_record *r = &l->records[i];
		const bool used = signer && span_eq(r->der, signer->der);

		buf_printf(b, "\n\t%s Record #:%zu\n\t\t----\n", kind_of(l), i + 1);
		put_record(b, r);
		if (r->role == TL_SAST)
			buf_printf(b, "This etoken was %sused to sign the %s file.\n",
				   used ? "" : "not ", kind_of(l));
	}
}

void tl_listing(struct buf *b, const struct tl *l, int64_t mtime, const struct err *verified)
{
	const char *kind = kind_of(l);

	buf_printf(b, "The checksum value of the %s file:\n", kind);
	put_checksum(b, l->raw, EVP_md5(), "MD5");
	put_checksum(b, l->raw, EVP_sha1(), "SHA1");
	buf_printf(b, "\nLength of %s file: %zu\n", kind, l->raw.len);
	buf_printf(b, "The %s File was last modified on ", kind);
	put_time(b, mtime);
	buf_printf(b, "\n\nParse %s File\n----------------\n\n", kind);
	buf_printf(b, "Version:\t%u.%u\nHeaderLength:\t%u (BYTES)\n\n", l->version[0],
		   l->version[1], l->header_len);
	put_header(b, l);
	put_records(b, l);
	if (verified)
		buf_printf(b, "\nThe %s file was NOT verified: %s\n", kind, verified->what);
	else
		buf_printf(b, "\nThe %s file was verified successfully.\n", kind);
}
