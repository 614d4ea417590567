/* hostset.c - a set of domains, as rcpthosts, morercpthosts and routes have them. Names are canonical on both
 * sides, and a search costs one look-up per label and no memory. */
#include "base.h"
#include "listfile.h"
#include "address.h"
#include "log.h"

#define uthash_fatal(text) bug("out of memory (%s)", text)
#include <uthash.h>

struct host {
	UT_hash_handle hh;
	const void *value;
	char name[];		/* "example.com", ".example.com", "*" */
};

struct hostset {
	struct arena *arena;
	struct host *hosts;
};

struct hostset *hostset_new(void)
{
	struct hostset *set = calloc(1, sizeof(*set));

	if (!set)
		bug("out of memory (hostset)");
	set->arena = arena_new(4096);
	return set;
}

void hostset_free(struct hostset **set)
{
	if (!*set)
		return;
	HASH_CLEAR(hh, (*set)->hosts);
	arena_free(&(*set)->arena);
	free(*set);
	*set = NULL;
}

static const struct host *find(const struct hostset *set, struct view name)
{
	struct host *found;

	HASH_FIND(hh, set->hosts, name.data, name.len, found);
	return found;
}

/* ENTRY as it stands in the table, in NAME (which begins with the dot if it has one). */
static bool canonical_entry(const char *entry, char name[ADDRESS_DOMAIN_MAX + 2])
{
	size_t dot = entry[0] == '.';

	if (strcmp(entry, "*") == 0)
		return view_copy(VIEW("*"), name, 2);
	/* Below an address literal there is nothing. */
	if (dot && entry[1] == '[')
		return false;
	name[0] = '.';
	return address_domain_fold(view_of(entry + dot), name + dot);
}

bool hostset_add(struct hostset *set, const char *entry, const void *value, struct err *err)
{
	char name[ADDRESS_DOMAIN_MAX + 2], shown[128];
	struct host *host;
	size_t len;

	if (!canonical_entry(entry, name))
		return err_set(err, "\"%s\": expected a domain, .domain or *", log_escape(view_of(entry), shown, sizeof(shown)));
	len = strlen(name);
	/* The first of two equal entries counts, as in a list that is read from the top. */
	if (find(set, view_make(name, len)))
		return true;
	host = arena_alloc(set->arena, sizeof(*host) + len + 1);
	memcpy(host->name, name, len + 1);
	host->value = value;
	HASH_ADD_KEYPTR(hh, set->hosts, host->name, len, host);
	return true;
}

const void *hostset_find(const struct hostset *set, struct view domain)
{
	char name[ADDRESS_DOMAIN_MAX + 1];
	const struct host *found = NULL;
	struct view rest;

	if (address_domain_fold(domain, name)) {
		rest = view_of(name);
		found = find(set, rest);
		for (size_t dot = view_find(rest, '.'); !found && dot < rest.len && name[0] != '['; dot = view_find(rest, '.')) {
			rest = view_skip(rest, dot);
			found = find(set, rest);
			rest = view_skip(rest, 1);
		}
	}
	if (!found)
		found = find(set, VIEW("*"));
	return found ? found->value : NULL;
}

size_t hostset_count(const struct hostset *set)
{
	return HASH_COUNT(set->hosts);
}
