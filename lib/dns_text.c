/* dns_text.c - see dns_text.h. */
#include "dns_text.h"
#include <strings.h>

bool dns_type_parse(const char *name, enum dns_type *type)
{
	static const struct { const char *name; enum dns_type type; } types[] = {
		{ "A", DNS_A }, { "AAAA", DNS_AAAA }, { "MX", DNS_MX }, { "TXT", DNS_TXT }, { "PTR", DNS_PTR }, { "CNAME", DNS_CNAME },
	};

	for (size_t i = 0; i < COUNT_OF(types); i++)
		if (strcasecmp(name, types[i].name) == 0) {
			*type = types[i].type;
			return true;
		}
	return false;
}

static const char *text_of(const struct dns_record *r, enum dns_type type, struct arena *a)
{
	switch (type) {
	case DNS_A:
	case DNS_AAAA:
		return netaddr_text(&r->addr, arena_alloc(a, NETADDR_TEXT));
	case DNS_MX:
		return arena_printf(a, "%u %s", r->preference, r->name);
	case DNS_TXT:
		return arena_view_dup(a, view_make((const char *)r->data, r->data_len));
	default:
		return arena_strdup(a, r->name);
	}
}

const char *const *dns_texts(const struct dns_answer *answer, enum dns_type type, struct arena *a)
{
	const char **list = arena_alloc(a, (answer->count + 1) * sizeof(*list));

	for (unsigned i = 0; i < answer->count; i++)
		list[i] = text_of(&answer->records[i], type, a);
	return list;
}
