/* timing.h - when the sender wants a message to go: not before (FUTURERELEASE, RFC 4865), and by when (DELIVERBY, RFC 2852). NOW
 * and all times are seconds since 1970. */
#ifndef TIMING_H
#define TIMING_H

#include "../lib/base.h"
#include "../lib/buf.h"
#include "spool.h"

/* What is too late for mode R comes back with this (RFC 3463: delivery time expired). */
#define TIMING_OVER_CODE "5.4.7"
#define TIMING_OVER_TEXT "not delivered in the time that its sender gave it (DELIVERBY)"

/* When ENV could go for the first time, in ms: from there on its age counts. */
int64_t timing_start_ms(const struct envelope *env);
/* It is to be kept until env->hold_until. */
bool timing_held(const struct envelope *env, int64_t now);
/* It is to be there by env->deliver_by. */
bool timing_asked(const struct envelope *env);
/* Mode R: it is to come back when its time is over; whether that is so. */
bool timing_returns(const struct envelope *env);
bool timing_over(const struct envelope *env, int64_t now);
/* Mode N: its time is over, and its sender is to hear that it is late. */
bool timing_late(const struct envelope *env, int64_t now);
/* WHEN, at which it is to be tried again, or the end of its time when that is earlier and something is to be done then. */
int64_t timing_next(const struct envelope *env, int64_t now, int64_t when);
/* Its sender is to hear when it has been relayed to a server, which knows DELIVERBY or not: RFC 2852 4.1.3, the T of a mode, and
 * mode N, which ends there. */
bool timing_traced(const struct envelope *env, bool known);
/* " BY=..." for MAIL, with the time that is left. */
void timing_put_by(struct buf *out, const struct envelope *env, int64_t now);

#endif
