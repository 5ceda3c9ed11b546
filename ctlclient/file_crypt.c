/* ctlclient file encrypt, decrypt: configurations that one phone alone can read. */
#include "ctlclient/file_commands.h"

#include "common/cli.h"
#include "common/hex.h"
#include "common/secret.h"
#include "ctlclient/file_trust.h"
#include "ctlclient/key_file.h"
#include "ctlclient/minimal_config.h"
#include "ctlclient/signing_key.h"
#include "trustfile/encrypted.h"

#include <stdio.h>
#include <string.h>

enum { OPT_FOR = 0x330, OPT_TYPED, OPT_NO_MINIMAL, OPT_REMOVE_CLEAR, OPT_KEY, OPT_KEY_PIN };

struct crypt_args {
	struct file_opts files;
	struct signing_key_opts signer;
	struct file_trust_opts trust;
	const char *phone;      /* its certificate, or with decrypt its key */
	const char *pin_source; /* of that key's passphrase */
	const char *typed;      /* where the key that is typed into the phone comes from */
	bool no_minimal, remove_clear;

	struct signing_key by;
	struct file_trust trusted;
	struct desk_cert cert;
	EVP_PKEY *key;
	struct buf typed_key;
};

static void args_free(struct crypt_args *a)
{
	signing_key_close(&a->by);
	file_trust_close(&a->trusted);
	desk_cert_free(&a->cert);
	EVP_PKEY_free(a->key);
	buf_wipe(&a->typed_key);
}

/* 32 hexadecimal digits for AES, 64 for RC4. */
static int read_typed_key(struct crypt_args *a, struct err *e)
{
	struct secret s = {0};
	int rc = secret_read(&s, a->typed, "Key that is typed into the phone", "key", "--typed-key",
			     e);

	if (rc)
		return rc;
	if (!hex_parse(&a->typed_key, s.text, s.len) ||
	    (a->typed_key.len != ENC_KEY_LEN && a->typed_key.len != ENC_RC4_KEY_LEN)) {
		err_set(e, ERR_USAGE, "phone-key", "the key is not %d or %d hexadecimal digits",
			2 * ENC_KEY_LEN, 2 * ENC_RC4_KEY_LEN);
		rc = err_hint(e, "%d for SIP on the 7940 and 7960, %d on the 7905 and 7912",
			      2 * ENC_KEY_LEN, 2 * ENC_RC4_KEY_LEN);
	}
	secret_free(&s);
	return rc;
}

static bool is_rc4(const struct crypt_args *a)
{
	return a->typed_key.len == ENC_RC4_KEY_LEN;
}

/* ---- encrypt ---- */

static error_t parse_encrypt(int key, char *arg, struct argp_state *state)
{
	struct crypt_args *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->files;
		state->child_inputs[1] = &a->signer;
		return 0;
	case OPT_FOR:
		a->phone = arg;
		return 0;
	case OPT_TYPED:
		a->typed = arg;
		return 0;
	case OPT_NO_MINIMAL:
		a->no_minimal = true;
		return 0;
	case OPT_REMOVE_CLEAR:
		a->remove_clear = true;
		return 0;
	case ARGP_KEY_ARGS:
		file_opts_take(&a->files, state);
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "name the files to encrypt");
		return 0;
	case ARGP_KEY_END:
		if (!a->phone == !a->typed)
			argp_error(state, "for which phone? give --for CERT or --typed-key SOURCE");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int open_phone(struct crypt_args *a, struct err *e)
{
	if (a->typed)
		return read_typed_key(a, e);
	if (desk_is_uri(a->phone))
		return err_set(e, ERR_USAGE, "phone-key",
			       "--for takes the file of the phone's certificate, not a token");
	return desk_cert(&a->cert, a->by.desk, a->phone, e);
}

/* The whole file through RC4; no header, no signature, no minimal file. */
static int encrypt_rc4(const struct crypt_args *a, const struct file_item *item, struct err *e)
{
	struct buf out = {0};
	int rc = enc_rc4(&out, item->content, a->typed_key.data, e);

	if (!rc)
		rc = file_put(item, ".x", buf_view(&out), 0644, e);
	buf_free(&out);
	return rc;
}

static int put_minimal(const struct crypt_args *a, const struct file_item *item, struct err *e)
{
	char name[FILE_NAME_ROOM];
	struct file_item beside = *item;
	struct buf plain = {0}, out = {0};
	struct sgn_plan plan;
	int rc = file_name_with(name, item, ".sgn", e);

	beside.facts = NULL;
	plan = signing_key_plan(&a->by, &a->signer, name);
	if (!rc)
		rc = minimal_config(&plain, item->content, a->cert.cert, e);
	if (!rc)
		rc = sgn_build(&out, &plan, buf_view(&plain), a->by.sign, a->by.arg, e);
	if (!rc)
		rc = file_put(&beside, ".sgn", buf_view(&out), 0644, e);
	buf_free(&plain);
	buf_free(&out);
	return rc;
}

static int put_encrypted(const struct crypt_args *a, const struct file_item *item, struct err *e)
{
	char name[FILE_NAME_ROOM];
	struct enc_plan plan = {.phone = a->cert.cert, .manual_key = a->typed_key.data};
	struct buf out = {0};
	int rc = file_name_with(name, item, ".enc.sgn", e);

	plan.sgn = signing_key_plan(&a->by, &a->signer, name);
	if (!rc)
		rc = enc_build(&out, &plan, item->content, a->by.sign, a->by.arg, e);
	if (!rc)
		rc = file_put(item, ".enc.sgn", buf_view(&out), 0644, e);
	if (!rc && item->facts)
		json_object_set_new(item->facts, "name", json_chars(name));
	buf_free(&out);
	return rc;
}

static int encrypt_one(void *arg, const struct file_item *item, struct err *e)
{
	const struct crypt_args *a = arg;
	const bool minimal =
		a->phone && !a->no_minimal && !(a->files.output && !strcmp(a->files.output, "-"));
	int rc = is_rc4(a) ? encrypt_rc4(a, item, e) : put_encrypted(a, item, e);

	if (!rc && minimal)
		rc = put_minimal(a, item, e);
	if (!rc && a->remove_clear)
		file_remove_after(item);
	return rc;
}

static int open_encrypt(struct crypt_args *a, struct err *e)
{
	int rc = 0;

	if (a->signer.signer)
		rc = signing_key_open(&a->by, &a->signer, e);
	if (!rc)
		rc = open_phone(a, e);
	if (!rc && !a->signer.signer && !is_rc4(a))
		rc = err_set(e, ERR_USAGE, "signer",
			     "who signs? give --signer URI or --signer KEY.pem");
	return rc;
}

int file_encrypt(int argc, char **argv, void *ctx)
{
	static const struct argp_option options[] = {
		{"for", OPT_FOR, "CERT", 0, "The phone's certificate (LSC, else MIC), RSA", 0},
		{"typed-key", OPT_TYPED, "SOURCE", 0,
		 "Where the key comes from that is typed into old SIP phones: 32 hexadecimal "
		 "digits "
		 "for the 7940 and 7960, 64 for the 7905 and 7912; sources as for --pin-source",
		 0},
		{"no-minimal", OPT_NO_MINIMAL, NULL, 0,
		 "Do not make the minimal FILE.sgn, which leads the phone to the encrypted file",
		 0},
		{"remove-clear", OPT_REMOVE_CLEAR, NULL, 0,
		 "Remove the clear file once the others are written", 0},
		{0}};
	static const struct argp_child children[] = {
		{&options_file, 0, NULL, 0}, {&options_signing_key, 0, NULL, 0}, {0}};
	static const struct argp argp = {
		options,
		parse_encrypt,
		"FILE...",
		"Makes FILE.enc.sgn, which one phone alone can read, and FILE.sgn, the minimal "
		"configuration that goes with it."
		"\vThe clear file stays where it is unless --remove-clear is given: only the phone "
		"can open the encrypted one again. Do not let a server hand it out.\n"
		"  ctlclient file encrypt --signer ccm.key --cert ccm.pem --for lsc.pem -o "
		"/srv/tftp \\\n"
		"    SEP001122334455.cnf.xml",
		children,
		NULL,
		NULL};
	struct crypt_args a = {.signer.optional = true};
	const struct file_work w = {
		.opts = &a.files, .doing = "encrypting", .fn = encrypt_one, .arg = &a};
	struct err e = {0};
	int rc;

	(void)ctx;
	cli_parse(&argp, argc, argv, &a);
	rc = open_encrypt(&a, &e);
	if (rc)
		err_print(&e, argv[0]);
	else
		rc = file_work_run(&w, argv[0]);
	args_free(&a);
	return rc;
}

/* ---- decrypt ---- */

static error_t parse_decrypt(int key, char *arg, struct argp_state *state)
{
	struct crypt_args *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->files;
		state->child_inputs[1] = &a->trust;
		return 0;
	case OPT_KEY:
		a->phone = arg;
		return 0;
	case OPT_KEY_PIN:
		a->pin_source = arg;
		return 0;
	case OPT_TYPED:
		a->typed = arg;
		return 0;
	case ARGP_KEY_ARGS:
		file_opts_take(&a->files, state);
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "name the files to decrypt");
		return 0;
	case ARGP_KEY_END:
		if (!a->phone == !a->typed)
			argp_error(state, "with which key? give --key KEY.pem or --typed-key "
					  "SOURCE");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* "SEP001122334455.cnf.xml.enc.sgn" is SEP001122334455.cnf.xml inside. */
static int put_inside(const struct file_item *item, const char *suffix, struct span plain,
		      struct err *e)
{
	struct file_item bare = *item;
	char inside[FILE_NAME_ROOM];
	const int rc = file_name_without(inside, item, suffix, e);

	bare.name = inside;
	/* It holds credentials. */
	return rc ? rc : file_put(&bare, "", plain, 0600, e);
}

static int open_one(struct buf *plain, const struct crypt_args *a, const struct file_item *item,
		    struct err *e)
{
	struct sgn s;
	int rc = file_trust_judge(&s, &a->trusted, item, item->name, e);

	if (rc)
		return rc;
	if (s.kind == TF_SGN) {
		err_set(e, ERR_REFUSED, "sgn-parse", "the file is signed, but not encrypted");
		return err_hint(e, "\"ctlclient file strip\" takes out what is in it");
	}
	return a->typed ? enc_open_manual(plain, &s, a->typed_key.data, e)
			: enc_open(plain, &s, a->key, e);
}

static int decrypt_one(void *arg, const struct file_item *item, struct err *e)
{
	const struct crypt_args *a = arg;
	struct buf plain = {0};
	int rc = is_rc4(a) ? enc_rc4(&plain, item->content, a->typed_key.data, e)
			   : open_one(&plain, a, item, e);

	if (!rc)
		rc = put_inside(item, is_rc4(a) ? ".x" : ".enc.sgn", buf_view(&plain), e);
	buf_wipe(&plain);
	return rc;
}

static int open_decrypt(struct crypt_args *a, struct err *e)
{
	const struct key_file f = {a->phone, "the phone's key", a->pin_source, "--key-pin-source",
				   "phone-key"};
	int rc = file_trust_open(&a->trusted, &a->trust, e);

	if (rc)
		return rc;
	return a->typed ? read_typed_key(a, e) : key_file_read(&a->key, &f, e);
}

int file_decrypt(int argc, char **argv, void *ctx)
{
	static const struct argp_option options[] = {
		{"key", OPT_KEY, "KEY", 0, "The phone's private key, a PEM file", 0},
		{"key-pin-source", OPT_KEY_PIN, "SOURCE", 0, "Where its passphrase comes from", 0},
		{"typed-key", OPT_TYPED, "SOURCE", 0,
		 "Where the key comes from that was typed into the phone", 0},
		{0}};
	static const struct argp_child children[] = {
		{&options_file, 0, NULL, 0}, {&options_file_trust, 0, NULL, 0}, {0}};
	static const struct argp argp = {options,
					 parse_decrypt,
					 "FILE.enc.sgn...",
					 "Opens encrypted configurations as the phone does: the "
					 "signature first, then the key."
					 "\vWhat comes out holds passwords: it is readable for you "
					 "alone. Files of the 7905 and "
					 "7912 (LD*.x) have no signature: --unverified.",
					 children,
					 NULL,
					 NULL};
	struct crypt_args a = {.files = {0}};
	const struct file_work w = {
		.opts = &a.files, .doing = "decrypting", .fn = decrypt_one, .arg = &a};
	struct err e = {0};
	int rc;

	(void)ctx;
	cli_parse(&argp, argc, argv, &a);
	rc = open_decrypt(&a, &e);
	if (rc)
		err_print(&e, argv[0]);
	else
		rc = file_work_run(&w, argv[0]);
	args_free(&a);
	return rc;
}
