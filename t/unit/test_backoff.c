/* test_backoff.c - pauses between the starts of a child that keeps dying. */
#include "unit.h"
#include "../../server/backoff.h"

START_TEST(test_sequences)
{
	static const struct { int64_t lived[9], pause[9]; } cases[] = {
		{ { 0, 0, 0, 0, 0, 0, 0, 0, 0 }, { 0, 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000 } },
		{ { 60000, 60000, 60000, 0, 0, 0, 60000, 0, 0 }, { 0, 0, 0, 1000, 2000, 4000, 0, 1000, 2000 } },
		{ { 0, BACKOFF_STEADY - 1, BACKOFF_STEADY, 0, 0, 0, 0, 0, 0 }, { 0, 1000, 0, 1000, 2000, 4000, 8000, 16000, 32000 } },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct backoff b = { 0 };

		for (size_t k = 0; k < COUNT_OF(cases[i].lived); k++)
			ck_assert_msg(backoff_after(&b, cases[i].lived[k]) == cases[i].pause[k], "case %zu, death %zu", i, k);
	}
}
END_TEST

START_TEST(test_longest_and_reset)
{
	struct backoff b = { 0 };

	ck_assert_int_eq(backoff_longest(&b), BACKOFF_MAX);
	ck_assert_int_eq(backoff_after(&b, 0), BACKOFF_MAX);
	backoff_reset(&b);
	ck_assert_int_eq(backoff_after(&b, 0), 0);
	ck_assert_int_eq(backoff_after(&b, 0), BACKOFF_FIRST);
}
END_TEST

UNIT_MAIN("backoff", test_sequences, test_longest_and_reset)
