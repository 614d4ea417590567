/* test_view.c - sized views: comparing, trimming, cutting and numbers, at their edges. */
#include "unit.h"

START_TEST(test_compare)
{
	struct view none = view_make(NULL, 0);

	ck_assert(view_eq(VIEW("abc"), view_of("abc")));
	ck_assert(!view_eq(VIEW("abc"), VIEW("abC")));
	ck_assert(!view_eq(VIEW("abc"), VIEW("ab")));
	ck_assert(view_eq(none, VIEW("")));
	ck_assert(view_eq(view_of(NULL), none));
	ck_assert(view_case_eq(VIEW("AbC@[z"), VIEW("aBc@[Z")));
	ck_assert(!view_case_eq(VIEW("@"), VIEW("`")));
	ck_assert(!view_case_eq(VIEW("["), VIEW("{")));
	ck_assert(!view_case_eq(VIEW("\xc4"), VIEW("\xe4")));
	ck_assert(view_starts(VIEW("abc"), VIEW("ab")));
	ck_assert(view_starts(VIEW("abc"), none));
	ck_assert(!view_starts(VIEW("ab"), VIEW("abc")));
	ck_assert(view_case_starts(VIEW("MAIL FROM:"), VIEW("mail ")));
	ck_assert(view_case_ends(VIEW("mx.Example.COM"), VIEW(".example.com")));
	ck_assert(!view_case_ends(VIEW("com"), VIEW(".example.com")));
}
END_TEST

START_TEST(test_trim)
{
	static const struct { const char *in, *out; } cases[] = {
		{ "", "" }, { " ", "" }, { " \t\r\n ", "" }, { "a", "a" }, { " a b ", "a b" }, { "\r\na\t", "a" }, { "\va\f", "\va\f" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		assert_view_eq(view_trim(view_of(cases[i].in)), cases[i].out);
	ck_assert_uint_eq(view_trim(view_make(NULL, 0)).len, 0);
}
END_TEST

START_TEST(test_pieces)
{
	struct view v = VIEW("abc"), none = view_make(NULL, 0);

	ck_assert_uint_eq(view_find(v, 'c'), 2);
	ck_assert_uint_eq(view_find(v, 'x'), 3);
	ck_assert_uint_eq(view_find(none, 'x'), 0);
	assert_view_eq(view_head(v, 2), "ab");
	assert_view_eq(view_head(v, 9), "abc");
	assert_view_eq(view_skip(v, 2), "c");
	assert_view_eq(view_skip(v, 9), "");
	assert_view_eq(view_skip(none, 9), "");
}
END_TEST

START_TEST(test_cut)
{
	struct view rest = VIEW("a,,b,");

	assert_view_eq(view_cut(&rest, ','), "a");
	assert_view_eq(view_cut(&rest, ','), "");
	assert_view_eq(view_cut(&rest, ','), "b");
	ck_assert_uint_eq(rest.len, 0);
	assert_view_eq(view_cut(&rest, ','), "");
	rest = VIEW("abc");
	assert_view_eq(view_cut(&rest, ','), "abc");
	ck_assert_uint_eq(rest.len, 0);
}
END_TEST

START_TEST(test_word)
{
	struct view rest = VIEW("  one\ttwo \t three ");

	assert_view_eq(view_word(&rest), "one");
	assert_view_eq(rest, "\ttwo \t three ");
	assert_view_eq(view_word(&rest), "two");
	assert_view_eq(view_word(&rest), "three");
	assert_view_eq(view_word(&rest), "");
	ck_assert_uint_eq(rest.len, 0);
}
END_TEST

START_TEST(test_number)
{
	static const struct { const char *in; uint64_t max; bool ok; uint64_t value; } cases[] = {
		{ "0", 0, true, 0 }, { "00017", 17, true, 17 }, { "18", 17, false, 0 }, { "", 9, false, 0 }, { "-1", 9, false, 0 },
		{ "+1", 9, false, 0 }, { " 1", 9, false, 0 }, { "1 ", 9, false, 0 }, { "0x1", 99, false, 0 }, { "1a", 99, false, 0 },
		{ "18446744073709551615", UINT64_MAX, true, UINT64_MAX }, { "18446744073709551616", UINT64_MAX, false, 0 },
		{ "18446744073709551620", UINT64_MAX, false, 0 }, { "99999999999999999999999", UINT64_MAX, false, 0 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		uint64_t value = 4711;

		ck_assert_msg(view_u64(view_of(cases[i].in), cases[i].max, &value) == cases[i].ok, "%s", cases[i].in);
		ck_assert_uint_eq(value, cases[i].ok ? cases[i].value : 4711);
	}
}
END_TEST

START_TEST(test_contents)
{
	ck_assert(!view_has_line_break(VIEW("a\tb\x1b")));
	ck_assert(view_has_line_break(VIEW("a\r")));
	ck_assert(view_has_line_break(VIEW("\na")));
	ck_assert(view_has_line_break(VIEW("a\0b")));
	ck_assert(view_is_printable(VIEW(" ~")));
	ck_assert(!view_is_printable(VIEW("a\x7f")));
	ck_assert(!view_is_printable(VIEW("\xc3\xa4")));
	ck_assert(!view_is_printable(VIEW("\t")));
}
END_TEST

/* The published vectors of FNV-1a; the spool holds such numbers, so that they must stay what they are. */
START_TEST(test_hash)
{
	ck_assert_uint_eq(view_hash(VIEW_HASH, VIEW("")), UINT64_C(0xcbf29ce484222325));
	ck_assert_uint_eq(view_hash(VIEW_HASH, VIEW("a")), UINT64_C(0xaf63dc4c8601ec8c));
	ck_assert_uint_eq(view_hash(view_hash(VIEW_HASH, VIEW("foo")), VIEW("bar")), UINT64_C(0x85944171f73967e8));
	ck_assert_uint_ne(view_hash(VIEW_HASH, VIEW("\xff")), view_hash(VIEW_HASH, VIEW("\x7f")));
}
END_TEST

START_TEST(test_copy)
{
	char out[4] = "zzz";

	ck_assert(view_copy(VIEW("abc"), out, sizeof(out)));
	ck_assert_str_eq(out, "abc");
	ck_assert(!view_copy(VIEW("abcd"), out, sizeof(out)));
	ck_assert_str_eq(out, "");
	ck_assert(!view_copy(VIEW("a\0b"), out, sizeof(out)));
	ck_assert_str_eq(out, "");
	ck_assert(view_copy(view_make(NULL, 0), out, sizeof(out)));
	ck_assert(!view_copy(VIEW(""), out, 0));
}
END_TEST

START_TEST(test_utf8)
{
	static const struct { const char *in; size_t len; } table[] = {
		{ "", 0 }, { "a", 0 }, { "\xc3\xbc", 2 }, { "\xe2\x82\xac x", 3 }, { "\xf0\x9f\x93\xa7", 4 }, { "\xf4\x8f\xbf\xbf", 4 },
		{ "\x80", 0 }, { "\xc3", 0 }, { "\xc3x", 0 }, { "\xc0\xaf", 0 }, { "\xe0\x80\x80", 0 }, { "\xed\xa0\x80", 0 }, { "\xe2\x82", 0 },
		{ "\xf0\x80\x80\x80", 0 }, { "\xf4\x90\x80\x80", 0 }, { "\xff", 0 },
	};

	for (size_t i = 0; i < COUNT_OF(table); i++) {
		ck_assert_msg(view_utf8(view_of(table[i].in)) == table[i].len, "%zu", i);
		ck_assert_msg(view_is_utf8(view_of(table[i].in)) == (table[i].len || (unsigned char)table[i].in[0] < 0x80), "%zu", i);
	}
	ck_assert(view_is_utf8(VIEW("a\xc3\xbc\0b")));
	ck_assert(!view_is_utf8(VIEW("a\xc3\xbc\xc3")));
}
END_TEST

UNIT_MAIN("view", test_compare, test_trim, test_pieces, test_cut, test_word, test_number, test_contents, test_hash, test_copy, test_utf8)
