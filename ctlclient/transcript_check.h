/* Checks the record that transcript.h wrote. Pure: bytes in, verdict out. */
#ifndef CTLCLIENT_TRANSCRIPT_CHECK_H
#define CTLCLIENT_TRANSCRIPT_CHECK_H

#include "common/bytes.h"
#include "common/err.h"

#include <jansson.h>
#include <openssl/x509.h>

struct transcript_report {
	json_t *lines; /* array of the lines that are in order, from the first one on; owned */
	size_t bad;    /* number of the first line that is not, from 1; 0 if there is none */
	X509 *signer;  /* of the certificate in the last line, or NULL; owned */
};

/* Reads file: every line is an object of the right number that names the SHA-256 of the one before;
 * the last line's signature covers the rest. With cert, it must be that certificate's. The report
 * is filled in as far as it got, also after an error; end with transcript_report_free().
 * ERR_REFUSED: "transcript-line" (line bad is no line of a record), "transcript-chain" (it does not
 * follow from the one before), "transcript-unfinished" (no signature), "transcript-unsigned" (it
 * ended well, and says itself that there was no key to sign it with), "transcript-signature",
 * "transcript-signer" (another token than cert, or than the record itself names). */
int transcript_check(struct transcript_report *r, struct span file, const X509 *cert,
		     struct err *e);
void transcript_report_free(struct transcript_report *r);

#endif
