/*
 * Configuration files of the models from before XML: SIP on the 7940 and 7960 (SIP<MAC>.cnf), and
 * on the 7905 and 7912 (LD<MAC>). Source: doc/formats.md, "Configuration files".
 */
#ifndef SERVER_CONFIG_DEVICE_TEXT_H
#define SERVER_CONFIG_DEVICE_TEXT_H

#include "server/config/device_xml.h"

/* Appends SIP<MAC>.cnf; not full: what may be in the clear while the whole file is encrypted. */
int device_text(struct buf *out, const struct config_source *c, bool full, struct err *e);

/* Appends LD<MAC>, likewise. */
int device_text_ld(struct buf *out, const struct config_source *c, bool full, struct err *e);

#endif
