/* keyholder.h - the key processes: they alone have the private keys in memory, and sign with them for the workers. They read
 * nothing from the network and run no plugin. The forkserver starts them before it opens a key, while both are still
 * root; each worker gets a connection of its own, so there is nothing to connect to and nobody else can. They leave
 * when the forkserver and the last of its workers have. The queue-runner, when it has a certificate to show, has one such process of
 * its own, and is forkserver and worker in one. */
#ifndef KEYHOLDER_H
#define KEYHOLDER_H

#include "../lib/base.h"
#include "../lib/err.h"
#include "role.h"

#define KEYHOLDER_MAX 8		/* processes: one a processor, since an RSA signature takes the better part of a handshake's time */

struct keyholder {
	size_t count;			/* 0: not started */
	size_t next;			/* whose turn it is to get a worker */
	int control[KEYHOLDER_MAX];
};

/* Forks the first and makes it what tls_key_open asks; there will be at most MOST. ARGS: what it must not keep open. */
bool keyholder_start(struct keyholder *k, const struct role_args *args, size_t most, struct err *err) MUST_CHECK;
/* All keys are open: no more can be, root is given up over there, the other processes come to be. */
bool keyholder_seal(struct keyholder *k, struct err *err) MUST_CHECK;
/* For a worker that is about to be forked: its connection, for tls_key_remote; -1 when it can have none. */
int keyholder_connect(struct keyholder *k, struct err *err);
/* In the worker, and at the end: what is the forkserver's is closed. */
void keyholder_close(struct keyholder *k);
/* In the forkserver: one of them has ended. Nothing can replace it here, where root is given up. */
bool keyholder_died(const struct keyholder *k);

#endif
