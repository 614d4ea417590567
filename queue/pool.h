/* pool.h - connections that wait for the next message, by address, for pool_timeout. Domains that share a host share them. */
#ifndef POOL_H
#define POOL_H

#include "../lib/base.h"
#include "client.h"

struct pool;
struct site;

/* TIMEOUT_MS 0: nothing is kept. MOST: connections to one address that wait at once, more only for a
 * second; 0: nothing is kept. */
struct pool *pool_new(struct event_base *base, int64_t timeout_ms, size_t most);
/* Says QUIT on all and frees. */
void pool_free(struct pool **pool);
/* Keeps *C, whose connection counts for SITE, if it can be used again and has carried less than MOST parcels; else says QUIT. Sets
 * it to NULL. */
void pool_put(struct pool *pool, struct client **c, const struct site *site, unsigned most);
/* The connection to TARGET that was used last, or NULL. The caller sets its user. */
struct client *pool_take(struct pool *pool, const struct target *target);
/* Says QUIT on the one that has waited longest, to make room. False when there is none. */
bool pool_trim(struct pool *pool);
/* The same for one of SITE. */
bool pool_trim_site(struct pool *pool, const struct site *site);
size_t pool_count(const struct pool *pool);

#endif
