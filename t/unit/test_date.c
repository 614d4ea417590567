/* test_date.c - dates in headers: what RFC 5322 allows, what it allowed once, and what is none. */
#include "unit.h"
#include "../../lib/clock.h"
#include "../../lib/date.h"

static const struct { const char *text; bool good; long long want; } dates[] = {
	{ "Thu, 01 Jan 1970 00:00:00 +0000", true, 0 },
	{ "Sat, 21 Nov 2026 02:10:00 +0000", true, 1795227000 },
	{ "21 Nov 2026 02:10 +0000", true, 1795227000 },
	{ "Sat, 21 Nov 2026 03:10:00 +0100", true, 1795227000 },
	{ "Fri, 20 Nov 2026 20:40:00 -0530", true, 1795227000 },
	{ "Sat, 21 Nov 2026 02:10:00 GMT", true, 1795227000 },
	{ "Fri, 20 Nov 2026 21:10:00 EST", true, 1795227000 },
	{ "Fri, 20 Nov 2026 22:10:00 edt", true, 1795227000 },
	{ "Sat, 21 Nov 2026 02:10:00 +0000 (UTC)", true, 1795227000 },
	{ "Sat, 21 Nov 2026 02:10:00 Z", true, 1795227000 },
	{ "Sat, 21 Nov 2026 02:10:00", true, 1795227000 },
	{ "Sat,  1 Nov 26 02:10:00 -0000", true, 1793499000 },
	{ "Fri, 21 Nov 97 09:55:06 -0600", true, 880127706 },
	{ "Fri, 21 Nov 101 09:55:06 +0000", true, 1006336506 },
	{ "\r\n Sat\r\n ,\t21 (day) Nov (month (nested \\) ))\r\n 2026 02 : 10 : 00 (time) +0000", true, 1795227000 },
	{ "Nosuchday, 21 nov 2026 02:10:00 +0000", true, 1795227000 },
	{ "29 Feb 2024 00:00:00 +0000", true, 1709164800 }, { "29 Feb 2000 00:00:00 +0000", true, 951782400 },
	{ "31 Dec 2016 23:59:60 +0000", true, 1483228800 }, { "31 Dec 1969 23:59:59 +0000", true, -1 },
	{ "1 Jan 9999 00:00:00 +0000", true, 253370764800 },
	{ "", false, 0 }, { "yesterday", false, 0 }, { "2026-11-21T02:10:00Z", false, 0 }, { "Sat, 32 Nov 2026 02:10:00 +0000", false, 0 },
	{ "Sat, 21 Foo 2026 02:10:00 +0000", false, 0 }, { "Sat, 21 Nov 2026 25:10:00 +0000", false, 0 },
	{ "Sat, 21 Nov 2026 02:61:00 +0000", false, 0 }, { ",", false, 0 }, { "Sat, 21 Nov 2026 02:10:61 +0000", false, 0 },
	{ "31 Nov 2026 02:10:00 +0000", false, 0 }, { "29 Feb 2026 02:10:00 +0000", false, 0 }, { "0 Nov 2026 02:10:00 +0000", false, 0 },
	{ "29 Feb 1900 00:00:00 +0000", false, 0 }, { "21 Nov 1899 02:10:00 +0000", false, 0 }, { "21 Nov 6 02:10:00 +0000", false, 0 },
	{ "21 Nov 20260 02:10:00 +0000", false, 0 }, { "021 Nov 2026 02:10:00 +0000", false, 0 }, { "21 Nov 2026 24:00:00 +0000", false, 0 },
	{ "21 Nov 2026 2 +0000", false, 0 }, { "21 Nov 2026", false, 0 }, { "21 Nov 2026 02:10:", false, 0 }, { "21 Nov 2026 02:10:00 +000", false, 0 },
	{ "21 Nov 2026 02:10:00 +00000", false, 0 }, { "21 Nov 2026 02:10:00 +0060", false, 0 }, { "21 Nov 2026 02:10:00 +-100", false, 0 },
	{ "21 (never closed Nov 2026 02:10:00 +0000", false, 0 }, { "21 November 2026 02:10:00 +0000", false, 0 }, { "-1 Nov 2026 02:10:00 +0000", false, 0 },
	{ "Sat Nov 21 02:10:00 2026", false, 0 }, { "99999999999999999999 Nov 2026 02:10:00 +0000", false, 0 },
};

START_TEST(table)
{
	for (size_t i = 0; i < COUNT_OF(dates); i++) {
		int64_t got = 0;

		ck_assert_msg(date_parse(view_of(dates[i].text), &got) == dates[i].good, "%s", dates[i].text);
		ck_assert_msg(!dates[i].good || got == dates[i].want, "%s: %lld", dates[i].text, (long long)got);
	}
}
END_TEST

START_TEST(our_own)
{
	char text[CLOCK_DATE_SIZE];
	int64_t got;

	for (time_t t = 0; t < 4000000000; t += 86399 * 31) {
		ck_assert(date_parse(view_of(clock_date(t, text)), &got));
		ck_assert_int_eq(got, t);
	}
}
END_TEST

UNIT_MAIN("date", table, our_own)
