/* The cluster's CAPF certificates as files, in the forms that services take them in. */
#ifndef SERVER_PROVIDER_CAPF_FILES_H
#define SERVER_PROVIDER_CAPF_FILES_H

#include "server/store/store.h"

/* Brings STATE/trust/capf in line with the store: for each CAPF certificate of the
 * cluster, present or renewed since,
 * <subject hash>.<n> (PEM, as X509_LOOKUP_hash_dir(3) looks for it), <subject hash>.<n>.pem and
 * <subject hash>.<n>.der; capf.pem with all of them; capf.cer, the newest in DER. What belongs to
 * none any more is deleted. A file that is right already is not touched. ERR_FAILED "file-write".
 */
int capf_files_write(const char *state, struct store *s, struct err *e);

#endif
