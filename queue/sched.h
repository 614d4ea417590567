/* sched.h - whose turn it is: which message may go where, and when. Pure bookkeeping without input or output; time is given
 * (clock_ms). What waits is a turn: one message for one destination.
 *
 *   sender         who sends much waits for himself: senders take turns, with their weight; notices come last
 *     flow         of a sender for one site: his turns, the urgent first (MT-PRIORITY), else first come first served; his
 *                  flows take turns, too
 *   site           says how much may be under way there (site.h)
 *   destination    says which site (destination.h), and how much for one domain
 *
 * Nothing is ever searched: each flow that cannot go on now is taken out of its sender's ring and waits at its site; when
 * that can take more, they come back one by one. So a turn costs the same with one destination as with a hundred thousand. */
#ifndef SCHED_H
#define SCHED_H

#include "../lib/base.h"
#include "destination.h"
#include "site.h"
#include "wakeup.h"
#include <uthash.h>

#define SCHED_LAST_SHARE 16	/* of so many turns one is for notices, whatever else waits */

struct sender {
	unsigned weight, left;		/* turns in a row; of those, left */
	bool last;			/* notices */
	size_t turns;			/* that wait or are under way */
	struct flow *ring;		/* flows that may be tried; the head is next */
	struct sender *prev, *next;	/* in the scheduler's ring, while RING is not empty */
	UT_hash_handle hh;
	char key[];
};

/* Turns of one priority. */
struct band {
	int priority;
	struct flow *flow;
	struct turn *turns;
	struct band *next;
};

struct flow {
	struct { struct sender *sender; struct site *site; } of;
	struct band *bands;		/* the most urgent first; none is empty */
	bool blocked;			/* in the site's list, else in the sender's ring */
	struct flow *prev, *next;
	UT_hash_handle hh;
};

struct turn {
	struct turn *prev, *next;	/* in its band, or in its destination's line */
	struct destination *destination;
	struct sender *sender;		/* while it waits or is under way, else NULL */
	struct band *band;		/* NULL: in the destination's line, or under way */
	struct site *site;		/* while under way */
	int8_t priority;		/* -9 to 9 */
	bool parked;			/* for who asks: see runner.h */
	bool waiting;
	bool probe;
};

struct sched {
	struct site_load load;
	size_t waiting, parked;		/* turns; of those, parked */
	unsigned asking, asking_max;	/* destinations that are being asked for */
	struct sender *senders;		/* hash by key */
	struct sender *ring, *ring_last;	/* those with flows that may be tried; of notices */
	unsigned since_last;		/* turns since one of those */
	struct flow *flows;		/* hash by sender and site */
	struct site *sites;		/* hash by key */
	struct site *hungry;		/* that may take more, and have blocked flows */
	struct site *crowded[2];	/* that wait for others to end: unproven, greedy */
	struct destination *destinations;	/* hash by key */
	struct destination *to_ask, *to_tell;
	struct wakeups site_wakeups, destination_wakeups;
};

/* MAX: deliveries at once in all. DEAD_TIME: ms for which a dead site is left alone the first time; 0: none ever dies. */
void sched_init(struct sched *s, unsigned max, int64_t dead_time);
/* Frees all; nothing may be under way. What waits is the caller's. */
void sched_free(struct sched *s);

/* ---- destinations (destination.c) ---- */

/* The one with KEY; made when it is new, with LIMITS and without a route. */
struct destination *destination_find(struct sched *s, const char *key, const struct limits *limits, int64_t now);
/* The next whose site is to be found out: one of the three below must follow. NULL: none, or enough are being asked for. */
struct destination *destination_ask_next(struct sched *s);
/* Its mail goes to the site with KEY, made with LIMITS when it is new; that is true until UNTIL. OWN: our own socket. */
void destination_resolved(struct sched *s, struct destination *d, const char *key, const struct limits *limits, bool own, int64_t until, int64_t now);
/* It goes nowhere: OUTCOME is the result of all that waits for it, and comes until UNTIL. */
void destination_answered(struct sched *s, struct destination *d, enum outcome outcome, const char *enhanced, const char *why, int64_t until);
/* That could not be found out now: one that waits has that as its result, the others wait for the next try. */
void destination_unresolved(struct sched *s, struct destination *d, const char *enhanced, const char *why, int64_t now);
/* What is known of it is not true any more, and its failures are forgotten. */
void destination_forget(struct sched *s, struct destination *d);

/* ---- turns ---- */

/* Who a turn belongs to. */
struct sender_key {
	const char *key;
	unsigned weight;		/* 0 counts as 1 */
	bool last;
};

/* T waits for D; priority and parked are set. FRONT: before others of its priority. */
void sched_wait(struct sched *s, struct destination *d, struct turn *t, const struct sender_key *who, bool front, int64_t now);
/* T does not wait any more. */
void sched_withdraw(struct sched *s, struct turn *t);

enum sched_kind {
	SCHED_START,			/* it is under way now; sched_done or sched_back must follow */
	SCHED_PUT_OFF,			/* its site is not to be bothered before UNTIL: WHY */
	SCHED_ANSWER,			/* its destination is answered or failed: that is its result */
};
struct sched_order {
	enum sched_kind kind;
	int64_t until;
	const char *why;
};
/* The next turn, and what is to happen with it; it does not wait any more. NULL: nothing now. */
struct turn *sched_next(struct sched *s, int64_t now, struct sched_order *order);
/* TO takes the place of FROM, which is under way. */
void sched_pass(struct turn *from, struct turn *to);
/* T, which was under way, has ended. */
void sched_done(struct sched *s, struct turn *t, enum site_end end, const char *why, int64_t now);
/* The same, and it waits again, at the front. */
void sched_back(struct sched *s, struct turn *t, enum site_end end, const char *why, int64_t now);
/* Some attempt at SITE has come further: it does not hang. */
void sched_progress(struct sched *s, struct site *site, int64_t now);

/* ---- the whole ---- */

/* None of its addresses may be used before UNTIL, or before something that is under way there has ended. */
void sched_pause(struct sched *s, struct site *site, int64_t until);
void sched_suspend(struct sched *s, struct site *site, int64_t until, const char *why);
/* Forgets back-offs, deaths and what is known of addresses: of D and its site, or (NULL) of all. */
void sched_revive(struct sched *s, struct destination *d);
void sched_revive_site(struct sched *s, struct site *site);
/* When sched_next should be asked again because time has passed; 0: not by time. */
int64_t sched_wake_at(const struct sched *s);
/* Frees what has been quiet for AGE ms. */
void sched_sweep(struct sched *s, int64_t now, int64_t age);

/* ---- between sched.c and destination.c ---- */

/* T, which waits, stands in the right line: of its sender for the site, or its destination's. */
void sched_enter(struct sched *s, struct turn *t, bool front);
/* T, which waited, is taken out of its line and of all counts. */
void sched_take(struct sched *s, struct turn *t);
struct site *sched_site(struct sched *s, const char *key, const struct limits *limits, int64_t now);
/* SITE may be able to take more. */
void sched_site_moved(struct sched *s, struct site *site);
/* Whether a turn for D may begin as far as D is concerned; else it is to stand in D's line. */
bool destination_ask(struct sched *s, struct destination *d, int64_t now);
/* D's place in the lists, after a change of its state or line. */
void destination_list(struct sched *s, struct destination *d);
/* Some of those in the line may go on. */
void destination_feed(struct sched *s, struct destination *d, int64_t now);
/* Ends what has lived long enough. */
void destination_age(struct sched *s, struct destination *d, int64_t now);
struct turn *destination_tell(struct sched *s, int64_t now, struct sched_order *order);
void destination_free(struct sched *s, struct destination *d);

#endif
