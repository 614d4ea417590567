/* test_buf.c - the capped buffer: what fits goes in whole, what does not leaves no trace but `failed`. */
#include "unit.h"
#include "../../lib/buf.h"

START_TEST(test_append)
{
	struct buf b;

	buf_init(&b, 1000);
	ck_assert_str_eq(buf_text(&b), "");
	ck_assert(buf_puts(&b, "one"));
	ck_assert(buf_putc(&b, ' '));
	ck_assert(buf_put_view(&b, VIEW("two")));
	ck_assert(buf_printf(&b, " %d%s", 3, "!"));
	ck_assert_str_eq(buf_text(&b), "one two 3!");
	assert_view_eq(buf_view(&b), "one two 3!");
	ck_assert(buf_put(&b, NULL, 0));
	buf_drop(&b, 4);
	ck_assert_str_eq(buf_text(&b), "two 3!");
	buf_drop(&b, 99);
	ck_assert_str_eq(buf_text(&b), "");
	buf_free(&b);
	ck_assert(buf_puts(&b, "again"));
	ck_assert_str_eq(buf_text(&b), "again");
	buf_free(&b);
}
END_TEST

/* Filled to every length around the sizes it grows by. */
START_TEST(test_cap)
{
	static const size_t caps[] = { 0, 1, 255, 256, 257, 511, 512, 513, 5000 };

	for (size_t i = 0; i < COUNT_OF(caps); i++) {
		struct buf b;

		buf_init(&b, caps[i]);
		for (size_t n = 0; n < caps[i]; n++)
			ck_assert(buf_putc(&b, 'x'));
		ck_assert(!b.failed);
		ck_assert(buf_put(&b, "", 0));
		ck_assert(!buf_putc(&b, 'y'));
		ck_assert(b.failed);
		ck_assert_uint_eq(b.len, caps[i]);
		ck_assert_uint_eq(strlen(buf_text(&b)), caps[i]);
		buf_clear(&b);
		ck_assert(!b.failed);
		ck_assert_uint_eq(b.len, 0);
		ck_assert(buf_putc(&b, 'z') == (caps[i] > 0));
		buf_free(&b);
	}
}
END_TEST

START_TEST(test_no_hole)
{
	struct buf b;

	buf_init(&b, 8);
	ck_assert(buf_puts(&b, "abc"));
	ck_assert(!buf_puts(&b, "defghi"));
	ck_assert(!buf_puts(&b, "j"));
	ck_assert_str_eq(buf_text(&b), "abc");
	buf_clear(&b);
	ck_assert(buf_printf(&b, "%s", "12345678"));
	ck_assert(!buf_printf(&b, "%s", "9"));
	ck_assert_str_eq(buf_text(&b), "12345678");
	buf_free(&b);
}
END_TEST

START_TEST(test_room)
{
	struct buf b;
	size_t room = 0;
	char *to;

	buf_init(&b, 300);
	to = buf_room(&b, 10, &room);
	ck_assert_ptr_nonnull(to);
	ck_assert_uint_ge(room, 10);
	memset(to, 'a', room);
	buf_added(&b, room);
	ck_assert_uint_eq(strlen(buf_text(&b)), room);
	to = buf_room(&b, 300 - b.len, &room);
	ck_assert_ptr_nonnull(to);
	ck_assert_uint_eq(room, 300 - b.len);
	memset(to, 'b', room);
	buf_added(&b, room);
	ck_assert_uint_eq(b.len, 300);
	ck_assert_ptr_null(buf_room(&b, 1, &room));
	ck_assert(b.failed);
	buf_free(&b);
	buf_init(&b, SIZE_MAX);
	ck_assert_ptr_null(buf_room(&b, SIZE_MAX, &room));
	buf_free(&b);
}
END_TEST

UNIT_MAIN("buf", test_append, test_cap, test_no_hole, test_room)
