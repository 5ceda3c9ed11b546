#include "server/admin/node_make.h"

#include "common/file.h"
#include "common/hex.h"
#include "common/sha256.h"
#include "server/cluster/node_desc.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PROVIDER_YEARS = 10, PHONE_YEARS = 5, CAPF_NAME_SIZE = 16 };

/* ---- who and where we are ---- */

static int find_name(struct node_plan *p, struct err *e)
{
	if (!p->name) {
		if (gethostname(p->name_here, sizeof(p->name_here) - 1))
			return err_set(e, ERR_FAILED, "node-name", "this host has no name");
		p->name = p->name_here;
	}
	return node_name_check(p->name, e);
}

/* The first address of the name that is not this host's loopback. */
static bool resolve(char ip[INET_ADDRSTRLEN], const char *name)
{
	const struct addrinfo want = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
	struct addrinfo *all = NULL;
	bool found = false;

	if (getaddrinfo(name, NULL, &want, &all))
		return false;
	for (const struct addrinfo *a = all; a && !found; a = a->ai_next) {
		const struct sockaddr_in *sin = (const void *)a->ai_addr;

		found = ntohl(sin->sin_addr.s_addr) >> 24 != IN_LOOPBACKNET;
		if (found)
			inet_ntop(AF_INET, &sin->sin_addr, ip, INET_ADDRSTRLEN);
	}
	freeaddrinfo(all);
	return found;
}

int node_find_out(struct node_plan *p, struct err *e)
{
	if (find_name(p, e))
		return (int)e->kind;
	if (p->ip && !node_is_address(p->ip))
		return err_set(e, ERR_USAGE, "ip", "--ip %s is not an IPv4 or IPv6 address", p->ip);
	if (!p->ip && node_is_address(p->name))
		p->ip = p->name;
	if (!p->ip && resolve(p->ip_found, p->name))
		p->ip = p->ip_found;
	if (p->ip)
		return 0;
	err_set(e, ERR_USAGE, "ip", "the address of %s cannot be found out", p->name);
	return err_hint(e, "name the one at which phones reach it: --ip ADDRESS");
}

/* ---- folders, keys and certificates ---- */

int node_make_folders(const char *state, struct err *e)
{
	static const struct {
		const char *name;
		mode_t mode;
	} folders[] = {{"keys", 0700}, {"tftp", 0755}, {"run", 0755}};
	int rc = file_mkdirs(state, 0755, e);

	for (size_t i = 0; !rc && i < sizeof(folders) / sizeof(folders[0]); i++) {
		char *path = file_join(state, folders[i].name);

		rc = path ? file_mkdirs(path, folders[i].mode, e) : err_nomem(e);
		free(path);
	}
	return rc;
}

const struct node_key *node_key_of(const char *role)
{
	static const struct node_key keys[] = {
		{"provider", "provider", MAKE_TLS, PROVIDER_YEARS},
		{"ccm+tftp", "ccm", MAKE_CCM, PHONE_YEARS},
		{"capf", "capf", MAKE_CAPF, PHONE_YEARS},
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (!strcmp(keys[i].role, role))
			return &keys[i];
	return NULL;
}

char *node_key_path(const char *state, const char *name, const char *suffix)
{
	char *path = NULL;

	return asprintf(&path, "%s/keys/%s.%s", state, name, suffix) < 0 ? NULL : path;
}

static int write_pem(const char *state, const char *name, const char *suffix, mode_t mode,
		     const struct buf *pem, struct err *e)
{
	char *path = node_key_path(state, name, suffix);
	int rc;

	if (!path)
		return err_nomem(e);
	/* What an attempt that was broken off left behind is replaced: no store knows of it. */
	rc = file_write(path, buf_view(pem), mode, e);
	if (!rc)
		printf("made %s\n", path);
	free(path);
	return rc;
}

int node_write_pair(const char *state, const struct node_key *k, const EVP_PKEY *key,
		    const X509 *cert, struct err *e)
{
	struct buf key_pem = {0}, cert_pem = {0};
	int rc = make_cert_key_pem(&key_pem, key, e);

	if (!rc)
		rc = make_cert_pem(&cert_pem, cert, e);
	if (!rc)
		rc = write_pem(state, k->file, "key", 0600, &key_pem, e);
	if (!rc)
		rc = write_pem(state, k->file, "crt", 0644, &cert_pem, e);
	buf_wipe(&key_pem);
	buf_free(&cert_pem);
	return rc;
}

/* As the vendor calls it: no two CAPF services ever have the same issuer name. */
static int capf_name(char name[CAPF_NAME_SIZE], struct err *e)
{
	uint8_t r[4];

	if (RAND_bytes(r, sizeof(r)) != 1)
		return err_openssl(e, ERR_FAILED, "certificate", "no random numbers");
	snprintf(name, CAPF_NAME_SIZE, "CAPF-%02x%02x%02x%02x", r[0], r[1], r[2], r[3]);
	return 0;
}

int node_make_pair(EVP_PKEY **key, X509 **cert, const struct node_key *k, const struct node_plan *p,
		   const X509 *issuer, EVP_PKEY *issuer_key, struct err *e)
{
	const bool loopback = !strncmp(p->ip, "127.", 4) || !strcmp(p->ip, "::1");
	const char *const names[] = {p->name, strcmp(p->ip, p->name) ? p->ip : NULL, NULL};
	const char *const local[] = {"localhost", p->name, names[1], NULL};
	char capf[CAPF_NAME_SIZE];
	const struct make_cert spec = {
		.kind = k->kind,
		.common_name = k->kind == MAKE_CAPF ? capf : p->name,
		.organization = p->organization,
		.unit = p->unit,
		.names = loopback ? local : names,
		.years = k->years,
		.issuer = issuer,
		.issuer_key = issuer_key,
	};

	if (k->kind == MAKE_CAPF && capf_name(capf, e))
		return (int)e->kind;
	return make_cert(key, cert, &spec, e);
}

static int put_der(struct buf *der, const X509 *cert, struct err *e)
{
	const int n = i2d_X509(cert, NULL);
	uint8_t *to = n > 0 ? buf_room(der, (size_t)n) : NULL;

	if (!to || i2d_X509(cert, &to) != n)
		return err_openssl(e, ERR_FAILED, "certificate", "cannot encode a certificate");
	der->len = (size_t)n;
	return 0;
}

/* One service's key and certificate, made and written; its DER encoding is appended to der. */
static int make_and_write(struct buf *der, const char *state, const struct node_key *k,
			  const struct node_plan *p, struct err *e)
{
	EVP_PKEY *key = NULL;
	X509 *cert = NULL;
	int rc = node_make_pair(&key, &cert, k, p, NULL, NULL, e);

	if (!rc)
		rc = node_write_pair(state, k, key, cert, e);
	if (!rc)
		rc = put_der(der, cert, e);
	EVP_PKEY_free(key);
	X509_free(cert);
	return rc;
}

int node_make_all(struct store_node *node, struct store_cert certs[NODE_MAKE_CERTS],
		  struct buf der[NODE_MAKE_CERTS], const char *state, const struct node_plan *p,
		  const char *const *roles, struct err *e)
{
	int rc = 0;

	snprintf(node->name, sizeof(node->name), "%s", p->name);
	snprintf(node->ip, sizeof(node->ip), "%s", p->ip);
	node->certs = certs;
	node->ncerts = 0;
	for (size_t i = 0; !rc && roles[i]; i++) {
		rc = make_and_write(&der[i], state, node_key_of(roles[i]), p, e);
		snprintf(certs[i].role, sizeof(certs[i].role), "%s", roles[i]);
		certs[i].der = buf_view(&der[i]);
		node->ncerts++;
	}
	return rc;
}

void node_fingerprint(struct buf *text, struct span der)
{
	uint8_t digest[SHA256_LEN];
	struct err ignored;

	if (!sha256_of(digest, der, &ignored))
		hex_upper(text, span_of(digest, sizeof(digest)), ':');
	(void)buf_cstr(text);
}
