/* hop.c - see hop.h. */
#include "hop.h"
#include "../lib/address.h"
#include "sasl.h"

static bool fail(const char **problem, const char *expected)
{
	*problem = expected;
	return false;
}

/* ---- where it is ---- */

static bool parse_port(struct view text, uint16_t *port)
{
	uint64_t n;

	if (!view_u64(text, 65535, &n) || n == 0)
		return false;
	*port = (uint16_t)n;
	return true;
}

static bool parse_path(struct view text, struct hop *hop)
{
	return text.len > 1 && text.data[0] == '/' && !view_has_line_break(text) && view_copy(text, hop->path, sizeof(hop->path));
}

/* "host", "host:port", "address", "address:port", "[v6]", "[v6]:port". */
static bool parse_host(struct view text, struct hop *hop)
{
	struct netaddr addr;
	char ip[NETADDR_TEXT];

	if (netaddr_parse_port(text, hop->port, &addr)) {
		hop->port = addr.port;
		return hop->port && view_copy(view_of(netaddr_text(&addr, ip)), hop->host, sizeof(hop->host));
	}
	size_t colon = view_find(text, ':');
	struct view host = view_head(text, colon);
	if (!address_domain_valid(host, false) || !view_copy(host, hop->host, sizeof(hop->host)))
		return false;
	return colon == text.len || parse_port(view_skip(text, colon + 1), &hop->port);
}

static bool take_prefix(struct view *v, struct view prefix)
{
	if (!view_starts(*v, prefix))
		return false;
	*v = view_skip(*v, prefix.len);
	return true;
}

static bool read_exchange(struct hop *hop, struct access *access, const struct pr_mx *mx)
{
	struct view v = view_of(mx->exchange);

	hop->lmtp = mx->using_lmtp;
	if (take_prefix(&v, VIEW("lmtp:")))
		hop->lmtp = true;
	else
		access->implicit_tls = take_prefix(&v, VIEW("smtps:"));
	if (hop->lmtp)
		hop->port = HOP_LMTP_PORT;
	if (access->implicit_tls)
		hop->port = HOP_SMTPS_PORT;
	if (mx->port)
		hop->port = mx->port;
	if (v.len == 0)		/* the MX hosts, in no other way than SMTP has it */
		return !hop->lmtp && !access->implicit_tls && !mx->port;
	return take_prefix(&v, VIEW("unix:")) ? parse_path(v, hop) : parse_host(v, hop);
}

/* ---- how it is gone to ---- */

static const char *given(const char *text)
{
	return text ? text : "";
}

static bool name_fits(const char *name)
{
	return strlen(name) <= ACCESS_NAME_MAX && !view_has_line_break(view_of(name));
}

static bool read_auth(struct access *a, const struct pr_mx *mx, const char **problem)
{
	a->user = given(mx->auth_user);
	a->password = given(mx->auth_pass);
	a->mechanism = given(mx->auth_type);
	a->auth_in_clear = mx->auth_in_clear;
	if (!*a->user != !*a->password)
		return fail(problem, "a user and a password for AUTH, or neither");
	if (!name_fits(a->user) || !name_fits(a->password))
		return fail(problem, "a user and a password of at most 255 octets, without line ends");
	if (*a->mechanism && !sasl_known(view_of(a->mechanism)))
		return fail(problem, "PLAIN, LOGIN, CRAM-MD5 or SCRAM-SHA-256 as mechanism of AUTH");
	return true;
}

static bool helo_valid(struct view v)
{
	struct netaddr addr;

	if (v.len > 2 && v.data[0] == '[' && v.data[v.len - 1] == ']')
		return netaddr_parse_literal(view_make(v.data + 1, v.len - 2), &addr);
	return address_domain_valid(v, false);
}

static bool read_access(struct access *a, const struct pr_mx *mx, const char **problem)
{
	a->helo = given(mx->bind_helo);
	if (*a->helo && !helo_valid(view_of(a->helo)))
		return fail(problem, "a host name or an address literal as our own name");
	if (*given(mx->bind) && !access_parse_bind(a, view_of(mx->bind)))
		return fail(problem, "an IP address as our own, or one of each family with a comma between");
	if (*given(mx->tls) && !access_parse_tls(a, view_of(mx->tls)))
		return fail(problem, "never, may, must or verify for TLS");
	if (a->implicit_tls && a->tls == ACCESS_TLS_NEVER)
		return fail(problem, "TLS where it is there from the start");
	return read_auth(a, mx, problem);
}

bool hop_read(struct hop *hop, const struct pr_mx *mx, uint16_t port, unsigned section, const char **problem)
{
	struct access access = access_copy(NULL);

	access.section = section;
	*hop = (struct hop){ .preference = mx->priority, .port = port };
	if (!read_exchange(hop, &access, mx))
		return fail(problem, "host, host:port, address:port, [IPv6 address]:port or unix:/path, with lmtp: or smtps: in front or without");
	if (*hop->path && access.implicit_tls)
		return fail(problem, "no TLS on a Unix socket");
	if (!read_access(&access, mx, problem))
		return false;
	hop->access = access_make(&access);
	return true;
}

void hop_clear(struct hop *hop)
{
	access_drop(&hop->access);
}

bool hop_by_mx(const struct hop *hop)
{
	return !*hop->host && !*hop->path;
}
