/* parameter_delivery.c - by when, not before when, and how urgently a message is to be delivered. */
#include "../lib/base.h"
#include "parameter_value.h"
#include <time.h>

#define SECONDS_MAX 999999999	/* 9 digits: RFC 2852 4, RFC 4865 4 */

/* [-+]1*9DIGIT ";" N|R [T] */
enum value parameter_by(struct view v, struct value_in *in)
{
	static const char *const modes[] = { "N", "NT", "R", "RT" };
	struct view mode = v, time = view_cut(&mode, ';');
	bool late = time.len && *time.data == '-';
	uint64_t seconds;

	if (late || (time.len && *time.data == '+'))
		time = view_skip(time, 1);
	if (time.len > 9 || !view_u64(time, SECONDS_MAX, &seconds))
		return VALUE_BAD;
	for (size_t i = 0; i < COUNT_OF(modes); i++)
		if (view_case_eq(mode, view_of(modes[i])))
			in->p->by_mode = modes[i];
	/* RFC 2852 4: what is to be returned when it is late must not be late already */
	if (!*in->p->by_mode || (*in->p->by_mode == 'R' && (late || !seconds)))
		return VALUE_BAD;
	in->p->deliver_by = in->rules->now + (late ? -(int64_t)seconds : (int64_t)seconds);
	if (in->p->deliver_by < 1)
		in->p->deliver_by = 1;
	return VALUE_GOOD;
}

static enum value hold(int64_t until, struct value_in *in)
{
	in->p->hold_until = until;
	return value_good(until > 0 && until - in->rules->now <= PARAMETER_HOLD_MAX);
}

enum value parameter_holdfor(struct view v, struct value_in *in)
{
	uint64_t seconds;

	if (v.len > 9 || !view_u64(v, SECONDS_MAX, &seconds) || !seconds)
		return VALUE_BAD;
	return hold(in->rules->now + (int64_t)seconds, in);
}

/* COUNT digits of V from AT on, between LOW and HIGH; -1 when they are not. */
static int digits(struct view v, size_t at, size_t count, uint64_t low, uint64_t high)
{
	uint64_t n;

	return view_u64(view_head(view_skip(v, at), count), high, &n) && n >= low ? (int)n : -1;
}

/* A fraction of a second means nothing here. */
static bool ends_date(struct view rest)
{
	bool point = rest.len > 1 && *rest.data == '.' && rest.data[1] != 'Z' && rest.data[1] != 'z';

	rest = view_skip(rest, point);
	while (point && rest.len && *rest.data >= '0' && *rest.data <= '9')
		rest = view_skip(rest, 1);
	return view_case_eq(rest, VIEW("Z"));
}

/* RFC 3339 5.6 in UTC: "2026-11-24T19:05:00Z". 0 when it is not. */
static int64_t date(struct view v)
{
	static const struct { size_t at; char c; } marks[] = { { 4, '-' }, { 7, '-' }, { 10, 'T' }, { 13, ':' }, { 16, ':' } };
	struct tm tm = { .tm_year = digits(v, 0, 4, 1970, 9999) - 1900, .tm_mon = digits(v, 5, 2, 1, 12) - 1,
		.tm_mday = digits(v, 8, 2, 1, 31), .tm_hour = digits(v, 11, 2, 0, 23), .tm_min = digits(v, 14, 2, 0, 59),
		.tm_sec = digits(v, 17, 2, 0, 60) };
	struct tm again;

	if (v.len < 20 || tm.tm_year < 70 || tm.tm_mon < 0 || tm.tm_mday < 0 || tm.tm_hour < 0 || tm.tm_min < 0 || tm.tm_sec < 0)
		return 0;
	for (size_t i = 0; i < COUNT_OF(marks); i++)
		if (v.data[marks[i].at] != marks[i].c && v.data[marks[i].at] != marks[i].c + ('t' - 'T') * (marks[i].c == 'T'))
			return 0;
	again = tm;
	int64_t seconds = timegm(&again);
	/* the 31st of a month of 30 days has become another day (a leap second may) */
	return ends_date(view_skip(v, 19)) && (again.tm_mday == tm.tm_mday || tm.tm_sec == 60) ? seconds : 0;
}

enum value parameter_holduntil(struct view v, struct value_in *in)
{
	return hold(date(v), in);
}

/* RFC 6710 3: priority-value, a digit with or without a minus, and no "-0". */
enum value parameter_priority(struct view v, struct value_in *in)
{
	bool low = v.len == 2 && *v.data == '-';
	char c = v.data[low];

	if (v.len != 1u + low || c < '0' + low || c > '9')
		return VALUE_BAD;
	in->p->priority = low ? -(c - '0') : c - '0';
	return VALUE_GOOD;
}
