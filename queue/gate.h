/* gate.h - limits by address, of theirs or of our own: how many connections are open there, and how many came lately. Kept
 * only for addresses that conf/destinations has a rule for. */
#ifndef GATE_H
#define GATE_H

#include "../lib/base.h"
#include "../lib/netaddr.h"
#include "shaping.h"
#include "site.h"
#include <uthash.h>

struct gate {
	const struct shaping_rule *rule;
	unsigned crowd;			/* of queue-runners that share its limits */
	struct usage usage;		/* active: connections that are open */
	int64_t used;			/* clock_ms */
	UT_hash_handle hh;
	char key[NETADDR_TEXT];
};

/* The gate of ADDR in *GATES, made when it is new; NULL when RULE is. */
struct gate *gate_find(struct gate **gates, const struct netaddr *addr, const struct shaping_rule *rule, int64_t now);
/* Frees those that have been quiet for AGE ms; all that are not in use when that is 0. */
void gate_sweep(struct gate **gates, int64_t now, int64_t age);

/* Whether one more may come by LIMITS: a connection, or else a message. *WHEN becomes the time (clock_ms) of the first that may,
 * when it says later than before; a limit of connections says a second. */
bool gate_ask(const struct limits *limits, const struct usage *usage, bool connection, int64_t now, int64_t *when);
void gate_take(const struct limits *limits, struct usage *usage, bool connection, int64_t now);

#endif
