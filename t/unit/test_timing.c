/* test_timing.c - when a message may go, and must. */
#include "unit.h"

#include "../../queue/timing.h"

#define NOW 1763690000

static struct envelope by(int64_t at, const char *mode)
{
	return (struct envelope){ .arrived = (NOW - 100) * INT64_C(1000000), .deliver_by = at, .by_mode = mode };
}

static const struct { int64_t left; const char *mode; bool over, late, known, unknown; int64_t next; const char *said; } rows[] = {
	{ 60, "R", false, false, false, false, 60, " BY=60;R" },
	{ 60, "RT", false, false, true, false, 60, " BY=60;RT" },
	{ 900, "R", false, false, false, false, 500, " BY=900;R" },
	{ 0, "R", true, false, false, false, 0, " BY=1;R" },
	{ -5, "RT", true, false, true, false, 0, " BY=1;RT" },
	{ 60, "N", false, false, false, true, 60, " BY=60;N" },
	{ 60, "NT", false, false, true, true, 60, " BY=60;NT" },
	{ 0, "N", false, true, false, true, 500, " BY=0;N" },
	{ -7, "NT", false, true, true, true, 500, " BY=-7;NT" },
	{ INT64_C(5000000000), "N", false, false, false, true, 500, " BY=999999999;N" },
	{ 60, "N\r\nRSET", false, false, false, true, 60, " BY=60;N" },
	{ 60, "RTx", false, false, true, false, 60, " BY=60;RT" },
};

static void check(size_t i)
{
	struct envelope env = by(NOW + rows[i].left, rows[i].mode);
	struct buf out;

	ck_assert(timing_asked(&env));
	ck_assert_int_eq(timing_over(&env, NOW), rows[i].over);
	ck_assert_int_eq(timing_late(&env, NOW), rows[i].late);
	ck_assert_int_eq(timing_traced(&env, true), rows[i].known);
	ck_assert_int_eq(timing_traced(&env, false), rows[i].unknown);
	ck_assert_int_eq(timing_next(&env, NOW, NOW + 500), NOW + rows[i].next);
	buf_init(&out, 100);
	timing_put_by(&out, &env, NOW);
	ck_assert_str_eq(buf_text(&out), rows[i].said);
	buf_free(&out);
}

START_TEST(deliver_by)
{
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		check(i);
}
END_TEST

START_TEST(not_asked)
{
	struct envelope none = by(0, ""), odd = by(NOW, "X"), empty = by(NOW, "");

	for (struct envelope *env = &none; env; env = env == &none ? &odd : env == &odd ? &empty : NULL) {
		ck_assert(!timing_asked(env) && !timing_returns(env) && !timing_over(env, NOW) && !timing_late(env, NOW));
		ck_assert(!timing_traced(env, true) && !timing_traced(env, false));
		ck_assert_int_eq(timing_next(env, NOW, NOW + 500), NOW + 500);
	}
}
END_TEST

START_TEST(held)
{
	struct envelope env = by(0, "");

	ck_assert(!timing_held(&env, NOW));
	ck_assert_int_eq(timing_start_ms(&env), (NOW - 100) * INT64_C(1000));
	env.hold_until = NOW + 1;
	ck_assert(timing_held(&env, NOW) && !timing_held(&env, NOW + 1));
	ck_assert_int_eq(timing_start_ms(&env), (NOW + 1) * INT64_C(1000));
	env.hold_until = NOW - 1000;
	ck_assert_int_eq(timing_start_ms(&env), (NOW - 100) * INT64_C(1000));
	env.hold_until = INT64_MAX;
	ck_assert_int_eq(timing_start_ms(&env), (NOW - 100) * INT64_C(1000));
}
END_TEST

UNIT_MAIN("timing", deliver_by, not_asked, held)
