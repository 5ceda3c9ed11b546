/* What the files of the TFTP listener share. */
#ifndef SERVER_TFTP_LISTENER_PRIV_H
#define SERVER_TFTP_LISTENER_PRIV_H

#include "common/log_limit.h"
#include "server/tftp/listener.h"
#include "server/tftp/sessions.h"

enum {
	TID_SOCKETS = 4,  /* ports that transfers run over */
	TEXT_SHOWN = 100, /* bytes of a stranger's text in a log line */
};

/* One port of the server. */
struct port {
	struct listener *owner;
	int fd;
	struct event *readable;
	struct udp_outbox *outbox;
};

struct listener {
	struct event_base *base;
	struct port well_known; /* where requests arrive; sends nothing */
	struct port tids[TID_SOCKETS];
	struct udp_inbox *inbox;
	struct sessions *sessions;
	struct wheel wheel;
	struct event *tick;  /* pending while sessions run */
	struct event *flush; /* active while what was sent outside of the sockets' events waits */
	struct serve *serve;
	struct log_limit log;
	uint64_t now_ms; /* of the clock, as of the beginning of the present event */
};

/* How much of a stranger's text a log line shows. */
int shown(struct span text);

/* A client always talks with the same of our ports, so its address alone identifies a transfer. */
struct port *port_for(struct listener *l, const union udp_addr *peer);

/* Answers with an error, from the port from. */
void send_error(struct port *from, const union udp_addr *peer, const union udp_local *local,
		enum tftp_code code, const char *text);

/* A datagram at the well-known port (requests.c), and at one of the transfers' (transfers.c). */
void on_request(struct listener *l, const struct udp_in *in);
void on_transfer(struct listener *l, struct port *port, const struct udp_in *in);

/* Begins to send content to the client of a session. */
void session_serve(struct listener *l, struct session *s, struct content *content);

/* Sends what is due and sets the clock for the answer. */
void session_go_on(struct listener *l, struct session *s);

void session_end(struct listener *l, struct session *s);

/* Notes what became of a request for a device's file; outcome NULL: it has content. */
void note_asked(struct listener *l, const union udp_addr *peer, struct span asked,
		const char *outcome, const struct content *content);

/* Arms the clock of a session, in milliseconds from now. */
void session_wait(struct listener *l, struct session *s, uint32_t ms);

/* A session's time is over. */
wheel_fn session_due;

#endif
