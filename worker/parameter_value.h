/* parameter_value.h - the readers of values, for the table in parameter.c. Each gets a value that is not empty, and
 * printable unless SMTPUTF8 lets UTF-8 in. */
#ifndef PARAMETER_VALUE_H
#define PARAMETER_VALUE_H

#include "parameter.h"

enum value {
	VALUE_GOOD,
	VALUE_BAD,
	VALUE_UNKNOWN,		/* of an extension that is not on offer */
};

/* A value on its way into P. */
struct value_in {
	const struct parameter_rules *rules;
	struct arena *arena;
	struct parameters *p;
	const char *text;	/* what it means, where that is not the value itself; else NULL */
};

static inline enum value value_good(bool yes)
{
	return yes ? VALUE_GOOD : VALUE_BAD;
}

/* parameter_dsn.c: RFC 3461, RFC 6533 */
enum value parameter_ret(struct view v, struct value_in *in);
enum value parameter_envid(struct view v, struct value_in *in);
enum value parameter_notify(struct view v, struct value_in *in);
enum value parameter_orcpt(struct view v, struct value_in *in);
/* parameter_delivery.c: RFC 2852, RFC 4865, RFC 6710 */
enum value parameter_by(struct view v, struct value_in *in);
enum value parameter_holdfor(struct view v, struct value_in *in);
enum value parameter_holduntil(struct view v, struct value_in *in);
enum value parameter_priority(struct view v, struct value_in *in);

#endif
