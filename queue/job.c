/* job.c - see job.h: reading a message, and taking the results of its deliveries. It is split by destination in split.c; what becomes
 * of it at the end is in settle.c. */
#include "job.h"
#include "../lib/address.h"
#include "../lib/clock.h"
#include "../lib/log.h"
#include "../lib/scoreboard.h"
#include "delivery.h"
#include "enforce.h"
#include "hook_run.h"
#include "notices.h"
#include "settle.h"
#include "split.h"
#include "timing.h"

#define JOB_UNREADABLE 300		/* seconds until a message that could not be read is looked at again */

const char *job_id(const struct job *j)
{
	return j->entry->id;
}

void job_release(struct job *j)
{
	if (--j->open == 0)
		job_settle(j);
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
		if (e->wish == WISH_NONE) {
			enforce_job(j);
			job_split(j, what);
		}
		job_release(j);
	}
	runner_unmark();
	return how;
}

/* ---- results ---- */

struct telling { struct job *job; struct hook_run *run; };

/* The verdict means nothing; but the message stays until it is there. */
static void on_told(void *arg, enum verdict v UNUSED, struct job_call *facts UNUSED, struct reply *reply UNUSED)
{
	struct telling *t = arg;

	if (t->run)
		job_release(t->job);
}

static void tell_plugins(struct job *j, struct delivery *d)
{
	size_t done = 0, *rcpts = arena_alloc(j->arena, d->count * sizeof(*rcpts));
	struct telling *t = arena_alloc(j->arena, sizeof(*t));

	for (size_t i = 0; i < d->count; i++)
		if (j->rcpts[d->rcpts[i]].result.outcome == OUTCOME_DONE)
			rcpts[done++] = d->rcpts[i];
	if (!done)
		return;
	struct job_call call = job_call_about(j, rcpts, done);

	call.attempt = (struct job_call_attempt){ .rcpts = d->rcpts, .count = d->count, .lmtp = d->lmtp,
		.authenticated = d->authenticated, .time = (clock_now_us() - j->file.env.arrived) / 1000 };
	t->job = j;
	t->run = hook_ask(j->runner, HOOK_DELIVERED, &call, on_told, t);
	j->open += t->run != NULL;
}

static void record(struct job *j, struct delivery *d, size_t i)
{
	struct envelope_rcpt *rcpt = &j->file.env.rcpts[i];
	struct result *result = &j->rcpts[i].result;
	struct err err = { "" };

	j->rcpts[i].placed = j->rcpts[i].settled = false;
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
	job_release(j);
}

void job_abandon(struct job *j, struct delivery *d)
{
	unlink_delivery(j, d);
	if (--j->open > 0)
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
	job_unask(j);
	for (d = j->deliveries; d; d = next) {
		next = d->sibling;
		if (d->begun)
			continue;
		sched_withdraw(&j->runner->sched, &d->turn);
		for (size_t i = 0; i < d->count; i++)
			j->rcpts[d->rcpts[i]].placed = false;
		unlink_delivery(j, d);
		j->open--;
	}
	runner_wake(j->runner);
	if (--j->open == 0)
		job_unload(j);
}
