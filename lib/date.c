/* date.c - see date.h. clock_date (clock.h) writes them. */
#include "base.h"
#include "date.h"
#include "token.h"
#include <time.h>

static bool number(struct view *rest, size_t most, int *out, size_t *digits)
{
	size_t n = 0;
	uint64_t value;

	while (n < rest->len && n <= most && rest->data[n] >= '0' && rest->data[n] <= '9')
		n++;
	if (n == 0 || n > most || !view_u64(view_head(*rest, n), INT_MAX, &value))
		return false;
	*rest = view_skip(*rest, n);
	*out = (int)value;
	if (digits)
		*digits = n;
	return token_skip(rest, NULL);
}

static bool month(struct view *rest, int *out)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct view word = token_word(rest, "(),.:");

	for (*out = 0; *out < 12; (*out)++)
		if (view_case_eq(word, view_make(names + 3 * *out, 3)))
			return token_skip(rest, NULL);
	return false;
}

/* RFC 5322 4.3: two digits below 50 are of this century, other ones and three digits are counted from 1900. */
static bool year(struct view *rest, int *out)
{
	size_t digits;

	if (!number(rest, 4, out, &digits) || digits < 2)
		return false;
	if (digits == 2 && *out < 50)
		*out += 2000;
	else if (digits < 4)
		*out += 1900;
	return *out >= 1900;
}

/* hour ":" minute [":" second] */
static bool time_of_day(struct view *rest, struct tm *tm)
{
	if (!number(rest, 2, &tm->tm_hour, NULL) || !token_take(rest, ':') || !token_skip(rest, NULL) || !number(rest, 2, &tm->tm_min, NULL))
		return false;
	if (token_take(rest, ':') && (!token_skip(rest, NULL) || !number(rest, 2, &tm->tm_sec, NULL)))
		return false;
	return tm->tm_hour < 24 && tm->tm_min < 60 && tm->tm_sec <= 60;
}

/* Seconds east of UTC; false for digits that are no zone. */
static bool zone(struct view rest, int64_t *offset)
{
	static const struct { const char *name; int hours; } names[] = {
		{ "EDT", -4 }, { "EST", -5 }, { "CDT", -5 }, { "CST", -6 }, { "MDT", -6 }, { "MST", -7 }, { "PDT", -7 }, { "PST", -8 } };
	struct view word = token_word(&rest, "(");
	uint64_t hhmm;

	*offset = 0;
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (view_case_eq(word, view_of(names[i].name)))
			*offset = names[i].hours * INT64_C(3600);
	if (!word.len || (word.data[0] != '+' && word.data[0] != '-'))
		return true;
	if (word.len != 5 || !view_u64(view_skip(word, 1), 9959, &hhmm) || hhmm % 100 > 59)
		return false;
	*offset = (int64_t)(hhmm / 100 * 3600 + hhmm % 100 * 60) * (word.data[0] == '-' ? -1 : 1);
	return true;
}

bool date_parse(struct view text, int64_t *seconds)
{
	struct view day_name = text;
	struct tm tm = { 0 }, again;
	int64_t offset;

	token_skip(&day_name, NULL);
	token_word(&day_name, "(),.:0123456789");
	token_skip(&day_name, NULL);
	if (token_take(&day_name, ','))
		text = day_name;
	if (!token_skip(&text, NULL) || !number(&text, 2, &tm.tm_mday, NULL) || !month(&text, &tm.tm_mon) || !year(&text, &tm.tm_year) ||
	    !time_of_day(&text, &tm) || !zone(text, &offset))
		return false;
	tm.tm_year -= 1900;
	again = tm;
	*seconds = timegm(&again) - offset;
	/* a leap second may carry into the next day; without it, the day must come out as it went in */
	again = tm;
	again.tm_sec = 0;
	timegm(&again);
	return tm.tm_mday > 0 && again.tm_mday == tm.tm_mday && again.tm_mon == tm.tm_mon;
}
