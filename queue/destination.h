/* destination.h - one set of next hops: as a rule a domain, else a route or the internal socket. Which site that is, is
 * found out when something waits for it (by DNS, as long as that answer lives); until then what waits stands in the
 * destination's own line, as it does while a limit of the domain is reached. Pure bookkeeping; time is given.
 *
 * State             what waits                             left by
 *   unknown         waits; is to be asked for              being asked (destination_ask_next)
 *   asking          waits                                  the answer: known, answered or failed
 *   known           goes to the lines of its site          the end of the answer's life (unknown)
 *   answered        is decided by the answer: "no such     the end of the answer's life (unknown)
 *                   domain" and the like
 *   failed          waits until retry_at; one has the      time (unknown); after DESTINATION_DEATH failures in a row
 *                   failure as its result                  all are put off meanwhile */
#ifndef DESTINATION_H
#define DESTINATION_H

#include "../lib/base.h"
#include "result.h"
#include "site.h"
#include "wakeup.h"
#include <uthash.h>

#define DESTINATION_DEATH 5		/* failures in a row to find out where it is */
#define DESTINATION_PAUSE 1000		/* ms of the first pause; doubles with each further failure */
#define DESTINATION_LONGEST 300000	/* ms of the longest */

enum destination_state {
	DESTINATION_UNKNOWN, DESTINATION_ASKING, DESTINATION_KNOWN, DESTINATION_ANSWERED, DESTINATION_FAILED,
};

struct targets;
struct route;
struct mx_query;
struct turn;

struct destination {
	char *key;
	enum destination_state state;
	struct site *site;		/* while known */
	int64_t until;			/* clock_ms: the end of the answer's life, or of the pause after a failure */
	unsigned failures;		/* in a row */
	/* Answered and failed: the result of what waits. */
	enum outcome outcome;
	char enhanced[12];
	char why[SITE_WHY];
	bool tell;			/* failed: one of those that wait is to have it as its result */

	struct limits limits;		/* of the domain */
	unsigned crowd;			/* of queue-runners that share them */
	struct usage usage;
	size_t waiting, loaded;		/* turns wherever they stand; of those, not parked */
	struct turn *line;
	int64_t used;			/* clock_ms of the last change */
	size_t held;			/* recipients in memory that go there: it stays */

	/* ---- what the deliveries need ---- */
	const struct shaping_rule *rule;	/* of the domain; NULL: there is none */
	struct route *route;		/* from malloc; freed with it */
	struct targets *targets;	/* while known; see targets.h */
	struct mx_query *query;		/* while asking */

	/* ---- the scheduler's (sched.c) ---- */
	enum { DESTINATION_UNLISTED, DESTINATION_TO_ASK, DESTINATION_TO_TELL } listed;
	struct destination *prev, *next;	/* in the list that says */
	struct wakeup wakeup;
	UT_hash_handle hh;
};

#endif
