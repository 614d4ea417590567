/* test_clock.c - dates in several zones and at the ends of the calendar, deadlines, the fake clock. */
#include "unit.h"
#include "../../lib/clock.h"

static const struct {
	const char *zone;
	int64_t us;
	const char *date, *stamp;
} cases[] = {
	{ "UTC", 1795227000123000, "Sat, 21 Nov 2026 02:10:00 +0000", "2026-11-21T02:10:00.123+00:00" },
	{ "CET-1CEST", 1795227000999999, "Sat, 21 Nov 2026 03:10:00 +0100", "2026-11-21T03:10:00.999+01:00" },
	{ "EST5EDT", 1783000000000000, "Thu, 2 Jul 2026 09:46:40 -0400", "2026-07-02T09:46:40.000-04:00" },
	{ "IST-5:30", 0, "Thu, 1 Jan 1970 05:30:00 +0530", "1970-01-01T05:30:00.000+05:30" },
	{ "NST3:30", 951782400000000, "Mon, 28 Feb 2000 20:30:00 -0330", "2000-02-28T20:30:00.000-03:30" },
	{ "UTC", -1, "Wed, 31 Dec 1969 23:59:59 +0000", "1969-12-31T23:59:59.999+00:00" },
	{ "UTC", 253402300799000000, "Fri, 31 Dec 9999 23:59:59 +0000", "9999-12-31T23:59:59.000+00:00" },
	{ "UTC", 253402300800000000, "Thu, 1 Jan 1970 00:00:00 +0000", "1970-01-01T00:00:00.000+00:00" },
	{ "UTC", INT64_MAX, "Thu, 1 Jan 1970 00:00:00 +0000", "1970-01-01T00:00:00.775+00:00" },
	{ "UTC", INT64_MIN, "Thu, 1 Jan 1970 00:00:00 +0000", "1970-01-01T00:00:00.224+00:00" },
};

START_TEST(test_dates)
{
	char date[CLOCK_DATE_SIZE], stamp[CLOCK_STAMP_SIZE];

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		int64_t seconds = cases[i].us / 1000000 - (cases[i].us % 1000000 < 0);

		setenv("TZ", cases[i].zone, 1);
		tzset();
		ck_assert_str_eq(clock_date((time_t)(seconds + 1), date), date);
		ck_assert_str_eq(clock_date((time_t)seconds, date), cases[i].date);
		ck_assert_str_eq(clock_stamp(cases[i].us, stamp), cases[i].stamp);
	}
	ck_assert_uint_lt(strlen(clock_date((time_t)INT64_MAX, date)), sizeof(date));
}
END_TEST

START_TEST(test_deadlines)
{
	int64_t now = clock_ms();

	ck_assert_int_gt(now, 0);
	ck_assert_int_ge(clock_ms(), now);
	ck_assert_int_eq(clock_left(0), -1);
	ck_assert_int_eq(clock_left(1), 0);
	ck_assert_int_eq(clock_left(now - 1), 0);
	ck_assert_int_gt(clock_left(now + 60000), 50000);
	ck_assert_int_le(clock_left(now + 60000), 60000);
	ck_assert_int_eq(clock_left(INT64_MAX), INT_MAX);
}
END_TEST

START_TEST(test_fake)
{
	ck_assert_int_gt(clock_now(), 1700000000);
	ck_assert_int_le(llabs(clock_now_us() / 1000000 - time(NULL)), 2);
	clock_fake(1234567890);
	ck_assert_int_eq(clock_now(), 1234567890);
	ck_assert_int_eq(clock_now_us(), 1234567890000000);
	clock_fake(0);
	ck_assert_int_gt(clock_now(), 1700000000);
}
END_TEST

UNIT_MAIN("clock", test_dates, test_deadlines, test_fake)
