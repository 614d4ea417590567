/* netaddr.h - IP addresses in one canonical form, and lists of networks.
 * IPv4-mapped IPv6 addresses (::ffff:a.b.c.d) are always turned into IPv4. */
#ifndef NETADDR_H
#define NETADDR_H

#include "base.h"
#include "arena.h"
#include "view.h"
#include "err.h"
#include <netinet/in.h>
#include <sys/socket.h>

struct netaddr {
	uint8_t family;		/* 4, 6, NETADDR_USER, or 0 for none (Unix socket, unknown) */
	uint8_t bytes[16];	/* network order; IPv4 in the first four; of a user its number, as uid_t */
	uint16_t port;		/* host order */
};

/* A user of this machine, who is no address, but counted where clients are. In no list of networks. */
#define NETADDR_USER 1
struct netaddr netaddr_user(uid_t uid);

#define NETADDR_TEXT 64
/* From a socket address; unknown families give family 0. */
struct netaddr netaddr_from(const struct sockaddr *sa, socklen_t len);
/* Into a socket address; returns its length, 0 for family 0. */
socklen_t netaddr_to(const struct netaddr *a, struct sockaddr_storage *out);
/* "192.0.2.1" or "2001:db8::1" without port; "user 1000"; "unknown" for family 0. Returns OUT. */
char *netaddr_text(const struct netaddr *a, char out[NETADDR_TEXT]);
/* RFC 5321 4.1.3: "[192.0.2.1]" or "[IPv6:2001:db8::1]". */
char *netaddr_literal(const struct netaddr *a, char out[NETADDR_TEXT]);
/* A bare address, v4 or v6, optionally in []; no port. */
bool netaddr_parse(struct view text, struct netaddr *out) MUST_CHECK;
/* "addr:port", "[v6]:port", "addr" (port DEFAULT_PORT). No names. */
bool netaddr_parse_port(struct view text, uint16_t default_port, struct netaddr *out) MUST_CHECK;
/* The inside of an address literal: "192.0.2.1", "IPv6:2001:db8::1". */
bool netaddr_parse_literal(struct view text, struct netaddr *out) MUST_CHECK;
/* Same address (port ignored); same first BITS bits. */
bool netaddr_eq(const struct netaddr *a, const struct netaddr *b);
bool netaddr_in(const struct netaddr *a, const struct netaddr *net, unsigned bits);
/* Loopback, private (RFC 1918, 4193), link-local, unspecified, multicast, shared (RFC 6598), documentation
 * and benchmark ranges, and 0/8: what a public MX must not point to. */
bool netaddr_is_local(const struct netaddr *a);
/* "4.3.2.1.in-addr.arpa" / nibbles "ip6.arpa", no final dot. OUT of at least 80 bytes. */
#define NETADDR_REVERSE 80
char *netaddr_reverse(const struct netaddr *a, char out[NETADDR_REVERSE]);

/* A list of networks: "192.0.2.1", "192.0.2.0/24", "192.0.2." (qpsmtpd prefix form), "2001:db8::/32".
 * Lookup is by binary search over sorted ranges. */
struct netlist;
struct netlist *netlist_new(void);
void netlist_free(struct netlist **list);
/* Adds one entry; fails with what was found and expected. */
bool netlist_add(struct netlist *list, struct view entry, struct err *err) MUST_CHECK;
bool netlist_has(const struct netlist *list, const struct netaddr *a);
size_t netlist_count(const struct netlist *list);
/* The list of ENTRIES (NULL-terminated, each one that netlist_valid has taken); it ends with A. NULL when there are none, and
 * a NULL list holds nothing. */
struct netlist *netlist_of(const char *const *entries, struct arena *a);
bool netlist_valid(struct view entry);

#endif
