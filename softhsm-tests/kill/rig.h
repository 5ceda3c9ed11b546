/* The nodes of a cluster that scripts/cluster made, with their services in the test's own hand. */
#ifndef SOFTHSM_TESTS_KILL_RIG_H
#define SOFTHSM_TESTS_KILL_RIG_H

#include "common/bytes.h"
#include "common/err.h"
#include "common/hostport.h"
#include "softhsm-tests/kill/kill_at.h"

#include <stdbool.h>
#include <sys/types.h>

enum {
	RIG_NODES_MAX = 32,
	RIG_PATH_MAX = 512,
	RIG_PATIENCE_S = 60, /* for whatever has to happen */
};

enum rig_service { RIG_PROVIDER, RIG_TFTP, RIG_SERVICES };

struct rig_node {
	char folder[RIG_PATH_MAX], state[RIG_PATH_MAX], list[RIG_PATH_MAX];
	struct hostport tftp;
	pid_t pids[RIG_SERVICES];
	struct kill_at *kill_at; /* of its provider */
};

struct rig {
	struct rig_node nodes[RIG_NODES_MAX];
	size_t n;
	bool undisturbed; /* set before rig_open(): no steps are counted, and nobody dies at one */
	char notify[RIG_PATH_MAX]; /* where services say that they are ready */
	int notify_fd;
};

/* Starts the services of the cluster in folder, none of which runs, as children. The environment
 * has what scripts/cluster put into "env". */
int rig_open(struct rig *r, const char *folder, size_t nodes, struct err *e);

/* The services go on; "scripts/cluster down" ends them. */
void rig_close(struct rig *r);

/* Starts a service and waits until it is ready. */
int rig_start(struct rig *r, struct rig_node *node, enum rig_service service, struct err *e);

/* kill -9, and waits for its end. */
void rig_kill(struct rig_node *node, enum rig_service service);

/* True if the provider has ended, by a kill from within; it is then waited for. */
bool rig_died(struct rig_node *node);

/* The newest generation in a node's store, and the one it serves. Opens and closes the store, so
 * that nothing is kept alive that a kill should have ended. */
int rig_generations(const struct rig_node *node, int64_t *newest, int64_t *active, struct err *e);

/* The list as the node's file, and as phones get it. Append. */
int rig_file(struct buf *out, const struct rig_node *node, struct err *e);
int rig_served(struct buf *out, const struct rig_node *node, struct err *e);

int64_t rig_now_ms(void);
void rig_pause_ms(unsigned ms);

#endif
