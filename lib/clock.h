/* clock.h - time. Deadlines are monotonic milliseconds; dates are wall-clock seconds. */
#ifndef CLOCK_H
#define CLOCK_H

#include "base.h"
#include <time.h>

/* Monotonic milliseconds (a deadline is such a value; 0 means none). */
int64_t clock_ms(void);
/* Wall clock, seconds and microseconds since 1970. */
time_t clock_now(void);
int64_t clock_now_us(void);
/* Milliseconds left until DEADLINE, for poll(): -1 for no deadline (0), 0 when it has passed. */
int clock_left(int64_t deadline);
/* "Sat, 21 Nov 2026 02:10:00 +0000" (RFC 5322 section 3.3, local zone). OUT is returned. */
#define CLOCK_DATE_SIZE 40
char *clock_date(time_t when, char out[CLOCK_DATE_SIZE]);
/* "2026-11-21T02:10:00.123+00:00" for logs. */
#define CLOCK_STAMP_SIZE 40
char *clock_stamp(int64_t us, char out[CLOCK_STAMP_SIZE]);
/* Tests and the scheduler simulation set a fake wall clock (seconds; 0 returns to the real one). */
void clock_fake(time_t now);

#endif
