/* store_health.h - whether the store behaves, as all processes of a server know it: a circuit breaker in the scoreboard. When a
 * question fails, the store counts as away for a while; then one question, of one process, tries again, and its failure makes the
 * while longer (1 to 30 seconds). So a dead Redis costs one time-out and not one a session, and one line in the log. */
#ifndef STORE_HEALTH_H
#define STORE_HEALTH_H

#include "base.h"
#include <stdatomic.h>

#define STORE_HEALTHS 8		/* files and servers: after a reload old and new workers may use different ones */

struct store_health {
	_Atomic uint32_t name;		/* a hash of it; 0 nobody's */
	_Atomic uint32_t failures;	/* in a row; 0 it answers */
	_Atomic int64_t retry_at;	/* clock_ms; with failures */
	_Atomic int64_t refused_at;	/* clock_ms: it answers, but took nothing then (full, read only); 0 it does */
};

/* NAME is what the log calls it. NOW is clock_ms. */
struct store_health *store_health_of(const char *name);
/* May a question be asked? *PROBE: it is the one that tries whether the store is back. */
bool store_health_may_ask(struct store_health *h, int64_t now, bool *probe);
/* How it went. A line is logged when that is news. */
void store_health_good(struct store_health *h, const char *name, bool wrote, int64_t now);
void store_health_away(struct store_health *h, const char *name, bool probe, int64_t now, const char *why);
void store_health_refused(struct store_health *h, const char *name, int64_t now, const char *why);

#endif
