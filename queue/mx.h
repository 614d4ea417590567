/* mx.h - from a route to the addresses to try, in order, by DNS on the loop (RFC 5321 5.1). */
#ifndef MX_H
#define MX_H

#include "../lib/base.h"
#include "../lib/dns.h"
#include "../lib/settings.h"
#include "result.h"
#include "route.h"
#include "targets.h"

#define MX_HOSTS_MAX 10		/* MX hosts whose addresses are asked for */

/* How a question ended: addresses (outcome is OUTCOME_NONE), or why there are none. */
struct mx_answer {
	enum outcome outcome;
	const char *enhanced;
	char text[512];
	struct targets *targets;	/* the receiver's; NULL when there are none */
	/* The hosts of the best preference, sorted, each once: "mx.example.com", with ":port" when that is not the usual
	 * one, "lmtp:..." and "unix:/path" as in routes. Only inside of DONE. */
	size_t host_count;
	const char *hosts[MX_HOSTS_MAX > ROUTE_HOPS_MAX ? MX_HOSTS_MAX : ROUTE_HOPS_MAX];
	uint32_t ttl;			/* seconds for which they may be kept */
};

struct mx;
struct mx_query;
/* CTX may be NULL when all routes are addresses (tests), TLS when nothing is said of hosts. Reads our own addresses from the system. */
struct mx *mx_new(struct event_base *base, struct ub_ctx *ctx, const struct settings *s, const struct tls_policy *tls);
/* From now on CTX is asked. */
void mx_use(struct mx *mx, struct ub_ctx *ctx);
void mx_free(struct mx **mx);
/* DONE is called exactly once, unless cancelled; possibly before this returns (then it returns NULL). ROUTE must live until then. */
typedef void mx_done(void *arg, struct mx_answer *answer);
struct mx_query *mx_ask(struct mx *mx, const struct route *route, mx_done *done, void *arg);
/* DONE is not called any more. Returns ARG. */
void *mx_cancel(struct mx_query **query);
/* T's addresses with those of equal preference and family in a new random order. */
void mx_shuffle(struct mx *mx, struct targets *t);

#endif
