/*
 * Load for ctlcapfd, and what the machine can do at best.
 *
 *   bench_capf limits CERT KEY SECONDS        full TLS handshakes (both sides) and RSA signatures a
 * second bench_capf enroll HOST PORT FIRST COUNT CONCURRENCY     phones FIRST and on get their
 * certificates bench_capf idle HOST PORT FIRST COUNT     COUNT phones make their keys until
 * standard input ends
 *
 * Phones are SEP000000000000 and on, by null string, RSA 2048. They share one key pair, so that
 * what is measured is not their making keys.
 */
#include "phone/capf_link.h"
#include "phone/enroll_session.h"

#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { KEY_BITS = 2048, THREADS_MAX = 256, CHUNK = 4096 };

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- limits ---- */

struct limit {
	X509 *cert;
	EVP_PKEY *key;
	double until;
	long done;
};

static bool handshake(SSL_CTX *server, SSL_CTX *client)
{
	SSL *c = SSL_new(client), *s = SSL_new(server);
	BIO *c_bio, *s_bio;
	bool done = false;

	if (BIO_new_bio_pair(&c_bio, 0, &s_bio, 0) != 1)
		abort();
	SSL_set_bio(c, c_bio, c_bio);
	SSL_set_bio(s, s_bio, s_bio);
	SSL_set_connect_state(c);
	SSL_set_accept_state(s);
	for (int i = 0; i < 8 && !done; i++) {
		SSL_do_handshake(c);
		SSL_do_handshake(s);
		done = SSL_is_init_finished(c) && SSL_is_init_finished(s);
	}
	SSL_free(c);
	SSL_free(s);
	return done;
}

static void *handshakes(void *arg)
{
	struct limit *l = arg;
	SSL_CTX *server = SSL_CTX_new(TLS_server_method());
	SSL_CTX *client = SSL_CTX_new(TLS_client_method());

	SSL_CTX_use_certificate(server, l->cert);
	SSL_CTX_use_PrivateKey(server, l->key);
	SSL_CTX_set_num_tickets(server, 0);
	SSL_CTX_set_session_cache_mode(server, SSL_SESS_CACHE_OFF);
	while (now() < l->until)
		l->done += handshake(server, client);
	SSL_CTX_free(server);
	SSL_CTX_free(client);
	return NULL;
}

static void *signatures(void *arg)
{
	static const unsigned char tbs[700];
	struct limit *l = arg;

	while (now() < l->until) {
		EVP_MD_CTX *ctx = EVP_MD_CTX_new();
		unsigned char out[512];
		size_t n = sizeof(out);

		if (EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, l->key) == 1 &&
		    EVP_DigestSign(ctx, out, &n, tbs, sizeof(tbs)) == 1)
			l->done++;
		EVP_MD_CTX_free(ctx);
	}
	return NULL;
}

static double per_second(void *(*run)(void *), X509 *cert, EVP_PKEY *key, double seconds)
{
	const long cores = sysconf(_SC_NPROCESSORS_ONLN);
	pthread_t threads[THREADS_MAX];
	struct limit limits[THREADS_MAX];
	long done = 0;

	for (long i = 0; i < cores; i++) {
		limits[i] = (struct limit){cert, key, now() + seconds, 0};
		pthread_create(&threads[i], NULL, run, &limits[i]);
	}
	for (long i = 0; i < cores; i++) {
		pthread_join(threads[i], NULL);
		done += limits[i].done;
	}
	return (double)done / seconds;
}

static int show_limits(const char *cert_path, const char *key_path, double seconds)
{
	FILE *f = fopen(cert_path, "re"), *k = fopen(key_path, "re");
	X509 *cert = f ? PEM_read_X509(f, NULL, NULL, NULL) : NULL;
	EVP_PKEY *key = k ? PEM_read_PrivateKey(k, NULL, NULL, NULL) : NULL;
	double h, s;

	if (!cert || !key)
		return 1;
	h = per_second(handshakes, cert, key, seconds);
	s = per_second(signatures, cert, key, seconds);
	printf("handshakes_per_s %.0f\nsignatures_per_s %.0f\nlimit_per_s %.0f\n", h, s,
	       1 / (1 / h + 1 / s));
	X509_free(cert);
	EVP_PKEY_free(key);
	fclose(f);
	fclose(k);
	return 0;
}

/* ---- phones ---- */

struct load {
	struct hostport server;
	SSL_CTX *ctx;
	unsigned char *spki;
	size_t spki_len;
	atomic_long next, good;
	long end;
};

/* One phone's whole session; only up to its key, whose link it leaves open, if keep is not NULL. */
static bool call(struct load *l, long number, struct capf_link **keep)
{
	struct enroll_session s;
	struct capf_link *link = NULL;
	uint8_t chunk[CHUNK];
	char name[32];
	size_t n = 0, used;
	struct err e;
	bool good = false;

	snprintf(name, sizeof(name), "SEP%012lX", (unsigned long)number);
	enroll_start(&s, 3);
	if (capf_link_open(&link, &l->server, l->ctx, &e))
		goto out;
	while (s.want != ENROLL_END && !capf_link_receive(link, chunk, sizeof(chunk), &n, &e)) {
		const struct enroll_proof p = {.device = span_of(name, strlen(name)),
					       .has_password = true,
					       .password = span_of("", 0)};

		enroll_take(&s, span_of(chunk, n), &used);
		if (s.want == ENROLL_PROVE)
			enroll_proved(&s, &p);
		else if (s.want == ENROLL_KEY && keep)
			break;
		else if (s.want == ENROLL_KEY)
			enroll_key_made(&s, span_of(l->spki, l->spki_len));
		else if (s.want == ENROLL_STORE)
			enroll_did(&s, true);
		else if (s.want == ENROLL_BROKEN)
			break;
		if (capf_link_send(link, buf_view(&s.out), &e))
			break;
		buf_free(&s.out);
	}
	good = keep ? s.want == ENROLL_KEY : s.want == ENROLL_END && s.reason == CAPF_DONE;
out:
	if (keep && good)
		*keep = link;
	else
		capf_link_close(link);
	enroll_free(&s);
	return good;
}

static void *phones(void *arg)
{
	struct load *l = arg;
	long number;

	while ((number = atomic_fetch_add(&l->next, 1)) < l->end)
		if (call(l, number, NULL))
			atomic_fetch_add(&l->good, 1);
	return NULL;
}

static int load_init(struct load *l, char **args)
{
	EVP_PKEY *key = EVP_RSA_gen(KEY_BITS);
	struct err e;
	int n;

	*l = (struct load){0};
	if (hostport_parse(&l->server, args[0], (uint16_t)atoi(args[1]), &e) ||
	    capf_link_ctx(&l->ctx, 0, &e))
		return 1;
	n = i2d_PUBKEY(key, &l->spki);
	l->spki_len = n > 0 ? (size_t)n : 0;
	EVP_PKEY_free(key);
	atomic_init(&l->next, atol(args[2]));
	l->end = atol(args[2]) + atol(args[3]);
	return 0;
}

static int enroll_many(char **args)
{
	const int concurrency = atoi(args[4]);
	pthread_t threads[THREADS_MAX];
	struct load l;
	double start;

	if (load_init(&l, args) || concurrency < 1 || concurrency > THREADS_MAX)
		return 1;
	start = now();
	for (int i = 0; i < concurrency; i++)
		pthread_create(&threads[i], NULL, phones, &l);
	for (int i = 0; i < concurrency; i++)
		pthread_join(threads[i], NULL);
	printf("concurrency %d enrolled %ld of %s per_s %.0f\n", concurrency, atomic_load(&l.good),
	       args[3], (double)atomic_load(&l.good) / (now() - start));
	OPENSSL_free(l.spki);
	return atomic_load(&l.good) == atol(args[3]) ? 0 : 1;
}

static int idle_many(char **args)
{
	struct capf_link **links;
	long good = 0;
	struct load l;

	if (load_init(&l, args))
		return 1;
	links = calloc((size_t)atol(args[3]) + 1, sizeof(*links));
	for (long i = atol(args[2]); links && i < l.end; i++)
		good += call(&l, i, &links[good]);
	printf("idle %ld\n", good);
	fflush(stdout);
	while (getchar() != EOF)
		;
	for (long i = 0; i < good; i++)
		capf_link_close(links[i]);
	free(links);
	OPENSSL_free(l.spki);
	return good == atol(args[3]) ? 0 : 1;
}

int main(int argc, char **argv)
{
	if (argc == 5 && !strcmp(argv[1], "limits"))
		return show_limits(argv[2], argv[3], atof(argv[4]));
	if (argc == 7 && !strcmp(argv[1], "enroll"))
		return enroll_many(argv + 2);
	if (argc == 6 && !strcmp(argv[1], "idle"))
		return idle_many(argv + 2);
	fprintf(stderr, "see the source of bench_capf\n");
	return 2;
}
