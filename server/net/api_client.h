/*
 * The provider's API (doc/api.md) from the client's side, over libcurl: HTTPS only, the provider
 * pinned by a CA file, by the SHA-256 fingerprint of its certificate, or by the certificate itself.
 */
#ifndef SERVER_NET_API_CLIENT_H
#define SERVER_NET_API_CLIENT_H

#include "common/bytes.h"
#include "common/err.h"
#include "common/hostport.h"
#include "common/json.h"
#include "common/secret.h"

#include <openssl/x509.h>
#include <stdatomic.h>
#include <stdbool.h>

enum {
	API_FINGERPRINT_LEN = 32, /* bytes of SHA-256 */
	API_BODY_MAX = 16 << 20,  /* bytes of an answer */
};

/* A client certificate whose key is elsewhere, on a token as a rule. Its key signs with PKCS#1 v1.5
 * only, which takes TLS 1.2. */
struct api_identity {
	X509 *cert;
	EVP_PKEY *key;
	const struct err *trouble; /* why it could not sign; kind ERR_OK: it could */
};

/* How to know the provider, and how it knows us. Borrowed by the api until it is closed. */
struct api_opts {
	struct hostport server;
	const char *ca;             /* PEM file, or NULL */
	const uint8_t *fingerprint; /* API_FINGERPRINT_LEN bytes, used when ca is NULL; or NULL */
	struct span pin;            /* DER, used when both are NULL: see server/net/pin.h */
	const char *user;           /* NULL: no login (only /version answers then) */
	const struct secret *password;
	const char *cert, *key;              /* PEM files of a client certificate, or NULL */
	const struct api_identity *identity; /* or NULL */
	unsigned connect_s, total_s;         /* time limits in seconds; 0: 10 and 120 */
	const atomic_bool
		*cancel; /* breaks a request off, within a second, when it is set; or NULL */
};

struct api;

struct api_reply {
	int64_t generation; /* from ETag; -1 if there was none */
	struct buf body;
};

int api_open(struct api **out, const struct api_opts *opts, struct err *e);
void api_close(struct api *a);

/* GET path ("/api/v1/..."). Any answer but 200 and 201 is an error, made from its problem document:
 * 404 keeps its id ("no-ctl"), 409 and 412 are ERR_CONFLICT, 422 ERR_REFUSED, others ERR_FAILED. No
 * answer at all: ERR_FAILED "provider-down"; a certificate that is not the expected one:
 * ERR_REFUSED "provider-certificate". Free reply->body with buf_free(). */
int api_get(struct api *a, const char *path, struct api_reply *reply, struct err *e);

/* As api_get, the body read as one JSON document; *doc is the caller's (json_decref). */
int api_get_json(struct api *a, const char *path, json_t **doc, struct err *e);

/* PUT body as application/octet-stream with If-Match: "generation". */
int api_put(struct api *a, const char *path, struct span body, int64_t generation,
	    struct api_reply *reply, struct err *e);

/* The same with a JSON document as body. */
int api_put_json(struct api *a, const char *path, const json_t *body, int64_t generation,
		 struct api_reply *reply, struct err *e);

/* Sends a JSON document with that method ("POST", "PUT") and reads the one in the answer, which is
 * the caller's. Errors as for api_get(). */
int api_send_json(struct api *a, const char *method, const char *path, json_t *body, json_t **doc,
		  struct err *e);

/* Names the configuration session that changes are made in from now on. False if id is too long. */
bool api_use_session(struct api *a, const char *id);

/* SHA-256 of the certificate the provider showed last, accepted or not; false if it showed none. */
bool api_seen_fingerprint(const struct api *a, uint8_t fingerprint[API_FINGERPRINT_LEN]);

#endif
