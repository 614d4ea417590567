/* test_headers_plugin.c - the dates that the plugin headers can read. The plugin's source is part of this program, so
 * that its static functions can be called. */
#include "../../lib/base.h"
#include <check.h>
#include "../../plugins/headers.c"

static const struct { const char *text; bool good; long long want; } dates[] = {
	{ "Thu, 01 Jan 1970 00:00:00 +0000", true, 0 },
	{ "Sat, 21 Nov 2026 02:10:00 +0000", true, 1795227000 },
	{ "21 Nov 2026 02:10 +0000", true, 1795227000 },
	{ "Sat, 21 Nov 2026 03:10:00 +0100", true, 1795227000 },
	{ "Fri, 20 Nov 2026 20:40:00 -0530", true, 1795227000 },
	{ "Sat, 21 Nov 2026 02:10:00 GMT", true, 1795227000 },
	{ "Fri, 20 Nov 2026 21:10:00 EST", true, 1795227000 },
	{ "Sat, 21 Nov 2026 02:10:00 +0000 (UTC)", true, 1795227000 },
	{ "Sat,  1 Nov 26 02:10:00 -0000", true, 1793499000 },
	{ "Fri, 21 Nov 97 09:55:06 -0600", true, 880127706 },
	{ "Fri, 21 Nov 101 09:55:06 +0000", true, 1006336506 },
	{ "", false, 0 }, { "yesterday", false, 0 }, { "2026-11-21T02:10:00Z", false, 0 }, { "Sat, 32 Nov 2026 02:10:00 +0000", false, 0 },
	{ "Sat, 21 Foo 2026 02:10:00 +0000", false, 0 }, { "Sat, 21 Nov 2026 25:10:00 +0000", false, 0 },
	{ "Sat, 21 Nov 2026 02:61:00 +0000", false, 0 }, { ",", false, 0 },
};

START_TEST(test_dates)
{
	time_t got = 0;
	ck_assert_msg(parse_date(dates[_i].text, &got) == dates[_i].good, "%s", dates[_i].text);
	ck_assert_msg(!dates[_i].good || got == dates[_i].want, "%s: %lld", dates[_i].text, (long long)got);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("headers_plugin");
	TCase *t = tcase_create("headers_plugin");
	tcase_add_loop_test(t, test_dates, 0, (int)COUNT_OF(dates));
	suite_add_tcase(suite, t);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
