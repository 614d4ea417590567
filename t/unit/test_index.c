/* test_index.c - the index of deferred messages: order, finding, removal, and what a million cost. */
#include "spool_fixture.h"
#include <time.h>

#include "../../queue/index.h"
#include "../../queue/spool_id.h"

#define MILLION 1000000

static char *number_id(unsigned n, char id[SPOOL_ID_SIZE])
{
	struct spool_key key = { .when = 1763690000000000 + n / 4 * 977, .serial = (n % 4 * 1000 + n % 7) << 6 | n % 64 };
	spool_id_unpack(&key, id);
	return id;
}

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

START_TEST(order)
{
	static const int64_t dues[] = { 5, 3, 9, 3, -7, 5, INT64_MAX, 0 };
	static const unsigned expected[] = { 4, 7, 1, 3, 0, 5, 2 };
	struct index *ix = index_new();
	char id[SPOOL_ID_SIZE], want[SPOOL_ID_SIZE];
	ck_assert_int_eq(index_next(ix), INT64_MAX);
	for (unsigned i = 0; i < COUNT_OF(dues); i++)
		ck_assert(index_push(ix, number_id(i, id), dues[i], 0));
	ck_assert(!index_push(ix, "no id", 1, 0));
	ck_assert(!index_pop(ix, -1, id));
	for (size_t i = 0; i < COUNT_OF(expected); i++) {
		ck_assert(index_pop(ix, 9, id));
		ck_assert_str_eq(id, number_id(expected[i], want));
	}
	ck_assert(!index_pop(ix, 9, id));
	ck_assert_int_eq(index_next(ix), UINT32_MAX);
	ck_assert_uint_eq(index_count(ix), 1);
	index_free(&ix);
	ck_assert_ptr_null(ix);
}
END_TEST

START_TEST(push_again_and_remove)
{
	struct index *ix = index_new();
	char id[SPOOL_ID_SIZE], got[SPOOL_ID_SIZE];
	for (unsigned i = 0; i < 10; i++)
		ck_assert(index_push(ix, number_id(i, id), 10 + i, 0));
	ck_assert(index_push(ix, number_id(9, id), 1, 0));
	ck_assert(index_push(ix, number_id(0, id), 100, 0));
	ck_assert_uint_eq(index_count(ix), 10);
	ck_assert(index_pop(ix, 1, got));
	ck_assert_str_eq(got, number_id(9, id));
	ck_assert(!index_has(ix, id));
	ck_assert(index_has(ix, number_id(5, id)));
	ck_assert(index_remove(ix, id));
	ck_assert(!index_remove(ix, id));
	ck_assert(!index_remove(ix, "x"));
	index_flush(ix, 2, NULL, NULL);
	for (unsigned i = 0; i < 9; i++) {	/* all at the same time now: the oldest first */
		if (i == 5)
			continue;
		ck_assert(index_pop(ix, 2, got));
		ck_assert_str_eq(got, number_id(i, id));
	}
	ck_assert(!index_pop(ix, INT64_MAX, got));
	index_free(&ix);
}
END_TEST

/* Random pushes, moves, removals and pops against an array that is searched. */
START_TEST(random_against_array)
{
	enum { IDS = 3000 };
	static int64_t due[IDS];	/* -1: not there */
	struct index *ix = index_new();
	uint32_t seed = (uint32_t)_i + 1;
	size_t count = 0;
	char id[SPOOL_ID_SIZE], want[SPOOL_ID_SIZE];
	for (int i = 0; i < IDS; i++)
		due[i] = -1;
	for (int round = 0; round < 60000; round++) {
		unsigned n = next_random(&seed) % IDS, what = next_random(&seed) % 10;
		if (what < 5) {
			count += due[n] < 0;
			due[n] = next_random(&seed) % 1000;
			if (!index_push(ix, number_id(n, id), due[n], 0))
				ck_abort();
		} else if (what < 7) {
			if (index_remove(ix, number_id(n, id)) != (due[n] >= 0))
				ck_abort_msg("round %d: remove", round);
			count -= due[n] >= 0;
			due[n] = -1;
		} else if (round % 20 == 0) {
			int first = -1;
			for (int i = 0; i < IDS; i++)
				if (due[i] >= 0 && (first < 0 || due[i] < due[first] ||
					(due[i] == due[first] && strcmp(number_id((unsigned)i, id), number_id((unsigned)first, want)) < 0)))
					first = i;
			if (first < 0)
				continue;
			if (index_next(ix) != due[first] || !index_pop(ix, 1000, id) || strcmp(id, number_id((unsigned)first, want)) != 0)
				ck_abort_msg("round %d: pop", round);
			due[first] = -1;
			count--;
		}
		if (index_count(ix) != count || index_has(ix, number_id(n, id)) != (due[n] >= 0))
			ck_abort_msg("round %d: count", round);
	}
	index_free(&ix);
}
END_TEST

START_TEST(million)
{
	struct index *ix = index_new();
	uint32_t seed = 5;
	char id[SPOOL_ID_SIZE];
	clock_t start = clock();
	for (unsigned i = 0; i < MILLION; i++)
		if (!index_push(ix, number_id(i, id), 1763690000 + next_random(&seed) % 100000, 0))
			ck_abort();
	ck_assert_uint_eq(index_count(ix), MILLION);
	ck_assert_uint_le(index_memory(ix), 40u << 20);
	for (unsigned i = 0; i < MILLION; i += 10)
		if (!index_remove(ix, number_id(i, id)))
			ck_abort();
	for (unsigned i = 0; i < 100000; i++)
		if (!index_pop(ix, INT64_MAX, id))
			ck_abort();
	index_flush(ix, 1, NULL, NULL);
	int64_t last = 0;
	unsigned popped = 0;
	for (; index_next(ix) <= 1; popped++)
		if (index_next(ix) < last || !index_pop(ix, 1, id))
			ck_abort();
	ck_assert_uint_eq(popped, MILLION - 200000);
	/* Under the sanitizers and on a busy machine; without them it is a second. */
	ck_assert_int_lt((clock() - start) / CLOCKS_PER_SEC, 60);
	index_free(&ix);
}
END_TEST

START_TEST(load)
{
	struct envelope env = fixture_envelope(1);
	struct index *ix = index_new();
	char ids[20][SPOOL_ID_SIZE], id[SPOOL_ID_SIZE];
	for (int i = 0; i < 20; i++) {
		fixture_commit(VIEW("x\r\n"), &env, 100, ids[i]);
		struct spool_file f = fixture_open(ids[i], SPOOL_NEW);
		ck_assert(spool_defer(fx.spool, &f, 1000 - i, &fx.err));
		spool_file_close(&f);
	}
	ck_assert_msg(index_load(ix, fx.spool, &fx.err), "%s", fx.err.text);
	ck_assert_uint_eq(index_count(ix), 20);
	for (int i = 19; i >= 0; i--) {
		ck_assert_int_eq(index_next(ix), 1000 - i);
		ck_assert(index_pop(ix, 1000, id));
		ck_assert_str_eq(id, ids[i]);
	}
	index_free(&ix);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("index");
	TCase *t = tcase_create("index");
	tcase_add_checked_fixture(t, fixture_start, fixture_end);
	tcase_set_timeout(t, 240);
	tcase_add_test(t, order);
	tcase_add_test(t, push_again_and_remove);
	tcase_add_loop_test(t, random_against_array, 0, 3);
	tcase_add_test(t, million);
	tcase_add_test(t, load);
	suite_add_tcase(s, t);
	SRunner *runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
