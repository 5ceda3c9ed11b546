/* Which name gets which bytes. There are no files and no folders behind the names. */
#ifndef SERVER_TFTP_SERVE_H
#define SERVER_TFTP_SERVE_H

#include "server/tftp/content.h"

struct serve {
	struct content *ctl; /* the active trust list, owned; NULL while there is none */
};

/* What a request for name (bytes of a stranger, without a NUL at the end) gets: borrowed, or NULL
 * for "file not found". "CTLFile.tlv" and "CTLSEP<12 hex digits>.tlv", in any case and with or
 * without one slash in front, are the active trust list: these are the names that phones and other
 * clients ask for. Nothing else exists. */
struct content *serve_find(const struct serve *s, struct span name);

#endif
