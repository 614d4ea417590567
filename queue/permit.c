/* permit.c - see permit.h. */
#include "permit.h"

#include "client.h"
#include "crowd.h"
#include "delivery.h"
#include "gate.h"
#include "targets.h"

#define PERMIT_PAUSE 1000		/* ms to wait for a connection to be closed; earlier when one is */

/* Whom a connection to a target concerns besides site and domain: the server's address, and our own when one is demanded. NULL:
 * there is no rule for it. */
struct gates { struct gate *of[2]; };

static struct gates gates_of(struct runner *r, const struct target *t, int64_t now)
{
	const struct netaddr *source = target_source(t);
	struct gates g = { { NULL, NULL } };

	if (t->addr.family)
		g.of[0] = gate_find(&r->gates, &t->addr, shaping_address(r->shaping, &t->addr), now);
	if (t->addr.family && source)
		g.of[1] = gate_find(&r->sources, source, shaping_source(r->shaping, source), now);
	return g;
}

static bool gates_ask(const struct gates *g, bool connection, int64_t now, int64_t *when)
{
	bool may = true;

	for (size_t i = 0; i < COUNT_OF(g->of); i++) {
		if (!g->of[i])
			continue;
		struct limits limits = crowd_share(g->of[i]->crowd, &g->of[i]->rule->limits);

		may = gate_ask(&limits, &g->of[i]->usage, connection, now, when) && may;
	}
	return may;
}

static void gates_take(const struct gates *g, bool connection, int64_t now)
{
	for (size_t i = 0; i < COUNT_OF(g->of); i++) {
		if (!g->of[i])
			continue;
		struct limits limits = crowd_share(g->of[i]->crowd, &g->of[i]->rule->limits);

		gate_take(&limits, &g->of[i]->usage, connection, now);
	}
}

bool permit_ask(struct delivery *d, const struct target *t, bool fresh, int64_t now, int64_t *when)
{
	struct site *site = d->turn.site;
	struct destination *to = d->turn.destination;
	const struct gates g = gates_of(d->job->runner, t, now);
	/* how much is under way to a site and a domain has been decided with the turn */
	struct limits of_site = crowd_share(site->crowd, &site->limits), of_domain = crowd_share(to->crowd, &to->limits);
	unsigned connections = of_site.connections;
	bool may = gates_ask(&g, false, now, when);

	of_site.connections = of_domain.connections = 0;
	if (!fresh)
		return may;
	if (connections && site->open >= connections) {
		/* those that wait in the pool for another address count, until they are closed */
		pool_trim_site(d->job->runner->pool, site);
		may = false;
		*when = *when > now + PERMIT_PAUSE ? *when : now + PERMIT_PAUSE;
	}
	may = gate_ask(&of_site, &site->usage, true, now, when) && may;
	may = gate_ask(&of_domain, &to->usage, true, now, when) && may;
	return gates_ask(&g, true, now, when) && may;
}

void permit_send(struct delivery *d, const struct target *t, int64_t now)
{
	const struct gates g = gates_of(d->job->runner, t, now);

	gates_take(&g, false, now);
}

/* ---- connections ---- */

struct permit {
	struct runner *runner;
	struct site *site;
	struct gates gates;
};

static void on_closed(void *arg)
{
	struct permit *p = arg;

	p->site->open--;
	for (size_t i = 0; i < COUNT_OF(p->gates.of); i++)
		if (p->gates.of[i])
			p->gates.of[i]->usage.active--;
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
	*p = (struct permit){ .runner = d->job->runner, .site = site, .gates = gates_of(d->job->runner, t, now) };
	struct limits of_site = crowd_share(site->crowd, &site->limits), of_domain = crowd_share(to->crowd, &to->limits);

	site->open++;
	gate_take(&of_site, &site->usage, true, now);
	gate_take(&of_domain, &to->usage, true, now);
	gates_take(&p->gates, true, now);
	for (size_t i = 0; i < COUNT_OF(p->gates.of); i++)
		if (p->gates.of[i])
			p->gates.of[i]->usage.active++;
	client_on_close(c, on_closed, p);
}
