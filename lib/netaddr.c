/* netaddr.c - IP addresses: reading, writing and comparing them. */
#include "base.h"
#include "netaddr.h"
#include <arpa/inet.h>

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

static struct netaddr from_v4(const void *bytes, uint16_t port)
{
	struct netaddr a = { .family = 4, .port = port };

	memcpy(a.bytes, bytes, 4);
	return a;
}

static struct netaddr from_v6(const void *bytes, uint16_t port)
{
	struct netaddr a = { .family = 6, .port = port };

	if (memcmp(bytes, mapped, sizeof(mapped)) == 0)
		return from_v4((const uint8_t *)bytes + sizeof(mapped), port);
	memcpy(a.bytes, bytes, 16);
	return a;
}

struct netaddr netaddr_from(const struct sockaddr *sa, socklen_t len)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	if (sa && len >= sizeof(in) && sa->sa_family == AF_INET) {
		memcpy(&in, sa, sizeof(in));
		return from_v4(&in.sin_addr, ntohs(in.sin_port));
	}
	if (sa && len >= sizeof(in6) && sa->sa_family == AF_INET6) {
		memcpy(&in6, sa, sizeof(in6));
		return from_v6(&in6.sin6_addr, ntohs(in6.sin6_port));
	}
	return (struct netaddr){ .family = 0 };
}

struct netaddr netaddr_user(uid_t uid)
{
	struct netaddr a = { .family = NETADDR_USER };

	memcpy(a.bytes, &uid, sizeof(uid));
	return a;
}

socklen_t netaddr_to(const struct netaddr *a, struct sockaddr_storage *out)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(a->port) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(a->port) };

	memset(out, 0, sizeof(*out));
	if (a->family == 4) {
		memcpy(&in.sin_addr, a->bytes, 4);
		memcpy(out, &in, sizeof(in));
		return sizeof(in);
	}
	if (a->family == 6) {
		memcpy(&in6.sin6_addr, a->bytes, 16);
		memcpy(out, &in6, sizeof(in6));
		return sizeof(in6);
	}
	return 0;
}

char *netaddr_text(const struct netaddr *a, char out[NETADDR_TEXT])
{
	uid_t uid;

	memcpy(&uid, a->bytes, sizeof(uid));
	if (a->family == NETADDR_USER)
		snprintf(out, NETADDR_TEXT, "user %u", (unsigned)uid);
	else if (a->family == 0 || !inet_ntop(a->family == 4 ? AF_INET : AF_INET6, a->bytes, out, NETADDR_TEXT))
		snprintf(out, NETADDR_TEXT, "unknown");
	return out;
}

char *netaddr_literal(const struct netaddr *a, char out[NETADDR_TEXT])
{
	char text[NETADDR_TEXT];

	snprintf(out, NETADDR_TEXT, "[%s%.50s]", a->family == 6 ? "IPv6:" : "", netaddr_text(a, text));
	return out;
}

static bool parse_v4(struct view text, struct netaddr *out)
{
	char copy[INET_ADDRSTRLEN];
	struct in_addr in;

	if (!view_copy(text, copy, sizeof(copy)) || inet_pton(AF_INET, copy, &in) != 1)
		return false;
	*out = from_v4(&in, 0);
	return true;
}

static bool parse_v6(struct view text, struct netaddr *out)
{
	char copy[INET6_ADDRSTRLEN];
	struct in6_addr in6;

	if (!view_copy(text, copy, sizeof(copy)) || inet_pton(AF_INET6, copy, &in6) != 1)
		return false;
	*out = from_v6(&in6, 0);
	return true;
}

bool netaddr_parse(struct view text, struct netaddr *out)
{
	if (text.len >= 2 && text.data[0] == '[' && text.data[text.len - 1] == ']')
		text = view_skip(view_head(text, text.len - 1), 1);
	return parse_v4(text, out) || parse_v6(text, out);
}

bool netaddr_parse_port(struct view text, uint16_t default_port, struct netaddr *out)
{
	uint64_t port = default_port;
	struct view addr = text;
	bool bracket = text.len && text.data[0] == '[';
	size_t colon = bracket ? view_find(text, ']') + 1 : view_find(text, ':');
	struct netaddr found;

	/* Two colons and no bracket: an IPv6 address alone. */
	if (bracket || view_find(view_skip(text, colon + 1), ':') == view_skip(text, colon + 1).len) {
		addr = view_head(text, colon);
		if (colon < text.len && (text.data[colon] != ':' || !view_u64(view_skip(text, colon + 1), UINT16_MAX, &port)))
			return false;
	}
	if (!netaddr_parse(addr, &found))
		return false;
	*out = found;
	out->port = (uint16_t)port;
	return true;
}

/* RFC 5321 4.1.3: "::" stands for two groups at least, where inet_pton(3) is content with one: there are at most six
 * others, or four and an IPv4 address. */
static bool shortened_enough(struct view v6)
{
	const char *gap = memmem(v6.data, v6.len, "::", 2);
	size_t pieces = 0;

	if (!gap)
		return true;
	for (size_t i = 0; i < v6.len; i++)
		pieces += v6.data[i] == ':';
	if (gap == v6.data || gap + 2 == v6.data + v6.len)
		pieces--;
	return pieces <= (memchr(v6.data, '.', v6.len) ? 5u : 6u);
}

/* An IPv4 number with a leading zero is refused: some read it as octal. */
bool netaddr_parse_literal(struct view text, struct netaddr *out)
{
	if (view_case_starts(text, VIEW("IPv6:")))
		return parse_v6(view_skip(text, 5), out) && shortened_enough(view_skip(text, 5));
	return parse_v4(text, out);
}

bool netaddr_eq(const struct netaddr *a, const struct netaddr *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

bool netaddr_in(const struct netaddr *a, const struct netaddr *net, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	if (a->family == 0 || a->family != net->family || bits > (a->family == 4 ? 32U : 128U))
		return false;
	if (memcmp(a->bytes, net->bytes, whole) != 0)
		return false;
	return rest == 0 || ((a->bytes[whole] ^ net->bytes[whole]) & (0xff << (8 - rest)) & 0xff) == 0;
}

/* The special-purpose registries (RFC 6890 and its successors), as far as mail must not go there. */
static const struct {
	struct netaddr net;
	unsigned bits;
} local_nets[] = {
	{ { .family = 4, .bytes = { 0 } }, 8 },				/* this network, RFC 791 */
	{ { .family = 4, .bytes = { 10 } }, 8 },			/* private, RFC 1918 */
	{ { .family = 4, .bytes = { 100, 64 } }, 10 },			/* shared, RFC 6598 */
	{ { .family = 4, .bytes = { 127 } }, 8 },			/* loopback */
	{ { .family = 4, .bytes = { 169, 254 } }, 16 },			/* link-local, RFC 3927 */
	{ { .family = 4, .bytes = { 172, 16 } }, 12 },
	{ { .family = 4, .bytes = { 192, 0, 0 } }, 24 },		/* protocol assignments, RFC 6890 */
	{ { .family = 4, .bytes = { 192, 0, 2 } }, 24 },		/* documentation, RFC 5737 */
	{ { .family = 4, .bytes = { 192, 168 } }, 16 },
	{ { .family = 4, .bytes = { 198, 18 } }, 15 },			/* benchmarks, RFC 2544 */
	{ { .family = 4, .bytes = { 198, 51, 100 } }, 24 },
	{ { .family = 4, .bytes = { 203, 0, 113 } }, 24 },
	{ { .family = 4, .bytes = { 224 } }, 4 },			/* multicast */
	{ { .family = 4, .bytes = { 240 } }, 4 },			/* reserved, and broadcast */
	{ { .family = 6, .bytes = { 0 } }, 96 },			/* unspecified, loopback, IPv4-compatible */
	{ { .family = 6, .bytes = { 0, 0x64, 0xff, 0x9b, 0, 1 } }, 48 },/* local translation, RFC 8215 */
	{ { .family = 6, .bytes = { 1 } }, 64 },			/* discard, RFC 6666 */
	{ { .family = 6, .bytes = { 0x20, 0x01, 0, 2 } }, 48 },		/* benchmarks, RFC 5180 */
	{ { .family = 6, .bytes = { 0x20, 0x01, 0x0d, 0xb8 } }, 32 },	/* documentation, RFC 3849 */
	{ { .family = 6, .bytes = { 0x3f, 0xff } }, 20 },		/* documentation, RFC 9637 */
	{ { .family = 6, .bytes = { 0xfc } }, 7 },			/* unique local, RFC 4193 */
	{ { .family = 6, .bytes = { 0xfe, 0x80 } }, 10 },		/* link-local */
	{ { .family = 6, .bytes = { 0xfe, 0xc0 } }, 10 },		/* site-local, RFC 3879 */
	{ { .family = 6, .bytes = { 0xff } }, 8 },			/* multicast */
};

bool netaddr_is_local(const struct netaddr *a)
{
	static const struct netaddr nat64 = { .family = 6, .bytes = { 0, 0x64, 0xff, 0x9b } };	/* RFC 6052 */
	struct netaddr inner;

	if (a->family == 0)
		return true;
	/* The translator would go where the last four bytes say. */
	if (netaddr_in(a, &nat64, 96)) {
		inner = from_v4(a->bytes + 12, 0);
		return netaddr_is_local(&inner);
	}
	for (size_t i = 0; i < COUNT_OF(local_nets); i++)
		if (netaddr_in(a, &local_nets[i].net, local_nets[i].bits))
			return true;
	return false;
}

char *netaddr_reverse(const struct netaddr *a, char out[NETADDR_REVERSE])
{
	static const char hex[] = "0123456789abcdef";
	char *at = out;

	out[0] = '\0';
	if (a->family == 4)
		snprintf(out, NETADDR_REVERSE, "%u.%u.%u.%u.in-addr.arpa", a->bytes[3], a->bytes[2], a->bytes[1], a->bytes[0]);
	if (a->family != 6)
		return out;
	for (int i = 15; i >= 0; i--) {
		*at++ = hex[a->bytes[i] & 15];
		*at++ = '.';
		*at++ = hex[a->bytes[i] >> 4];
		*at++ = '.';
	}
	memcpy(at, "ip6.arpa", sizeof("ip6.arpa"));
	return out;
}
