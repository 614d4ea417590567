/* hook_run.c - see hook_run.h. As long as all plugins answer at once, a hook costs no memory and no event: only one that answers
 * later is put aside, with a deadline. */
#include "hook_run.h"
#include "../lib/clock.h"
#include "../lib/log.h"
#include "../lib/scoreboard.h"
#include "helper.h"
#include "job.h"
#include "runner.h"
#include <event2/event.h>
#include <uthash.h>

#define HOOK_LONGEST 3600000		/* ms that a plugin can ask for */

struct hook_run {
	struct hook_call call;		/* first: a plugin's call leads here */
	struct job_call facts;
	struct reply reply;
	struct runner *runner;
	hook_done *done;
	void *arg;
	uint64_t id;			/* 0: the plugin that is being asked has not asked for one */
	int64_t time;			/* ms that it has for its answer */
	bool answered;
	enum verdict verdict;		/* when answered */
	struct hook_visit visit;	/* of the plugin's function */
	struct event *event;		/* the answer, or the deadline */
	UT_hash_handle hh;
};

static struct hook_run *waiting;	/* hash by id */
static size_t waiting_after;
static struct hook_run *current;	/* whose plugin's function is running */
static uint64_t last_id;

/* ---- around a plugin's function ---- */

struct hook_visit hook_visit(const struct hook_call *call)
{
	struct job *j = call->job->job;
	struct hook_visit v = { .runner = j->runner, .plugin = call->self, .hook = call->hook };

	snprintf(v.id, sizeof(v.id), "%s", job_id(j));
	return v;
}

void hook_guard(const struct runner *r, enum hook hook)
{
	if (r->plugins && plugin_wants(r->plugins, hook))
		alarm((unsigned)((r->settings->plugin_timeout + 999) / 1000));
}

void hook_unguard(void)
{
	alarm(0);
}

/* What a plugin does not come back from is cut short by SIGALRM; the mark in the scoreboard then says who it was. */
void hook_enter(struct hook_visit *v)
{
	runner_mark_plugin(v->runner, v->id, pr_name(v->plugin), plugin_hook_name(v->hook));
	v->begun = clock_ms();
	hook_guard(v->runner, v->hook);
}

void hook_leave(const struct hook_visit *v, const char *where)
{
	int64_t took = clock_ms() - v->begun, most = v->runner->settings->outbound_hook_blocking_warn;

	hook_unguard();
	if (most == 0 || took <= most)
		return;
	scoreboard_count(COUNT_HOOKS_SLOW, 1);
	log_warn("plugin %s kept the queue-runner from its work for %lld ms at %s", pr_name(v->plugin), (long long)took, where);
}

static void around(struct hook_call *call, bool before)
{
	struct hook_run *h = (struct hook_run *)call;

	if (!before) {
		current = NULL;
		hook_leave(&h->visit, plugin_hook_name(call->hook));
		return;
	}
	current = h;
	h->id = 0;
	h->answered = false;
	h->visit = hook_visit(call);
	hook_enter(&h->visit);
}

/* Whose plugin may block. */
static enum verdict away(struct hook_call *call)
{
	struct hook_run *h = (struct hook_run *)call;

	h->id = ++last_id;
	h->answered = false;
	h->time = h->runner->settings->outbound_hook_timeout;
	if (helper_ask(h->runner, call, h->id))
		return LATER;
	log_error("plugin %s: %s cannot be given to a helper process; taken as DENYSOFT", pr_name(call->self), plugin_hook_name(call->hook));
	return DENYSOFT;
}

/* ---- later ---- */

static bool is_after(const struct hook_run *h)
{
	return h->call.hook == HOOK_DEFERRED || h->call.hook == HOOK_BOUNCE || h->call.hook == HOOK_DELIVERED;
}

static void set_event(struct hook_run *h)
{
	if (h->answered)
		event_active(h->event, EV_TIMEOUT, 0);
	else
		event_add(h->event, &(struct timeval){ .tv_sec = h->time / 1000, .tv_usec = h->time % 1000 * 1000 });
}

static void wait_for(struct hook_run *h)
{
	if (!h->id) {
		log_error("plugin %s said LATER at %s without pr_later; taken as DENYSOFT", pr_name(h->call.self), plugin_hook_name(h->call.hook));
		h->id = ++last_id;
		h->answered = true;
		h->verdict = DENYSOFT;
	}
	HASH_ADD(hh, waiting, id, sizeof(h->id), h);
	waiting_after += is_after(h);
	set_event(h);
	runner_unmark();
}

static void forget(struct hook_run *h)
{
	HASH_DEL(waiting, h);
	waiting_after -= is_after(h);
}

static void drop(struct hook_run *h)
{
	helper_forget(h->id);
	event_free(h->event);
	free(h);
}

/* Its plugin gets what it would if it said DENYSOFT and nothing else. */
static enum verdict overdue(struct hook_run *h)
{
	scoreboard_count(COUNT_HOOKS_OVERDUE, 1);
	log_error("plugin %s has not answered at %s in time; taken as DENYSOFT", pr_name(h->call.self), plugin_hook_name(h->call.hook));
	helper_forget(h->id);
	reply_clear(&h->reply);
	h->facts.delay_set = false;
	return DENYSOFT;
}

static void on_event(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct hook_run *h = arg;
	struct runner *r = h->runner;

	forget(h);
	runner_mark(r, job_id(h->facts.job));
	enum verdict v = plugin_answered(r->plugins, &h->call, h->answered ? h->verdict : overdue(h));

	if (v == LATER) {
		wait_for(h);
		return;
	}
	runner_mark(r, job_id(h->facts.job));
	h->done(h->arg, v, &h->facts, &h->reply);
	drop(h);
	runner_unmark();
	runner_wake(r);
}

/* OWN is on the stack: the plugin that was asked answers later. */
static struct hook_run *put_aside(const struct hook_run *own)
{
	struct hook_run *h = malloc(sizeof(*h));

	if (!h)
		bug("no memory for a hook");
	*h = *own;
	h->call.job = &h->facts;
	h->call.reply = &h->reply;
	h->event = event_new(h->runner->base, -1, 0, on_event, h);
	if (!h->event)
		bug("no memory for a hook");
	wait_for(h);
	return h;
}

static struct hook_run *ask(struct runner *r, enum hook hook, const struct job_call *facts, hook_done *done, void *arg)
{
	struct hook_run own = { .facts = *facts, .runner = r, .done = done, .arg = arg };

	own.call = (struct hook_call){ .hook = hook, .job = &own.facts, .scratch = facts->scratch, .reply = &own.reply, .around = around,
		.away = away };
	enum verdict v = plugin_run(r->plugins, &own.call, NULL);

	if (v == LATER)
		return put_aside(&own);
	runner_mark(r, job_id(facts->job));
	done(arg, v, &own.facts, &own.reply);
	return NULL;
}

struct hook_run *hook_ask(struct runner *r, enum hook hook, const struct job_call *facts, hook_done *done, void *arg)
{
	struct job_call same = *facts;
	struct reply none;

	if (r->plugins && plugin_wants(r->plugins, hook))
		return ask(r, hook, facts, done, arg);
	reply_clear(&none);
	done(arg, DECLINED, &same, &none);
	return NULL;
}

void hook_cancel(struct hook_run **run)
{
	if (!*run)
		return;
	forget(*run);
	drop(*run);
	*run = NULL;
}

size_t hook_waiting(void)
{
	return HASH_COUNT(waiting);
}

size_t hook_waiting_after(void)
{
	return waiting_after;
}

void hook_hurry(void)
{
	struct hook_run *h, *next;

	HASH_ITER(hh, waiting, h, next)
		if (is_after(h))
			event_active(h->event, EV_TIMEOUT, 0);
}

void hook_end(void)
{
	struct hook_run *h, *next;

	HASH_ITER(hh, waiting, h, next) {
		forget(h);
		drop(h);
	}
}

/* ---- for plugins ---- */

static struct hook_run *find(uint64_t id)
{
	struct hook_run *h;

	if (current && current->id == id && id)
		return current->answered ? NULL : current;
	HASH_FIND(hh, waiting, &id, sizeof(id), h);
	return h && !h->answered ? h : NULL;
}

uint64_t hook_later(struct hook_call *call, int64_t ms)
{
	if (!current || &current->call != call)
		return 0;
	if (!current->id)
		current->id = ++last_id;
	current->time = ms > 0 && ms < HOOK_LONGEST ? ms : ms > 0 ? HOOK_LONGEST : current->runner->settings->outbound_hook_timeout;
	return current->id;
}

struct hook_call *hook_find(uint64_t id)
{
	struct hook_run *h = find(id);

	return h ? &h->call : NULL;
}

void hook_renew(uint64_t id)
{
	struct hook_run *h = find(id);

	if (h)
		set_event(h);
}

bool hook_answer(uint64_t id, enum verdict verdict)
{
	struct hook_run *h = find(id);

	if (!h)
		return false;
	h->answered = true;
	h->verdict = verdict == LATER ? VERDICT_COUNT : verdict;	/* which is none: it has been later */
	if (h != current)
		set_event(h);
	return true;
}
