/* store_redis_wait.c - the store in Redis as a back end: its connection, and the two ways to wait for an answer, in poll()
 * and in a loop. */
#include "base.h"
#include "store_redis.h"
#include "clock.h"
#include "err.h"
#include <event2/event.h>

#define WIRE_MAX (STORE_VALUE_MAX + 4096)

static void *make(const struct store_address *address, const struct settings *s)
{
	struct redis *r = calloc(1, sizeof(*r));

	if (!r)
		bug("no memory for the store");
	store_address_text(address, r->name);
	r->prefix = s->store_prefix;
	r->link = link_new(address, s->store_connect_timeout, s->store_timeout);
	buf_init(&r->wire, WIRE_MAX);
	buf_init(&r->value, STORE_VALUE_MAX);
	r->pid = getpid();
	return r;
}

static void rest(void *state)
{
	struct redis *r = state;

	link_shut(r->link, NULL);
	buf_free(&r->wire);
	buf_free(&r->value);
}

static void destroy(void *state)
{
	struct redis *r = state;

	if (r->base) {
		event_free(r->io);
		event_free(r->time);
	}
	rest(r);
	link_free(&r->link);
	free(r);
}

static const char *name(void *state, bool lasting UNUSED)
{
	return ((struct redis *)state)->name;
}

/* ---- in poll() ---- */

void redis_refresh(struct redis *r)
{
	struct pollfd p = link_poll(r->link);

	if (r->pid != getpid() || (link_is_idle(r->link) && poll(&p, 1, 0) > 0))
		link_shut(r->link, NULL);
	r->pid = getpid();
}

bool redis_wait(struct redis *r, const bool *done)
{
	while (!*done && link_deadline(r->link)) {
		struct pollfd p = link_poll(r->link);
		int n = poll(&p, 1, clock_left(link_deadline(r->link)));

		link_turn(r->link, n > 0 ? p.revents : 0);
	}
	return *done;
}

static void no_memory(struct store_reply *reply)
{
	*reply = (struct store_reply){ .answer = { .result = STORE_AWAY }, .why = "no memory for another question" };
}

void redis_ask_and_wait(void *state, const struct store_op *op, struct store_reply *reply)
{
	struct redis *r = state;
	struct redis_asked q = { .done = false };

	redis_refresh(r);
	if (redis_ask(r, op, &q) && redis_wait(r, &q.done))
		*reply = q.reply;
	else
		no_memory(reply);
}

/* ---- in a loop ---- */

static void on_io(evutil_socket_t fd, short what, void *arg);

/* Looks for what the link waits for now. */
static void watch(struct redis *r)
{
	struct pollfd p = link_poll(r->link);
	short events = (short)((p.events & POLLIN ? EV_READ : 0) | (p.events & POLLOUT ? EV_WRITE : 0));
	int64_t deadline = link_deadline(r->link);
	int left = clock_left(deadline);

	if (p.fd >= 0 && (event_assign(r->io, r->base, p.fd, events, on_io, r) != 0 || event_add(r->io, NULL) != 0))
		bug("store: no event");
	if (deadline)
		event_add(r->time, &(struct timeval){ .tv_sec = left / 1000, .tv_usec = left % 1000 * 1000 });
	else
		event_del(r->time);
}

static void turn(struct redis *r, short revents)
{
	event_del(r->io);	/* before its descriptor is closed and means something else */
	link_turn(r->link, revents);
	watch(r);
}

static void on_io(evutil_socket_t fd UNUSED, short what, void *arg)
{
	turn(arg, (short)((what & EV_READ ? POLLIN : 0) | (what & EV_WRITE ? POLLOUT : 0)));
}

static void on_time(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	turn(arg, 0);
}

static void attach(void *state, struct event_base *base)
{
	struct redis *r = state;

	r->base = base;
	r->io = event_new(base, -1, 0, on_io, r);
	r->time = evtimer_new(base, on_time, r);
	if (!r->io || !r->time)
		bug("store: no event");
}

static bool start(void *state, const struct store_op *op, struct store_query *query)
{
	struct redis *r = state;
	struct redis_asked *q = calloc(1, sizeof(*q));

	if (!q)
		return false;
	q->query = query;
	if (!redis_ask(r, op, q)) {
		free(q);
		return false;
	}
	event_active(r->time, EV_TIMEOUT, 0);	/* it is sent at the next turn of the loop */
	return true;
}

const struct store_backend *store_redis(void)
{
	static const struct store_backend backend = { .make = make, .free = destroy, .rest = rest, .name = name, .ask = redis_ask_and_wait,
		.attach = attach, .start = start, .list = redis_list, .describe = redis_describe };

	return &backend;
}
