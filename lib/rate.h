/* rate.h - how often something happened to somebody lately, counted over all processes of a server: connections of a client,
 * failed log-ins. A table of fixed size in the scoreboard's mapping, without locks, so that counting costs one cache line and
 * a killed process leaves nothing locked. What is counted is an estimate over a sliding window: exact as long as the table
 * is not crowded, too low when it is (the cells used longest ago give way), and never somebody else's. It is gone when
 * the master ends. Counts that several machines share or that must last are the store's (store.h). */
#ifndef RATE_H
#define RATE_H

#include "base.h"
#include "netaddr.h"
#include "view.h"
#include <stdatomic.h>

#define RATE_SETS 16384		/* of RATE_WAYS cells: 1 MiB, of which untouched pages cost nothing */
#define RATE_WAYS 4
#define RATE_MAX 0xffff		/* a count stops there */

/* What is counted: each has keys of its own. */
enum rate_use { RATE_CONNECTIONS, RATE_AUTH_ADDRESS, RATE_AUTH_LOGIN, RATE_AUTH_KNOWN };

struct rate_cell {
	_Atomic uint64_t key;		/* keyed hash; 0 free */
	_Atomic uint64_t state;		/* start of the window (32 bits, seconds), count of the one before, of this one (16 each) */
};
struct rate_table {
	uint64_t secret[2];
	_Alignas(64) struct rate_cell cell[RATE_SETS][RATE_WAYS];
};

/* Makes the table ready: it is all zero, and nobody else sees it yet. */
void rate_begin(struct rate_table *t);
/* Adds N and returns the estimate of the last WINDOW seconds (at least 1), N included; 0 when no scoreboard is mapped. One use has
 * one window. */
unsigned rate_add(enum rate_use use, struct view key, int64_t window, unsigned n);
/* The estimate without adding. */
unsigned rate_look(enum rate_use use, struct view key, int64_t window);
/* The key of a client: an IPv4 address whole, of an IPv6 one the first PREFIX6 bits. A view of OUT. */
#define RATE_CLIENT_KEY 17
struct view rate_client(const struct netaddr *addr, unsigned prefix6, char out[RATE_CLIENT_KEY]);

#endif
