/* dns.c - a libunbound context on a libevent loop, set up from resolver { ... }, and questions with deadlines to
 * it. libunbound cannot take back a question safely from within its own callback, so a query that is cancelled
 * or late is only let go of here, and freed when libunbound comes back with it. */
#include "base.h"
#include "dns.h"
#include "log.h"
#include <event2/event.h>
#include <unbound-event.h>
#include <unbound.h>

struct dns_query {
	enum dns_type type;
	dns_done *done;		/* NULL: answered or cancelled, nobody waits */
	void *arg;
	struct event *timer;
	bool returned;		/* dns_ask has given it to the caller */
	bool over;		/* libunbound has called back */
};

/* ---- the context ---- */

/* Small caches, as an MTA asks for few names; loopback forwarders allowed; a dead server is probed again
 * soon, for mail is retried for days but should not be late for hours. */
static const struct { const char *name, *value; } options[] = {
	{ "do-not-query-localhost:", "no" },
	{ "msg-cache-size:", "2m" },
	{ "rrset-cache-size:", "4m" },
	{ "key-cache-size:", "1m" },
	{ "neg-cache-size:", "256k" },
	{ "infra-host-ttl:", "60" },
	{ "infra-keep-probing:", "yes" },
	{ "outgoing-range:", "128" },
	{ "unblock-lan-zones:", "yes" },
	{ "insecure-lan-zones:", "yes" },
	{ "use-syslog:", "no" },
};

/* Zones that libunbound answers itself unless told otherwise: with a forwarder, the forwarder knows. */
static const char *const builtin_zones[] = { "test.", "invalid.", "home.arpa.", "onion." };

static bool check_ub(int result, struct err *err, const char *what, const char *value)
{
	return result == 0 || err_set(err, "resolver: %s \"%s\": %s", what, value, ub_strerror(result));
}

static bool set_options(struct ub_ctx *ctx, struct err *err)
{
	for (size_t i = 0; i < COUNT_OF(options); i++)
		if (!check_ub(ub_ctx_set_option(ctx, options[i].name, options[i].value), err, options[i].name, options[i].value))
			return false;
	return true;
}

static bool set_servers(struct ub_ctx *ctx, const struct settings *s, struct err *err)
{
	for (size_t i = 0; s->resolver_forwarders[i] != NULL; i++)
		if (!check_ub(ub_ctx_set_fwd(ctx, s->resolver_forwarders[i]), err, "forwarder", s->resolver_forwarders[i]))
			return false;
	if (s->resolver_forwarders[0] == NULL && s->resolver_resolv_conf[0] != '\0' &&
	    !check_ub(ub_ctx_resolvconf(ctx, s->resolver_resolv_conf), err, "resolv_conf", s->resolver_resolv_conf))
		return false;
	return s->resolver_trust_anchor[0] == '\0' ||
		check_ub(ub_ctx_add_ta_file(ctx, s->resolver_trust_anchor), err, "trust_anchor", s->resolver_trust_anchor);
}

/* The first of these calls makes the context final: it comes after all options. */
static bool set_local(struct ub_ctx *ctx, const struct settings *s, struct err *err)
{
	bool forwards = s->resolver_forwarders[0] != NULL || s->resolver_resolv_conf[0] != '\0';

	for (size_t i = 0; forwards && i < COUNT_OF(builtin_zones); i++)
		if (!check_ub(ub_ctx_zone_add(ctx, builtin_zones[i], "transparent"), err, "zone", builtin_zones[i]))
			return false;
	for (size_t i = 0; s->resolver_local_data[i] != NULL; i++)
		if (!check_ub(ub_ctx_data_add(ctx, s->resolver_local_data[i]), err, "local_data", s->resolver_local_data[i]))
			return false;
	return true;
}

struct ub_ctx *dns_context(struct event_base *base, const struct settings *s, struct err *err)
{
	struct ub_ctx *ctx = ub_ctx_create_event(base);

	if (ctx == NULL) {
		err_set(err, "resolver: cannot make a context");
		return NULL;
	}
	if (set_options(ctx, err) && set_servers(ctx, s, err) && set_local(ctx, s, err))
		return ctx;
	ub_ctx_delete(ctx);
	return NULL;
}

/* ---- questions ---- */

static void query_free(struct dns_query *q)
{
	if (q->timer != NULL)
		event_free(q->timer);
	free(q);
}

/* Hands the answer over, once. */
static void finish(struct dns_query *q, struct dns_answer *answer)
{
	dns_done *done = q->done;

	q->done = NULL;
	if (q->timer != NULL)
		event_del(q->timer);
	if (done == NULL)
		dns_answer_free(&answer);
	else
		done(q->arg, answer);
}

static void on_timeout(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	finish(arg, dns_answer_empty(DNS_TEMPORARY));	/* freed in on_answer */
}

/* SEC: 0 insecure, 1 bogus, 2 secure (libunbound's manual of ub_resolve_event). */
static void on_answer(void *arg, int rcode, void *packet, int len, int sec, char *why_bogus, int was_ratelimited UNUSED)
{
	struct dns_query *q = arg;
	bool bogus = sec == 1;

	if (bogus)
		log_warn("resolver: DNSSEC validation failed: %s", why_bogus != NULL ? why_bogus : "no reason given");
	q->over = true;
	finish(q, dns_answer_parse(packet, len > 0 ? (size_t)len : 0, rcode, q->type, sec == 2, bogus));
	if (q->returned)
		query_free(q);
}

static bool start_timer(struct dns_query *q, struct event_base *base, int64_t timeout_ms)
{
	struct timeval tv = { .tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000 };

	q->timer = evtimer_new(base, on_timeout, q);
	return q->timer != NULL && evtimer_add(q->timer, &tv) == 0;
}

struct dns_query *dns_ask(struct ub_ctx *ctx, struct event_base *base, const char *name, enum dns_type type, int64_t timeout_ms, dns_done *done, void *arg)
{
	struct dns_query *q = calloc(1, sizeof *q);

	if (q == NULL || !start_timer(q, base, timeout_ms)) {
		if (q != NULL)
			query_free(q);
		done(arg, dns_answer_empty(DNS_TEMPORARY));
		return NULL;
	}
	q->type = type;
	q->done = done;
	q->arg = arg;
	int result = ub_resolve_event(ctx, name, (int)type, 1, q, on_answer, NULL);

	if (result != 0 && !q->over) {
		/* What is no domain name does not exist; anything else is our trouble. */
		finish(q, dns_answer_empty(result == UB_SYNTAX ? DNS_NXDOMAIN : DNS_TEMPORARY));
		q->over = true;
	}
	if (q->over) {
		query_free(q);
		return NULL;
	}
	q->returned = true;
	return q;
}

void dns_cancel(struct dns_query **query)
{
	struct dns_query *q = *query;

	*query = NULL;
	if (q == NULL)
		return;
	q->done = NULL;
	event_del(q->timer);
}
