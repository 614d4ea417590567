/* permit.h - whether a delivery may use an address now, by all limits that concern it: of the site, the domain, the address and
 * our own address. What is open is counted from here until the connection is closed, the time in the pool included. */
#ifndef PERMIT_H
#define PERMIT_H

#include "../lib/base.h"
#include "runner.h"

struct delivery;
struct target;
struct client;

/* Whether D may send to T now: over a new connection, or one that is there. *WHEN, when it may not: the time (clock_ms) to look
 * again, at least what it was before. */
bool permit_ask(struct delivery *d, const struct target *t, bool fresh, int64_t now, int64_t *when);
/* A message goes to T. */
void permit_send(struct delivery *d, const struct target *t, int64_t now);
/* C is a new connection to T: it counts until it is closed. */
void permit_open(struct delivery *d, const struct target *t, struct client *c, int64_t now);

#endif
