/* runner.h - the queue-runner as a whole: what its parts share. One process, one loop, no threads.
 *
 *   intake.c       how messages come in: pokes, rescans of new/, due times; the entry of each message that is in work
 *   job.c          a message read into memory, and the results of its deliveries; split.c: splitting it by destination;
 *                  settle.c: what becomes of it at the end
 *   hook_run.c     plugins that are asked, and may answer later; helper.c: in processes of their own, when they may block
 *   turns.c        whose turn it is (sched.h says), and what is done about it
 *   delivery.c     one attempt: one message, one destination, some recipients
 *   queue_control.c  what `postrider queue` asks for
 *   enforce.c      what it wants until further notice
 *   runner.c       start, orders of the master, the loop
 *
 * A message is known in one of three ways: in the index (it waits for its time, nothing else is in memory), as an entry
 * (it is in the backlog, or parked, or both), or as an entry with a job (it is read). */
#ifndef RUNNER_H
#define RUNNER_H

#include "../lib/base.h"
#include "../lib/plugin.h"
#include "../lib/settings.h"
#include "../lib/store.h"
#include "../server/keyholder.h"
#include "../server/role.h"
#include "bounce.h"
#include "client.h"
#include "index.h"
#include "mx.h"
#include "pool.h"
#include "route.h"
#include "sched.h"
#include "schedule.h"
#include "shaping.h"
#include "spool.h"
#include "tls_policy.h"
#include "whereabouts.h"
#include <uthash.h>

struct event;
struct job;
struct delivery;

/* A message that waits for its turn at a destination outside of memory. */
struct park {
	struct turn turn;		/* first */
	struct park *more;		/* of the same entry */
	struct entry *entry;
};

enum entry_wish { WISH_NONE, WISH_HOLD, WISH_REMOVE, WISH_BOUNCE };

struct entry {
	char id[SPOOL_ID_SIZE];
	uint8_t state;			/* enum spool_state: where its file is */
	uint8_t wish;			/* what a person asked for while it was in flight */
	bool queued;			/* in the backlog */
	struct job *job;
	struct park *parks;		/* where it waits for turns */
	struct entry *prev, *next;	/* in the backlog */
	UT_hash_handle hh;
};

struct runner {
	const struct settings *settings;
	const struct role_args *args;
	struct event_base *base;
	struct plugin_list *plugins;
	struct store *store;
	struct spool *spool;
	struct index *index;
	struct schedule schedule;
	struct bounce_config bounce;
	struct arena *arena;
	unsigned part, parts;		/* what of the queue is ours: part.h */
	struct tls_policy *tls;
	struct keyholder keys;		/* of the certificate that servers are shown */
	bool keyless;			/* their process has ended, or does not answer */
	struct routing routing;
	struct client_shared shared;
	struct ub_ctx *dns, *old_dns;	/* what is known of names; what was, while questions of it are open */
	struct mx *mx;
	struct pool *pool;
	struct sched sched;
	struct shaping *shaping;
	struct gate *gates, *sources;	/* hashes by address: theirs, our own */
	struct target_downs *downs;
	struct whereabouts whereabouts;
	struct flush *flushes;		/* under way */
	struct enforce *enforce;	/* NULL until we serve */

	struct entry *entries;		/* hash by id */
	struct entry *backlog;		/* to be read, first come first served */
	size_t backlog_count;
	size_t jobs, jobs_max;
	struct delivery *active;	/* deliveries that have been begun */
	int64_t held;			/* messages in hold/ */

	bool serving, leaving, stopping;
	bool helping;			/* this is the copy that a helper process works with (helper.c) */
	bool no_files, no_sockets;	/* descriptors ran out when a message, a connection was to be opened: wait a moment */
	bool rescan;			/* new/ may hold what we do not know of */
	int64_t rescanned;		/* clock_ms */
	unsigned poke_room;		/* datagrams that the poke socket holds */
	int poke_fd, control_fd;	/* poke; listener of `postrider queue`: -1 until we serve */
	struct event *turn, *clock, *leave, *orders, *term, *poke, *control, *key_end;
	char suspect[SPOOL_ID_SIZE];	/* our predecessor died while it worked on this */
};

/* ---- runner.c ---- */

/* Something changed: have a turn soon. */
void runner_wake(struct runner *r);
/* Out of descriptors: no more messages are read, or connections made, for a second or until something is closed; and from
 * now on fewer messages are held open. */
void runner_rest(struct runner *r, bool sockets);
/* Something was closed: the rest is over. */
void runner_go_on(struct runner *r);
/* Names are asked for anew. */
void runner_forget_dns(struct runner *r);
/* Around what a hostile message or a plugin could crash us with: the id stands in the scoreboard meanwhile, and in each
 * line of the log. */
void runner_mark(struct runner *r, const char *id);
void runner_mark_plugin(struct runner *r, const char *id, const char *plugin, const char *hook);
void runner_unmark(void);

/* ---- intake.c ---- */

struct entry *entry_find(struct runner *r, const char *id);
/* Made unless it is there; not yet in the backlog. */
struct entry *entry_get(struct runner *r, const char *id, enum spool_state state);
/* Frees E when nothing needs it any more: no job, no park, not in the backlog. */
void entry_release(struct runner *r, struct entry *e);
/* Ends its waiting for turns. */
void entry_unpark(struct runner *r, struct entry *e);
/* Ends everything but the job. */
void entry_forget(struct runner *r, struct entry *e);
void intake_add(struct runner *r, const char *id, enum spool_state state);
/* Of a new message: to ourselves, or to the queue-runner whose it is. */
void intake_announce(struct runner *r, const char *id);
/* Opens the poke socket, loads the index and what is in new/. */
bool intake_begin(struct runner *r, struct err *err) MUST_CHECK;
void intake_end(struct runner *r);
/* Rescans when that is needed, takes what is due, reads up to MAX from the backlog. True when there is more to do now. */
bool intake_turn(struct runner *r, int64_t now, unsigned max);

/* ---- turns.c ---- */

/* Begins what may begin, and finds out where destinations are. True when there is more to do now. */
bool turns_take(struct runner *r, int64_t now);
/* When something is to be tried again that waits for a site, which is not to be bothered before UNTIL (clock_ms): seconds
 * since 1970. */
int64_t turn_put_off_until(struct runner *r, int64_t until);
/* Most recipients in one delivery, T being under way. */
size_t turn_most_rcpts(struct runner *r, const struct turn *t);
/* Nothing more is found out. */
void turns_end(struct runner *r);

/* ---- queue_control.c ---- */

bool queue_control_begin(struct runner *r, struct err *err) MUST_CHECK;
void queue_control_end(struct runner *r);

#endif
