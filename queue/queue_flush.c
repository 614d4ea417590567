/* queue_flush.c - see queue_flush.h. The index knows the domain of most messages; those with several, and those of a file
 * system that loses fractions of times, are looked into, some at a time. */
#include "queue_flush.h"

#include "../lib/address.h"
#include "../lib/clock.h"
#include "../lib/log.h"
#include "rules.h"
#include "targets.h"
#include <event2/event.h>
#include <utlist.h>

#define FLUSH_TURN 200			/* messages looked into in one go */

/* One flush of a domain or site, while there is something to look into. */
struct flush {
	struct runner *runner;
	struct flush *prev, *next;
	struct event *event;
	bool site;
	uint32_t number;		/* of the domain, or site */
	char *sender;			/* instead of them */
	struct spool_key *keys;
	size_t count, at;
};

/* ---- which ---- */

static bool is_special(uint32_t domain)
{
	return domain == SPOOL_DOMAIN_UNKNOWN || domain >= SPOOL_DOMAIN_SEVERAL;
}

/* A domain that has not been asked for since the start may lead to the site. */
static bool leads_there(const struct flush *f, uint32_t domain)
{
	uint32_t site;

	if (!f->site)
		return domain == f->number;
	site = whereabouts_get(&f->runner->whereabouts, domain);
	return site == 0 || site == f->number;
}

static bool is_wanted(void *arg, uint32_t domain)
{
	return !is_special(domain) && leads_there(arg, domain);
}

static bool must_be_read(void *arg UNUSED, uint32_t domain)
{
	return is_special(domain);
}

static bool any(void *arg UNUSED, uint32_t domain UNUSED)
{
	return true;
}

static bool is_for(const struct flush *f, const char *id)
{
	struct arena *a = arena_new(4096);
	struct spool_file file;
	bool hit = false;

	if (spool_file_open(f->runner->spool, id, SPOOL_LATER, false, a, &file, NULL) == SPOOL_READ_OK) {
		if (f->sender)
			hit = rules_sender_fits(f->sender, file.env.sender);
		for (size_t i = 0; !f->sender && !hit && i < file.env.rcpt_count; i++)
			hit = file.env.rcpts[i].status == RCPT_TODO && leads_there(f, spool_domain(file.env.rcpts[i].domain));
		spool_file_close(&file);
	}
	arena_free(&a);
	return hit;
}

/* ---- reading ---- */

static void flush_free(struct flush *f)
{
	DL_DELETE(f->runner->flushes, f);
	event_free(f->event);
	free(f->keys);
	free(f->sender);
	free(f);
}

static void on_turn(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct flush *f = arg;
	struct runner *r = f->runner;
	char id[SPOOL_ID_SIZE];

	for (size_t n = 0; n < FLUSH_TURN && f->at < f->count; n++) {
		spool_id_unpack(&f->keys[f->at++], id);
		if (index_has(r->index, id) && is_for(f, id) && index_remove(r->index, id))
			intake_add(r, id, SPOOL_LATER);
	}
	if (f->at < f->count)
		event_active(f->event, EV_TIMEOUT, 0);
	else
		flush_free(f);
}

void queue_flush_end(struct runner *r)
{
	struct flush *f, *next;

	DL_FOREACH_SAFE(r->flushes, f, next)
		flush_free(f);
}

static struct flush *flush_new(struct runner *r, struct err *err)
{
	struct flush *f = calloc(1, sizeof(*f));

	if (!f || !(f->event = event_new(r->base, -1, 0, on_turn, f))) {
		free(f);
		err_set(err, "out of memory");
		return NULL;
	}
	f->runner = r;
	DL_APPEND(r->flushes, f);
	return f;
}

/* What F is about. */
static bool begin(struct runner *r, struct flush *f, struct buf *say)
{
	size_t now = f->sender ? 0 : index_flush(r->index, clock_now(), is_wanted, f);

	f->keys = index_list(r->index, f->sender ? any : must_be_read, NULL, &f->count);
	size_t later = f->count;

	event_active(f->event, EV_TIMEOUT, 0);
	runner_wake(r);
	if (f->sender)
		return buf_printf(say, "those of %zu deferred messages that come from there will be tried now", later);
	if (later == 0)
		return buf_printf(say, "%zu deferred messages will be tried now", now);
	return buf_printf(say, "%zu deferred messages will be tried now, and those of %zu others that are for it", now, later);
}

/* ---- what is known of hosts ---- */

void queue_flush_hosts(struct runner *r)
{
	sched_revive(&r->sched, NULL);
	target_downs_clear(&r->downs);
	runner_forget_dns(r);
}

static void forget_destination(struct runner *r, struct destination *d)
{
	for (size_t i = 0; d->targets && i < d->targets->count; i++)
		target_up(&r->downs, &d->targets->list[i]);
	sched_revive(&r->sched, d);
}

bool queue_flush_all(struct runner *r, struct buf *say)
{
	queue_flush_hosts(r);
	size_t count = index_flush(r->index, clock_now(), NULL, NULL);

	r->rescan = true;
	runner_wake(r);
	return buf_printf(say, "%zu deferred messages will be tried now", count);
}

bool queue_flush_domain(struct runner *r, struct view domain, struct buf *say, struct err *err)
{
	char name[ADDRESS_DOMAIN_MAX + 1];
	struct destination *d;

	if (!view_copy(domain, name, sizeof(name)) || !*name)
		return err_set(err, "not a domain");
	HASH_FIND_STR(r->sched.destinations, name, d);
	if (d)
		forget_destination(r, d);
	else	/* it has a route, or has not been asked for */
		queue_flush_hosts(r);
	runner_forget_dns(r);
	struct flush *f = flush_new(r, err);

	if (!f)
		return false;
	f->number = spool_domain(name);
	return begin(r, f, say);
}

bool queue_flush_site(struct runner *r, struct view site, struct buf *say, struct err *err)
{
	char name[SITE_KEY];
	struct destination *d, *next;
	struct site *s;

	if (!view_copy(site, name, sizeof(name)) || !*name)
		return err_set(err, "not a site");
	HASH_FIND_STR(r->sched.sites, name, s);
	HASH_ITER(hh, r->sched.destinations, d, next)
		if (s && d->site == s)
			forget_destination(r, d);
	if (s)
		sched_revive_site(&r->sched, s);
	runner_forget_dns(r);
	struct flush *f = flush_new(r, err);

	if (!f)
		return false;
	f->site = true;
	f->number = spool_domain(name);
	return begin(r, f, say);
}

bool queue_flush_sender(struct runner *r, const char *sender, struct buf *say, struct err *err)
{
	char *copy = strdup(sender);
	struct flush *f = copy ? flush_new(r, err) : NULL;

	if (!f) {
		free(copy);
		return err_set(err, "out of memory");
	}
	f->sender = copy;
	return begin(r, f, say);
}
