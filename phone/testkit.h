/* What the tests of this room share: a phone's folder, and a server of files made to measure. */
#ifndef PHONE_TESTKIT_H
#define PHONE_TESTKIT_H

#include "phone/boot.h"
#include "trustfile/testkit.h"

/* A phone's folder that is gone after the test. */
struct phone_folder {
	char dir[64];
};

/* A setup and a teardown of cmocka; *state is the struct phone_folder. */
int folder_set_up(void **state);
int folder_tear_down(void **state);

/* Writes and removes files of the folder; a file that is not there is no error. */
void folder_put(const struct phone_folder *f, const char *name, struct span content);
void folder_remove(const struct phone_folder *f, const char *name);
bool folder_has(const struct phone_folder *f, const char *name);

/* The certificate and key of vectors/keys/NAME.pem become the phone's. */
void folder_put_own(const struct phone_folder *f, enum own_kind kind, const char *key);

/* "vectors/tlv/ctl-sha1.tlv" becomes the phone's list; NULL: it has none. */
void folder_put_list(const struct phone_folder *f, const char *name, const char *vector);

enum { SERVER_FILES_MAX = 12, SERVER_LOG_MAX = 1024 };

/* A server, or what is left of one. */
struct phone_server {
	struct {
		const char *name;
		struct buf bytes;
	} files[SERVER_FILES_MAX];
	size_t n;
	const char *failure; /* id of an error for everything it does not have; NULL: missing */
	char asked[SERVER_LOG_MAX]; /* names that it was asked for, each with a blank behind */
};

/* A fetch_fn; arg is the struct phone_server. */
int server_fetch(void *arg, const char *name, struct buf *out, struct err *e);

/* Gives the server a file: a vector, some bytes, or a text signed with the key of ccm
 * (vectors/keys), as that name. An older file of that name is replaced. */
void server_put_vector(struct phone_server *s, const char *name, const char *vector);
void server_put(struct phone_server *s, const char *name, const char *text);
void server_put_signed(struct phone_server *s, const char *name, const char *text);

/* ... with the key of another there. */
void server_put_signed_by(struct phone_server *s, const char *name, const char *text,
			  const char *signer);

/* ... encrypted for the certificate of another key there; with a typed key (16 bytes) if phone is
 * NULL. */
void server_put_encrypted(struct phone_server *s, const char *name, const char *text,
			  const char *phone, const uint8_t *typed);
void server_remove(struct phone_server *s, const char *name);
void server_free(struct phone_server *s);

#endif
