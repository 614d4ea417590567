/* shaping.c - see shaping.h: looking rules up. */
#include "shaping.h"

#include "../lib/listfile.h"
#include "../lib/view.h"
#include <ctype.h>

/* The name of a host as in mx_answer.hosts, without its port; empty for sockets and LMTP. */
static struct view host_name(const char *host)
{
	struct view v = view_of(host);

	if (view_starts(v, VIEW("unix:")) || view_starts(v, VIEW("lmtp:")))
		return VIEW("");
	return view_cut(&v, ':');
}

const struct shaping_rule *shaping_site(const struct shaping *sh, const char *const *hosts, size_t count, const char **name)
{
	*name = NULL;
	for (size_t i = 0; i < count; i++) {
		struct view host = host_name(hosts[i]);
		const struct shaping_rule *rule = host.len ? hostset_find(sh->sites, host) : NULL;

		if (rule) {
			*name = rule->name;
			return rule;
		}
	}
	return &sh->preset;
}

const struct shaping_rule *shaping_domain(const struct shaping *sh, const char *domain)
{
	return *domain ? hostset_find(sh->domains, view_of(domain)) : NULL;
}

static const struct shaping_rule *find_network(const struct shaping_network *n, const struct netaddr *addr)
{
	while (n && !netlist_has(n->list, addr))
		n = n->next;
	return n ? n->rule : NULL;
}

const struct shaping_rule *shaping_address(const struct shaping *sh, const struct netaddr *addr)
{
	return find_network(sh->addresses, addr);
}

const struct shaping_rule *shaping_source(const struct shaping *sh, const struct netaddr *addr)
{
	return find_network(sh->sources, addr);
}

unsigned shaping_weight(const struct shaping *sh, const char *sender)
{
	struct view name = view_of(sender);
	const struct shaping_rule *rule = NULL;

	if (view_starts(name, VIEW("user "))) {
		const struct shaping_user *u = sh->users;

		while (u && strcmp(u->name, sender + 5))
			u = u->next;
		rule = u ? u->rule : NULL;
	} else if (name.len) {
		rule = hostset_find(sh->senders, name);
	}
	return rule && rule->weight ? rule->weight : 1;
}

/* As if "*" stood at both ends. Upon a character that does not fit, the last "*" takes one more: what stands before it need
 * never be looked at again, so the work is at most the product of both lengths. */
bool shaping_matches(const char *pattern, const char *text)
{
	const char *p = pattern, *t = text, *star = pattern, *from = text;

	for (;;) {
		while (*p == '*') {
			star = ++p;
			from = t;
		}
		if (!*p)
			return true;
		if (*t && (*p == '?' || tolower((unsigned char)*p) == tolower((unsigned char)*t))) {
			p++;
			t++;
			continue;
		}
		if (!*from)
			return false;
		p = star;
		t = ++from;
	}
}

const struct shaping_answer *shaping_answer(const struct shaping_rule *rule, const char *text)
{
	const struct shaping_answer *a = rule->answers;

	while (a && !shaping_matches(a->text, text))
		a = a->next;
	return a;
}
