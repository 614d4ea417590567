/* approach.c - see approach.h. */
#include "approach.h"
#include "../lib/address.h"
#include "tls_demand.h"

/* What the message says of where it comes from; texts are the envelope's. */
struct source {
	bool bound;			/* it says bind4 or bind6 */
	const char *helo;		/* NULL: nothing */
	struct access access;		/* bind4, bind6 */
};

static const char *note_of(const struct envelope *env, const char *key)
{
	for (size_t i = 0; i < env->note_count; i++)
		if (strcmp(env->notes[i].key, key) == 0 && *env->notes[i].value)
			return env->notes[i].value;
	return NULL;
}

/* One of the notes by which Haraka names an address for each family. */
static bool read_family(struct netaddr *to, const struct envelope *env, const char *key, uint8_t family, struct err *err)
{
	const char *ip = note_of(env, key);

	if (ip && (!netaddr_parse(view_of(ip), to) || to->family != family))
		return err_set(err, "the note %s of the message is \"%s\", expected an IPv%u address", key, ip, family);
	to->port = 0;
	return true;
}

static bool read_source(struct source *s, const struct envelope *env, struct err *err)
{
	const char *ip = note_of(env, "outbound_ip");

	*s = (struct source){ .helo = note_of(env, "outbound_helo") };
	if (ip && !access_parse_bind(&s->access, view_of(ip)))
		return err_set(err, "the note outbound_ip of the message is \"%s\", expected an IP address", ip);
	if (!ip && (!read_family(&s->access.bind4, env, "outbound_ip4", 4, err) || !read_family(&s->access.bind6, env, "outbound_ip6", 6, err)))
		return false;
	s->bound = s->access.bind4.family || s->access.bind6.family;
	if (s->helo && !address_domain_valid(view_of(s->helo), false))
		return err_set(err, "the note outbound_helo of the message is \"%s\", expected a host name", s->helo);
	return true;
}

static void add_source(struct target *t, const struct source *s)
{
	struct access with = access_copy(t->access);
	const struct access *made;

	if (with.bind4.family == 0 && with.bind6.family == 0) {
		with.bind4 = s->access.bind4;
		with.bind6 = s->access.bind6;
	}
	if (!*with.helo && s->helo)
		with.helo = s->helo;
	made = access_make(&with);
	target_set_access(t, made);
	access_drop(&made);
}

static void remove_unreachable(struct targets *t)
{
	size_t count = 0;

	for (size_t i = 0; i < t->count; i++)
		if (target_reachable(&t->list[i]))
			t->list[count++] = t->list[i];
		else
			access_drop(&t->list[i].access);
	t->count = count;
}

bool approach(struct targets *t, const struct spool_file *f, const char *domain, struct err *err)
{
	struct source source;
	char name[DNS_NAME_SIZE];

	if (!read_source(&source, &f->env, err))
		return false;
	snprintf(name, sizeof(name), "%s", t->count ? t->list[0].name : "");
	for (size_t i = 0; (source.bound || source.helo) && i < t->count; i++)
		if (t->list[i].addr.family)
			add_source(&t->list[i], &source);
	tls_demand(t, f, domain);
	remove_unreachable(t);
	return t->count || err_set(err, "no address of %s can be gone to from our source address, which is of the other family", name);
}
