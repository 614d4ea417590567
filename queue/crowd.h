/* crowd.h - the limits of conf/destinations are for all queue-runners together. A crowd is those of them that have to do with
 * one site, domain or address; each may use its share. Who belongs to it stands in the scoreboard, a bit a queue-runner, at a place
 * that the name is hashed to: two names at one place share what they should not share, which makes them slower, never faster. */
#ifndef CROWD_H
#define CROWD_H

#include "../lib/base.h"
#include "site.h"

/* This process is the queue-runner NUMBER of COUNT, and belongs to no crowd yet. */
void crowd_begin(unsigned number, unsigned count);
/* Joins the crowd of NAME, a site ('s'), domain ('d'), address ('a'); to be left with what this returns. 0: there is one queue-runner, so no crowd. */
unsigned crowd_join(char kind, const char *name);
void crowd_leave(unsigned crowd);
/* The share of LIMITS: connections divided by the number of those in the crowd, at least one; rates likewise. */
struct limits crowd_share(unsigned crowd, const struct limits *limits);

#endif
