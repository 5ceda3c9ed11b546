/*
 * Nodes know each other by their provider certificate: one certificate, no authority above it.
 *
 * A node that renews it signs the new one with the key of the one before, so that those who know
 * the old one follow by themselves. Several renewals in a row are followed through the certificates
 * that come along on the connection.
 */
#ifndef SERVER_NET_PIN_H
#define SERVER_NET_PIN_H

#include "common/bytes.h"

#include <openssl/x509.h>
#include <stdbool.h>

enum { PIN_STEPS_MAX = 8 };

/* True if cert is the pinned certificate (DER), or was signed with its key, directly or through at
 * most PIN_STEPS_MAX of those in chain (NULL: none), each of which signed the one in front of it,
 * as RFC 8446 section 4.4.2 has them; cert itself may be the first. What comes after one that did
 * not is not looked at. Dates do not matter: a pin ends when it is replaced. */
bool pin_matches(struct span pinned, X509 *cert, const STACK_OF(X509) * chain);

#endif
