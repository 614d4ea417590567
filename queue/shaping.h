/* shaping.h - the file conf/destinations: how much may go where at once and in a time, and what to do when a server says
 * certain things. See destinations(5) for its lines. Read once a process generation, then only looked at. */
#ifndef SHAPING_H
#define SHAPING_H

#include "../lib/base.h"
#include "../lib/arena.h"
#include "../lib/err.h"
#include "../lib/netaddr.h"
#include "../lib/settings.h"
#include "site.h"

/* What to do when a server's answer matches TEXT. */
struct shaping_answer {
	const char *text;		/* stands somewhere in the answer; "*" any, "?" one character; case does not count */
	bool slow;			/* half as much at once from now on */
	int64_t suspend;		/* ms: nothing to that site for so long; 0: no */
	int64_t retry;			/* s: when the message is tried again; 0: when its schedule says */
	struct shaping_answer *next;
};

struct shaping_rule {
	const char *name;		/* of a site: what it is called; else whom it is about */
	struct limits limits;		/* 0: not said here */
	unsigned recipients;		/* most in one delivery; 0: not said here */
	unsigned deliveries;		/* most over one connection; 0: not said here */
	unsigned weight;		/* of a sender; 0: not said here */
	struct shaping_answer *answers;
	bool has_mx;			/* of a site: its hosts are named, else its name is one */
	struct shaping_rule *next;	/* of the sites */
};

/* For addresses. */
struct shaping_network {
	struct netlist *list;
	const struct shaping_rule *rule;
	const struct shaping_network *next;
};

/* For users who authenticate. */
struct shaping_user {
	const char *name;
	const struct shaping_rule *rule;
	const struct shaping_user *next;
};

struct shaping {
	struct shaping_rule preset;	/* of sites */
	struct shaping_rule *named;	/* sites */
	struct hostset *sites, *domains, *senders;	/* sites by their hosts */
	const struct shaping_network *addresses, *sources;
	const struct shaping_user *users;
};

/* Reads the file of S->dir; what it does not say is as S says. Without a file there are no limits but those of S. All that is
 * wrong is in ERR, with file and line. NULL then. Memory is A's. */
struct shaping *shaping_read(const struct settings *s, struct arena *a, struct err *err);

/* The rule of the site with these MX hosts or next hops, whole: what it does not say itself is as in the default. *NAME, when
 * the rule has a name for the site, else NULL. */
const struct shaping_rule *shaping_site(const struct shaping *sh, const char *const *hosts, size_t count, const char **name);
/* NULL when nothing is said. */
const struct shaping_rule *shaping_domain(const struct shaping *sh, const char *domain);
const struct shaping_rule *shaping_address(const struct shaping *sh, const struct netaddr *addr);
const struct shaping_rule *shaping_source(const struct shaping *sh, const struct netaddr *addr);
/* Turns in a row. SENDER as in struct sender_key: a domain, or "user NAME". */
unsigned shaping_weight(const struct shaping *sh, const char *sender);
/* What RULE (of shaping_site) says of an answer such as "421 4.7.0 try later"; NULL: nothing. */
const struct shaping_answer *shaping_answer(const struct shaping_rule *rule, const char *text);
/* As the field says of TEXT; for tests. */
bool shaping_matches(const char *pattern, const char *text);

#endif
