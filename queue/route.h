/* route.h - where a recipient's domain goes: what a plugin says (get_mx), our own domains to the internal socket, all others
 * to their MX. Nothing is asked of DNS here; that is mx.h. */
#ifndef ROUTE_H
#define ROUTE_H

#include "../lib/base.h"
#include "../lib/buf.h"
#include "../lib/plugin.h"
#include "../lib/settings.h"
#include "job_call.h"
#include "../lib/reply.h"
#include "result.h"
#include "hop.h"
#include "targets.h"
#include "tls_policy.h"

#define ROUTE_HOPS_MAX 16

enum route_kind { ROUTE_MX, ROUTE_HOPS };

struct route {
	enum route_kind kind;
	bool internal;			/* our own socket */
	char domain[DNS_NAME_SIZE];	/* ROUTE_MX: what to look up, or an address literal */
	const struct access *access;	/* ROUTE_MX: how its hosts are gone to; held */
	bool by_mx;			/* a plugin has said so */
	/* Not OUTCOME_NONE: a plugin said that it goes nowhere. */
	enum outcome outcome;
	char enhanced[12], text[REPLY_TEXT];
	uint16_t port;			/* of hops that name none */
	size_t count;
	struct hop hops[ROUTE_HOPS_MAX];
};

/* What decides; read once per process. */
struct routing {
	const struct settings *settings;
	struct plugin_list *plugins;	/* NULL: none */
	const struct tls_policy *tls;	/* NULL: none */
	struct hostset *local;		/* me, rcpthosts, morercpthosts */
	char internal[TARGET_PATH];
};

bool routing_init(struct routing *r, const struct settings *s, struct plugin_list *plugins, const struct tls_policy *tls, struct err *err) MUST_CHECK;
void routing_free(struct routing *r);
/* Whether all recipients of a domain have the same route: no plugin is asked for it. */
bool routing_by_domain(const struct routing *r);
/* An empty route for DOMAIN, to which plugins may add at get_mx. */
void route_begin(const struct routing *r, const char *domain, struct route *out);
/* They have said V and REPLY (DECLINED where there is none): OUT becomes whole. To be cleared. */
void route_decide(const struct routing *r, enum verdict v, const struct reply *reply, struct route *out);
/* Adds a next hop, or that it is the MX hosts and nothing else; SECTION as in struct access. False when there is something wrong with it, or it is one too many: *PROBLEM is what was expected. */
bool route_add(struct route *r, const struct pr_mx *mx, unsigned section, const char **problem);
/* Removes all next hops: the end of a route that was found. */
void route_clear(struct route *r);
/* A copy from malloc, no larger than it must be: for as long as a destination lives. Freed with route_free, which sets it to NULL. */
struct route *route_keep(const struct route *r);
void route_free(struct route **r);
/* Equal for routes with the same next hops: what makes a destination. */
#define ROUTE_KEY 4096
char *route_key(const struct route *r, char out[ROUTE_KEY]);

#endif
