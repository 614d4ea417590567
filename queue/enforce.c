/* enforce.c - see enforce.h. A rule is looked at when a message is read, and once more when its turn at a site has come: so it holds
 * for what waits in memory too, and for all that is still to come. What is on its way already is not broken off. */
#include "enforce.h"
#include "../lib/clock.h"
#include "../lib/log.h"
#include "delivery.h"
#include "queue_flush.h"
#include "rules.h"
#include <event2/event.h>
#include <sys/inotify.h>

#define LOOK_AGAIN 900		/* seconds after which suspended mail is looked at again; a rule that is ended does not wait for that */
#define SETTINGS_FILE "outbound.conf"

struct enforce {
	struct arena *arena;		/* of the rules */
	struct rules rules;
	bool unreadable;		/* the file of rules is: nothing is delivered */
	bool disabled;			/* outbound.conf says so */
	int inotify;
	struct event *changed;
};

/* ---- outbound.conf ---- */

static void take_disabled(struct runner *r, bool changed)
{
	struct err err = { "" };
	struct settings *s = settings_read(r->settings->dir, &err);

	if (!s && changed)
		log_warn("outbound.conf has changed and cannot be read: delivery stays %s: %s", r->enforce->disabled ? "disabled" : "enabled", err.text);
	if (s && s->outbound_disabled != r->enforce->disabled) {
		r->enforce->disabled = s->outbound_disabled;
		log_warn("outbound delivery is %s now", s->outbound_disabled ? "disabled" : "enabled");
		r->rescan = true;
		runner_wake(r);
	}
	settings_free(&s);
}

static void on_changed(evutil_socket_t fd, short what UNUSED, void *arg)
{
	_Alignas(struct inotify_event) char room[4096];
	struct runner *r = arg;
	bool ours = false;
	ssize_t n;

	while ((n = read(fd, room, sizeof(room))) > 0)
		for (ssize_t at = 0; at < n;) {
			const struct inotify_event *e = (const struct inotify_event *)(const void *)(room + at);

			ours |= (e->mask & IN_Q_OVERFLOW) || (e->len && strcmp(e->name, SETTINGS_FILE) == 0);
			at += (ssize_t)(sizeof(*e) + e->len);
		}
	if (ours)
		take_disabled(r, true);
}

static void watch_settings(struct runner *r)
{
	struct enforce *e = r->enforce;

	e->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (e->inotify >= 0 && inotify_add_watch(e->inotify, r->settings->dir, IN_CLOSE_WRITE | IN_MOVED_TO | IN_ONLYDIR) >= 0)
		e->changed = event_new(r->base, e->inotify, EV_READ | EV_PERSIST, on_changed, r);
	if (!e->changed || event_add(e->changed, NULL) < 0)
		log_warn("changes of outbound.conf are not seen before a reload: %s", strerror(errno));
}

/* ---- the rules ---- */

static bool read_rules(struct runner *r, struct err *err)
{
	struct enforce *e = r->enforce;
	struct arena *a = arena_new(4096);
	struct rules rules;
	bool good = rules_read(r->settings->spool_dir, a, &rules, err);

	e->unreadable = !good;
	arena_free(&e->arena);
	e->arena = a;
	e->rules = rules;
	return good;
}

void enforce_begin(struct runner *r)
{
	struct err err = { "" };

	r->enforce = calloc(1, sizeof(*r->enforce));
	if (!r->enforce)
		bug("out of memory");
	r->enforce->inotify = -1;
	r->enforce->disabled = r->settings->outbound_disabled;
	if (!read_rules(r, &err))
		log_error("nothing is delivered: %s", err.text);
	watch_settings(r);
	take_disabled(r, false);	/* it may have changed since the settings were read */
}

void enforce_end(struct runner *r)
{
	struct enforce *e = r->enforce;

	if (!e)
		return;
	if (e->changed)
		event_free(e->changed);
	if (e->inotify >= 0)
		close(e->inotify);
	arena_free(&e->arena);
	free(e);
	r->enforce = NULL;
}

bool enforce_stopped(const struct runner *r)
{
	const struct enforce *e = r->enforce;

	return e && (e->disabled || e->unreadable || rules_pause(&e->rules, clock_now()));
}

int64_t enforce_stopped_until(const struct runner *r)
{
	const struct rule *pause = r->enforce ? rules_pause(&r->enforce->rules, clock_now()) : NULL;

	return pause ? pause->until : 0;
}

void enforce_tell(const struct runner *r, struct buf *say)
{
	const struct rule *pause = rules_pause(&r->enforce->rules, clock_now());
	char text[RULES_TEXT];

	if (r->enforce->disabled)
		buf_puts(say, "delivery is disabled in outbound.conf\n");
	if (r->enforce->unreadable)
		buf_puts(say, "delivery is stopped: the rules cannot be read\n");
	if (pause)
		buf_printf(say, "delivery is paused by %s\n", rule_text(pause, text));
}

/* ---- what they mean for recipients ---- */

/* Whether mail for a domain leads to a site, as far as that has been found out. */
struct way { const struct runner *runner; const char *domain; const struct site *site; };

static bool at_site(const void *arg, const char *site)
{
	const struct way *w = arg;

	return w->site ? strcmp(w->site->key, site) == 0 : whereabouts_get(&w->runner->whereabouts, spool_domain(w->domain)) == spool_domain(site);
}

static const struct rule *rule_for(const struct job *j, size_t i, const struct site *site, int64_t now)
{
	const char *domain = j->file.env.rcpts[i].domain;
	struct way way = { j->runner, domain, site };
	struct rule_facts facts = { .domain = domain, .at_site = at_site, .arg = &way, .sender = j->file.env.sender };

	return rules_find(&j->runner->enforce->rules, &facts, now);
}

static void decide(struct job *j, size_t i, const struct rule *rule, int64_t now)
{
	static const char *const words[] = { [RULE_SUSPEND] = "delivery is suspended by", [RULE_HOLD] = "held by", [RULE_BOUNCE] = BOUNCE_RETURNED_TEXT ", by" };
	struct job_rcpt *rcpt = &j->rcpts[i];
	bool back = rule->action == RULE_BOUNCE;
	char text[RULES_TEXT];

	rcpt->result = result_local(j->arena, back ? OUTCOME_FAIL : OUTCOME_DEFER, back ? BOUNCE_RETURNED_CODE : "4.3.2",
				    arena_printf(j->arena, "%s %s", words[rule->action], rule_text(rule, text)));
	rcpt->untried = true;
	rcpt->not_before = rule->until && rule->until < now + LOOK_AGAIN ? rule->until : now + LOOK_AGAIN;
}

/* The file moves when nobody is left who may get the message: not because of one recipient of many. */
static void hold_when_all(struct job *j, int64_t now)
{
	bool some = false;

	for (size_t i = 0; i < j->file.env.rcpt_count; i++) {
		if (j->file.env.rcpts[i].status != RCPT_TODO || j->rcpts[i].result.outcome == OUTCOME_FAIL)
			continue;
		const struct rule *rule = rule_for(j, i, j->rcpts[i].destination ? j->rcpts[i].destination->site : NULL, now);

		if (!rule || rule->action != RULE_HOLD)
			return;
		some = true;
	}
	if (some && j->entry->wish == WISH_NONE)
		j->entry->wish = WISH_HOLD;
}

void enforce_job(struct job *j)
{
	int64_t now = clock_now();
	bool hold = false;

	if (!j->runner->enforce || j->runner->enforce->rules.count == 0)
		return;
	for (size_t i = 0; i < j->file.env.rcpt_count; i++) {
		if (j->file.env.rcpts[i].status != RCPT_TODO || j->rcpts[i].placed || j->rcpts[i].asking || j->rcpts[i].result.outcome != OUTCOME_NONE)
			continue;
		const struct rule *rule = rule_for(j, i, NULL, now);

		if (!rule)
			continue;
		decide(j, i, rule, now);
		hold |= rule->action == RULE_HOLD;
	}
	if (hold)
		hold_when_all(j, now);
}

bool enforce_delivery(struct delivery *d)
{
	struct job *j = d->job;
	int64_t now = clock_now();
	size_t stopped = 0;
	bool hold = false;

	if (!j->runner->enforce || j->runner->enforce->rules.count == 0)
		return false;
	for (size_t i = 0; i < d->count; i++) {
		size_t rcpt = d->rcpts[i];
		const struct rule *rule = rule_for(j, rcpt, d->turn.site, now);

		if (!rule)
			continue;
		decide(j, rcpt, rule, now);
		hold |= rule->action == RULE_HOLD;
		d->rcpts[i] = d->rcpts[stopped];
		d->rcpts[stopped++] = rcpt;
	}
	if (stopped == 0)
		return false;
	delivery_cut(d, stopped);
	if (hold)
		hold_when_all(j, now);
	return true;
}

/* ---- changes ---- */

static bool has_rule(const struct rules *rules, const struct rule *like)
{
	for (size_t i = 0; i < rules->count; i++)
		if (rules->list[i].number == like->number && rules->list[i].action == like->action)
			return true;
	return false;
}

/* What waits in memory is read again, by and by. */
static void look_at_waiting(struct runner *r)
{
	struct entry *e, *next;

	HASH_ITER(hh, r->entries, e, next) {
		entry_unpark(r, e);
		if (e->job)
			job_withdraw(e->job);
		if (!e->job)
			intake_add(r, e->id, (enum spool_state)e->state);
	}
}

/* What RULE is about, and is deferred, is looked at now. */
static bool flush_for(struct runner *r, const struct rule *rule, struct buf *say, struct err *err)
{
	switch (rule->kind) {
	case RULE_DOMAIN:
		return queue_flush_domain(r, view_of(rule->what), say, err);
	case RULE_SITE:
		return queue_flush_site(r, view_of(rule->what), say, err);
	case RULE_SENDER:
		return queue_flush_sender(r, rule->what, say, err);
	default:
		r->rescan = true;
		runner_wake(r);
		return true;
	}
}

/* Deferred mail is looked at for each rule of ONE that OTHER has not; suspended mail can wait for its time when a rule is new. */
static bool flush_difference(struct runner *r, const struct rules *one, const struct rules *other, bool suspended, bool *any, struct buf *say, struct err *err)
{
	for (size_t i = 0; i < one->count; i++) {
		const struct rule *rule = &one->list[i];

		if (has_rule(other, rule) || (rule->action == RULE_SUSPEND && !suspended))
			continue;
		buf_clear(say);
		*any = true;
		if (!flush_for(r, rule, say, err))
			return false;
	}
	return true;
}

bool enforce_again(struct runner *r, struct buf *say, struct err *err)
{
	struct enforce *e = r->enforce;
	struct arena *before_arena = e->arena;
	struct rules before = e->rules;
	bool stopped = enforce_stopped(r), any = false;

	e->arena = NULL;
	bool ok = read_rules(r, err);

	if (ok)
		ok = flush_difference(r, &e->rules, &before, false, &any, say, err);
	if (ok && any)
		look_at_waiting(r);
	if (ok)
		ok = flush_difference(r, &before, &e->rules, true, &any, say, err);
	if (stopped != enforce_stopped(r)) {
		log_warn("outbound delivery is %s", stopped ? "resumed" : "stopped");
		r->rescan = true;
	}
	log_info("%zu rules in force", e->rules.count);
	runner_wake(r);
	arena_free(&before_arena);
	return ok;
}
