/* test_schedule.c - temp_fail_intervals: Haraka's syntax and its delays. */
#include "unit.h"

#include "../../queue/schedule.h"

static const struct {
	const char *text;
	int64_t max_failures;
	int64_t delays[8];		/* after the first, second, ... failure; 0 ends the list */
} good_cases[] = {
	{ "1m, 5m*2, 1h*3", 13, { 60, 300, 300, 3600, 3600, 3600, SCHEDULE_NEVER } },
	{ "1m,5m*2,1h", 1, { 60, 300, 300, 3600, SCHEDULE_NEVER } },
	{ " 30s * 2 ,\t1d ", 13, { 30, 30, 86400, SCHEDULE_NEVER } },
	{ "30d", 13, { 2592000, SCHEDULE_NEVER } },
	{ "none", 13, { SCHEDULE_NEVER } },
	{ " None ", 13, { SCHEDULE_NEVER } },
	{ "", 4, { 64, 128, 256, SCHEDULE_NEVER } },
	{ "  ", 1, { SCHEDULE_NEVER } },
	{ "", 0, { SCHEDULE_NEVER } },
	{ "", 13, { 64, 128, 256, 512, 1024, 2048, 4096 } },
};

START_TEST(good)
{
	struct schedule s;
	struct err err = { "" };
	for (size_t i = 0; i < COUNT_OF(good_cases); i++) {
		ck_assert_msg(schedule_parse(&s, good_cases[i].text, good_cases[i].max_failures, &err), "%s", err.text);
		for (unsigned n = 0; n < 8 && good_cases[i].delays[n] != 0; n++)
			ck_assert_msg(schedule_delay(&s, n + 1) == good_cases[i].delays[n], "\"%s\", failure %u: %lld",
				good_cases[i].text, n + 1, (long long)schedule_delay(&s, n + 1));
	}
}
END_TEST

START_TEST(bad)
{
	static const char *const cases[] = { "1", "m", "1x", "0m", "-1m", "+1m", "1.5m", "1m,", ",1m", "1m,,2m", "1m 2m", "1m*", "1m*0",
		"1m*-1", "*2", "1m**2", "1m*2*3", "1m*10001", "31d", "2592001s", "99999999999999999999s", "1m;2m", "none,1m", "1 m",
		"1M", "1m*2m", "\n1m\n,x" };
	struct schedule s;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct err err = { "" };
		ck_assert_msg(!schedule_parse(&s, cases[i], 13, &err), "%s", cases[i]);
		ck_assert_ptr_nonnull(strstr(err.text, "temp_fail_intervals"));
	}
}
END_TEST

START_TEST(long_lists)
{
	struct schedule s;
	struct err err = { "" };
	char text[1024];
	size_t len = 0;
	for (int i = 0; i < SCHEDULE_STEPS; i++)
		len += (size_t)snprintf(text + len, sizeof text - len, "%s1s*10000", i ? "," : "");
	ck_assert(schedule_parse(&s, text, 13, &err));
	ck_assert_int_eq(schedule_delay(&s, SCHEDULE_STEPS * 10000), 1);
	ck_assert_int_eq(schedule_delay(&s, SCHEDULE_STEPS * 10000 + 1), SCHEDULE_NEVER);
	snprintf(text + len, sizeof text - len, ",1s");
	ck_assert(!schedule_parse(&s, text, 13, &err));
}
END_TEST

/* Far beyond any real number of failures: capped, never an overflow. */
START_TEST(exponential_far)
{
	struct schedule s;
	struct err err = { "" };
	ck_assert(schedule_parse(&s, "", 1000, &err));
	int64_t last = 0;
	for (unsigned n = 1; n < 1000; n++) {
		int64_t delay = schedule_delay(&s, n);
		ck_assert(delay >= last && delay <= SCHEDULE_DELAY_MAX);
		last = delay;
	}
	ck_assert_int_eq(last, SCHEDULE_DELAY_MAX);
	ck_assert_int_eq(schedule_delay(&s, 1000), SCHEDULE_NEVER);
	ck_assert_int_eq(schedule_delay(&s, UINT32_MAX), SCHEDULE_NEVER);
	ck_assert(schedule_parse(&s, "", INT64_MAX, &err));
	ck_assert_int_eq(schedule_delay(&s, UINT32_MAX), SCHEDULE_DELAY_MAX);
}
END_TEST

START_TEST(jitter)
{
	ck_assert_int_eq(schedule_jitter(1600, 0), 1600);
	ck_assert_int_eq(schedule_jitter(1600, UINT32_MAX), 1699);
	ck_assert_int_eq(schedule_jitter(15, UINT32_MAX), 15);
	ck_assert_int_lt(schedule_jitter(SCHEDULE_DELAY_MAX, UINT32_MAX), SCHEDULE_DELAY_MAX + SCHEDULE_DELAY_MAX / 16);
}
END_TEST

UNIT_MAIN("schedule", good, bad, long_lists, exponential_far, jitter)
