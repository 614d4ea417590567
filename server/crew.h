/* crew.h - the crew: all workers of one forkserver: how many, when to fork, retire, kill, and what to say when one dies.
 * Grows at once when spares run low, shrinks when too many are idle. */
#ifndef CREW_H
#define CREW_H

#include "../lib/base.h"
#include "../lib/err.h"
#include "../lib/plugin.h"
#include "../lib/settings.h"
#include "../lib/store.h"
#include "../lib/tls.h"
#include "keyholder.h"
#include "role.h"

/* Workers that hear only the internal socket, so that clients from outside can never keep the queue-runner's
 * local deliveries waiting for a worker. */
#define CREW_INTERNAL 2
#define CREW_FORKS_PER_TURN 32

struct crew_setup {
	const struct settings *settings;
	struct plugin_list *plugins;
	struct tls_context *tls;	/* or NULL */
	struct keyholder *keys;		/* started, or count 0 */
	struct store *store;		/* not opened: each worker does that for itself */
	size_t listener_count;
	const struct listener *listeners;
	unsigned generation;
	int control_fd;			/* closed in workers */
	int signal_fd;			/* closed in workers */
};

struct crew;

/* Nothing is forked yet. NULL with ERR. */
struct crew *crew_new(const struct crew_setup *setup, struct err *err);
void crew_free(struct crew **crew);
/* Readable when a worker turned busy and spares ran low; crew_fill eats it. */
int crew_wake_fd(const struct crew *crew);
/* Forks what is missing, at most CREW_FORKS_PER_TURN; true when more are missing. Returns in the forkserver only. */
bool crew_fill(struct crew *crew);
/* After SIGCHLD. */
void crew_reap(struct crew *crew);
/* Once a second: the watchdog, idle workers over max_spare, slots of workers that nobody reaped, totals. */
void crew_tick(struct crew *crew);
/* No more forks; idle workers leave at once, busy ones after their session. */
void crew_drain(struct crew *crew);
/* Draining: ends the sessions that are not receiving a message (ALL: every session) with 421. */
void crew_hurry(struct crew *crew, bool all);
void crew_kill(struct crew *crew);
size_t crew_count(const struct crew *crew);

#endif
