/* tls_policy.c - see tls_policy.h. */
#include "tls_policy.h"
#include "../lib/address.h"
#include "../lib/arena.h"
#include "../lib/listfile.h"
#include "../lib/option.h"
#include "../lib/watch.h"

struct hosts {				/* servers by network, and by name of host or domain */
	struct netlist *networks;	/* NULL: none */
	struct hostset *names;		/* NULL: none */
};

struct way {				/* one section */
	const char *name;		/* "": outbound */
	const struct tls_settings *settings;
	struct tls_context *context;
	struct hosts avoided, forced;
	struct hosts shown, hidden;	/* our certificate */
};

struct tls_policy {
	struct arena *arena;
	size_t count;
	struct way *ways;		/* [0]: outbound */
	size_t file_count;
	const char **files;
	uint64_t fingerprint;
};

/* ---- lists of servers ---- */

static bool read_hosts(struct hosts *h, const char **list, struct arena *a, struct err *err)
{
	size_t networks = 0;
	const char **network;

	while (list[networks])
		networks++;
	network = arena_alloc(a, (networks + 1) * sizeof(*network));
	networks = 0;
	for (size_t i = 0; list[i]; i++) {
		if (netlist_valid(view_of(list[i]))) {
			network[networks++] = list[i];
			continue;
		}
		if (!h->names)
			h->names = hostset_new();
		if (!hostset_add(h->names, list[i], "", err))
			return false;
	}
	h->networks = netlist_of(network, a);
	return true;
}

static bool has_name(const struct hosts *h, const char *name)
{
	return h->names && hostset_find(h->names, view_of(name));
}

static bool has_host(const struct hosts *h, const char *name, const struct netaddr *addr)
{
	return netlist_has(h->networks, addr) || has_name(h, name);
}

/* ---- sections ---- */

static bool shows(const struct tls_settings *t)
{
	return t->mutual_tls || *t->mutual_auth_hosts;
}

static void note_file(struct tls_policy *p, const char *path)
{
	for (size_t i = 0; i < p->file_count; i++)
		if (strcmp(p->files[i], path) == 0)
			return;
	const char **files = arena_alloc(p->arena, (p->file_count + 1) * sizeof(*files));

	if (p->file_count)
		memcpy(files, p->files, p->file_count * sizeof(*files));
	files[p->file_count++] = path;
	p->files = files;
}

static void note_files(struct tls_policy *p, const struct settings *s, const struct tls_settings *t)
{
	if (*t->ca)
		note_file(p, settings_path(s, t->ca));
	for (size_t i = 0; shows(t) && t->cert[i]; i++) {
		note_file(p, settings_path(s, t->cert[i]));
		note_file(p, settings_path(s, t->key[i]));
	}
}

static bool read_way(struct tls_policy *p, const struct settings *s, struct way *w, struct err *err)
{
	const struct tls_settings *t = w->settings;

	if (!(w->context = tls_client_context(s, t, shows(t), err)))
		return *w->name ? err_context(err, "tls.conf, section %s", w->name) : false;
	return read_hosts(&w->avoided, t->no_tls_hosts, p->arena, err) && read_hosts(&w->forced, t->force_tls_hosts, p->arena, err) &&
	       read_hosts(&w->shown, t->mutual_auth_hosts, p->arena, err) && read_hosts(&w->hidden, t->mutual_auth_hosts_exclude, p->arena, err);
}

static void add_way(struct tls_policy *p, const struct settings *s, const char *name)
{
	struct way *w = &p->ways[p->count++];

	w->name = name;
	w->settings = settings_tls(s, *name ? name : "outbound");
	note_files(p, s, w->settings);
}

/* Whether the section of a plugin says anything: what it leaves out is outbound's, to the last pointer. */
static bool says_something(const struct settings *s, const char *name)
{
	const struct tls_settings *own = settings_tls(s, name), *outbound = settings_tls(s, "outbound");

	return strcmp(name, "") != 0 && strcmp(name, "inbound") != 0 && memcmp(own, outbound, sizeof(*own)) != 0;
}

struct tls_policy *tls_policy_new(const struct settings *s, struct err *err)
{
	struct arena *a = arena_new(2048);
	struct tls_policy *p = arena_alloc(a, sizeof(*p));

	p->arena = a;
	p->ways = arena_alloc(a, (s->tls_count + 1) * sizeof(*p->ways));
	add_way(p, s, "");
	for (size_t k = 0; k < s->tls_count; k++)
		if (says_something(s, s->tls_sections[k].name))
			add_way(p, s, s->tls_sections[k].name);
	p->fingerprint = watch_fingerprint(p->files, p->file_count);
	for (size_t i = 0; p && i < p->count; i++)
		if (!read_way(p, s, &p->ways[i], err))
			tls_policy_free(&p);
	return p;
}

bool tls_policy_has_keys(const struct settings *s)
{
	bool found = shows(settings_tls(s, "outbound"));

	for (size_t k = 0; !found && k < s->tls_count; k++)
		found = says_something(s, s->tls_sections[k].name) && shows(settings_tls(s, s->tls_sections[k].name));
	return found;
}

size_t tls_policy_files(const struct tls_policy *p, const char *const **paths, uint64_t *fingerprint)
{
	*paths = p->files;
	*fingerprint = p->fingerprint;
	return p->file_count;
}

void tls_policy_free(struct tls_policy **pp)
{
	struct tls_policy *p = *pp;
	struct arena *a;

	*pp = NULL;
	if (!p)
		return;
	for (size_t i = 0; i < p->count; i++) {
		tls_context_free(&p->ways[i].context);
		hostset_free(&p->ways[i].avoided.names);
		hostset_free(&p->ways[i].forced.names);
		hostset_free(&p->ways[i].shown.names);
		hostset_free(&p->ways[i].hidden.names);
	}
	a = p->arena;		/* which the structure itself lives in */
	arena_free(&a);
}

unsigned tls_policy_section(const struct tls_policy *p, const char *plugin)
{
	const char *slash = strrchr(plugin, '/');
	struct view name = view_of(slash ? slash + 1 : plugin);

	name = view_cut(&name, ':');
	for (size_t i = 1; p && i < p->count; i++)
		if (view_eq(name, view_of(p->ways[i].name)))
			return (unsigned)i;
	return 0;
}

static const struct way *way_of(const struct tls_policy *p, const struct access *a)
{
	return &p->ways[a && a->section < p->count ? a->section : 0];
}

/* ---- what is said of whom ---- */

static void replace(const struct access **access, const struct access *new)
{
	const struct access *made = access_make(new);

	access_drop(access);
	*access = made;
}

/* In which lists somebody stands. */
struct standing {
	bool avoided, forced, shown, hidden;
};

static bool stands(const struct standing *in)
{
	return in->avoided || in->forced || in->shown || in->hidden;
}

static void judge(const struct way *w, struct access *a, const struct standing *in)
{
	a->verify |= in->forced || w->settings->reject_unauthorized;
	if (in->forced)
		a->tls = ACCESS_TLS_MUST;
	else if (in->avoided && a->tls != ACCESS_TLS_MUST && !a->implicit_tls)
		a->tls = ACCESS_TLS_NEVER;
	if (a->tls == ACCESS_TLS_NEVER)
		a->verify = false;
	if (in->shown)
		a->certificate = ACCESS_CERTIFICATE_SHOWN;
	else if (in->hidden && a->certificate != ACCESS_CERTIFICATE_SHOWN)
		a->certificate = ACCESS_CERTIFICATE_NEVER;
}

void tls_policy_domain(const struct tls_policy *p, const char *domain, bool by_name, const struct access **access)
{
	const struct way *w = p ? way_of(p, *access) : NULL;
	struct standing in = { false };
	char folded[ADDRESS_DOMAIN_MAX + 1];

	if (w)
		in = (struct standing){ has_name(&w->avoided, domain), has_name(&w->forced, domain), has_name(&w->shown, domain), has_name(&w->hidden, domain) };
	if (!stands(&in) && !(w && w->settings->reject_unauthorized) && !(*access && (*access)->verify))
		return;
	struct access a = access_copy(*access);

	if (w)
		judge(w, &a, &in);
	if (a.verify && !by_name && address_domain_fold(view_of(domain), folded))
		a.domain = folded;
	replace(access, &a);
}

void tls_policy_host(const struct tls_policy *p, const char *name, const struct netaddr *addr, const char *domain, const struct access **access)
{
	char folded[ADDRESS_DOMAIN_MAX + 1];

	if (!p)
		return;
	const struct way *w = way_of(p, *access);
	struct standing in = { has_host(&w->avoided, name, addr), has_host(&w->forced, name, addr), has_host(&w->shown, name, addr),
		has_host(&w->hidden, name, addr) };

	if (!stands(&in))
		return;
	struct access a = access_copy(*access);

	judge(w, &a, &in);
	if (a.verify && !*a.domain && *domain && address_domain_fold(view_of(domain), folded))
		a.domain = folded;
	replace(access, &a);
}

/* ---- for connections ---- */

enum access_tls tls_policy_need(const struct settings *s, const struct target *t)
{
	const struct access *a = t->access;

	if (a && a->implicit_tls)
		return ACCESS_TLS_MUST;
	if (a && a->tls != ACCESS_TLS_DEFAULT)
		return a->tls;
	return s->outbound_enable_tls ? ACCESS_TLS_MAY : ACCESS_TLS_NEVER;
}

bool tls_policy_certificate(const struct tls_policy *p, const struct access *access)
{
	enum access_certificate certificate = access ? access->certificate : ACCESS_CERTIFICATE_DEFAULT;

	return certificate == ACCESS_CERTIFICATE_SHOWN || (certificate == ACCESS_CERTIFICATE_DEFAULT && way_of(p, access)->settings->mutual_tls);
}

char *tls_policy_session(const struct tls_policy *p, const struct target *t, char out[TLS_POLICY_SESSION])
{
	const struct access *a = t->access;
	char where[TARGET_TEXT];

	snprintf(out, TLS_POLICY_SESSION, "%s %s certificate=%d verify=%d%d %s", target_text(t, where), t->name, tls_policy_certificate(p, a), a && a->verify,
		 a && a->domain_alone, a ? a->domain : "");
	return out;
}

struct tls_context *tls_policy_context(const struct tls_policy *p, const struct access *access)
{
	return way_of(p, access)->context;
}

const struct tls_settings *tls_policy_settings(const struct tls_policy *p, const struct access *access)
{
	return way_of(p, access)->settings;
}
