/* pool.c - see pool.h. One timer for all: the list is in order of time. Work comes in bursts: more connections to one address than may
 * wait are not closed at once, which would have the next message open one again, but after a second without work. */
#include "pool.h"
#include "../lib/clock.h"
#include <event2/event.h>
#include <uthash.h>
#include <utlist.h>

#define POOL_SURPLUS 1000		/* ms that what is more than MOST may wait */

struct pool_idle {			/* one connection */
	struct pool *pool;
	struct pool_host *host;
	struct client *client;
	const struct site *site;
	int64_t since;
	struct pool_idle *prev, *next;		/* of all, oldest first */
	struct pool_idle *host_prev, *host_next;	/* of the same host */
};

struct pool_host {
	char key[TARGET_KEY];
	size_t count;
	struct pool_idle *idle;
	UT_hash_handle hh;
};

struct pool {
	int64_t timeout;
	size_t most;
	struct event *timer;
	struct pool_host *hosts;
	struct pool_idle *all;
	size_t count, surplus;		/* of all hosts, what each has more than MOST */
};

static struct client *unlink_idle(struct pool_idle *i)
{
	struct pool *pool = i->pool;
	struct pool_host *host = i->host;
	struct client *c = i->client;

	DL_DELETE(pool->all, i);
	DL_DELETE2(host->idle, i, host_prev, host_next);
	pool->count--;
	if (host->count-- > pool->most)
		pool->surplus--;
	if (!host->idle) {
		HASH_DEL(pool->hosts, host);
		free(host);
	}
	free(i);
	return c;
}

static void on_lost(void *arg, const struct client_loss *loss UNUSED)
{
	struct client *c = unlink_idle(arg);

	client_close(&c);
}

static const struct client_user waiting = { .lost = on_lost };

static void arm(struct pool *pool)
{
	int64_t left;

	if (!pool->all)
		return;
	left = pool->all->since + pool->timeout - clock_ms();
	if (pool->surplus && left > POOL_SURPLUS)
		left = POOL_SURPLUS;
	if (left < 0)
		left = 0;
	event_add(pool->timer, &(struct timeval){ .tv_sec = left / 1000, .tv_usec = left % 1000 * 1000 });
}

static void trim_surplus(struct pool *pool, int64_t before)
{
	struct pool_idle *i, *next;
	struct client *c;

	for (i = pool->all; i && pool->surplus && i->since <= before; i = next) {
		next = i->next;
		if (i->host->count <= pool->most)
			continue;
		c = unlink_idle(i);
		client_quit(&c);
	}
}

static void on_timer(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct pool *pool = arg;
	int64_t now = clock_ms();

	while (pool->all && pool->all->since + pool->timeout <= now)
		pool_trim(pool);
	trim_surplus(pool, now - POOL_SURPLUS);
	arm(pool);
}

struct pool *pool_new(struct event_base *base, int64_t timeout_ms, size_t most)
{
	struct pool *pool = calloc(1, sizeof(*pool));

	if (!pool || !(pool->timer = evtimer_new(base, on_timer, pool)))
		bug("no memory for the pool");
	pool->timeout = timeout_ms;
	pool->most = most;
	return pool;
}

void pool_free(struct pool **poolp)
{
	struct pool *pool = *poolp;

	*poolp = NULL;
	if (!pool)
		return;
	while (pool_trim(pool))
		;
	event_free(pool->timer);
	free(pool);
}

static struct pool_host *host_of(struct pool *pool, const struct target *target, bool make)
{
	struct pool_host *host;
	char key[TARGET_KEY];

	target_key(target, key);
	HASH_FIND_STR(pool->hosts, key, host);
	if (host || !make)
		return host;
	host = calloc(1, sizeof(*host));
	if (!host)
		bug("no memory for the pool");
	snprintf(host->key, sizeof(host->key), "%s", key);
	HASH_ADD_STR(pool->hosts, key, host);
	return host;
}

void pool_put(struct pool *pool, struct client **cp, const struct site *site, unsigned most)
{
	struct client *c = *cp;
	struct pool_idle *i;

	if (pool->timeout == 0 || pool->most == 0 || !client_reusable(c, most)) {
		client_quit(cp);
		return;
	}
	*cp = NULL;
	i = calloc(1, sizeof(*i));
	if (!i)
		bug("no memory for the pool");
	i->pool = pool;
	i->client = c;
	i->site = site;
	i->since = clock_ms();
	i->host = host_of(pool, client_target(c), true);
	bool more = i->host->count++ >= pool->most;
	client_set_user(c, &waiting, i);
	DL_APPEND(pool->all, i);
	DL_PREPEND2(i->host->idle, i, host_prev, host_next);
	pool->surplus += more;
	if (++pool->count == 1 || (more && pool->surplus == 1))
		arm(pool);
}

struct client *pool_take(struct pool *pool, const struct target *target)
{
	struct pool_host *host = host_of(pool, target, false);

	return host ? unlink_idle(host->idle) : NULL;
}

bool pool_trim(struct pool *pool)
{
	struct client *c;

	if (!pool->all)
		return false;
	c = unlink_idle(pool->all);
	client_quit(&c);
	return true;
}

bool pool_trim_site(struct pool *pool, const struct site *site)
{
	struct pool_idle *i;
	struct client *c;

	DL_FOREACH(pool->all, i)
		if (i->site == site) {
			c = unlink_idle(i);
			client_quit(&c);
			return true;
		}
	return false;
}

size_t pool_count(const struct pool *pool)
{
	return pool->count;
}
