/* settle.c - see settle.h. The order is what keeps mail safe: the notice is on disk before a status says "bounced", every
 * recipient is final on disk before the file goes. A crash in between means something is done twice, never that it is not. */
#include "settle.h"
#include "../lib/clock.h"
#include "../lib/log.h"
#include "../lib/reply.h"
#include "../lib/scoreboard.h"
#include "hook_run.h"
#include "notices.h"
#include "split.h"
#include "timing.h"
#include <sys/random.h>

#define SETTLE_RETRY 60			/* seconds until a notice that could not be written is tried again */

/* Appends the envelope as it is in memory to the file. */
static bool write_envelope(struct job *j)
{
	struct err err = { "" };

	if (!spool_update(&j->file, &err)) {
		log_error("envelope cannot be recorded: %s", err.text);
		return false;
	}
	j->notes_changed = false;
	return true;
}

bool job_write_notes(struct job *j)
{
	return !j->notes_changed || write_envelope(j);
}

void job_unload(struct job *j)
{
	struct runner *r = j->runner;
	struct arena *a = j->arena;

	if (j->notes_changed)
		write_envelope(j);
	job_leave_destinations(j);
	j->entry->job = NULL;
	r->jobs--;
	spool_file_close(&j->file);
	arena_free(&a);
}

/* ---- which recipients ---- */

/* Those whose result is OUTCOME and that nothing has been done about, into LIST. */
static size_t collect(const struct job *j, enum outcome outcome, size_t *list)
{
	size_t n = 0;

	for (size_t i = 0; i < j->file.env.rcpt_count; i++)
		if (j->file.env.rcpts[i].status == RCPT_TODO && j->rcpts[i].result.outcome == outcome && !j->rcpts[i].settled)
			list[n++] = i;
	return n;
}

static size_t *list_of(struct job *j)
{
	return arena_alloc(j->arena, j->file.env.rcpt_count * sizeof(size_t) + 1);
}

/* A question to the plugins about what has ended. */
struct asked {
	struct job *job;
	struct hook_run *run;		/* NULL: answered at once */
	const size_t *rcpts;
	size_t count;
	int64_t when;			/* deferred */
};

static void ask(struct job *j, enum hook hook, const size_t *rcpts, size_t count, int64_t when, hook_done *done)
{
	struct job_call call = job_call_about(j, rcpts, count);
	struct asked *a = arena_alloc(j->arena, sizeof(*a));

	*a = (struct asked){ .job = j, .rcpts = rcpts, .count = count, .when = when };
	for (size_t i = 0; i < count; i++)
		j->rcpts[rcpts[i]].settled = true;
	call.delay = when ? when - clock_now() : 0;
	a->run = hook_ask(j->runner, hook, &call, done, a);
	j->open += a->run != NULL;
}

static void soonest(int64_t *when, int64_t other)
{
	if (*when == 0 || other < *when)
		*when = other;
}

static void set_status(struct job *j, size_t i, enum rcpt_status status)
{
	struct err err = { "" };

	if (!spool_set_status(&j->file, i, status, &err))
		log_error("status cannot be recorded: %s", err.text);
	j->file.env.rcpts[i].status = status;
}

/* ---- deferring ---- */

static int64_t lifetime_end(const struct job *j)
{
	const struct settings *s = j->runner->settings;
	bool notice = !*j->file.env.sender && s->outbound_bounce_lifetime < s->outbound_queue_lifetime;

	return (timing_start_ms(&j->file.env) + (notice ? s->outbound_bounce_lifetime : s->outbound_queue_lifetime)) / 1000;
}

/* When the deferred recipients are tried again, seconds since 1970; SCHEDULE_NEVER: they have expired. */
static int64_t next_attempt(struct job *j, const size_t *rcpts, size_t count)
{
	const struct schedule *schedule = &j->runner->schedule;
	int64_t now = clock_now_us() / 1000000 + 1, not_before = 0, retry = 0;	/* whole seconds: rather late than early */
	unsigned failures = j->file.env.attempts;
	bool tried = false, counted = j->counted || index_has(j->runner->index, job_id(j));	/* other recipients failed in the same round */
	uint32_t random = 0;

	for (size_t i = 0; i < count; i++) {
		tried |= !j->rcpts[rcpts[i]].untried;
		if (j->rcpts[rcpts[i]].not_before > not_before)
			not_before = j->rcpts[rcpts[i]].not_before;
		if (j->rcpts[rcpts[i]].retry > retry)
			retry = j->rcpts[rcpts[i]].retry;
	}
	tried = tried && !counted;
	j->file.env.attempts += tried;
	j->counted |= tried;
	int64_t delay = schedule_delay(schedule, tried ? failures + 1 : failures ? failures : 1);
	if ((tried && delay == SCHEDULE_NEVER) || now >= lifetime_end(j))
		return SCHEDULE_NEVER;
	if (delay == SCHEDULE_NEVER)
		delay = SETTLE_RETRY;
	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0)
		random = (uint32_t)clock_ms();
	int64_t when = now + schedule_jitter(delay, random);
	if (tried && retry)
		when = now + retry;
	if (!tried && not_before)
		when = not_before;
	when = timing_next(&j->file.env, clock_now(), when);
	return when > lifetime_end(j) ? lifetime_end(j) : when;	/* one last attempt then */
}

/* Drops them: a plugin wants it. */
static void drop(struct job *j, const size_t *rcpts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		log_warn("delivery to %s dropped by a plugin", j->file.env.rcpts[rcpts[i]].address);
		set_status(j, rcpts[i], RCPT_DONE);
	}
}

static void on_deferred(void *arg, enum verdict v, struct job_call *facts, struct reply *reply UNUSED)
{
	struct asked *a = arg;
	struct job *j = a->job;

	if (v == OK)
		drop(j, a->rcpts, a->count);
	else
		soonest(&j->when, v == DENYSOFT && facts->delay_set ?
			timing_next(&j->file.env, clock_now(), clock_now_us() / 1000000 + 1 + facts->delay) : a->when);
	if (a->run)
		job_release(j);
}

/* Gives the deferred recipients their time, or turns them into failures. */
static void plan_deferred(struct job *j)
{
	size_t *rcpts = list_of(j), count = collect(j, OUTCOME_DEFER, rcpts);
	int64_t when;

	if (count == 0)
		return;
	when = next_attempt(j, rcpts, count);
	if (when != SCHEDULE_NEVER) {
		scoreboard_count(COUNT_DEFERRED, count);
		notices_mark_delayed(j, rcpts, count);
		ask(j, HOOK_DEFERRED, rcpts, count, when, on_deferred);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		struct job_rcpt *rcpt = &j->rcpts[rcpts[i]];

		rcpt->expired = true;
		rcpt->result.outcome = OUTCOME_FAIL;
		log_warn("delivery to %s given up after %u attempts", j->file.env.rcpts[rcpts[i]].address, j->file.env.attempts);
	}
}

/* ---- bouncing ---- */

/* The failed recipients become final once their sender has a notice, unless a plugin keeps it from being made. */
static void on_bounce(void *arg, enum verdict v, struct job_call *facts UNUSED, struct reply *reply UNUSED)
{
	struct asked *a = arg;
	struct job *j = a->job;

	if (v != OK && notices_failed(j, a->rcpts, a->count) == BOUNCE_ERROR) {
		soonest(&j->again, clock_now() + SETTLE_RETRY);
	} else {
		for (size_t i = 0; i < a->count; i++)
			set_status(j, a->rcpts[i], j->rcpts[a->rcpts[i]].expired ? RCPT_EXPIRED : RCPT_FAILED);
		scoreboard_count(COUNT_BOUNCED, a->count);
	}
	if (a->run)
		job_release(j);
}

/* A person wants the message to go back: whoever is not done has failed. */
static void give_up(struct job *j)
{
	j->entry->wish = WISH_NONE;
	for (size_t i = 0; i < j->file.env.rcpt_count; i++) {
		struct job_rcpt *rcpt = &j->rcpts[i];

		if (j->file.env.rcpts[i].status != RCPT_TODO || rcpt->result.outcome == OUTCOME_FAIL)
			continue;
		rcpt->result = result_local(j->arena, OUTCOME_FAIL, BOUNCE_RETURNED_CODE, BOUNCE_RETURNED_TEXT);
		rcpt->logged = rcpt->settled = false;
	}
	j->when = 0;
}

/* All of them at once, or (always_split) each for itself. */
static void bounce_failed(struct job *j)
{
	size_t *rcpts = list_of(j), count = collect(j, OUTCOME_FAIL, rcpts);
	size_t most = j->runner->settings->outbound_always_split ? 1 : count, n;

	for (; count > 0; rcpts += n, count -= n) {
		n = count < most ? count : most;
		ask(j, HOOK_BOUNCE, rcpts, n, 0, on_bounce);
	}
}

/* ---- the file ---- */

static void remove_file(struct job *j, const char *why)
{
	struct err err = { "" };

	crash_point("deliver-finished");
	if (!spool_remove(j->runner->spool, job_id(j), j->entry->state, &err))
		log_error("message cannot be removed: %s", err.text);
	else
		j->runner->held -= j->entry->state == SPOOL_HOLD;
	if (why && !*err.text)
		log_info("%s", why);
	j->notes_changed = false;
	index_remove(j->runner->index, job_id(j));
	entry_forget(j->runner, j->entry);
}

/* False: it stays where it was. */
static bool hold_file(struct job *j)
{
	struct runner *r = j->runner;
	struct err err = { "" };

	j->entry->wish = WISH_NONE;
	if (!spool_move(r->spool, job_id(j), j->entry->state, SPOOL_HOLD, &err)) {
		log_error("message cannot be held: %s", err.text);
		return false;
	}
	log_info("message held");
	r->held++;
	index_remove(r->index, job_id(j));
	entry_forget(r, j->entry);
	return true;
}

static void put_into_later(struct job *j, int64_t when)
{
	struct runner *r = j->runner;
	struct err err = { "" };

	if (!spool_defer(r->spool, &j->file, when, &err))
		log_error("message cannot be put off: %s", err.text);
	j->entry->state = (uint8_t)j->file.state;
	/* one that had to stay in new/ is found there by the next look for no reason: soon enough, and not once a second */
	if (j->file.state == SPOOL_LATER && !index_push(r->index, job_id(j), when, spool_domain_of(&j->file.env)))
		log_error("out of memory for the index");
}

static void defer_file(struct job *j, int64_t when)
{
	struct runner *r = j->runner;
	struct envelope *env = &j->file.env;

	/* some of its recipients may wait for an earlier time already */
	if (index_has(r->index, job_id(j)) && env->next > clock_now() && env->next < when)
		when = env->next;
	env->next = when;
	if (write_envelope(j))
		notices_delayed(j, lifetime_end(j));
	if (j->entry->wish == WISH_HOLD && hold_file(j))
		return;
	put_into_later(j, when);
	crash_point("deliver-deferred");
}

void job_hold_back(struct job *j)
{
	struct runner *r = j->runner;
	struct entry *e = j->entry;
	struct envelope *env = &j->file.env;

	if (env->next != env->hold_until) {
		env->next = env->hold_until;
		write_envelope(j);
		log_info("message waits for its release");
	}
	put_into_later(j, env->hold_until);
	job_unload(j);
	entry_release(r, e);
}

/* Nothing is to be sent any more, and nobody to be told. */
static bool all_final(const struct job *j)
{
	for (size_t i = 0; i < j->file.env.rcpt_count; i++) {
		enum rcpt_status status = j->file.env.rcpts[i].status;

		if (status == RCPT_TODO || status == RCPT_RELAYED || status == RCPT_DELIVERED)
			return false;
	}
	return true;
}

static void settle_file(struct job *j, int64_t when)
{
	struct entry *e = j->entry;

	if (all_final(j))
		remove_file(j, NULL);
	else if (e->wish == WISH_REMOVE)
		remove_file(j, "message removed");
	else if (e->state == SPOOL_HOLD)
		log_warn("message stays held");	/* it was to be bounced, and the notice could not be written */
	else if (when)
		defer_file(j, when);
	else if (e->wish == WISH_HOLD && hold_file(j))
		return;
	else if (!e->parks && !index_has(j->runner->index, e->id))
		intake_add(j->runner, e->id, (enum spool_state)e->state);	/* a recipient's route has changed meanwhile */
}

/* Recipients that were decided without a delivery: no route, a plugin's word. */
static void log_undelivered(struct job *j)
{
	struct result_times times = { .arrived_us = j->file.env.arrived };

	for (size_t i = 0; i < j->file.env.rcpt_count; i++) {
		struct job_rcpt *rcpt = &j->rcpts[i];

		if (rcpt->logged || rcpt->result.outcome == OUTCOME_NONE)
			continue;
		rcpt->logged = true;
		j->file.env.rcpts[i].last = result_last(&rcpt->result, j->arena);
		result_log(j->file.env.sender, j->file.env.rcpts[i].address, &rcpt->result, &times);
	}
}

/* What is deferred when the time is over that its sender gave it (mode R of DELIVERBY) goes back at once, whoever deferred it: a
 * rule that suspends, a plugin, a server. What is about to be held is the operator's. */
static void return_overdue(struct job *j)
{
	if (j->entry->wish == WISH_HOLD || !timing_over(&j->file.env, clock_now()))
		return;
	for (size_t i = 0; i < j->file.env.rcpt_count; i++) {
		struct job_rcpt *rcpt = &j->rcpts[i];

		if (j->file.env.rcpts[i].status != RCPT_TODO || rcpt->settled || rcpt->result.outcome != OUTCOME_DEFER)
			continue;
		rcpt->result = result_local(j->arena, OUTCOME_FAIL, TIMING_OVER_CODE, TIMING_OVER_TEXT);
		rcpt->logged = false;
	}
}

/* Everything has its result, and plugins have said what they have to say about it. */
static void finish(struct job *j)
{
	struct runner *r = j->runner;
	struct entry *e = j->entry;

	if (e->wish != WISH_REMOVE && !notices_success(j))
		soonest(&j->again, clock_now() + SETTLE_RETRY);
	if (j->when)
		soonest(&j->again, j->when);
	settle_file(j, j->again);
	if (!e->parks && strcmp(e->id, r->suspect) == 0)
		r->suspect[0] = '\0';	/* we came through all of it: the death of our predecessor was chance */
	job_unload(j);
	entry_release(r, e);
}

void job_settle(struct job *j)
{
	struct runner *r = j->runner;

	runner_mark(r, job_id(j));
	if (j->entry->wish == WISH_BOUNCE)
		give_up(j);
	return_overdue(j);
	log_undelivered(j);
	if (j->entry->wish != WISH_REMOVE) {
		j->open++;
		plan_deferred(j);
		bounce_failed(j);
		j->open--;
	}
	if (j->open == 0)	/* else we come back when the last plugin has answered */
		finish(j);
	runner_unmark();
	runner_wake(r);
}
