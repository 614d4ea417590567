/* test_arena.c - arenas: memory that is zeroed, aligned and separate, and cleanups that run once, last first. */
#include "unit.h"
#include "../../lib/arena.h"

static bool is_all(const unsigned char *memory, unsigned char byte, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (memory[i] != byte)
			return false;
	return true;
}

START_TEST(test_memory)
{
	struct arena *a = arena_new(1);
	unsigned char *pieces[400];

	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < COUNT_OF(pieces); i++) {
			size_t size = i * i % 5003;

			pieces[i] = arena_alloc(a, size);
			ck_assert_uint_eq((uintptr_t)pieces[i] % _Alignof(max_align_t), 0);
			ck_assert(is_all(pieces[i], 0, size));
			memset(pieces[i], (int)(i % 255) + 1, size);
		}
		for (size_t i = 0; i < COUNT_OF(pieces); i++)
			ck_assert(is_all(pieces[i], (unsigned char)(i % 255 + 1), i * i % 5003));
		ck_assert_uint_gt(arena_used(a), 500000);
		arena_reset(a);
		ck_assert_uint_eq(arena_used(a), 0);
	}
	arena_free(&a);
	ck_assert_ptr_null(a);
	arena_free(&a);
}
END_TEST

/* Bigger than any block, first and in between. */
START_TEST(test_big)
{
	struct arena *a = arena_new(128);
	char *big = arena_alloc(a, 1 << 20), *small = arena_alloc(a, 1), *bigger = arena_alloc(a, 3 << 20), *last = arena_alloc(a, 100);

	memset(big, 'a', 1 << 20);
	memset(bigger, 'b', 3 << 20);
	memset(last, 'c', 100);
	ck_assert_int_eq(*small, 0);
	ck_assert_int_eq(big[(1 << 20) - 1], 'a');
	ck_assert_int_eq(bigger[(3 << 20) - 1], 'b');
	arena_free(&a);
}
END_TEST

START_TEST(test_texts)
{
	struct arena *a = arena_new(200);
	char *long_text = arena_printf(a, "%0500d", 7);

	ck_assert_uint_eq(strlen(long_text), 500);
	ck_assert_str_eq(arena_strdup(a, "copy"), "copy");
	ck_assert_str_eq(arena_strdup(a, ""), "");
	ck_assert_str_eq(arena_view_dup(a, view_head(VIEW("copy"), 2)), "co");
	ck_assert_str_eq(arena_view_dup(a, view_make(NULL, 0)), "");
	ck_assert_str_eq(arena_printf(a, "%s-%d", "x", 5), "x-5");
	arena_free(&a);
}
END_TEST

struct note {
	char mark;
	char **log;
};

static void write_mark(void *argument)
{
	struct note *n = argument;

	*(*n->log)++ = n->mark;
}

START_TEST(test_cleanups)
{
	char log[8] = "", *at = log;
	struct arena *a = arena_new(128);

	for (int i = 0; i < 3; i++) {
		struct note *n = arena_alloc(a, sizeof(*n));

		n->mark = (char)('a' + i);
		n->log = &at;
		arena_cleanup(a, write_mark, n);
	}
	arena_reset(a);
	ck_assert_str_eq(log, "cba");
	arena_reset(a);
	arena_free(&a);
	ck_assert_str_eq(log, "cba");
}
END_TEST

UNIT_MAIN("arena", test_memory, test_big, test_texts, test_cleanups)
