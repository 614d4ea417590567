/* path.h - "FROM:<address>" and "TO:<address>": the grammar of lib/address.h with the leniency that the configuration allows
 * this client. */
#ifndef PATH_H
#define PATH_H

#include "../lib/base.h"
#include "../lib/view.h"

struct session;
struct command;

struct path_rule {
	struct view keyword;		/* "FROM:" */
	const char *syntax;		/* for 501 when it is missing */
	const char *who, *enhanced;	/* "sender", "5.1.7" (RFC 3463): for 501 when the address is wrong */
	unsigned flags;			/* enum address_flags, always allowed */
};

/* Reads the path at the start of C's arguments into c->address; *REST is what stands behind it: the parameters. False with s->reply
 * set. */
bool path_parse(struct session *s, struct command *c, const struct path_rule *rule, struct view *rest) MUST_CHECK;
/* False with s->reply set when ADDRESS needs SMTPUTF8 (RFC 6531 3.5) and GIVEN, whether it was said, is false. */
bool path_utf8_allowed(struct session *s, struct view address, bool given) MUST_CHECK;

#endif
