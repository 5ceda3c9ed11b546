/* ctladmin node renew-cert: a new key and certificate, and what the phones need for it. */
#include "common/file.h"
#include "server/admin/commands.h"
#include "server/admin/node_args.h"
#include "server/admin/node_make.h"
#include "server/store/notify.h"
#include "trustfile/cert.h"

#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PEM_MAX = 256 * 1024 };

static const struct steps {
	const char *role, *text;
} steps[] = {
	{"ccm+tftp",
	 "The CCM+TFTP certificate is in the trust list, and phones check with it what they "
	 "download\n"
	 "and whom they call through. The order of steps:\n"
	 "  1. Only one role at a time, on one node at a time: a phone that knows none of the new\n"
	 "     certificates can be helped by hand only.\n"
	 "  2. This command: a new key and certificate. Phones that start now get a list they "
	 "know,\n"
	 "     but what is signed with the new key they refuse until step 3.\n"
	 "  3. At once: \"ctlclient cluster update --signer URI\": the list with the new "
	 "certificate,\n"
	 "     signed by a token that phones know.\n"
	 "  4. Restart the TFTP and call services of this node: configuration files are signed "
	 "again.\n"
	 "  5. Reset the phones, and wait until they have the list before the next certificate.\n"},
	{"capf",
	 "The CAPF certificate is in the trust list, and has issued the phones' certificates "
	 "(LSCs).\n"
	 "The order of steps:\n"
	 "  1. Not together with a CCM+TFTP certificate: one after the other.\n"
	 "  2. This command: a new key and certificate. The old certificate stays known, so that\n"
	 "     LSCs that it issued are good until they expire.\n"
	 "  3. \"ctlclient cluster update --signer URI\": the list with the new certificate.\n"
	 "  4. Restart the CAPF service, then the TFTP and call services of all nodes.\n"
	 "  5. Reset the phones; only then enrol phones again, at their pace.\n"},
	{"provider",
	 "The provider's certificate is not in the trust list: phones need nothing. The order of "
	 "steps:\n"
	 "  1. This command: a new key and certificate, signed with the key of the old one, so "
	 "that\n"
	 "     the other nodes follow by themselves. (If the old key may have been stolen, remove "
	 "the\n"
	 "     node and let it join again instead.)\n"
	 "     ctlproviderd takes it up by itself.\n"
	 "  2. Tell the administrators the new fingerprint, or give them the new file for --ca.\n"},
};

static const struct steps *steps_of(const char *role)
{
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (!strcmp(steps[i].role, role))
			return &steps[i];
	return NULL;
}

/* ---- the old pair ---- */

static EVP_PKEY *read_key(const char *state, const char *name)
{
	char *path = node_key_path(state, name, "key");
	FILE *f = path ? fopen(path, "re") : NULL;
	EVP_PKEY *key = f ? PEM_read_PrivateKey(f, NULL, NULL, NULL) : NULL;

	if (f)
		fclose(f);
	free(path);
	return key;
}

/* The key of the old provider certificate; a renewal that was broken off has left it aside. */
static int old_provider_key(EVP_PKEY **key, const char *state, const X509 *cert, struct err *e)
{
	static const char *const names[] = {"provider", "provider.before"};

	for (size_t i = 0; i < 2; i++) {
		*key = read_key(state, names[i]);
		if (*key && X509_check_private_key(cert, *key) == 1)
			return 0;
		EVP_PKEY_free(*key);
	}
	*key = NULL;
	err_set(e, ERR_FAILED, "tls-key",
		"the key of the present provider certificate is not in %s/keys", state);
	return err_hint(e, "the other nodes would not know a certificate that it has not signed: "
			   "restore a backup, or let the node join again");
}

static int copy_file(const char *from, const char *to, mode_t mode, struct err *e)
{
	struct buf content = {0};
	int rc = file_read(from, PEM_MAX, &content, e);

	if (!rc)
		rc = file_write(to, buf_view(&content), mode, e);
	buf_wipe(&content);
	return rc;
}

/* The old provider key must not be lost before the new one is known: only it can vouch for that. */
static int put_aside(const char *state, struct err *e)
{
	char *from = node_key_path(state, "provider", "key");
	char *to = node_key_path(state, "provider.before", "key");
	int rc = 0;

	if (!from || !to)
		rc = err_nomem(e);
	else if (access(to, F_OK))
		rc = copy_file(from, to, 0600, e);
	free(from);
	free(to);
	return rc;
}

static void drop_aside(const char *state)
{
	char *path = node_key_path(state, "provider.before", "key");

	if (path)
		unlink(path);
	free(path);
}

/* provider.chain: the new certificate and those before it, for nodes that missed a renewal. */
static int write_chain(const char *state, const X509 *neu, const X509 *old, struct err *e)
{
	char *path = node_key_path(state, "provider", "chain");
	struct buf chain = {0}, before = {0};
	struct err ignored;
	int rc = path ? make_cert_pem(&chain, neu, e) : err_nomem(e);

	if (!rc && file_read(path, PEM_MAX, &before, &ignored))
		rc = make_cert_pem(&before, old, e);
	buf_span(&chain, buf_view(&before));
	if (!rc)
		rc = chain.bad ? err_nomem(e) : file_write(path, buf_view(&chain), 0644, e);
	buf_free(&before);
	buf_free(&chain);
	free(path);
	return rc;
}

/* ---- the new one ---- */

/* The value of one part of a name, or what to use instead. */
static const char *part_of(char text[65], const X509 *x, int nid, const char *otherwise)
{
	const X509_NAME *name = X509_get_subject_name(x);
	const int at = X509_NAME_get_index_by_NID(name, nid, -1);
	const ASN1_STRING *s =
		at < 0 ? NULL : X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
	unsigned char *utf8 = NULL;
	const int n = s ? ASN1_STRING_to_UTF8(&utf8, s) : -1;

	snprintf(text, 65, "%s", n > 0 ? (const char *)utf8 : otherwise);
	OPENSSL_free(utf8);
	return text;
}

static int make_new(EVP_PKEY **key, X509 **cert, const struct node_key *k,
		    const struct store_node *self, const X509 *old, EVP_PKEY *old_key,
		    struct err *e)
{
	char organization[65], unit[65];
	const struct node_plan plan = {
		.name = self->name,
		.ip = *self->ip ? self->ip : self->name,
		.organization = part_of(organization, old, NID_organizationName, "cluster"),
		.unit = part_of(unit, old, NID_organizationalUnitName, "Telephony"),
	};

	return node_make_pair(key, cert, k, &plan, old_key ? old : NULL, old_key, e);
}

/* The node with the new certificate in the place of the old one; that of CAPF stays known. */
static int update_store(struct store *s, const struct store_node *self, const char *role,
			const X509 *neu, struct err *e)
{
	struct store_cert *certs = calloc(self->ncerts + 1, sizeof(*certs));
	struct store_node n = *self;
	struct buf der = {0};
	bool changed;
	int rc;

	if (!certs)
		return err_nomem(e);
	cert_der(&der, neu);
	n.certs = certs;
	for (size_t i = 0; i < self->ncerts; i++) {
		certs[i] = self->certs[i];
		if (strcmp(certs[i].role, role) != 0)
			continue;
		if (!strcmp(role, "capf")) {
			certs[n.ncerts] = certs[i];
			snprintf(certs[n.ncerts++].role, sizeof(certs[0].role), "capf-before");
		}
		certs[i].der = buf_view(&der);
	}
	rc = der.bad ? err_nomem(e) : store_node_update(s, &n, &changed, e);
	buf_free(&der);
	free(certs);
	return rc;
}

static int renew_with(const char *state, struct store *s, const struct store_node *self,
		      const struct node_key *k, const X509 *old, struct err *e)
{
	const bool provider = !strcmp(k->role, "provider");
	EVP_PKEY *old_key = NULL, *key = NULL;
	X509 *cert = NULL;
	int rc = provider ? old_provider_key(&old_key, state, old, e) : 0;

	if (!rc)
		rc = make_new(&key, &cert, k, self, old, old_key, e);
	if (!rc && provider)
		rc = put_aside(state, e);
	if (!rc && provider)
		rc = write_chain(state, cert, old, e);
	if (!rc)
		rc = node_write_pair(state, k, key, cert, e);
	if (!rc)
		rc = update_store(s, self, k->role, cert, e);
	if (!rc && provider)
		drop_aside(state);
	EVP_PKEY_free(old_key);
	EVP_PKEY_free(key);
	X509_free(cert);
	return rc;
}

static int find_key(const struct node_key **k, const struct store_cert **c,
		    const struct store_node *self, const char *word, struct err *e)
{
	const char *role = strcmp(word, "ccm") && strcmp(word, "tftp") ? word : "ccm+tftp";

	*k = node_key_of(role);
	*c = *k ? store_node_cert(self, role) : NULL;
	if (!*k)
		return err_set(
			e, ERR_USAGE, "role",
			"\"%s\" is no certificate of a node: ccm+tftp, capf and provider are",
			word);
	if (!*c)
		return err_set(e, ERR_USAGE, "role", "this node has no %s certificate; %s", role,
			       strcmp(role, "capf") ? "was it made by another program?"
						    : "the first node has it");
	return 0;
}

static int renew(const struct node_args *a, struct store *s, const char *state, struct err *e)
{
	const struct store_cert *c;
	const struct node_key *k;
	struct store_node self;
	X509 *old = NULL;
	int rc = store_node_self(s, &self, e);

	if (rc)
		return rc;
	rc = find_key(&k, &c, &self, a->words[0], e);
	if (rc)
		goto out;
	printf("%s\n", steps_of(k->role)->text);
	fflush(stdout);
	if (!a->yes && !cli_confirm("Make the new certificate now?")) {
		rc = err_set(e, ERR_FAILED, "not-confirmed", "nothing was done");
		goto out;
	}
	rc = cert_from_der(&old, c->der, e);
	if (!rc)
		rc = renew_with(state, s, &self, k, old, e);
	if (!rc) {
		notify_all(state);
		printf("step %d is done; go on with the next one\n",
		       strcmp(k->role, "provider") ? 2 : 1);
	}
	X509_free(old);
out:
	store_node_free(&self);
	return rc;
}

int cmd_node_renew(int argc, char **argv, void *ctx)
{
	static const struct argp_option options[] = {NODE_OPTION_YES, NODE_OPTIONS_WHERE, {0}};
	struct node_args a = {.nwords_min = 1, .nwords_max = 1};

	(void)ctx;
	return node_cmd(
		&a, options, "ccm+tftp|capf|provider",
		"Makes a new key and certificate for a role of this node, after it has told "
		"the order of the steps that the phones need.",
		STORE_WRITE, renew, argc, argv);
}
