/*
 * bench_rsa SECONDS: what the machine itself can sign: RSA-2048 with SHA-1 over 8 KB in one thread
 * for each processor, and nothing else. Prints signatures a second, and processor milliseconds for
 * each.
 */
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { BITS = 2048, FILE_BYTES = 8192, THREADS_MAX = 64 };

struct work {
	EVP_PKEY *key;
	atomic_bool stop;
	atomic_ulong n;
};

static double seconds_of(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void *sign(void *arg)
{
	static const uint8_t file[FILE_BYTES];
	struct work *w = arg;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t sig[BITS / 8];

	while (ctx && !atomic_load(&w->stop)) {
		size_t n = sizeof(sig);

		if (EVP_DigestSignInit(ctx, NULL, EVP_sha1(), NULL, w->key) != 1 ||
		    EVP_DigestSign(ctx, sig, &n, file, sizeof(file)) != 1)
			abort();
		EVP_MD_CTX_reset(ctx);
		atomic_fetch_add(&w->n, 1);
	}
	EVP_MD_CTX_free(ctx);
	return NULL;
}

int main(int argc, char **argv)
{
	const long processors = sysconf(_SC_NPROCESSORS_ONLN);
	const long threads = processors < THREADS_MAX ? processors : THREADS_MAX;
	struct work w = {.key = EVP_RSA_gen(BITS)};
	pthread_t ids[THREADS_MAX];
	double wall, cpu;

	if (argc != 2 || !w.key)
		return 2;
	wall = seconds_of(CLOCK_MONOTONIC);
	cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
	for (long i = 0; i < threads; i++)
		if (pthread_create(&ids[i], NULL, sign, &w))
			abort();
	sleep((unsigned)atoi(argv[1]));
	atomic_store(&w.stop, true);
	for (long i = 0; i < threads; i++)
		pthread_join(ids[i], NULL);
	printf("rate=%.0f cpu=%.4f\n",
	       (double)atomic_load(&w.n) / (seconds_of(CLOCK_MONOTONIC) - wall),
	       (seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu) * 1000 / (double)atomic_load(&w.n));
	EVP_PKEY_free(w.key);
	return 0;
}
