/*
 * The CAPF authority: its certificate and key, and whom it believes. Loaded once; reading and
 * checking a key anew for each phone would cost more than the signature it is for.
 */
#ifndef SERVER_CAPF_AUTHORITY_H
#define SERVER_CAPF_AUTHORITY_H

#include "server/capf/issue.h"
#include "server/capf/proof.h"
#include "server/capf/signer.h"
#include "server/store/store.h"

struct authority {
	X509 *cert; /* that phones connect to, with its key */
	EVP_PKEY *key;
	struct signer *signer; /* borrowed: what issues; NULL: the same key does */
	bool external;         /* another authority issues: keys are kept as requests */
	struct issuer issuer;
	/* Own certificates, this one and those before it, and the manufacturers'. */
	X509 **own, **makers;
	size_t nown, nmakers;
	unsigned users; /* references */
};

/* Reads STATE/keys/capf.crt and capf.key, which nobody but its owner may be able to read, and what
 * the store knows of earlier certificates and of manufacturers. signer, unless it is NULL, issues
 * instead of them, and must live as long as any reference. ERR_FAILED "capf-authority" (not
 * there, no pair), "capf-key-mode" (others can read it). */
int authority_load(struct authority **out, const char *state, struct store *s,
		   struct signer *signer, struct err *e);

/* The same authority, with what the store knows by now of manufacturers and earlier certificates;
 * *other tells whether the store has another certificate for CAPF. */
int authority_again(struct authority **out, const struct authority *a, struct store *s, bool *other,
		    struct err *e);

/* Another reference, and one less; from any thread. */
struct authority *authority_ref(struct authority *a);
void authority_unref(struct authority *a);

struct proof_trust authority_trust(const struct authority *a);

#endif
