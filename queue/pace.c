/* pace.c - see pace.h: the generic cell rate algorithm. The state is the time at which all that came would have been used
 * up, had it come evenly; one may come as long as that is less than the stretch in the future. With a stretch of b and an
 * interval of span / (count - b + 1), no half-open window of that span holds more than count. */
#include "pace.h"

static uint32_t stretch(const struct pace *p)
{
	return p->count < 20 ? 1 : p->count / 10;
}

static int64_t interval_us(const struct pace *p)
{
	uint32_t parts = p->count - stretch(p) + 1;

	return ((int64_t)p->span * 1000 + parts - 1) / parts;
}

bool pace_parse(struct view text, struct pace *out)
{
	static const struct { const char *name; uint32_t ms; } units[] = {
		{ "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { "d", 86400000 },
	};
	struct view count = view_trim(view_cut(&text, '/')), span = view_trim(text);
	uint64_t n, times = 1;
	size_t digits = 0;

	if (!view_u64(count, PACE_COUNT_MAX, &n) || n == 0)
		return false;
	while (digits < span.len && span.data[digits] >= '0' && span.data[digits] <= '9')
		digits++;
	if (digits && (!view_u64(view_head(span, digits), PACE_SPAN_MAX, &times) || times == 0))
		return false;
	for (size_t i = 0; i < COUNT_OF(units); i++)
		if (view_eq(view_skip(span, digits), view_of(units[i].name)) && times <= PACE_SPAN_MAX / units[i].ms) {
			*out = (struct pace){ .count = (uint32_t)n, .span = (uint32_t)times * units[i].ms };
			return true;
		}
	return false;
}

int64_t pace_when(const struct pace *p, int64_t state, int64_t now_us)
{
	if (p->count == 0)
		return now_us;
	return state - (int64_t)(stretch(p) - 1) * interval_us(p);
}

int64_t pace_take(const struct pace *p, int64_t state, int64_t now_us)
{
	if (p->count == 0)
		return state;
	return (state > now_us ? state : now_us) + interval_us(p);
}
