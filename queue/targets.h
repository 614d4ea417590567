/* targets.h - the addresses to try for a delivery, in order: what routing and DNS end in. */
#ifndef TARGETS_H
#define TARGETS_H

#include "../lib/base.h"
#include "../lib/dns.h"
#include "../lib/err.h"
#include "../lib/netaddr.h"
#include "access.h"

#define TARGETS_MAX 16			/* addresses of one destination that are tried in turn */
#define TARGET_PATH 108			/* of a Unix socket, as in sockaddr_un */

struct target {
	unsigned preference;
	bool lmtp;
	bool authentic;			/* the name comes from the operator, or signed (DNSSEC) from DNS */
	struct netaddr addr;		/* family 0: the Unix socket at path */
	char path[TARGET_PATH];
	const struct access *access;	/* held by targets */
	char name[DNS_NAME_SIZE];	/* the host's name, as DNS or the route gave it; for a socket its path, cut */
};

struct targets {
	size_t count;
	struct target list[TARGETS_MAX];
};

struct targets *targets_new(void);
struct targets *targets_copy(const struct targets *t);
/* Frees; sets *T to NULL. NULL is fine. */
void targets_release(struct targets **t);
/* The address from which it is gone to; NULL: the system chooses. */
const struct netaddr *target_source(const struct target *t);
/* Whether it can be gone to from there: the families are the same. */
bool target_reachable(const struct target *t);
/* How it is gone to: NEW, held instead of what was there. */
void target_set_access(struct target *t, const struct access *new);
/* "192.0.2.1:25", "[2001:db8::1]:25" or the path, for logs and keys; "lmtp:" in front where it is. Returns OUT. */
#define TARGET_TEXT 160
char *target_text(const struct target *t, char out[TARGET_TEXT]);

/* The same with what else makes connections to it different, for keys: how it is gone to, and where its certificate must be valid the name
 * that it has been found to be for. */
#define TARGET_KEY (TARGET_TEXT + 32 + DNS_NAME_SIZE)
char *target_key(const struct target *t, char out[TARGET_KEY]);

/* Addresses that could not be reached lately: tried after all others, so that a dead first MX costs one time-out and
 * not one a message. */
struct target_downs;
void target_down(struct target_downs **downs, const struct target *t, int64_t until);
/* It may be reached again. */
void target_up(struct target_downs **downs, const struct target *t);
bool target_is_down(struct target_downs **downs, const struct target *t, int64_t now);
void target_downs_clear(struct target_downs **downs);
/* Moves those that are down behind the others, else in order. */
void targets_prefer_up(struct targets *t, struct target_downs **downs, int64_t now);

#endif
