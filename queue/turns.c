/* turns.c - whose turn it is, and what is done about it: see runner.h, and sched.h for who decides. */
#include "../lib/clock.h"
#include "../lib/log.h"
#include "delivery.h"
#include "hook_run.h"
#include "job.h"
#include "runner.h"
#include "timing.h"

#define TURNS_STARTS 64			/* deliveries begun, or decided without one, in one go */

/* ---- where destinations are ---- */

struct question {			/* one destination that is being asked for */
	struct runner *runner;
	struct destination *destination;
};

static struct limits limits_of(const struct runner *r, const struct destination *d, const struct shaping_rule *rule)
{
	struct limits limits = rule->limits;
	unsigned workers = (unsigned)r->settings->max_workers / 4;

	/* our own workers have clients to serve too */
	if (d->route->internal && limits.connections > workers)
		limits.connections = workers ? workers : 1;
	return limits;
}

/* Domains whose mail goes to the same best hosts are one site. When their names are too long, a hash stands for the rest. */
static char *site_key(const struct mx_answer *a, const struct route *route, char out[SITE_KEY])
{
	uint64_t hash = VIEW_HASH;
	char access[ACCESS_TEXT];
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i < a->host_count; i++) {
		hash = view_hash(hash, view_of(a->hosts[i]));
		len += (size_t)snprintf(out + (len < SITE_KEY ? len : 0), len < SITE_KEY ? SITE_KEY - len : 0, "%s%s", i ? "," : "", a->hosts[i]);
	}
	/* what is refused to one user, or for want of TLS, says nothing of the others */
	access_text(route->count ? route->hops[0].access : route->access, access);
	hash = view_hash(hash, view_of(access));
	len += (size_t)snprintf(out + (len < SITE_KEY ? len : 0), len < SITE_KEY ? SITE_KEY - len : 0, "%s", access);
	if (len >= SITE_KEY)
		snprintf(out + SITE_KEY - 20, 20, "#%016llx", (unsigned long long)hash);
	return out;
}

static void on_answer(void *arg, struct mx_answer *a)
{
	struct question q = *(struct question *)arg;
	struct sched *s = &q.runner->sched;
	struct destination *d = q.destination;
	int64_t now = clock_ms(), until = now + (int64_t)a->ttl * 1000;
	char key[SITE_KEY];

	free(arg);
	d->query = NULL;
	if (a->outcome == OUTCOME_NONE) {
		const char *name;
		const struct shaping_rule *rule = shaping_site(q.runner->shaping, a->hosts, a->host_count, &name);
		struct limits limits = limits_of(q.runner, d, rule);

		destination_resolved(s, d, name ? name : site_key(a, d->route, key), &limits, d->route->internal, until, now);
		d->site->rule = rule;
		if (d->route->kind == ROUTE_MX)
			whereabouts_set(&q.runner->whereabouts, spool_domain(d->route->domain), spool_domain(d->site->key));
		d->targets = a->targets;
	} else if (a->outcome == OUTCOME_FAIL) {
		destination_answered(s, d, a->outcome, a->enhanced, a->text, until);
	} else {
		destination_unresolved(s, d, a->enhanced, a->text, now);
	}
	runner_wake(q.runner);
}

static void find_out(struct runner *r)
{
	struct destination *d;

	while ((d = destination_ask_next(&r->sched))) {
		struct question *q = malloc(sizeof(*q));

		if (!q)
			bug("no memory for a question");
		*q = (struct question){ r, d };
		struct mx_query *query = mx_ask(r->mx, d->route, on_answer, q);

		if (query)
			d->query = query;
	}
}

void turns_end(struct runner *r)
{
	struct destination *d, *next;

	HASH_ITER(hh, r->sched.destinations, d, next)
		if (d->query)
			free(mx_cancel(&d->query));
}

/* ---- turns ---- */

int64_t turn_put_off_until(struct runner *r, int64_t until)
{
	int64_t left = (until - clock_ms()) / 1000, least = r->sched.load.dead_time / 5000;

	/* Spread over as long again, so that they do not all come back in the moment of the probe. */
	left = left > least ? left : least + 1;
	return clock_now() + left + clock_now_us() % (left + 1);
}

size_t turn_most_rcpts(struct runner *r, const struct turn *t)
{
	const struct destination *d = t->destination;
	size_t most = t->site->rule->recipients;

	if (r->settings->outbound_always_split)
		return 1;
	return d->rule && d->rule->recipients && d->rule->recipients < most ? d->rule->recipients : most;
}

/* The turn of a message that is in memory. */
static void carry_out(struct runner *r, struct delivery *d, const struct sched_order *order)
{
	const struct destination *to = d->turn.destination;
	struct result result;

	if (order->kind != SCHED_ANSWER && timing_over(&d->job->file.env, clock_now())) {
		if (order->kind == SCHED_START)
			sched_done(&r->sched, &d->turn, SITE_UNTRIED, NULL, clock_ms());
		result = result_local(d->job->arena, OUTCOME_FAIL, TIMING_OVER_CODE, TIMING_OVER_TEXT);
		delivery_decide(d, &result, false, 0);
		return;
	}
	if (order->kind == SCHED_START) {
		delivery_cut(d, turn_most_rcpts(r, &d->turn));
		delivery_start(d);
	} else if (order->kind == SCHED_ANSWER) {
		result = result_local(d->job->arena, to->outcome, to->enhanced, to->why);
		delivery_decide(d, &result, false, 0);
	} else {
		result = result_local(d->job->arena, OUTCOME_DEFER, "4.4.1", order->why);
		delivery_decide(d, &result, true, turn_put_off_until(r, order->until));
	}
}

static void unlink_park(struct park *p)
{
	struct park **link = &p->entry->parks;

	while (*link != p)
		link = &(*link)->more;
	*link = p->more;
}

/* Takes the message of P, whose turn it is, into memory. */
static void unpark(struct runner *r, struct park *p, const struct sched_order *order)
{
	struct entry *e = p->entry;
	struct job_turn what = { .turn = &p->turn, .order = *order };

	unlink_park(p);
	enum job_load how = job_begin(r, e, &what);

	if (order->kind == SCHED_START && what.turn)	/* nothing came of it */
		sched_done(&r->sched, &p->turn, SITE_UNTRIED, NULL, clock_ms());
	free(p);
	if (how == JOB_SHORT) {
		intake_add(r, e->id, (enum spool_state)e->state);
		runner_rest(r, false);
	}
}

bool turns_take(struct runner *r, int64_t now)
{
	for (unsigned n = 0; n < TURNS_STARTS; n++) {
		struct sched_order order;

		find_out(r);
		if (r->leaving || r->no_sockets || r->no_files || hook_waiting() >= r->jobs_max)
			return false;
		struct turn *t = sched_next(&r->sched, now, &order);
		if (!t) {
			find_out(r);
			return false;
		}
		if (t->parked)
			unpark(r, (struct park *)t, &order);
		else
			carry_out(r, (struct delivery *)t, &order);
	}
	return true;
}
