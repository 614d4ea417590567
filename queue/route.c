/* route.c - see route.h. */
#include "route.h"
#include "../lib/address.h"
#include "../lib/listfile.h"
#include "../lib/log.h"
#include "../lib/reply.h"

/* ---- next hops ---- */

/* Those of the same preference stay as they came. */
static void insert(struct route *r, const struct hop *hop)
{
	size_t at = r->count++;

	for (; at > 0 && r->hops[at - 1].preference > hop->preference; at--)
		r->hops[at] = r->hops[at - 1];
	r->hops[at] = *hop;
	r->kind = ROUTE_HOPS;
}

bool route_add(struct route *r, const struct pr_mx *mx, unsigned section, const char **problem)
{
	struct hop hop;

	if (!hop_read(&hop, mx, r->port, section, problem))
		return false;
	if (r->by_mx || r->count == ROUTE_HOPS_MAX || (hop_by_mx(&hop) && r->count)) {
		hop_clear(&hop);
		*problem = "at most 16 next hops, or the MX hosts and no other";
		return false;
	}
	r->by_mx = hop_by_mx(&hop);
	if (r->by_mx)
		r->access = hop.access;
	else
		insert(r, &hop);
	return true;
}

void route_clear(struct route *r)
{
	for (size_t i = 0; i < r->count; i++)
		hop_clear(&r->hops[i]);
	access_drop(&r->access);
	r->count = 0;
	r->by_mx = false;
	r->kind = ROUTE_MX;
}

void route_free(struct route **r)
{
	if (*r)
		route_clear(*r);
	free(*r);
	*r = NULL;
}

struct route *route_keep(const struct route *r)
{
	size_t size = offsetof(struct route, hops) + r->count * sizeof(r->hops[0]);
	struct route *kept = malloc(size);

	if (!kept)
		bug("no memory for a route");
	memcpy(kept, r, size);
	access_hold(kept->access);
	for (size_t i = 0; i < kept->count; i++)
		access_hold(kept->hops[i].access);
	return kept;
}

char *route_key(const struct route *r, char out[ROUTE_KEY])
{
	char access[ACCESS_TEXT];
	struct buf b;

	if (r->kind == ROUTE_MX) {
		snprintf(out, ROUTE_KEY, "%s%s", r->domain, access_text(r->access, access));
		return out;
	}
	buf_init(&b, ROUTE_KEY - 1);
	for (size_t i = 0; i < r->count; i++) {
		const struct hop *h = &r->hops[i];

		buf_printf(&b, "%s%u:%s", i ? "," : "route:", h->preference, h->lmtp ? "lmtp:" : "");
		if (*h->host)
			buf_printf(&b, "%s:%u", h->host, (unsigned)h->port);
		else
			buf_printf(&b, "unix:%s", h->path);
		buf_puts(&b, access_text(h->access, access));
	}
	snprintf(out, ROUTE_KEY, "%s", buf_text(&b));
	buf_free(&b);
	return out;
}

/* ---- what decides ---- */

/* What the plugins of a worker see as this list is what counts here, too. */
static bool add_list(struct routing *r, struct arena *a, const char *name, struct err *err)
{
	struct listfile file;
	const struct listfile *f = &file;

	if (r->plugins)
		f = plugin_listfile(r->plugins, name, err);
	else if (!listfile_read(r->settings->dir, name, a, &file, err))
		f = NULL;
	for (size_t i = 0; f && i < f->count; i++)
		if (!hostset_add(r->local, f->lines[i], "", err))
			return err_context(err, "%s line %u", f->path, f->numbers[i]);
	return f != NULL;
}

bool routing_init(struct routing *r, const struct settings *s, struct plugin_list *plugins, const struct tls_policy *tls, struct err *err)
{
	struct arena *a = arena_new(4096);
	int n = snprintf(r->internal, sizeof(r->internal), "%s/internal", s->run_dir);

	r->settings = s;
	r->plugins = plugins;
	r->tls = tls;
	r->local = hostset_new();
	bool good = (n > 0 && (size_t)n < sizeof(r->internal)) || err_set(err, "run_dir \"%s\" is too long for a socket", s->run_dir);
	good = good && hostset_add(r->local, s->me, "", err) && add_list(r, a, "rcpthosts", err) && add_list(r, a, "morercpthosts", err);
	arena_free(&a);
	if (!good)
		routing_free(r);
	return good;
}

void routing_free(struct routing *r)
{
	hostset_free(&r->local);
}

static void refuse(struct route *out, enum verdict v, const struct reply *reply)
{
	bool hard = v == DENY || v == DENY_DISCONNECT;

	out->outcome = hard ? OUTCOME_FAIL : OUTCOME_DEFER;
	snprintf(out->enhanced, sizeof(out->enhanced), "%s", reply->code ? reply->enhanced : hard ? "5.4.4" : "4.4.4");
	snprintf(out->text, sizeof(out->text), "%s", reply->code ? reply->text : "a plugin found no route");
}

bool routing_by_domain(const struct routing *r)
{
	return !r->plugins || !plugin_wants(r->plugins, HOOK_GET_MX);
}

/* Adds what tls.conf says of the domain. A host that a route names has a certificate for that name, not for each domain behind it. */
static void secure(const struct routing *r, struct route *out)
{
	struct netaddr addr;

	if (out->kind == ROUTE_MX)
		tls_policy_domain(r->tls, out->domain, false, &out->access);
	for (size_t i = 0; i < out->count; i++)
		if (*out->hops[i].host)
			tls_policy_domain(r->tls, out->domain, !netaddr_parse(view_of(out->hops[i].host), &addr), &out->hops[i].access);
}

void route_begin(const struct routing *r, const char *domain, struct route *out)
{
	memset(out, 0, offsetof(struct route, hops));
	out->port = (uint16_t)r->settings->outbound_port;
	snprintf(out->domain, sizeof(out->domain), "%s", domain);
}

void route_decide(const struct routing *r, enum verdict v, const struct reply *reply, struct route *out)
{
	bool found = v == OK && (out->count > 0 || out->by_mx);

	if (!found)
		route_clear(out);
	if (v != OK && v != DECLINED) {
		refuse(out, v, reply);
		return;
	}
	if (found || !hostset_find(r->local, view_of(out->domain))) {
		secure(r, out);
		return;
	}
	out->kind = ROUTE_HOPS;
	out->internal = true;
	out->count = 1;
	out->hops[0] = (struct hop){ .preference = 0 };
	snprintf(out->hops[0].path, sizeof(out->hops[0].path), "%s", r->internal);
}
