/* permit.c - see permit.h. */
#include "permit.h"

#include "client.h"
#include "delivery.h"
#include "gate.h"
#include "targets.h"

#define PERMIT_PAUSE 1000		/* ms to wait for a connection to be closed; earlier when one is */

/* NULL: there is no rule for it. */
static struct gate *gate_of(struct runner *r, const struct target *t, int64_t now)
{
	return t->addr.family ? gate_find(&r->gates, &t->addr, shaping_address(r->shaping, &t->addr), now) : NULL;
}

bool permit_ask(struct delivery *d, const struct target *t, bool fresh, int64_t now, int64_t *when)
{
	struct site *site = d->turn.site;
	struct destination *to = d->turn.destination;
	const struct gate *g = gate_of(d->job->runner, t, now);
	/* how much is under way to a site and a domain has been decided with the turn */
	struct limits paces = { .connection_pace = site->limits.connection_pace }, of_domain = { .connection_pace = to->limits.connection_pace };
	bool may = !g || gate_ask(&g->rule->limits, &g->usage, false, now, when);

	if (!fresh)
		return may;
	if (site->limits.connections && site->open >= site->limits.connections) {
		/* those that wait in the pool for another address count, until they are closed */
		pool_trim_site(d->job->runner->pool, site);
		may = false;
		*when = *when > now + PERMIT_PAUSE ? *when : now + PERMIT_PAUSE;
	}
	may = gate_ask(&paces, &site->usage, true, now, when) && may;
	may = gate_ask(&of_domain, &to->usage, true, now, when) && may;
	return (!g || gate_ask(&g->rule->limits, &g->usage, true, now, when)) && may;
}

void permit_send(struct delivery *d, const struct target *t, int64_t now)
{
	struct gate *g = gate_of(d->job->runner, t, now);

	if (g)
		gate_take(&g->rule->limits, &g->usage, false, now);
}

/* ---- connections ---- */

struct permit {
	struct runner *runner;
	struct site *site;
	struct gate *address;		/* NULL: no limit */
};

static void on_closed(void *arg)
{
	struct permit *p = arg;

	p->site->open--;
	if (p->address)
		p->address->usage.active--;
	if (p->site->paused_until) {	/* perhaps for a place like this one */
		sched_pause(&p->runner->sched, p->site, 0);
		runner_wake(p->runner);
	}
	free(p);
}

void permit_open(struct delivery *d, const struct target *t, struct client *c, int64_t now)
{
	struct permit *p = malloc(sizeof(*p));
	struct site *site = d->turn.site;
	struct destination *to = d->turn.destination;

	if (!p)
		bug("no memory for a connection");
	*p = (struct permit){ .runner = d->job->runner, .site = site, .address = gate_of(d->job->runner, t, now) };
	site->open++;
	gate_take(&site->limits, &site->usage, true, now);
	gate_take(&to->limits, &to->usage, true, now);
	if (p->address) {
		p->address->usage.active++;
		gate_take(&p->address->rule->limits, &p->address->usage, true, now);
	}
	client_on_close(c, on_closed, p);
}
