/* schedule.h - when a deferred message is tried again: outbound.conf's temp_fail_intervals and max_temp_failures, with
 * Haraka's meaning. */
#ifndef SCHEDULE_H
#define SCHEDULE_H

#include "../lib/base.h"
#include "../lib/err.h"

#define SCHEDULE_STEPS 64		/* "5m*2" is one step */
#define SCHEDULE_REPEATS 10000		/* most that may stand behind one "*" */
#define SCHEDULE_DELAY_MAX (30 * 86400)	/* most seconds of one delay */
#define SCHEDULE_NEVER (-1)

struct schedule {
	size_t count;			/* 0 and not NONE: exponential */
	bool none;			/* the first failure is final */
	int64_t max_failures;		/* of the exponential schedule */
	struct { uint32_t seconds, times; } steps[SCHEDULE_STEPS];
};

/* TEXT: "1m, 5m*2, 1h*3" (units s, m, h, d), "none", or "" for the default: 64 seconds, doubled with each failure, and
 * MAX_FAILURES in all. ERR says what is wrong where. */
bool schedule_parse(struct schedule *s, const char *text, int64_t max_failures, struct err *err) MUST_CHECK;
/* Seconds to wait after the FAILURES-th failure (1 the first), or SCHEDULE_NEVER: it was the last. */
int64_t schedule_delay(const struct schedule *s, unsigned failures);
/* Up to a sixteenth later, by a number from RANDOM, so that what failed together does not come back together. */
int64_t schedule_jitter(int64_t delay, uint32_t random);

#endif
