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
#include "targets.h"

#define ROUTE_HOPS_MAX 16
#define ROUTE_LMTP_PORT 24	/* RFC 2033 has none of its own; 24 is for private mail systems */

struct hop {
	unsigned preference;
	bool lmtp;
	uint16_t port;
	char host[DNS_NAME_SIZE];	/* name or address; "" for a Unix socket */
	char path[TARGET_PATH];
};

enum route_kind { ROUTE_MX, ROUTE_HOPS };

struct route {
	enum route_kind kind;
	bool internal;			/* our own socket */
	char domain[DNS_NAME_SIZE];	/* ROUTE_MX: what to look up, or an address literal */
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
	struct hostset *local;		/* me, rcpthosts, morercpthosts */
	char internal[TARGET_PATH];
};

bool routing_init(struct routing *r, const struct settings *s, struct plugin_list *plugins, struct err *err) MUST_CHECK;
void routing_free(struct routing *r);
/* The route of CALL->domain, for the recipients in CALL, into OUT. */
void route_find(const struct routing *r, struct job_call *call, struct route *out);
/* Adds a next hop in one of the notations of pr_add_mx (postrider.h). False when it is none, or one too many. */
bool route_add(struct route *r, unsigned preference, const char *text);
/* A copy from malloc, no larger than it must be: for as long as a destination lives. */
struct route *route_keep(const struct route *r);
/* Equal for routes with the same next hops: what makes a destination. */
#define ROUTE_KEY 4096
char *route_key(const struct route *r, char out[ROUTE_KEY]);

#endif
