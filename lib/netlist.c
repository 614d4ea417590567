/* netlist.c - lists of networks. Each is a range of 128-bit addresses (IPv4 in its mapped form), and two of them are
 * either disjoint or one inside the other, so a sorted array without inner ones is searched by halving. New
 * entries go into a small array first, which is merged into the big one when it is full: a long unsorted list loads
 * in reasonable time, and is ready before the workers are forked, not sorted anew in each of them. */
#include "base.h"
#include "netaddr.h"
#include "log.h"

#define YOUNG_MAX 1024

struct range {
	uint8_t from[16], to[16];
};

struct ranges {
	struct range *v;
	size_t count, size;
};

struct netlist {
	struct ranges old, young;
	size_t entries;
};

struct netlist *netlist_new(void)
{
	struct netlist *list = calloc(1, sizeof(*list));

	if (!list)
		bug("out of memory (netlist)");
	return list;
}

void netlist_free(struct netlist **list)
{
	if (!*list)
		return;
	free((*list)->old.v);
	free((*list)->young.v);
	free(*list);
	*list = NULL;
}

/* How many ranges of R begin at or before ADDR; the last of them is the only one that can hold it. */
static size_t count_from(const struct ranges *r, const uint8_t addr[16])
{
	size_t low = 0, high = r->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (memcmp(r->v[middle].from, addr, 16) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool holds(const struct ranges *r, const uint8_t addr[16])
{
	size_t n = count_from(r, addr);

	return n > 0 && memcmp(addr, r->v[n - 1].to, 16) <= 0;
}

/* Room for one more. */
static bool reserve(struct ranges *r, size_t count)
{
	struct range *v;
	size_t size = r->size ? r->size : 16;

	if (count <= r->size)
		return true;
	while (size < count)
		size *= 2;
	v = realloc(r->v, size * sizeof(*v));
	if (!v)
		return false;
	r->v = v;
	r->size = size;
	return true;
}

/* Puts NEW in its place; those inside it go, and inside another it is not needed. R has room. */
static void insert(struct ranges *r, const struct range *new)
{
	size_t at = count_from(r, new->from), inner = at;

	if (at > 0 && memcmp(new->to, r->v[at - 1].to, 16) <= 0)
		return;
	/* One that begins at the same address and is smaller. */
	if (at > 0 && memcmp(new->from, r->v[at - 1].from, 16) == 0)
		at--;
	while (inner < r->count && memcmp(r->v[inner].from, new->to, 16) <= 0)
		inner++;
	memmove(r->v + at + 1, r->v + inner, (r->count - inner) * sizeof(*r->v));
	r->v[at] = *new;
	r->count -= inner - at;
	r->count++;
}

/* Both are sorted: from the back, so that OLD is moved in place. Overlaps between the two are dropped by the way. */
static bool merge(struct netlist *list)
{
	struct ranges *old = &list->old, *young = &list->young, all = { 0 };
	size_t i = 0, j = 0;

	if (!reserve(&all, old->count + young->count))
		return false;
	while (i < old->count || j < young->count) {
		const struct range *next;

		if (j == young->count || (i < old->count && memcmp(old->v[i].from, young->v[j].from, 16) <= 0))
			next = &old->v[i++];
		else
			next = &young->v[j++];
		/* In order of their beginnings: an outer one may follow an inner one only if they begin alike. */
		if (all.count && memcmp(next->to, all.v[all.count - 1].to, 16) <= 0)
			continue;
		if (all.count && memcmp(next->from, all.v[all.count - 1].from, 16) == 0)
			all.count--;
		all.v[all.count++] = *next;
	}
	free(old->v);
	*old = all;
	young->count = 0;
	return true;
}

static void to_128(const struct netaddr *a, uint8_t out[16])
{
	memset(out, 0, 16);
	if (a->family == 4) {
		out[10] = out[11] = 0xff;
		memcpy(out + 12, a->bytes, 4);
	} else {
		memcpy(out, a->bytes, 16);
	}
}

/* BITS of 128. */
static struct range make_range(const struct netaddr *a, unsigned bits)
{
	struct range r;

	to_128(a, r.from);
	memcpy(r.to, r.from, 16);
	for (unsigned bit = bits; bit < 128; bit++) {
		r.from[bit / 8] &= (uint8_t)~(0x80 >> bit % 8);
		r.to[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	}
	return r;
}

/* "192.0.2." as 192.0.2.0/24: one to three numbers, each followed by a dot. */
static bool parse_prefix(struct view entry, struct range *out)
{
	struct netaddr a = { .family = 4 };
	uint64_t number;
	unsigned n = 0;

	while (entry.len) {
		size_t dot = view_find(entry, '.');

		if (n == 3 || dot == entry.len || dot > 3 || !view_u64(view_head(entry, dot), 255, &number))
			return false;
		a.bytes[n++] = (uint8_t)number;
		entry = view_skip(entry, dot + 1);
	}
	if (n == 0)
		return false;
	*out = make_range(&a, 96 + 8 * n);
	return true;
}

/* Bits behind the mask are ignored, as everybody does. */
static bool parse_network(struct view entry, struct range *out)
{
	size_t slash = view_find(entry, '/');
	struct view addr = view_head(entry, slash);
	bool v6 = view_find(addr, ':') < addr.len;
	uint64_t bits = v6 ? 128 : 32;
	struct netaddr a;

	if (!netaddr_parse(addr, &a) || (slash < entry.len && !view_u64(view_skip(entry, slash + 1), bits, &bits)))
		return false;
	/* A mask that reaches beyond the mapped IPv4 addresses was not meant. */
	if (v6 && a.family == 4 && bits < 96)
		return false;
	*out = make_range(&a, (unsigned)bits + (v6 ? 0 : 96));
	return true;
}

bool netlist_add(struct netlist *list, struct view entry, struct err *err)
{
	struct range new;
	char shown[128];

	if (!parse_network(entry, &new) && !parse_prefix(entry, &new))
		return err_set(err, "\"%s\": expected an address, a network (192.0.2.0/24, 2001:db8::/32) or a prefix (192.0.2.)",
			       log_escape(entry, shown, sizeof(shown)));
	if (list->young.count == YOUNG_MAX && !merge(list))
		return err_set(err, "out of memory (list of networks)");
	if (!reserve(&list->young, list->young.count + 1))
		return err_set(err, "out of memory (list of networks)");
	insert(&list->young, &new);
	list->entries++;
	return true;
}

bool netlist_has(const struct netlist *list, const struct netaddr *a)
{
	uint8_t addr[16];

	if (!list || (a->family != 4 && a->family != 6))
		return false;
	to_128(a, addr);
	return holds(&list->old, addr) || holds(&list->young, addr);
}

size_t netlist_count(const struct netlist *list)
{
	return list->entries;
}

bool netlist_valid(struct view entry)
{
	struct range r;

	return parse_network(entry, &r) || parse_prefix(entry, &r);
}

static void end_list(void *list)
{
	struct netlist *l = list;

	netlist_free(&l);
}

struct netlist *netlist_of(const char *const *entries, struct arena *a)
{
	struct netlist *list = *entries ? netlist_new() : NULL;
	struct err err = { "" };

	if (list)
		arena_cleanup(a, end_list, list);
	for (size_t i = 0; entries[i]; i++)
		if (!netlist_add(list, view_of(entries[i]), &err))
			bug("%s", err.text);
	return list;
}
