/*
 * Sees tokens come and go. No screen, no opinion: what an event means (a token that is in no list,
 * a second one at the wrong time) is for who asked.
 *
 * The truth is a look at all slots once a second, compared by module and serial number with the
 * look before. Slot events (C_WaitForSlotEvent, never blocking) and the USB bus only make it look
 * sooner. A module that cannot show new tokens while it runs (SoftHSM) is restarted for each look,
 * unless a struct token has a session with it. A look that costs much processor time is followed by
 * a longer pause, so that waiting takes under one per cent of a core.
 */
#ifndef PKCS11_WATCH_H
#define PKCS11_WATCH_H

#include "pkcs11/reader.h"
#include "pkcs11/token.h"

enum watch_kind {
	WATCH_TOKEN_CAME,
	WATCH_TOKEN_LEFT,
	WATCH_READER_CAME, /* a reader that can be pulled out, or whose token can */
	WATCH_READER_LEFT,
	WATCH_CARD_UNREADABLE, /* there is a card in the reader that its module does not know */
	WATCH_CARD_GONE,       /* not any more, and the reader is still there */
	WATCH_MODULE_FAILS,
	WATCH_MODULE_WORKS, /* again */
	WATCH_ADVICE,       /* why no token may show; an empty text takes that back */
};

struct watch_event {
	enum watch_kind kind;
	struct token_info token; /* TOKEN_*: what it says, or said, of itself */
	bool again;              /* TOKEN_CAME: it was here before, since watch_open() */
	bool at_start;           /* it was so at the first look */
	size_t tokens;           /* TOKEN_*: how many are here now; one serial number counts once */
	char text[256];          /* name of the reader or module; the advice */
	char why[256];           /* MODULE_FAILS: the reason; ADVICE: what to do */
};

struct watch;

int watch_open(struct watch **out, struct err *e);
void watch_close(struct watch *w);

/* A look, unless it is too early for one: on the thread that owns ts, while nobody else uses w. A
 * module in trouble is an event, not an error. Tokens that are not initialised and have no serial
 * number are not seen. */
int watch_look(struct watch *w, struct tokens *ts, struct err *e);

/* What the last look found different from the one before: *n events, good until the next look. */
const struct watch_event *watch_events(const struct watch *w, size_t *n);

/* What there is to say about readers, as of the last look. */
const struct reader_scene *watch_scene(const struct watch *w);

/* When to look again: in that many milliseconds, or as soon as the descriptor (-1: there is none)
 * can be read. */
int watch_pause(const struct watch *w);
int watch_fd(const struct watch *w);

/* Waits for that, at most ms milliseconds; true if fd (or -1) can be read. */
bool watch_wait(const struct watch *w, int ms, int fd);

#endif
