/* pace.h - "at most so many in so long": the rates of destinations. A stretch of the time allowed may be used at once (a
 * tenth), the rest comes evenly spread, and in no span of that length are there ever more than COUNT. */
#ifndef PACE_H
#define PACE_H

#include "../lib/base.h"
#include "../lib/view.h"

struct pace {
	uint32_t count;			/* 0: as many as come */
	uint32_t span;			/* ms */
};

#define PACE_COUNT_MAX 1000000
#define PACE_SPAN_MAX (24 * 3600 * 1000)

/* "100/1h", "5/s", "30/10m". */
bool pace_parse(struct view text, struct pace *out) MUST_CHECK;
/* When the next may come, in microseconds, STATE being what pace_take left (0 at first): at or before NOW_US, it may now. */
int64_t pace_when(const struct pace *p, int64_t state, int64_t now_us);
/* One came at NOW_US: the new state. */
int64_t pace_take(const struct pace *p, int64_t state, int64_t now_us);

#endif
