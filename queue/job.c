/* job.c - see job.h: reading a message and splitting it by destination. What becomes of it at the end is in settle.c. */
#include "job.h"
#include "../lib/address.h"
#include "../lib/clock.h"
#include "../lib/log.h"
#include "../lib/scoreboard.h"
#include "delivery.h"
#include "enforce.h"
#include "notices.h"
#include "settle.h"
#include "timing.h"

#define JOB_PARKED_MAX 200000		/* messages that wait for turns in memory; more are put off for JOB_PUT_OFF */
#define JOB_PUT_OFF 300			/* seconds */
#define JOB_UNREADABLE 300		/* seconds until a message that could not be read is looked at again */

const char *job_id(const struct job *j)
{
	return j->entry->id;
}

/* ---- reading ---- */

static void set_aside(struct runner *r, struct entry *e, const char *why)
{
	struct err err = { "" };

	if (spool_move(r->spool, e->id, e->state, SPOOL_BAD, &err))
		log_error("message set aside in bad: %s", why);
	else
		log_error("message cannot be set aside: %s (%s)", err.text, why);
	scoreboard_count(COUNT_SET_ASIDE, 1);
	entry_forget(r, e);
}

/* What a message that cannot be read means for its entry. */
static enum job_load unreadable(struct runner *r, struct entry *e, enum spool_read how, const struct err *why, int error)
{
	if (how == SPOOL_READ_ERROR && (error == EMFILE || error == ENFILE || error == ENOMEM))
		return JOB_SHORT;
	if (how == SPOOL_READ_DAMAGED) {
		set_aside(r, e, why->text);
		return JOB_GONE;
	}
	if (how == SPOOL_READ_ERROR) {
		log_error("message cannot be read now: %s", why->text);
		/* one in new/ is found again by a rescan */
		if (e->state == SPOOL_LATER && !index_push(r->index, e->id, clock_now() + JOB_UNREADABLE, SPOOL_DOMAIN_UNKNOWN))
			log_error("out of memory for the index");
	}
	/* gone: done with by somebody else; incomplete: still being written, a poke will come */
	entry_forget(r, e);
	return JOB_GONE;
}

/* Users who authenticate are told apart by their names, all others by the domain they send from; notices have no sender. */
static struct sender_key sender_of(const struct job *j)
{
	const struct envelope *env = &j->file.env;
	const char *at = strrchr(env->sender, '@');

	if (!*env->sender || (env->flags & ENVELOPE_BOUNCE))
		return (struct sender_key){ .key = "", .last = true };
	const char *domain = at ? address_domain_canonical(view_of(at + 1), j->arena) : NULL;
	const char *key = *env->auth_user ? arena_printf(j->arena, "user %s", env->auth_user) : domain ? domain : env->sender;

	return (struct sender_key){ .key = key, .weight = shaping_weight(j->runner->shaping, key) };
}

static enum job_load load(struct runner *r, struct entry *e)
{
	struct arena *a = arena_new(4096);
	struct job *j = arena_alloc(a, sizeof(*j));
	struct err err = { "" };

	errno = 0;
	enum spool_read how = spool_file_open(r->spool, e->id, e->state, true, a, &j->file, &err);
	if (how != SPOOL_READ_OK) {
		int error = errno;

		arena_free(&a);
		return unreadable(r, e, how, &err, error);
	}
	j->runner = r;
	j->entry = e;
	j->arena = a;
	j->rcpts = arena_alloc(a, j->file.env.rcpt_count * sizeof(*j->rcpts) + 1);
	j->who = sender_of(j);
	e->job = j;
	r->jobs++;
	return JOB_LOADED;
}

/* ---- splitting ---- */

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

/* Finds the destination of recipient I, as LIKE when it has the same domain and that is what routes go by. */
static void route_rcpt(struct job *j, size_t i, const struct job_rcpt *like, const char *like_domain)
{
	struct runner *r = j->runner;
	const char *domain = j->file.env.rcpts[i].domain;
	struct route route;

	if (like && routing_by_domain(&r->routing) && strcmp(domain, like_domain) == 0) {
		j->rcpts[i].destination = like->destination;
		j->rcpts[i].result = like->result;
		j->rcpts[i].untried = like->untried;
		return;
	}
	struct job_call call = job_call_about(j, &i, 1);

	route_find(&r->routing, &call, &route);
	if (route.outcome == OUTCOME_NONE)
		j->rcpts[i].destination = destination_of(r, &route);
	else
		decide(j, i, result_local(j->arena, route.outcome, route.enhanced, route.text), false);
	route_clear(&route);
}

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

/* The send_email hook. False: a plugin said no, or not now, and the recipients have that as result. */
static bool may_send(struct job *j, const size_t *rcpts, size_t count)
{
	struct runner *r = j->runner;
	struct job_call call = job_call_about(j, rcpts, count);
	struct reply reply;
	enum verdict v = job_call_run(r->plugins, HOOK_SEND_EMAIL, &call, &reply);
	bool hard = v == DENY || v == DENY_DISCONNECT;

	if (v == DECLINED || v == OK)
		return true;
	struct result result = result_local(j->arena, hard ? OUTCOME_FAIL : OUTCOME_DEFER, reply.enhanced,
					    reply.code ? reply.text : hard ? "refused by a plugin" : "put off by a plugin");
	decide_all(j, rcpts, count, result, v == DELAY, v == DELAY ? clock_now() + (call.delay_set ? call.delay : 0) : 0);
	return false;
}

static void put_off(struct job *j, struct destination *d, const size_t *rcpts, size_t count)
{
	struct result result = result_local(j->arena, OUTCOME_DEFER, "4.4.5", "too many messages wait for this destination");

	log_debug("%zu messages wait for turns, %s for %s is put off", j->runner->sched.parked, job_id(j), d->key);
	decide_all(j, rcpts, count, result, true, clock_now() + JOB_PUT_OFF);
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

/* At once when it is their turn, else they wait for that, in memory or outside. */
static void line_up(struct job *j, struct destination *d, const size_t *rcpts, size_t count, struct job_turn *what)
{
	struct runner *r = j->runner;

	if (!what && is_busy(r, d)) {
		if (r->sched.parked < JOB_PARKED_MAX)
			park(j, d);
		else
			put_off(j, d, rcpts, count);
		return;
	}
	if (!may_send(j, rcpts, count))
		return;
	struct delivery *delivery = delivery_new(j, rcpts, count);

	delivery->turn.priority = (int8_t)j->file.env.priority;
	if (!what) {
		sched_wait(&r->sched, d, &delivery->turn, &j->who, false, clock_ms());
		return;
	}
	sched_pass(what->turn, &delivery->turn);
	what->turn = NULL;
	delivery_cut(delivery, turn_most_rcpts(r, &delivery->turn));
	delivery_start(delivery);
}

/* COUNT recipients go to D. */
static void place(struct job *j, struct destination *d, const size_t *rcpts, size_t count, struct job_turn *what)
{
	if (timing_over(&j->file.env, clock_now()))
		decide_all(j, rcpts, count, result_local(j->arena, OUTCOME_FAIL, TIMING_OVER_CODE, TIMING_OVER_TEXT), false, 0);
	else if (!told(j, d, rcpts, count, what))
		line_up(j, d, rcpts, count, what);
}

/* Whether recipient I is to be placed now. */
static bool is_open(const struct job *j, size_t i)
{
	return j->file.env.rcpts[i].status == RCPT_TODO && !j->rcpts[i].placed && j->rcpts[i].result.outcome == OUTCOME_NONE;
}

static void split(struct job *j, const struct destination *only, struct job_turn *what)
{
	size_t count = j->file.env.rcpt_count, last = count;
	size_t *group = arena_alloc(j->arena, count * sizeof(*group) + 1);

	for (size_t i = 0; i < count; i++) {
		if (!is_open(j, i))
			continue;
		route_rcpt(j, i, last < count ? &j->rcpts[last] : NULL, last < count ? j->file.env.rcpts[last].domain : "");
		last = i;
	}
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

enum job_load job_begin(struct runner *r, struct entry *e, struct job_turn *what)
{
	enum job_load how = JOB_LOADED;

	runner_mark(r, e->id);
	if (!e->job)
		how = load(r, e);
	if (how == JOB_LOADED) {
		struct job *j = e->job;

		if (!what && e->wish == WISH_NONE && !e->parks && !j->open && timing_held(&j->file.env, clock_now())) {
			job_hold_back(j);
			runner_unmark();
			return JOB_LOADED;
		}
		j->open++;
		if (e->wish != WISH_BOUNCE)
			enforce_job(j);
		if (e->wish != WISH_BOUNCE)
			split(j, what ? what->turn->destination : NULL, what);
		if (--j->open == 0)
			job_settle(j);
	}
	runner_unmark();
	return how;
}

/* ---- results ---- */

static void tell_plugins(struct job *j, struct delivery *d)
{
	struct runner *r = j->runner;
	size_t done = 0, *rcpts = arena_alloc(j->arena, d->count * sizeof(*rcpts));

	for (size_t i = 0; i < d->count; i++)
		if (j->rcpts[d->rcpts[i]].result.outcome == OUTCOME_DONE)
			rcpts[done++] = d->rcpts[i];
	if (!done)
		return;
	struct job_call call = job_call_about(j, rcpts, done);

	call.attempt = (struct job_call_attempt){ .rcpts = d->rcpts, .count = d->count, .lmtp = d->lmtp,
		.authenticated = d->authenticated, .time = (clock_now_us() - j->file.env.arrived) / 1000 };
	job_call_run(r->plugins, HOOK_DELIVERED, &call, NULL);
}

static void record(struct job *j, struct delivery *d, size_t i)
{
	struct envelope_rcpt *rcpt = &j->file.env.rcpts[i];
	struct result *result = &j->rcpts[i].result;
	struct err err = { "" };

	j->rcpts[i].placed = false;
	if (result->outcome == OUTCOME_NONE)
		return;
	if (result->outcome == OUTCOME_DONE) {
		enum rcpt_status done = notices_done_status(j, i);

		if (!spool_set_status(&j->file, i, done, &err))
			log_error("delivered, but this cannot be recorded: %s", err.text);
		rcpt->status = done;	/* so that it is not sent again in this life */
		scoreboard_count(COUNT_DELIVERED, 1);
	} else {
		const struct site *site = d->turn.destination->site;

		if (site && result->outcome == OUTCOME_DEFER)
			whereabouts_set(&j->runner->whereabouts, spool_domain(rcpt->domain), spool_domain(site->key));
		rcpt->last = result_last(result, j->arena);
	}
	j->rcpts[i].logged = true;
	result_log(j->file.env.sender, rcpt->address, result, &d->times);
}

static void unlink_delivery(struct job *j, struct delivery *d)
{
	struct delivery **link = &j->deliveries;

	while (*link != d)
		link = &(*link)->sibling;
	*link = d->sibling;
	j->open--;
}

void job_delivered(struct job *j, struct delivery *d)
{
	log_id(job_id(j));
	for (size_t i = 0; i < d->count; i++)
		record(j, d, d->rcpts[i]);
	log_id("");
	crash_point("deliver-recorded");
	if (j->runner->plugins && plugin_wants(j->runner->plugins, HOOK_DELIVERED)) {
		runner_mark(j->runner, job_id(j));
		tell_plugins(j, d);
		runner_unmark();
	}
	unlink_delivery(j, d);
	if (j->open == 0)
		job_settle(j);
}

void job_abandon(struct job *j, struct delivery *d)
{
	unlink_delivery(j, d);
	if (j->open > 0)
		return;
	if (j->entry->wish != WISH_NONE)
		job_settle(j);	/* nobody will know of it after us */
	else
		job_unload(j);
}

void job_withdraw(struct job *j)
{
	struct delivery *d, *next;

	j->open++;
	for (d = j->deliveries; d; d = next) {
		next = d->sibling;
		if (d->begun)
			continue;
		sched_withdraw(&j->runner->sched, &d->turn);
		for (size_t i = 0; i < d->count; i++)
			j->rcpts[d->rcpts[i]].placed = false;
		unlink_delivery(j, d);
	}
	runner_wake(j->runner);
	if (--j->open == 0)
		job_unload(j);
}
