/* schedule.c - the retry schedule. The default is Haraka's: 2^(n+5) seconds after the nth failure. */
#include "schedule.h"

#include "../lib/view.h"

#define FIRST_SHIFT 5

static bool parse_unit(struct view *text, uint32_t *seconds)
{
	static const struct { char letter; uint32_t seconds; } units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
	for (size_t i = 0; text->len > 0 && i < COUNT_OF(units); i++) {
		if (text->data[text->len - 1] != units[i].letter)
			continue;
		*text = view_head(*text, text->len - 1);
		*seconds = units[i].seconds;
		return true;
	}
	return false;
}

/* "5m" or "5m*2", blanks around either allowed. */
static bool parse_step(struct schedule *s, struct view step)
{
	uint64_t number, times = 1;
	uint32_t unit;
	bool repeated = view_find(step, '*') < step.len;
	struct view span = view_trim(view_cut(&step, '*'));

	if (s->count == SCHEDULE_STEPS || !parse_unit(&span, &unit) || !view_u64(span, SCHEDULE_DELAY_MAX / unit, &number) ||
	    number == 0 || (repeated && (!view_u64(view_trim(step), SCHEDULE_REPEATS, &times) || times == 0)))
		return false;
	s->steps[s->count].seconds = (uint32_t)number * unit;
	s->steps[s->count].times = (uint32_t)times;
	s->count++;
	return true;
}

bool schedule_parse(struct schedule *s, const char *text, int64_t max_failures, struct err *err)
{
	struct view rest = view_trim(view_of(text));

	*s = (struct schedule){ .max_failures = max_failures, .none = view_case_eq(rest, VIEW("none")) };
	if (s->none || rest.len == 0)
		return true;
	for (bool more = true; more;) {
		more = view_find(rest, ',') < rest.len;
		struct view step = view_trim(view_cut(&rest, ','));
		if (!parse_step(s, step))
			return err_set(err, "temp_fail_intervals: \"%.*s\" found, expected up to %d time spans such as 30s, 5m*2, 1h*3 or 1d"
				" (at most %d days and %d times each), or none", VIEW_FMT(step), SCHEDULE_STEPS, SCHEDULE_DELAY_MAX / 86400,
				SCHEDULE_REPEATS);
	}
	return true;
}

static int64_t delay_exponential(unsigned failures, int64_t max_failures)
{
	if ((int64_t)failures >= max_failures)
		return SCHEDULE_NEVER;
	if (failures > 30 - FIRST_SHIFT)
		return SCHEDULE_DELAY_MAX;
	int64_t delay = INT64_C(1) << (failures + FIRST_SHIFT);
	return delay < SCHEDULE_DELAY_MAX ? delay : SCHEDULE_DELAY_MAX;
}

int64_t schedule_delay(const struct schedule *s, unsigned failures)
{
	if (s->none)
		return SCHEDULE_NEVER;
	if (failures == 0)
		failures = 1;
	if (s->count == 0)
		return delay_exponential(failures, s->max_failures);
	uint64_t before = 0;
	for (size_t i = 0; i < s->count; i++) {
		before += s->steps[i].times;
		if (failures <= before)
			return s->steps[i].seconds;
	}
	return SCHEDULE_NEVER;
}

int64_t schedule_jitter(int64_t delay, uint32_t random)
{
	return delay + (int64_t)((uint64_t)random * (uint64_t)(delay / 16) >> 32);
}
