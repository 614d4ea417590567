/* domain.c - the half of address.h that is about domains: which are valid, and their one canonical form. Names in
 * ASCII, which is nearly all of them, never come near libidn2. */
#include "base.h"
#include "address.h"
#include "netaddr.h"
#include <idn2.h>

static bool is_alnum(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* RFC 5321 4.1.2: sub-domain = Let-dig [Ldh-str]; RFC 1035 2.3.4: at most 63 octets. */
static bool label_valid(struct view label)
{
	if (label.len == 0 || label.len > 63)
		return false;
	for (size_t i = 0; i < label.len; i++)
		if (!is_alnum((unsigned char)label.data[i]) && (label.data[i] != '-' || i == 0 || i == label.len - 1))
			return false;
	return true;
}

static bool ascii_valid(struct view domain)
{
	if (domain.len == 0 || domain.len > ADDRESS_DOMAIN_MAX || domain.data[domain.len - 1] == '.')
		return false;
	while (domain.len)
		if (!label_valid(view_cut(&domain, '.')))
			return false;
	return true;
}

/* The mapping (UTS 46) turns some characters into ASCII ones that no name may hold, so what comes out is checked as
 * everything else is. RFC 5891: A-labels go on the wire and into comparisons. An A-label among them that stands for nothing is refused
 * here; in a name that is ASCII altogether it is a label like any other, since the DNS has such names and mail comes
 * from them (emoji, which IDNA 2003 allowed). */
static bool idn_fold(struct view domain, char out[ADDRESS_DOMAIN_MAX + 1])
{
	char name[ADDRESS_DOMAIN_MAX + 1], *ascii = NULL;
	struct view result;
	bool ok;

	if (!view_copy(domain, name, sizeof(name)))
		return false;
	if (idn2_to_ascii_8z(name, &ascii, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT) != IDN2_OK)
		return false;
	result = view_of(ascii);
	ok = view_is_ascii(result) && ascii_valid(result) && view_copy(result, out, ADDRESS_DOMAIN_MAX + 1);
	idn2_free(ascii);
	return ok;
}

/* One address can be written in many ways, above all an IPv6 one. */
static bool literal_fold(struct view inside, char out[ADDRESS_DOMAIN_MAX + 1])
{
	char text[NETADDR_TEXT];
	struct netaddr addr;

	return netaddr_parse_literal(inside, &addr) && view_copy(view_of(netaddr_literal(&addr, text)), out, ADDRESS_DOMAIN_MAX + 1);
}

bool address_domain_fold(struct view domain, char out[ADDRESS_DOMAIN_MAX + 1])
{
	out[0] = '\0';
	if (domain.len > 2 && domain.data[0] == '[' && domain.data[domain.len - 1] == ']')
		return literal_fold(view_skip(view_head(domain, domain.len - 1), 1), out);
	if (domain.len > 1 && domain.data[domain.len - 1] == '.')
		domain.len--;
	if (!view_is_ascii(domain)) {
		if (!idn_fold(domain, out))
			out[0] = '\0';
	} else if (ascii_valid(domain)) {
		for (size_t i = 0; i < domain.len; i++)
			out[i] = domain.data[i] >= 'A' && domain.data[i] <= 'Z' ? (char)(domain.data[i] + ('a' - 'A')) : domain.data[i];
		out[domain.len] = '\0';
	}
	return out[0] != '\0';
}

bool address_domain_valid(struct view domain, bool utf8)
{
	char folded[ADDRESS_DOMAIN_MAX + 1];

	if (view_is_ascii(domain))
		return ascii_valid(domain);
	return utf8 && domain.len <= ADDRESS_DOMAIN_MAX && domain.data[domain.len - 1] != '.' && idn_fold(domain, folded);
}

char *address_domain_canonical(struct view domain, struct arena *a)
{
	char folded[ADDRESS_DOMAIN_MAX + 1];

	return address_domain_fold(domain, folded) ? arena_strdup(a, folded) : NULL;
}
