/* split.c - see split.h. While a plugin owes an answer, its recipients are marked `asking`, and the message is held in memory. Those of
 * get_mx are waited for together, so that recipients with one destination stay in one delivery; a turn that comes meanwhile is given
 * back, and its recipients are placed in front when the answers are there. */
#include "split.h"
#include "../lib/clock.h"
#include "../lib/log.h"
#include "../lib/reply.h"
#include "delivery.h"
#include "hook_run.h"
#include "timing.h"

#define SPLIT_PARKED_MAX 200000		/* messages that wait for turns in memory; more are put off for SPLIT_PUT_OFF */
#define SPLIT_PUT_OFF 300		/* seconds */

/* A question to the plugins. */
struct asking {
	struct job *job;
	struct asking *next;		/* of the job, when it is answered later */
	struct hook_run *run;		/* NULL: not waited for */
	size_t count, *rcpts;
	struct route *route;		/* get_mx; from malloc */
	struct destination *destination;	/* send_email */
	struct job_turn *what;		/* the same: as long as the turn is there */
	bool front;			/* it was, and has been given back */
};

/* A turn that came while there were no routes. */
struct wanted {
	struct wanted *next;
	struct destination *destination;	/* held; NULL: all of them */
};

/* ---- destinations ---- */

static struct destination *destination_of(struct runner *r, const struct route *route)
{
	const struct shaping_rule *rule = route->kind == ROUTE_MX ? shaping_domain(r->shaping, route->domain) : NULL;
	struct limits none = { 0 };
	char key[ROUTE_KEY];
	struct destination *d = destination_find(&r->sched, route_key(route, key), rule ? &rule->limits : &none, clock_ms());

	if (!d->route) {
		d->route = route_keep(route);
		d->rule = rule;
	}
	return d;
}

static void set_destination(struct job *j, size_t i, struct destination *d)
{
	if (j->rcpts[i].destination)
		j->rcpts[i].destination->held--;
	j->rcpts[i].destination = d;
	if (d)
		d->held++;
}

void job_leave_destinations(struct job *j)
{
	for (size_t i = 0; i < j->file.env.rcpt_count; i++)
		set_destination(j, i, NULL);
}

static void decide(struct job *j, size_t i, struct result result, bool untried)
{
	j->rcpts[i].result = result;
	j->rcpts[i].untried = untried;
}

static void decide_all(struct job *j, const size_t *rcpts, size_t count, struct result result, bool untried, int64_t not_before)
{
	for (size_t i = 0; i < count; i++) {
		decide(j, rcpts[i], result, untried);
		j->rcpts[rcpts[i]].not_before = not_before;
	}
}

/* ROUTE is what has been found for recipient I; it is cleared. */
static void take_route(struct job *j, size_t i, struct route *route)
{
	if (route->outcome == OUTCOME_NONE)
		set_destination(j, i, destination_of(j->runner, route));
	else
		decide(j, i, result_local(j->arena, route->outcome, route->enhanced, route->text), false);
	route_clear(route);
}

/* ---- asking ---- */

static struct asking *asking_new(struct job *j, const size_t *rcpts, size_t count)
{
	struct asking *a = arena_alloc(j->arena, sizeof(*a));

	a->job = j;
	a->count = count;
	a->rcpts = arena_alloc(j->arena, count * sizeof(*rcpts));
	memcpy(a->rcpts, rcpts, count * sizeof(*rcpts));
	return a;
}

static void mark_asking(struct asking *a, bool asking)
{
	for (size_t i = 0; i < a->count; i++)
		a->job->rcpts[a->rcpts[i]].asking = asking;
}

/* The answer will come later: J is held until then. */
static void asking_waits(struct asking *a)
{
	a->next = a->job->asking;
	a->job->asking = a;
	a->job->open++;
	mark_asking(a, true);
}

static void asking_unlink(struct asking *a)
{
	struct asking **link = &a->job->asking;

	while (*link != a)
		link = &(*link)->next;
	*link = a->next;
	mark_asking(a, false);
}

static void asking_end_route(struct asking *a)
{
	route_clear(a->route);
	free(a->route);
}

static void want(struct job *j, struct destination *d)
{
	struct wanted *w = arena_alloc(j->arena, sizeof(*w));

	w->destination = d;
	w->next = j->wanted;
	j->wanted = w;
	if (d)
		d->held++;
}

static struct wanted *wanted_next(struct job *j)
{
	struct wanted *w = j->wanted;

	if (w) {
		j->wanted = w->next;
		if (w->destination)
			w->destination->held--;
	}
	return w;
}

void job_unask(struct job *j)
{
	while (j->asking) {
		struct asking *a = j->asking;

		asking_unlink(a);
		j->open -= a->run != NULL;
		hook_cancel(&a->run);
		if (a->route)
			asking_end_route(a);
	}
	j->routing = 0;
	while (wanted_next(j))
		;
}

/* ---- get_mx ---- */

static void routed(struct job *j);

static void on_route(void *arg, enum verdict v, struct job_call *facts UNUSED, struct reply *reply)
{
	struct asking *a = arg;
	struct job *j = a->job;

	route_decide(&j->runner->routing, v, reply, a->route);
	if (!a->run)		/* at once */
		return;
	a->run = NULL;
	if (--j->routing == 0)
		routed(j);
	job_release(j);
}

static void ask_route(struct job *j, size_t i)
{
	struct asking *a = asking_new(j, &i, 1);
	struct job_call call = job_call_about(j, a->rcpts, 1);

	a->route = malloc(sizeof(*a->route));
	if (!a->route)
		bug("no memory for a route");
	route_begin(&j->runner->routing, call.domain, a->route);
	call.route = a->route;
	a->run = hook_ask(j->runner, HOOK_GET_MX, &call, on_route, a);
	if (a->run) {
		asking_waits(a);
		j->routing++;
		return;
	}
	take_route(j, i, a->route);
	asking_end_route(a);
}

/* Finds the destination of recipient I, as LIKE when it has the same domain and that is what routes go by. */
static void route_rcpt(struct job *j, size_t i, const struct job_rcpt *like, const char *like_domain)
{
	const struct routing *routing = &j->runner->routing;
	const char *domain = j->file.env.rcpts[i].domain;
	struct route route;

	if (!routing_by_domain(routing)) {
		ask_route(j, i);
		return;
	}
	if (like && strcmp(domain, like_domain) == 0) {
		set_destination(j, i, like->destination);
		j->rcpts[i].result = like->result;
		j->rcpts[i].untried = like->untried;
		return;
	}
	route_begin(routing, domain, &route);
	route_decide(routing, DECLINED, NULL, &route);
	take_route(j, i, &route);
}

/* ---- waiting for a turn ---- */

static bool parked_at(const struct entry *e, const struct destination *d)
{
	for (const struct park *p = e->parks; p; p = p->more)
		if (p->turn.destination == d)
			return true;
	return false;
}

static void park(struct job *j, struct destination *d)
{
	struct park *p = calloc(1, sizeof(*p));

	if (!p)
		bug("no memory to park a message");
	p->entry = j->entry;
	p->more = j->entry->parks;
	j->entry->parks = p;
	p->turn.parked = true;
	p->turn.priority = (int8_t)j->file.env.priority;
	sched_wait(&j->runner->sched, d, &p->turn, &j->who, false, clock_ms());
}

/* Whether enough loaded messages wait for D, so that this one waits outside of memory. */
static bool is_busy(const struct runner *r, const struct destination *d)
{
	unsigned window = d->site ? d->site->window : 1;

	return r->jobs > r->jobs_max || d->loaded >= 2 * (size_t)window + 8;
}

static void put_off(struct job *j, struct destination *d, const size_t *rcpts, size_t count)
{
	struct result result = result_local(j->arena, OUTCOME_DEFER, "4.4.5", "too many messages wait for this destination");

	log_debug("%zu messages wait for turns, %s for %s is put off", j->runner->sched.parked, job_id(j), d->key);
	decide_all(j, rcpts, count, result, true, clock_now() + SPLIT_PUT_OFF);
}

/* The turn of these recipients has come, but not to be sent to. True when that is so. */
static bool told(struct job *j, const struct destination *d, const size_t *rcpts, size_t count, const struct job_turn *what)
{
	if (what && what->order.kind == SCHED_PUT_OFF)
		decide_all(j, rcpts, count, result_local(j->arena, OUTCOME_DEFER, "4.4.1", what->order.why), true,
			   turn_put_off_until(j->runner, what->order.until));
	else if ((d->state == DESTINATION_ANSWERED && clock_ms() < d->until) || (what && what->order.kind == SCHED_ANSWER))
		decide_all(j, rcpts, count, result_local(j->arena, d->outcome, d->enhanced, d->why), false, 0);
	else
		return false;
	return true;
}

/* ---- send_email ---- */

/* Nobody is against sending to those of A: at once when it is their turn, else they wait for that. */
static void begin(const struct asking *a)
{
	struct job *j = a->job;
	struct runner *r = j->runner;
	struct delivery *d = delivery_new(j, a->rcpts, a->count);

	d->turn.priority = (int8_t)j->file.env.priority;
	if (!a->what) {
		sched_wait(&r->sched, a->destination, &d->turn, &j->who, a->front, clock_ms());
		return;
	}
	sched_pass(a->what->turn, &d->turn);
	a->what->turn = NULL;
	delivery_cut(d, turn_most_rcpts(r, &d->turn));
	delivery_start(d);
}

static void on_may_send(void *arg, enum verdict v, struct job_call *facts, struct reply *reply)
{
	struct asking *a = arg;
	struct job *j = a->job;
	bool late = a->run != NULL, hard = v == DENY || v == DENY_DISCONNECT;

	if (late)
		asking_unlink(a);
	if (v == DECLINED || v == OK)
		begin(a);
	else
		decide_all(j, a->rcpts, a->count, result_local(j->arena, hard ? OUTCOME_FAIL : OUTCOME_DEFER, reply->enhanced,
			   reply->code ? reply->text : hard ? "refused by a plugin" : "put off by a plugin"),
			   v == DELAY, v == DELAY ? clock_now() + (facts->delay_set ? facts->delay : 0) : 0);
	if (late)
		job_release(j);
}

static void ask_send(struct job *j, struct destination *d, const size_t *rcpts, size_t count, struct job_turn *what)
{
	struct asking *a = asking_new(j, rcpts, count);
	struct job_call call = job_call_about(j, a->rcpts, count);

	a->destination = d;
	a->what = what;
	a->front = j->resumed;
	a->run = hook_ask(j->runner, HOOK_SEND_EMAIL, &call, on_may_send, a);
	if (!a->run)
		return;
	a->front |= what != NULL;
	a->what = NULL;
	asking_waits(a);
}

/* COUNT recipients go to D: at once when it is their turn, else they wait for that, in memory or outside. */
static void place(struct job *j, struct destination *d, const size_t *rcpts, size_t count, struct job_turn *what)
{
	struct runner *r = j->runner;

	if (timing_over(&j->file.env, clock_now())) {
		decide_all(j, rcpts, count, result_local(j->arena, OUTCOME_FAIL, TIMING_OVER_CODE, TIMING_OVER_TEXT), false, 0);
		return;
	}
	if (told(j, d, rcpts, count, what))
		return;
	if (what || j->resumed || !is_busy(r, d))
		ask_send(j, d, rcpts, count, what);
	else if (r->sched.parked < SPLIT_PARKED_MAX)
		park(j, d);
	else
		put_off(j, d, rcpts, count);
}

/* ---- the whole ---- */

/* Whether recipient I is to be placed now. */
static bool is_open(const struct job *j, size_t i)
{
	const struct job_rcpt *rcpt = &j->rcpts[i];

	return j->file.env.rcpts[i].status == RCPT_TODO && !rcpt->placed && !rcpt->asking && rcpt->result.outcome == OUTCOME_NONE;
}

/* Places what has a destination; ONLY: that one. */
static void place_all(struct job *j, const struct destination *only, struct job_turn *what)
{
	size_t count = j->file.env.rcpt_count, *group = arena_alloc(j->arena, count * sizeof(*group) + 1);

	for (size_t i = 0; i < count; i++) {
		struct destination *d = j->rcpts[i].destination;
		size_t n = 0;

		if (!is_open(j, i) || !d || (only ? d != only : parked_at(j->entry, d)))
			continue;
		for (size_t k = i; k < count; k++)
			if (j->rcpts[k].destination == d && is_open(j, k))
				group[n++] = k;
		place(j, d, group, n, what);
	}
}

/* The last plugin has answered. */
static void routed(struct job *j)
{
	struct asking *a, *next;

	for (a = j->asking; a; a = next) {
		next = a->next;
		if (!a->route)
			continue;
		asking_unlink(a);
		take_route(j, a->rcpts[0], a->route);
		asking_end_route(a);
	}
	j->resumed = true;
	for (struct wanted *w; (w = wanted_next(j));)
		place_all(j, w->destination, NULL);
}

void job_split(struct job *j, struct job_turn *what)
{
	size_t count = j->file.env.rcpt_count, last = count;
	struct destination *only = what ? what->turn->destination : NULL;

	for (size_t i = 0; i < count; i++) {
		if (!is_open(j, i))
			continue;
		route_rcpt(j, i, last < count ? &j->rcpts[last] : NULL, last < count ? j->file.env.rcpts[last].domain : "");
		last = i;
	}
	if (j->routing)
		want(j, only);
	else
		place_all(j, only, what);
}
