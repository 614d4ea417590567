/* worker.h - what the forkserver hands to a freshly forked worker. */
#ifndef WORKER_H
#define WORKER_H

#include "../lib/base.h"
#include "../lib/plugin.h"
#include "../lib/scoreboard.h"
#include "../lib/settings.h"
#include "../lib/store.h"
#include "../lib/tls.h"
#include "../server/role.h"

struct worker_args {
	const struct settings *settings;
	struct plugin_list *plugins;
	struct tls_context *tls;		/* NULL: no TLS */
	struct store *store;			/* not opened; NULL in unit tests */
	size_t listener_count;
	const struct listener *listeners;	/* non-blocking, shared */
	int slot;				/* in the scoreboard, already taken with our pid */
	int life_fd;				/* read end of a pipe: end of file = leave when idle (drain, or the forkserver died) */
	int wake_fd;				/* eventfd: written when a worker turns busy and spares run low: */
	int32_t wake_below;			/* when the scoreboard's idle count has fallen below this */
	int door_fd;				/* eventfd: written when the last idle worker turns busy and the doorman dozes */
	int32_t door_below;			/* when the idle count has fallen to this */
	unsigned generation;
};

/* Serves until life_fd ends, sessions_per_worker is reached, or SIGUSR1 (retire; blocked except while idle)
 * or SIGTERM (end the session in hand with 421) comes. Returns the exit status. Called with default signal
 * dispositions and SIGUSR1 blocked; resources of the forkserver have been closed. */
int worker_main(const struct worker_args *args);

#endif
