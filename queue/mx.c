/* mx.c - see mx.h. DNS is written by strangers: what it may make us connect to is limited in number and kind. */
#include "mx.h"
#include "../lib/log.h"
#include <ifaddrs.h>
#include <sys/random.h>

#define MX_OWN_MAX 64			/* addresses of our own that are looked at */
#define MX_TTL_MIN 5			/* seconds: many messages at once cost one question */
#define MX_TTL_MAX 300
#define HOST_TEXT (DNS_NAME_SIZE + 16)

struct mx {
	struct event_base *base;
	struct ub_ctx *ctx;
	const struct settings *settings;
	const struct tls_policy *tls;	/* NULL: none */
	uint64_t random;
	size_t own_count;
	struct netaddr own[MX_OWN_MAX];
};

/* A host whose addresses are wanted. */
struct mx_host {
	struct mx_query *query;
	unsigned preference;
	bool lmtp;
	uint16_t port;
	char name[DNS_NAME_SIZE];
	char path[TARGET_PATH];
	const struct access *access;	/* the route's */
	struct netaddr literal;		/* family 0: ask */
	struct dns_query *asked[2];	/* A, AAAA */
	struct dns_answer *answers[2];
};

struct mx_query {
	struct mx *mx;
	const struct route *route;
	mx_done *done;
	void *arg;
	bool returned, over;
	bool by_dns;			/* a stranger names the hosts */
	bool is_signed;			/* and DNSSEC says that it is the domain itself */
	bool implicit;			/* no MX record: the domain itself (RFC 5321 5.1) */
	bool local, loop, temporary;	/* what was left out, and why */
	unsigned pending;
	struct dns_query *asked;	/* MX */
	uint32_t ttl;
	size_t count;
	struct mx_host hosts[MX_HOSTS_MAX > ROUTE_HOPS_MAX ? MX_HOSTS_MAX : ROUTE_HOPS_MAX];
};

/* ---- what is ours ---- */

static void read_own(struct mx *mx)
{
	struct ifaddrs *list;

	if (getifaddrs(&list) < 0)
		return;
	for (struct ifaddrs *i = list; i && mx->own_count < MX_OWN_MAX; i = i->ifa_next) {
		struct netaddr a = { 0 };

		if (i->ifa_addr && (i->ifa_addr->sa_family == AF_INET || i->ifa_addr->sa_family == AF_INET6))
			a = netaddr_from(i->ifa_addr, i->ifa_addr->sa_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
		if (a.family)
			mx->own[mx->own_count++] = a;
	}
	freeifaddrs(list);
}

static bool is_own(const struct mx *mx, const struct netaddr *a)
{
	for (size_t i = 0; i < mx->own_count; i++)
		if (netaddr_eq(&mx->own[i], a))
			return true;
	return false;
}

struct mx *mx_new(struct event_base *base, struct ub_ctx *ctx, const struct settings *s, const struct tls_policy *tls)
{
	struct mx *mx = calloc(1, sizeof(*mx));

	if (!mx)
		bug("no memory for MX lookups");
	mx->base = base;
	mx->ctx = ctx;
	mx->settings = s;
	mx->tls = tls;
	if (getrandom(&mx->random, sizeof(mx->random), 0) != sizeof(mx->random))
		mx->random = (uint64_t)getpid();
	mx->random |= 1;
	read_own(mx);
	return mx;
}

void mx_use(struct mx *mx, struct ub_ctx *ctx)
{
	mx->ctx = ctx;
}

void mx_free(struct mx **mx)
{
	free(*mx);
	*mx = NULL;
}

/* xorshift64*: spreading load needs no more. */
static uint32_t next_random(struct mx *mx)
{
	mx->random ^= mx->random >> 12;
	mx->random ^= mx->random << 25;
	mx->random ^= mx->random >> 27;
	return (uint32_t)((mx->random * UINT64_C(2685821657736338717)) >> 32);
}

/* ---- the end ---- */

static void query_free(struct mx_query *q)
{
	dns_cancel(&q->asked);
	for (size_t i = 0; i < q->count; i++)
		for (size_t k = 0; k < 2; k++) {
			dns_cancel(&q->hosts[i].asked[k]);
			dns_answer_free(&q->hosts[i].answers[k]);
		}
	free(q);
}

static void finish(struct mx_query *q, struct mx_answer *a)
{
	q->over = true;
	a->ttl = q->ttl < MX_TTL_MIN ? MX_TTL_MIN : q->ttl > MX_TTL_MAX ? MX_TTL_MAX : q->ttl;
	q->done(q->arg, a);
	if (q->returned)
		query_free(q);
}

static void finish_without(struct mx_query *q, enum outcome outcome, const char *enhanced, const char *format, ...) PRINTFLIKE(4, 5);
static void finish_without(struct mx_query *q, enum outcome outcome, const char *enhanced, const char *format, ...)
{
	struct mx_answer a = { .outcome = outcome, .enhanced = enhanced };
	va_list ap;

	va_start(ap, format);
	vsnprintf(a.text, sizeof(a.text), format, ap);
	va_end(ap);
	finish(q, &a);
}

/* ---- addresses into targets ---- */

/* One address under two names is two targets where the certificate must be for the name. */
static bool known(const struct targets *t, const struct target *new)
{
	bool by_name = new->access && new->access->verify;

	for (const struct target *old = t->list; old < t->list + t->count; old++)
		if (netaddr_eq(&old->addr, &new->addr) && old->addr.port == new->addr.port && old->access == new->access &&
		    (!by_name || strcmp(old->name, new->name) == 0))
			return true;
	return false;
}

/* Whether the host may be reached at A; what may not is noted. Only names by DNS are limited: a route is our own word. */
static bool allowed(struct mx_query *q, const struct netaddr *a)
{
	if (!q->by_dns || q->mx->settings->outbound_local_mx_ok)
		return true;
	if (netaddr_is_local(a))
		q->local = true;
	else if (is_own(q->mx, a))
		q->loop = true;
	else
		return true;
	return false;
}

static void add_target(struct mx_query *q, struct targets *t, const struct mx_host *h, const struct netaddr *a)
{
	if (t->count == TARGETS_MAX || !allowed(q, a))
		return;
	struct target *new = &t->list[t->count];
	*new = (struct target){ .preference = h->preference, .lmtp = h->lmtp, .authentic = !q->by_dns || q->is_signed || h->literal.family, .addr = *a,
		.access = access_hold(h->access) };
	new->addr.port = h->port;
	memcpy(new->name, h->name, sizeof(new->name));
	tls_policy_host(q->mx->tls, new->name, &new->addr, q->route->kind == ROUTE_MX ? q->route->domain : "", &new->access);
	if (known(t, new))
		access_drop(&new->access);
	else
		t->count++;
}

static void add_host(struct mx_query *q, struct targets *t, const struct mx_host *h)
{
	static const size_t v6_first[] = { 1, 0 };

	if (*h->path && t->count < TARGETS_MAX) {
		struct target *new = &t->list[t->count++];

		*new = (struct target){ .preference = h->preference, .lmtp = h->lmtp, .access = access_hold(h->access) };
		memcpy(new->path, h->path, sizeof(new->path));
		snprintf(new->name, sizeof(new->name), "%s", h->path);
	}
	if (h->literal.family)
		add_target(q, t, h, &h->literal);
	for (size_t i = 0; i < COUNT_OF(v6_first); i++) {
		const struct dns_answer *a = h->answers[v6_first[i]];

		if (!a)
			continue;
		q->temporary |= a->status == DNS_TEMPORARY || a->status == DNS_BOGUS;
		if (a->status == DNS_OK && a->ttl < q->ttl)
			q->ttl = a->ttl;
		for (unsigned k = 0; a->status == DNS_OK && k < a->count; k++)
			add_target(q, t, h, &a->records[k].addr);
	}
}

/* Stable: by preference, then by the family that is preferred. */
static void sort_targets(struct targets *t, enum inet_prefer prefer)
{
	uint8_t first = prefer == INET_V4 ? 4 : 6;

	for (size_t i = 1; i < t->count; i++) {
		struct target x = t->list[i];
		size_t at = i;

		while (at > 0 && (t->list[at - 1].preference > x.preference ||
				  (t->list[at - 1].preference == x.preference && x.addr.family == first && t->list[at - 1].addr.family != first))) {
			t->list[at] = t->list[at - 1];
			at--;
		}
		t->list[at] = x;
	}
}

static void finish_empty(struct mx_query *q)
{
	const char *domain = q->route->domain;

	if (q->route->kind == ROUTE_HOPS)	/* a mistake of ours is no reason to return mail */
		finish_without(q, OUTCOME_DEFER, "4.4.4", "no address for the next hop %s", q->hosts[0].name);
	else if (q->temporary)
		finish_without(q, OUTCOME_DEFER, "4.4.3", "temporary failure looking up the mail servers of %s", domain);
	else if (q->loop)
		finish_without(q, OUTCOME_FAIL, "5.4.6", "mail for %s loops back to this server", domain);
	else if (q->local)
		finish_without(q, OUTCOME_FAIL, "5.4.4", "the mail server of %s has a local address", domain);
	else if (q->implicit)
		finish_without(q, OUTCOME_FAIL, "5.1.2", "%s has no mail server: no MX, A or AAAA record", domain);
	else
		finish_without(q, OUTCOME_FAIL, "5.4.4", "no mail server of %s has an address", domain);
}

/* A host with one of our own addresses is this server: it and all that are no better are left out (RFC 5321 5.1). */
static void cut_own(struct mx_query *q)
{
	unsigned limit = UINT_MAX;

	if (!q->by_dns || q->mx->settings->outbound_local_mx_ok)
		return;
	for (size_t i = 0; i < q->count; i++)
		for (size_t k = 0; k < 2; k++) {
			const struct dns_answer *a = q->hosts[i].answers[k];

			for (unsigned n = 0; a && a->status == DNS_OK && n < a->count; n++)
				if (!netaddr_is_local(&a->records[n].addr) && is_own(q->mx, &a->records[n].addr) && q->hosts[i].preference < limit)
					limit = q->hosts[i].preference;
		}
	for (size_t i = 0; i < q->count; i++)
		if (q->hosts[i].preference >= limit)
			for (size_t k = 0; k < 2; k++)
				dns_answer_free(&q->hosts[i].answers[k]);
	q->loop |= limit != UINT_MAX;
}

/* What stands for the host of T in the name of its site. */
static char *host_text(const struct mx_query *q, const struct target *t, char out[HOST_TEXT])
{
	const char *protocol = t->lmtp ? "lmtp:" : "";

	if (t->addr.family == 0)
		snprintf(out, HOST_TEXT, "%sunix:%s", protocol, t->path);
	else if (t->addr.port == q->mx->settings->outbound_port)
		snprintf(out, HOST_TEXT, "%s%s", protocol, t->name);
	else
		snprintf(out, HOST_TEXT, "%s%s:%u", protocol, t->name, (unsigned)t->addr.port);
	return out;
}

/* The hosts of the best preference into A, sorted; TEXT holds them. */
static void name_hosts(const struct mx_query *q, struct mx_answer *a, char text[][HOST_TEXT])
{
	const struct targets *t = a->targets;

	for (size_t i = 0; i < t->count && t->list[i].preference == t->list[0].preference; i++) {
		const char *host = host_text(q, &t->list[i], text[i]);
		size_t at = a->host_count;

		while (at > 0 && strcmp(a->hosts[at - 1], host) > 0)
			at--;
		if ((at > 0 && strcmp(a->hosts[at - 1], host) == 0) || a->host_count == COUNT_OF(a->hosts))
			continue;
		memmove(a->hosts + at + 1, a->hosts + at, (a->host_count - at) * sizeof(a->hosts[0]));
		a->hosts[at] = host;
		a->host_count++;
	}
}

static void hosts_known(struct mx_query *q)
{
	char text[TARGETS_MAX][HOST_TEXT];
	struct targets *t = targets_new();

	cut_own(q);
	for (size_t i = 0; i < q->count; i++)
		add_host(q, t, &q->hosts[i]);
	if (t->count == 0) {
		targets_release(&t);
		finish_empty(q);
		return;
	}
	sort_targets(t, q->mx->settings->outbound_inet_prefer);
	struct mx_answer a = { .outcome = OUTCOME_NONE, .enhanced = "", .targets = t };
	name_hosts(q, &a, text);
	finish(q, &a);
}

/* ---- addresses of hosts ---- */

static void one_less(struct mx_query *q)
{
	if (--q->pending == 0)
		hosts_known(q);
}

static void take_addresses(struct mx_host *h, size_t which, struct dns_answer *answer)
{
	h->asked[which] = NULL;
	h->answers[which] = answer;
	one_less(h->query);
}

static void on_a(void *arg, struct dns_answer *answer)
{
	take_addresses(arg, 0, answer);
}

static void on_aaaa(void *arg, struct dns_answer *answer)
{
	take_addresses(arg, 1, answer);
}

static void ask_address(struct mx_host *h, size_t which)
{
	struct mx_query *q = h->query;
	struct dns_query *asked;

	q->pending++;
	asked = dns_ask(q->mx->ctx, q->mx->base, h->name, which ? DNS_AAAA : DNS_A, q->mx->settings->resolver_timeout, which ? on_aaaa : on_a, h);
	if (asked)
		h->asked[which] = asked;
}

static void ask_addresses(struct mx_query *q)
{
	q->pending = 1;			/* so that answers at hand do not finish before all are asked */
	for (size_t i = 0; i < q->count; i++) {
		if (q->hosts[i].literal.family || *q->hosts[i].path)
			continue;
		ask_address(&q->hosts[i], 0);
		if (q->mx->settings->outbound_ipv6)
			ask_address(&q->hosts[i], 1);
	}
	one_less(q);
}

static struct mx_host *add(struct mx_query *q, unsigned preference, const char *name)
{
	struct mx_host *h = &q->hosts[q->count++];

	h->query = q;
	h->preference = preference;
	h->port = (uint16_t)q->mx->settings->outbound_port;
	h->access = q->route->access;
	snprintf(h->name, sizeof(h->name), "%s", name);
	return h;
}

/* ---- MX records ---- */

/* By preference, equal ones in random order (RFC 5321 5.1). */
static void sort_records(struct mx *mx, struct dns_record *r, unsigned count)
{
	for (unsigned i = count; i > 1; i--) {
		unsigned k = next_random(mx) % i;
		struct dns_record x = r[i - 1];

		r[i - 1] = r[k];
		r[k] = x;
	}
	for (unsigned i = 1; i < count; i++) {
		struct dns_record x = r[i];
		unsigned at = i;

		for (; at > 0 && r[at - 1].preference > x.preference; at--)
			r[at] = r[at - 1];
		r[at] = x;
	}
}

static void take_records(struct mx_query *q, struct dns_answer *a)
{
	const char *me = q->mx->settings->me;
	bool null = true;

	sort_records(q->mx, a->records, a->count);
	for (unsigned i = 0; i < a->count && q->count < MX_HOSTS_MAX; i++) {
		if (!*a->records[i].name)
			continue;
		null = false;
		if (view_case_eq(view_of(a->records[i].name), view_of(me))) {
			q->loop = true;
			/* what is no better than we are, is not for us to use; those of the same preference may stand before it */
			while (q->count && q->hosts[q->count - 1].preference >= a->records[i].preference)
				q->count--;
			break;
		}
		add(q, a->records[i].preference, a->records[i].name);
	}
	if (null)
		finish_without(q, OUTCOME_FAIL, "5.1.10", "%s takes no mail (null MX, RFC 7505)", q->route->domain);
	else if (q->count == 0)
		finish_empty(q);
	else
		ask_addresses(q);
}

static void on_mx(void *arg, struct dns_answer *a)
{
	struct mx_query *q = arg;
	const char *domain = q->route->domain;

	q->asked = NULL;
	q->is_signed = a->secure;
	if (a->status == DNS_OK && a->ttl < q->ttl)
		q->ttl = a->ttl;
	switch (a->status) {
	case DNS_OK:
		take_records(q, a);
		break;
	case DNS_NODATA:
		q->implicit = true;
		add(q, 0, domain);
		ask_addresses(q);
		break;
	case DNS_NXDOMAIN:
		finish_without(q, OUTCOME_FAIL, "5.1.2", "the domain %s does not exist", domain);
		break;
	case DNS_TEMPORARY:
	case DNS_BOGUS:
		finish_without(q, OUTCOME_DEFER, "4.4.3", "looking up the mail servers of %s: %s", domain, dns_status_text(a->status));
		break;
	}
	dns_answer_free(&a);
}

/* ---- questions ---- */

static void ask_hops(struct mx_query *q)
{
	for (size_t i = 0; i < q->route->count; i++) {
		const struct hop *hop = &q->route->hops[i];
		struct mx_host *h = add(q, hop->preference, hop->host);

		h->lmtp = hop->lmtp;
		h->port = hop->port;
		h->access = hop->access;
		memcpy(h->path, hop->path, sizeof(h->path));
		if (!netaddr_parse(view_of(hop->host), &h->literal))
			h->literal.family = 0;
	}
	ask_addresses(q);
}

/* RFC 5321 4.1.3: user@[192.0.2.1] goes there, without DNS. */
static bool ask_literal(struct mx_query *q)
{
	struct view v = view_of(q->route->domain);
	struct netaddr addr;
	char ip[NETADDR_TEXT];

	if (v.len < 2 || v.data[0] != '[' || v.data[v.len - 1] != ']')
		return false;
	if (!netaddr_parse_literal(view_make(v.data + 1, v.len - 2), &addr)) {
		finish_without(q, OUTCOME_FAIL, "5.1.2", "%s is no address that can be reached", q->route->domain);
		return true;
	}
	add(q, 0, netaddr_text(&addr, ip))->literal = addr;
	ask_addresses(q);
	return true;
}

struct mx_query *mx_ask(struct mx *mx, const struct route *route, mx_done *done, void *arg)
{
	struct mx_query *q = calloc(1, sizeof(*q));

	if (!q)
		bug("no memory for an MX lookup");
	*q = (struct mx_query){ .mx = mx, .route = route, .done = done, .arg = arg, .ttl = UINT32_MAX };
	if (route->kind == ROUTE_HOPS) {
		ask_hops(q);
	} else {
		q->by_dns = true;
		if (!ask_literal(q)) {
			struct dns_query *asked = dns_ask(mx->ctx, mx->base, route->domain, DNS_MX, mx->settings->resolver_timeout, on_mx, q);

			if (asked)
				q->asked = asked;
		}
	}
	if (q->over) {
		query_free(q);
		return NULL;
	}
	q->returned = true;
	return q;
}

void *mx_cancel(struct mx_query **query)
{
	void *arg = *query ? (*query)->arg : NULL;

	if (*query)
		query_free(*query);
	*query = NULL;
	return arg;
}

void mx_shuffle(struct mx *mx, struct targets *t)
{
	for (size_t from = 0, to; from < t->count; from = to) {
		for (to = from + 1; to < t->count && t->list[to].preference == t->list[from].preference &&
		     t->list[to].addr.family == t->list[from].addr.family; to++)
			;
		for (size_t i = to - from; i > 1; i--) {
			size_t k = next_random(mx) % i;
			struct target x = t->list[from + i - 1];

			t->list[from + i - 1] = t->list[from + k];
			t->list[from + k] = x;
		}
	}
}
