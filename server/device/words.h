/* The kinds of model.h as words: on the command line, in JSON and in CSV. */
#ifndef SERVER_DEVICE_WORDS_H
#define SERVER_DEVICE_WORDS_H

#include "server/device/model.h"

const char *device_protocol_word(enum device_protocol p); /* sccp, sip */
const char *device_mode_word(enum device_mode m);         /* nonsecure, authenticated, encrypted */
const char *device_transport_word(enum device_transport t); /* tcp, udp, tls, tcp+udp */
const char *device_auth_word(enum device_auth a);           /* string, null, lsc, mic */
const char *device_cipher_word(enum device_cipher c);       /* none, pubkey, aes, rc4 */

/* All of a kind, by their numbers; the one at 0 may be NULL. */
extern const char *const device_protocol_words[3];
extern const char *const device_mode_words[4];
extern const char *const device_transport_words[5];
extern const char *const device_auth_words[5];

/* Back again; false, and nothing set, if it is none of the words. */
bool device_protocol_of(enum device_protocol *p, const char *word);
bool device_auth_of(enum device_auth *a, const char *word);

#endif
