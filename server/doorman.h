/* doorman.h - who answers when nobody else can: a process beside the workers that sleeps until all of them are busy and no more
 * may be started. Clients who have waited for busy_wait then hear 421 4.3.2 from it, where they would hear nothing at all. */
#ifndef DOORMAN_H
#define DOORMAN_H

#include "../lib/base.h"
#include "../lib/settings.h"
#include "role.h"

struct doorman_args {
	const struct settings *settings;
	size_t listener_count;
	const struct listener *listeners;	/* non-blocking, shared with the workers */
	unsigned generation;
	int32_t inside;				/* workers that hear the internal socket only: idle, they are of no use to clients */
	int life_fd;				/* end of file: leave */
	int door_fd;				/* eventfd: a worker has turned busy, and it was the last idle one */
};

/* Serves until life_fd ends; returns the exit status. Runs no plugin, reads no message, and waits for no client: what it says is
 * sent without blocking, and a client that does not go away is closed after a moment. */
int doorman_main(const struct doorman_args *args);

#endif
