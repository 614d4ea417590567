/* site.h - one site: the hosts that mail for one or many domains goes to, and how much may be under way to them at once. Pure
 * bookkeeping; time is given.
 *
 * State             may start                            left by
 *   ready           while its window has room            a failure
 *   backing off     nothing until retry_at               time (then ready); a success of what is under way
 *   dead            one probe, once retry_at has come    the probe: success -> ready, failure -> dead, twice as long
 *   suspended       nothing until retry_at               time (then ready); a person
 * The window is what keeps a slow or broken site from using up all connections: one while nothing good is known of it, then
 * growing with each success, halved by each failure. */
#ifndef SITE_H
#define SITE_H

#include "../lib/base.h"
#include "pace.h"
#include "wakeup.h"
#include <uthash.h>

enum site_state { SITE_READY, SITE_BACKING_OFF, SITE_DEAD, SITE_SUSPENDED };

#define SITE_WINDOW 5		/* deliveries at once after the first success */
#define SITE_DEATH 5		/* failures in a row, not counting those during a back-off, after which it is dead */
#define SITE_PAUSE 1000		/* ms of the first back-off; doubles with each further failure */
#define SITE_OWN_DOUBLINGS 2	/* of the back-off, for our own socket */
#define SITE_DEATH_GROWTH 4	/* dead_host_time doubles at most so often */
#define SITE_STALL 10000	/* ms without a sign of life of any attempt, after which no further one is begun */
#define SITE_WHY 512
#define SITE_KEY 512

/* What may be under way at once, and come in a time; 0: as much as there is. */
struct limits {
	unsigned connections;
	struct pace connection_pace, message_pace;
};

/* How much of what LIMITS allow is used. */
struct usage {
	unsigned active;		/* deliveries under way */
	int64_t connections, messages;	/* of pace_take */
};

/* What is under way to all sites together. */
struct site_load {
	unsigned max;			/* deliveries at once */
	unsigned active;
	unsigned unproven;		/* of those, to sites of which nothing good is known */
	unsigned engaged;		/* sites at which something waits or is under way */
	int64_t dead_time;		/* ms of the first death; 0: none ever dies */
};

struct flow;
struct shaping_rule;
struct site {
	char *key;
	struct limits limits;
	unsigned crowd;			/* of queue-runners that share the limits */
	struct usage usage;
	enum site_state state;
	unsigned window, successes;	/* deliveries at once now; successes since that last changed */
	bool own;			/* our own socket: never dead, short back-offs */
	bool proven;			/* the last that was heard of it was good */
	bool shrunk;			/* it failed before: grow slowly */
	bool probing;			/* the one probe of a dead site is under way */
	unsigned failures;		/* in a row */
	unsigned deaths;		/* probes in a row that failed */
	int64_t retry_at;		/* clock_ms */
	int64_t paused_until;		/* clock_ms: no address may be used before */
	unsigned open;			/* connections, those in the pool included */
	const struct shaping_rule *rule;	/* for whoever delivers */
	int64_t progress;		/* clock_ms of the last sign of life while something is under way */
	int64_t used;			/* clock_ms of the last change, for sched_sweep */
	char why[SITE_WHY];		/* what the last failure was */

	/* ---- the scheduler's (sched.c) ---- */
	size_t waiting;			/* turns in its flows */
	size_t destinations;		/* that lead here */
	struct flow *blocked;		/* those that wait until it can take one */
	enum { SITE_UNLISTED, SITE_HUNGRY, SITE_WAITS_UNPROVEN, SITE_WAITS_GREEDY } listed;
	struct site *prev, *next;	/* in the list that says */
	struct wakeup wakeup;
	UT_hash_handle hh;
};

void site_init(struct site *s, const struct limits *limits, int64_t now);

enum site_word {
	SITE_GO,
	SITE_WAIT,			/* until something of it ends or moves, or *WHEN (0: not by time) */
	SITE_CROWD_UNPROVEN,		/* the unproven use what they may use together */
	SITE_CROWD_GREEDY,		/* it has a large share, and the rest is kept for others */
	SITE_REFUSES,			/* dead or suspended for long: what waits is to be put off */
};
/* Whether a delivery may begin. Ends back-offs whose time has come. */
enum site_word site_ask(struct site *s, const struct site_load *load, int64_t now, int64_t *when);
/* One begins. True: it is the probe of a dead site. */
bool site_begin(struct site *s, struct site_load *load, int64_t now);

enum site_end {
	SITE_OK,			/* it was reached and answered, whatever it said of the message */
	SITE_BUSY,			/* it asked us to go away for now (421) */
	SITE_FAILED,			/* not reached */
	SITE_UNTRIED,			/* we did not try: nothing is learned */
};
/* One ends; PROBE as site_begin said. WHY may be NULL. */
void site_finish(struct site *s, struct site_load *load, bool probe, enum site_end end, const char *why, int64_t now);
/* Nothing more is begun before UNTIL, whatever happens to what is under way. */
void site_suspend(struct site *s, int64_t until, const char *why);
/* Half as much at once from now on. */
void site_slow(struct site *s);
/* Forgets failures, deaths, suspensions. */
void site_revive(struct site *s);
/* "ready", "limited", "backing-off", "dead", "suspended". */
const char *site_state_name(const struct site *s);

#endif
