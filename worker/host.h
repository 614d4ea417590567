/* host.h - what a worker lends to each of its sessions in turn: small, and empty of client data between two sessions. */
#ifndef HOST_H
#define HOST_H

#include "../lib/base.h"
#include "../lib/arena.h"
#include "../lib/buf.h"
#include "../queue/spool.h"
#include "worker.h"
#include <signal.h>

struct session_host {
	const struct worker_args *args;
	struct scoreboard_slot *slot;		/* NULL in unit tests */
	struct arena *session, *transaction, *scratch;	/* NULL while at rest */
	struct buf out;				/* a reply in wire form */
	struct spool *spool;			/* opened with the first message */
	int poke_fds[RUNNERS_MAX];		/* to the queue-runners; -1 until there is a message for one */
	unsigned sessions;			/* served so far */
	pid_t pid;				/* ours, for session ids */
	const volatile sig_atomic_t *interrupted;	/* set by SIGTERM: say 421 and leave */
};

void host_open(struct session_host *h, const struct worker_args *args, const volatile sig_atomic_t *interrupted);
void host_close(struct session_host *h);
/* The spool, opened at first use; NULL and a log line on failure. */
struct spool *host_spool(struct session_host *h);
/* Tells the queue-runner that ID is there. May fail silently: the disk is the truth. */
void host_poke(struct session_host *h, const char *id);

/* For a worker that has had nothing to do for a while: gives back all that sessions have used. */
void host_rest(struct session_host *h);
/* Before a session: has the memory ready. */
void host_wake(struct session_host *h);

#endif
