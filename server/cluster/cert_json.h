/* A certificate of a node as JSON, for people and scripts: doc/api.md, "GET /cluster". */
#ifndef SERVER_CLUSTER_CERT_JSON_H
#define SERVER_CLUSTER_CERT_JSON_H

#include <jansson.h>
#include <openssl/x509.h>

/* { role, subject, issuer, serial, sha256, not_after, certificate }; NULL if out of memory. */
json_t *cert_json(const char *role, X509 *cert);

#endif
