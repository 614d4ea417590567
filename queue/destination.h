/* destination.h - how much may be under way to each destination, and whose turn it is. A destination is one set of next
 * hops (the MX hosts of a domain, a route, the internal socket). Pure bookkeeping: no input or output, time is given.
 *
 * State             may start                            left by
 *   ready           while active < window                turns that fill the window; a failure
 *   limited         nothing                              a turn that ends
 *   backing off     nothing until retry_at               time (then ready); a success of a turn under way
 *   dead            one probe, once retry_at has come    the probe: success -> ready, failure -> dead, twice as long
 * What waits for a dead destination is handed out to be deferred without an attempt. */
#ifndef DESTINATION_H
#define DESTINATION_H

#include "../lib/base.h"
#include <uthash.h>

enum destination_state { DESTINATION_READY, DESTINATION_LIMITED, DESTINATION_BACKING_OFF, DESTINATION_DEAD };

#define DESTINATION_WINDOW 5		/* deliveries at once to a destination about which nothing is known */
#define DESTINATION_DEATH 5		/* failures in a row, not counting those during a back-off, after which it is dead */
#define DESTINATION_PAUSE 1000		/* ms of the first back-off; doubles with each further failure */
#define DESTINATION_OWN_DOUBLINGS 2	/* of the back-off, for our own socket */
#define DESTINATION_DEATH_GROWTH 4	/* dead_host_time doubles at most so often */

/* Loaded work that waits; the first member of what waits. */
struct turn {
	struct turn *prev, *next;
	struct destination *destination;
};

/* A message that waits outside of memory: only its entry. In two lists: the destination's and the entry's. */
struct park {
	struct park *prev, *next;
	struct park *more;		/* of the same entry */
	struct destination *destination;
	struct entry *entry;
};

struct targets;
struct route;

struct destination {
	char *key;
	struct route *route;		/* from malloc; freed with it */
	enum destination_state state;
	unsigned window, max;		/* deliveries at once: now, at most */
	unsigned successes;		/* since the window last changed */
	bool our_own;			/* our own socket: never dead, short back-offs */
	bool shrunk;			/* it failed before: grow slowly */
	unsigned active;
	unsigned failures;		/* in a row */
	unsigned deaths;		/* probes in a row that failed */
	bool probing;
	int64_t retry_at;		/* clock_ms */
	int64_t used;			/* clock_ms of the last change, for destination_sweep */
	char why[512];			/* what the last failure was */
	struct targets *targets;	/* addresses found before; see targets.h */
	int64_t targets_until;		/* clock_ms */

	size_t waiting_count, parked_count;
	struct turn *waiting;
	struct park *parked;
	enum { DESTINATION_QUIET, DESTINATION_IN_RING, DESTINATION_ASLEEP } listed;
	struct destination *prev, *next;
	UT_hash_handle hh;
};

struct destinations {
	struct destination *all;	/* hash by key */
	struct destination *ring;	/* those with something to hand out; the head is next */
	struct destination *asleep;	/* backing off with something waiting */
	int64_t woken;			/* clock_ms of the last look at them */
	int64_t dead_time;		/* ms; 0: never dead */
	size_t waiting_count, parked_count;
	unsigned active;
};

void destinations_init(struct destinations *set, int64_t dead_time);
/* Frees all; nothing may be active. What waits is the caller's. */
void destinations_free(struct destinations *set);
/* The destination with KEY; made when it is new. MAX: deliveries at once at most. */
struct destination *destination_find(struct destinations *set, const char *key, unsigned max, int64_t now);

/* T waits (at the front: it had its turn and could not use it). */
void destination_wait(struct destinations *set, struct destination *d, struct turn *t, bool front);
/* T does not wait any more (its message is to be held or removed). */
void destination_forget(struct destinations *set, struct turn *t);
void destination_park(struct destinations *set, struct destination *d, struct park *p);
void destination_unpark(struct destinations *set, struct park *p);

/* The next in fair turn, one from each destination after the other; NULL when nothing may start. *DEAD: its destination
 * is dead, so it is to be deferred; it does not count as active. Otherwise destination_done must follow. */
struct turn *destination_next(struct destinations *set, int64_t now, bool *dead);

enum destination_end {
	DESTINATION_OK,			/* it was reached and answered, whatever it said of the message */
	DESTINATION_BUSY,		/* it asked us to go away for now (421) */
	DESTINATION_FAILED,		/* not reached */
	DESTINATION_UNTRIED,		/* we could not begin (no descriptors): nothing is learned */
};
void destination_done(struct destinations *set, struct destination *d, enum destination_end end, const char *why, int64_t now);

/* When destination_next should be asked again because a back-off ends; 0: not by time. */
int64_t destination_wake_at(const struct destinations *set);
/* Forgets back-offs and deaths ("deliver this now"), of all when D is NULL; addresses found before too. */
void destination_revive(struct destinations *set, struct destination *d);
/* Frees what has been quiet for AGE ms. True when destinations are left. */
bool destination_sweep(struct destinations *set, int64_t now, int64_t age);
/* The time of the next probe, clock_ms; 0 when it is not dead. */
int64_t destination_dead_until(const struct destination *d);
const char *destination_state_name(enum destination_state state);

#endif
