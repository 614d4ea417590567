/* stapler.h - keeps the OCSP responses of our certificates fresh: now and then a child of the forkserver, which ends when
 * it has asked for those that are due. */
#ifndef STAPLER_H
#define STAPLER_H

#include "../lib/base.h"
#include "../lib/tls.h"
#include "role.h"

struct stapler {
	const struct role_args *args;
	struct tls_context *tls;	/* NULL: nothing to do, ever */
	int fd;				/* of the child at work, -1 none */
	int64_t next;			/* clock_ms of the next look */
	unsigned failures;		/* in a row */
};

/* TLS NULL, or without anything to staple: never does anything. */
void stapler_init(struct stapler *s, const struct role_args *args, struct tls_context *tls);
/* Once a second: starts a child when it is time, hears how the last one fared. */
void stapler_tick(struct stapler *s);

#endif
