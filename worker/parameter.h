/* parameter.h - ESMTP parameters of MAIL and RCPT (RFC 5321 4.1.1.11): keyword[=value], one table. */
#ifndef PARAMETER_H
#define PARAMETER_H

#include "../lib/base.h"
#include "../lib/arena.h"
#include "../lib/reply.h"
#include "../lib/view.h"

#define PARAMETERS_MAX 16

struct parameter { const char *keyword, *value; };	/* keyword in upper case; value "" when there is none */

enum parameter_body { BODY_7BIT, BODY_8BITMIME, BODY_BINARYMIME };

struct parameters {
	size_t count;
	struct parameter list[PARAMETERS_MAX];
	uint64_t size;			/* SIZE (RFC 1870), 0 not given */
	enum parameter_body body;	/* BODY (RFC 6152, RFC 3030) */
};

enum parameter_verb { PARAMETER_MAIL = 1, PARAMETER_RCPT = 2 };

/* What a line is read by. */
struct parameter_rules {
	enum parameter_verb verb;
	unsigned offered;		/* extensions_offered: a parameter of another is unknown */
};

/* Parses the rest of a MAIL or RCPT line. False with R set (501, 555). Texts live in A. */
bool parameters_parse(struct view rest, const struct parameter_rules *rules, struct arena *a, struct parameters *out, struct reply *r) MUST_CHECK;
/* The value of KEYWORD (any case), NULL when it was not given. */
const char *parameters_find(const struct parameters *p, const char *keyword);
/* A copy whose texts live in A. */
void parameters_copy(struct parameters *to, const struct parameters *from, struct arena *a);
/* xtext of RFC 3461 4: printable ASCII but "+" and "=", or "+HH". What it stands for must be printable too: nothing
 * hidden in it ("+0A") may ever become a line. */
bool parameter_xtext_valid(struct view v);
/* What V stands for, in A; NULL when it is not valid. */
const char *parameter_xtext_decode(struct view v, struct arena *a);

#endif
