/* parameter.h - ESMTP parameters of MAIL and RCPT (RFC 5321 4.1.1.11): keyword[=value], one table. */
#ifndef PARAMETER_H
#define PARAMETER_H

#include "../lib/base.h"
#include "../lib/arena.h"
#include "../lib/reply.h"
#include "../lib/view.h"

#define PARAMETERS_MAX 16
#define PARAMETER_HOLD_MAX (365 * 86400)	/* seconds: the longest FUTURERELEASE, as EHLO says */

struct parameter {
	const char *keyword, *value;	/* keyword in upper case; value as it was given, "" when there is none */
	const char *text;		/* what the value means: without xtext; else the value */
};

enum parameter_body { BODY_7BIT, BODY_8BITMIME, BODY_BINARYMIME };

/* What was not given is 0 or "". */
struct parameters {
	size_t count;
	struct parameter list[PARAMETERS_MAX];
	/* MAIL */
	uint64_t size;			/* SIZE (RFC 1870) */
	enum parameter_body body;	/* BODY (RFC 6152, RFC 3030) */
	bool utf8;			/* SMTPUTF8 (RFC 6531) */
	const char *ret;		/* RET (RFC 3461): "FULL", "HDRS" */
	int64_t deliver_by;		/* BY (RFC 2852): seconds since 1970 */
	const char *by_mode;		/* "R", "N", "RT", "NT" */
	int64_t hold_until;		/* HOLDFOR, HOLDUNTIL (RFC 4865): seconds since 1970 */
	int priority;			/* MT-PRIORITY (RFC 6710): -9 to 9 */
	bool requiretls;		/* REQUIRETLS (RFC 8689) */
	/* RCPT */
	unsigned notify;		/* NOTIFY (RFC 3461): dsn_notify of queue/spool.h */
};

enum parameter_verb { PARAMETER_MAIL = 1, PARAMETER_RCPT = 2 };

/* What a line is read by. */
struct parameter_rules {
	enum parameter_verb verb;
	unsigned offered;		/* extensions_offered: a parameter of another is unknown */
	bool utf8;			/* RCPT: MAIL said SMTPUTF8 */
	int64_t now;			/* seconds since 1970 */
};

/* Parses the rest of a MAIL or RCPT line. False with R set (501, 555). Texts live in A. */
bool parameters_parse(struct view rest, const struct parameter_rules *rules, struct arena *a, struct parameters *out, struct reply *r) MUST_CHECK;
/* The parameter KEYWORD (any case), NULL when it was not given. */
const struct parameter *parameters_find(const struct parameters *p, const char *keyword);
/* What the value of KEYWORD means; "" when it was not given. */
const char *parameters_text(const struct parameters *p, const char *keyword);
/* A copy whose texts live in A. */
void parameters_copy(struct parameters *to, const struct parameters *from, struct arena *a);
/* xtext of RFC 3461 4: printable ASCII but "+" and "=", or "+HH". What it stands for must be printable too: nothing
 * hidden in it ("+0A") may ever become a line. */
bool parameter_xtext_valid(struct view v);
/* What V stands for, in A; NULL when it is not valid. */
const char *parameter_xtext_decode(struct view v, struct arena *a);

#endif
