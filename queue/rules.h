/* rules.h - the standing rules of the operator: which mail is suspended, held or returned until further notice. They stand in one
 * file of the spool, which whoever makes or ends a rule replaces as a whole; the queue-runner reads it when it starts and
 * when it is told to. */
#ifndef RULES_H
#define RULES_H

#include "../lib/base.h"
#include "../lib/address.h"
#include "../lib/arena.h"
#include "../lib/buf.h"
#include "../lib/err.h"

#define RULES_MAX 1000
#define RULES_REASON_MAX 200		/* octets */
#define RULES_WHAT_MAX 512		/* a site's key (SITE_KEY) or an address */

enum rule_action { RULE_SUSPEND, RULE_HOLD, RULE_BOUNCE, RULE_ACTIONS };
enum rule_kind {
	RULE_ALL,			/* all mail; only to be suspended */
	RULE_DOMAIN,			/* recipients there: canonical */
	RULE_SITE,			/* what goes to these hosts: the site's key */
	RULE_SENDER,			/* as rules_sender writes it */
	RULE_KINDS
};

struct rule {
	unsigned number;		/* never given twice */
	enum rule_action action;
	enum rule_kind kind;
	const char *what;		/* "" of RULE_ALL */
	int64_t since, until;		/* seconds since 1970; until 0: for ever */
	const char *reason;		/* "" none; one line of printable ASCII */
};

struct rules {
	size_t count;
	struct rule *list;		/* in the order they were made */
	unsigned last;			/* number given so far */
};

/* What is known of a recipient's mail; NULL: that is not. */
struct rule_facts {
	const char *domain;
	bool (*at_site)(const void *arg, const char *site);	/* whether it goes to SITE */
	const void *arg;
	const char *sender;		/* as the envelope says */
};

const char *rule_action_name(enum rule_action action);	/* "suspend", "hold", "bounce" */
const char *rule_kind_name(enum rule_kind kind);		/* "all", "domain", ... */
/* ADDRESS ("alice@example.com", "@example.com" for all of a domain, "<>" or "" for notices) in the form in which it is compared.
 * False for what is none. */
bool rules_sender(const char *address, char out[RULES_WHAT_MAX]) MUST_CHECK;

/* Whether SENDER, as an envelope says it, is WHAT (as rules_sender writes it) or in that domain. */
bool rules_sender_fits(const char *what, const char *sender);

/* Reads DIR/rules; memory is A's. No file: no rules. False: it cannot be read, or is not what rules_write writes. */
bool rules_read(const char *dir, struct arena *a, struct rules *out, struct err *err) MUST_CHECK;
/* Replaces DIR/rules in one step, on disk when this returns; rules whose time is over at NOW are left out. */
bool rules_write(const char *dir, const struct rules *rules, int64_t now, struct err *err) MUST_CHECK;
/* Nobody else changes the rules of the spool in DIR meanwhile. The descriptor to close; -1 with ERR. */
int rules_lock(const char *dir, struct err *err);

bool rule_in_force(const struct rule *rule, int64_t now);
/* The rule that holds for mail with these FACTS at NOW: to be bounced goes before to be held, that before suspended. NULL: none. */
const struct rule *rules_find(const struct rules *rules, const struct rule_facts *facts, int64_t now);
/* The rule that all delivery is suspended; NULL: it is not. */
const struct rule *rules_pause(const struct rules *rules, int64_t now);
/* "rule 3 (domain example.com): the reason". Returns OUT. */
#define RULES_TEXT (RULES_WHAT_MAX + RULES_REASON_MAX + 64)
char *rule_text(const struct rule *rule, char out[RULES_TEXT]);

#endif
