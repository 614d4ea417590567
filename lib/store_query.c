/* store_query.c - questions to the store whose answers come by a callback, from the loop and never before the question has
 * been taken. What is known at once (LMDB, a question that makes no sense, a store that is away) waits for the next turn of
 * the loop. */
#include "base.h"
#include "store_internal.h"
#include "err.h"
#include "scoreboard.h"
#include <event2/event.h>
#include <utlist.h>

#define CLEAN_EVERY 5		/* seconds */
#define CLEAN_RECORDS 5000	/* looked at each time: a million in a quarter of an hour, about a millisecond at once */

struct store_query {
	struct store *store;
	store_done *done;		/* NULL: nobody wants to know */
	void *arg;
	enum store_kind kind;
	bool lasting, probe;
	bool known;			/* the answer is there, and waits for the loop */
	struct store_answer answer;
	char *value;			/* its own copy */
	char why[256];
	struct store_query *prev, *next;
};

static void query_free(struct store_query *q)
{
	DL_DELETE(q->store->open, q);
	free(q->value);
	free(q);
}

static void tell(struct store_query *q)
{
	store_done *done = q->done;
	void *arg = q->arg;
	struct store_answer answer = q->answer;

	q->done = NULL;
	answer.why = q->why;
	if (done)
		done(arg, &answer);
	query_free(q);
}

/* Callbacks may ask anew: what they ask is told at the next turn. */
static void on_turn(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct store *s = arg;
	struct store_query *known = NULL, *q, *next;

	DL_FOREACH_SAFE(s->open, q, next)
		if (q->known) {
			DL_DELETE(s->open, q);
			DL_APPEND(known, q);
		}
	while ((q = known) != NULL) {
		DL_DELETE(known, q);
		DL_APPEND(s->open, q);
		tell(q);
	}
}

static void on_upkeep(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	store_clean(arg, CLEAN_RECORDS);
}

void store_attach(struct store *s, struct event_base *base)
{
	s->base = base;
	s->turn = evtimer_new(base, on_turn, s);
	s->upkeep = event_new(base, -1, EV_PERSIST, on_upkeep, s);
	if (!s->turn || !s->upkeep)
		bug("store: no event");
	if (s->backend->clean)
		event_add(s->upkeep, &(struct timeval){ .tv_sec = CLEAN_EVERY });
	if (s->backend->attach)
		s->backend->attach(s->state, base);
}

void store_drop_queries(struct store *s)
{
	while (s->open)
		query_free(s->open);
	if (!s->base)
		return;
	event_free(s->turn);
	event_free(s->upkeep);
}

static void take(struct store_query *q, const struct store_reply *reply)
{
	q->answer = reply->answer;
	snprintf(q->why, sizeof(q->why), "%s", reply->why);
}

/* Told later, when what the value points to is gone. */
static void keep(struct store_query *q, const struct store_reply *reply)
{
	take(q, reply);
	q->known = true;
	if (reply->answer.value.len) {
		q->value = malloc(reply->answer.value.len);
		if (!q->value)
			bug("no memory for an answer of the store");
		memcpy(q->value, reply->answer.value.data, reply->answer.value.len);
		q->answer.value.data = q->value;
	}
	event_active(q->store->turn, EV_TIMEOUT, 0);
}

void store_query_reply(struct store_query *q, struct store_reply *reply)
{
	store_settle(q->store, q->kind, q->lasting, q->probe, reply);
	take(q, reply);
	tell(q);
}

struct store_query *store_ask(struct store *s, const struct store_op *op, store_done *done, void *arg)
{
	struct store_query *q = calloc(1, sizeof(*q));
	struct store_reply reply;

	if (!q)
		bug("no memory for a question to the store");
	*q = (struct store_query){ .store = s, .done = done, .arg = arg, .kind = op->kind, .lasting = op->space->lasting };
	DL_APPEND(s->open, q);
	if (!store_admit(s, op, &q->probe, &reply)) {
		keep(q, &reply);
		return q;
	}
	if (s->backend->start && s->backend->start(s->state, op, q))
		return q;
	if (s->backend->start)
		snprintf(reply.why, sizeof(reply.why), "too many questions wait for an answer");
	else
		s->backend->ask(s->state, op, &reply);
	store_settle(s, op->kind, q->lasting, q->probe, &reply);
	keep(q, &reply);
	return q;
}

void store_cancel(struct store_query **q)
{
	if (*q)
		(*q)->done = NULL;
	*q = NULL;
}
