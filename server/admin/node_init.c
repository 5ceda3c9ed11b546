#include "server/admin/commands.h"

#include "common/cli.h"
#include "common/file.h"
#include "common/hex.h"
#include "common/text.h"
#include "server/admin/make_cert.h"
#include "server/admin/state_opt.h"
#include "server/store/store.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <openssl/rand.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	PROVIDER_YEARS = 10,
	PHONE_YEARS = 5,
	CERTS = 3,
	NAME_CHARS_MAX = 64, /* it becomes a CN */
	OPT_IP = 1000,
	OPT_CLUSTER,
	OPT_ORGANIZATION,
	OPT_UNIT,
	OPT_STATE,
};

struct options {
	const char *name, *ip, *cluster, *organization, *unit, *conf, *state;
	char name_here[256], ip_found[INET_ADDRSTRLEN];
};

static const struct argp_option option_table[] = {
	{.name = "ip", .key = OPT_IP, .arg = "ADDRESS", .doc = "address at which phones reach it"},
	{.name = "cluster",
	 .key = OPT_CLUSTER,
	 .arg = "NAME",
	 .doc = "name of the cluster (cluster)"},
	{.name = "organization",
	 .key = OPT_ORGANIZATION,
	 .arg = "O",
	 .doc = "O of the certificates (the cluster's name)"},
	{.name = "unit", .key = OPT_UNIT, .arg = "OU", .doc = "OU of the certificates (Telephony)"},
	{.name = "config",
	 .key = 'c',
	 .arg = "FILE",
	 .doc = "configuration (" CONF_DEFAULT_FILE ")"},
	{.name = "state", .key = OPT_STATE, .arg = "DIR", .doc = "folder of the node's state"},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case OPT_IP:
		o->ip = arg;
		return 0;
	case OPT_CLUSTER:
		o->cluster = arg;
		return 0;
	case OPT_ORGANIZATION:
		o->organization = arg;
		return 0;
	case OPT_UNIT:
		o->unit = arg;
		return 0;
	case 'c':
		o->conf = arg;
		return 0;
	case OPT_STATE:
		o->state = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (o->name)
			argp_error(state, "one node at a time");
		o->name = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* ---- who and where we are ---- */

static int find_name(struct options *o, struct err *e)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789.-_:";
	size_t n;

	if (!o->name) {
		if (gethostname(o->name_here, sizeof(o->name_here) - 1))
			return err_set(e, ERR_FAILED, "node-name", "this host has no name");
		o->name = o->name_here;
	}
	n = strlen(o->name);
	if (n && n <= NAME_CHARS_MAX && strspn(o->name, allowed) == n)
		return 0;
	return err_set(e, ERR_USAGE, "node-name",
		       "\"%s\" is no name for a node: a host name or an address of 1 to %d "
		       "characters is",
		       o->name, NAME_CHARS_MAX);
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

static bool is_address(const char *text)
{
	uint8_t scratch[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, text, scratch) == 1 || inet_pton(AF_INET6, text, scratch) == 1;
}

static int find_ip(struct options *o, struct err *e)
{
	if (o->ip && !is_address(o->ip))
		return err_set(e, ERR_USAGE, "ip", "--ip %s is not an IPv4 or IPv6 address", o->ip);
	if (!o->ip && is_address(o->name))
		o->ip = o->name;
	if (!o->ip && resolve(o->ip_found, o->name))
		o->ip = o->ip_found;
	if (o->ip)
		return 0;
	err_set(e, ERR_USAGE, "ip", "the address of %s cannot be found out", o->name);
	return err_hint(e, "name the one at which phones reach it: --ip ADDRESS");
}

static int check_cluster(const char *name, struct err *e)
{
	const struct span text = span_of(name, strlen(name));
	struct buf shown = {0};
	bool good;

	text_printable(&shown, text);
	good = text.len && text.len < STORE_NAME_MAX && span_eq(text, buf_view(&shown));
	buf_free(&shown);
	return good ? 0
		    : err_set(e, ERR_USAGE, "cluster-name",
			      "the name of a cluster has 1 to %d printable characters",
			      STORE_NAME_MAX - 1);
}

/* ---- folders, keys and certificates ---- */

static int make_folders(const char *state, struct err *e)
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

static int write_pem(const char *state, const char *name, const char *suffix, mode_t mode,
		     const struct buf *pem, struct err *e)
{
	char *path = NULL;
	int rc;

	if (asprintf(&path, "%s/keys/%s.%s", state, name, suffix) < 0)
		return err_nomem(e);
	/* What an attempt that was broken off left behind is replaced: no store knows of it. */
	rc = file_write(path, buf_view(pem), mode, e);
	if (!rc)
		printf("made %s\n", path);
	free(path);
	return rc;
}

static int write_pair(const char *state, const char *name, const EVP_PKEY *key, const X509 *cert,
		      struct err *e)
{
	struct buf key_pem = {0}, cert_pem = {0};
	int rc = make_cert_key_pem(&key_pem, key, e);

	if (!rc)
		rc = make_cert_pem(&cert_pem, cert, e);
	if (!rc)
		rc = write_pem(state, name, "key", 0600, &key_pem, e);
	if (!rc)
		rc = write_pem(state, name, "crt", 0644, &cert_pem, e);
	buf_wipe(&key_pem);
	buf_free(&cert_pem);
	return rc;
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
static int make_pair(const char *state, const char *file, const struct make_cert *spec,
		     struct buf *der, struct err *e)
{
	EVP_PKEY *key = NULL;
	X509 *cert = NULL;
	int rc = make_cert(&key, &cert, spec, e);

	if (!rc)
		rc = write_pair(state, file, key, cert, e);
	if (!rc)
		rc = put_der(der, cert, e);
	EVP_PKEY_free(key);
	X509_free(cert);
	return rc;
}

/* As the vendor calls it: no two CAPF services ever have the same issuer name. */
static int capf_name(char name[16], struct err *e)
{
	uint8_t r[4];

	if (RAND_bytes(r, sizeof(r)) != 1)
		return err_openssl(e, ERR_FAILED, "certificate", "no random numbers");
	snprintf(name, 16, "CAPF-%02x%02x%02x%02x", r[0], r[1], r[2], r[3]);
	return 0;
}

static int make_certs(const char *state, const struct options *o, struct buf der[CERTS],
		      struct err *e)
{
	const bool loopback = !strncmp(o->ip, "127.", 4) || !strcmp(o->ip, "::1");
	const char *const names[] = {o->name, strcmp(o->ip, o->name) ? o->ip : NULL, NULL};
	const char *const local[] = {"localhost", o->name, names[1], NULL};
	char capf[16];
	struct make_cert spec = {
		.kind = MAKE_TLS,
		.common_name = o->name,
		.organization = o->organization,
		.unit = o->unit,
		.names = loopback ? local : names,
		.years = PROVIDER_YEARS,
	};

	if (make_pair(state, "provider", &spec, &der[0], e))
		return (int)e->kind;
	spec.kind = MAKE_CCM;
	spec.years = PHONE_YEARS;
	if (make_pair(state, "ccm", &spec, &der[1], e) || capf_name(capf, e))
		return (int)e->kind;
	spec.kind = MAKE_CAPF;
	spec.common_name = capf;
	return make_pair(state, "capf", &spec, &der[2], e);
}

/* ---- the store ---- */

static int check_new(struct store *s, const char *state, struct err *e)
{
	struct store_node *nodes;
	size_t n;
	int rc = store_nodes(s, &nodes, &n, e);

	if (rc)
		return rc;
	if (n) {
		rc = err_set(e, ERR_CONFLICT, "node-exists", "%s is the state of node %s already",
			     state, nodes[0].name);
		err_hint(e, "for another node choose another folder with --state; new keys for "
			    "this one would lock its phones out");
	}
	store_nodes_free(nodes, n);
	return rc;
}

static int add_node(struct store *s, const struct options *o, const struct buf der[CERTS],
		    struct err *e)
{
	struct store_cert certs[CERTS] = {
		{.role = "provider"}, {.role = "ccm+tftp"}, {.role = "capf"}};
	struct store_node node = {.first = true, .self = true, .certs = certs, .ncerts = CERTS};
	int rc;

	for (size_t i = 0; i < CERTS; i++)
		certs[i].der = buf_view(&der[i]);
	snprintf(node.name, sizeof(node.name), "%s", o->name);
	snprintf(node.ip, sizeof(node.ip), "%s", o->ip);
	rc = store_cluster_name_set(s, o->cluster, e);
	return rc ? rc : store_node_add(s, &node, e);
}

static void tell(const struct options *o, const char *state, const struct buf *provider)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	struct buf text = {0};
	unsigned n = 0;

	(void)EVP_Digest(provider->data, provider->len, digest, &n, EVP_sha256(), NULL);
	hex_upper(&text, span_of(digest, n), ':');
	printf("\nnode %s (%s) of cluster \"%s\" is ready in %s\n"
	       "the provider's certificate has the SHA-256 fingerprint\n  %s\n"
	       "ctlclient shows the same when it connects for the first time; compare them\n\n"
	       "next: ctladmin user add NAME --role officer --state %s\n"
	       "      then start ctlproviderd and ctltftpd\n",
	       o->name, o->ip, o->cluster, state, buf_cstr(&text) ? (const char *)text.data : "",
	       state);
	buf_free(&text);
}

static int init(const struct options *o, const char *state, struct err *e)
{
	struct buf der[CERTS] = {{0}};
	struct store *s = NULL;
	int rc = make_folders(state, e);

	if (!rc)
		rc = store_open(&s, state, STORE_CREATE, e);
	if (!rc)
		rc = check_new(s, state, e);
	if (!rc)
		rc = make_certs(state, o, der, e);
	/* Last: a node that is in the store is complete. */
	if (!rc)
		rc = add_node(s, o, der, e);
	if (!rc)
		tell(o, state, &der[0]);
	for (size_t i = 0; i < CERTS; i++)
		buf_free(&der[i]);
	store_close(s);
	return rc;
}

int cmd_node_init(int argc, char **argv, void *ctx)
{
	static const struct argp argp = {
		.options = option_table,
		.parser = parse,
		.args_doc = "[NAME]",
		.doc = "Makes this host the first node of a cluster: folders, store, keys and "
		       "certificates. NAME is the host name, or the address, that phones know it "
		       "by.",
	};
	struct options o = {.cluster = "cluster", .unit = "Telephony"};
	char *state = NULL;
	struct err e;
	int rc;

	(void)ctx;
	cli_parse(&argp, argc, argv, &o);
	if (!o.organization)
		o.organization = o.cluster;
	rc = find_name(&o, &e);
	if (!rc)
		rc = find_ip(&o, &e);
	if (!rc)
		rc = check_cluster(o.cluster, &e);
	if (!rc)
		rc = state_opt(&state, o.state, o.conf, &e);
	if (!rc)
		rc = init(&o, state, &e);
	free(state);
	if (rc)
		err_print(&e, argv[0]);
	return rc;
}
