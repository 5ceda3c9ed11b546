/* libFuzzer harness of signed and encrypted files. Corpus: vectors/sgn and vectors/enc. Run it with
 * CTL_SOURCE_DIR set: the keys of the vectors open what the corpus holds. */
#include "trustfile/encrypted.h"

#include "common/file.h"
#include "trustfile/cert.h"

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static X509 *signer;
static EVP_PKEY *phone;

static struct buf vector_key(const char *name)
{
	const char *root = getenv("CTL_SOURCE_DIR");
	char path[4096];
	struct buf pem = {0};
	struct err e;

	snprintf(path, sizeof(path), "%s/trustfile/vectors/keys/%s", root ? root : ".", name);
	if (file_read(path, TL_FILE_MAX, &pem, &e)) {
		err_print(&e, "signed_fuzz");
		exit(1);
	}
	return pem;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct buf ccm = vector_key("ccm.pem"), own = vector_key("phone.pem");
	BIO *bio = BIO_new_mem_buf(own.data, (int)own.len);
	struct err e;

	(void)argc, (void)argv;
	phone = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	if (!phone || cert_from_file_bytes(&signer, buf_view(&ccm), &e))
		abort();
	BIO_free(bio);
	buf_free(&ccm);
	buf_free(&own);
	return 0;
}

static void open_it(const struct sgn *s)
{
	static const uint8_t key[ENC_KEY_LEN] = {0};
	struct buf plain = {0};
	struct err e;
	const int rc = s->kind == TF_ENC ? enc_open(&plain, s, phone, &e)
					 : enc_open_manual(&plain, s, key, &e);

	if (rc ? plain.len : plain.len >= s->payload.len)
		abort();
	buf_free(&plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum tf_kind kinds[] = {TF_SGN, TF_ENC, TF_ENC_MANUAL};
	const struct span file = span_of(data, size);

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct buf text = {0};
		struct sgn s;
		struct err e;

		if (sgn_parse(&s, file, kinds[i], &e))
			continue;
		if (s.header.len + s.payload.len != size)
			abort();
		sgn_signer_text(&text, &s);
		buf_free(&text);
		(void)sgn_verify_with(&s, signer, NULL, &e);
		if (s.kind != TF_SGN)
			open_it(&s);
	}
	return 0;
}
