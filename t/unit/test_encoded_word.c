/* test_encoded_word.c - encoded words and character sets: right, wrong, cut in two, hostile. */
#include "unit.h"
#include "../../lib/buf.h"
#include "../../lib/charset.h"
#include "../../lib/encoded_word.h"

#define BAD "\xef\xbf\xbd"

static const struct { const char *in, *out; } words[] = {
	{ "", "" }, { "plain", "plain" }, { "=?utf-8?q?a_b?=", "a b" }, { "=?UTF-8?B?w6k=?=", "\xc3\xa9" }, { "=?iso-8859-1?Q?caf=E9?=", "caf\xc3\xa9" },
	{ "=?iso-8859-1?q?a?= =?iso-8859-1?q?b?=", "ab" }, { "=?utf-8?q?a?=\r\n =?utf-8?q?b?=", "ab" }, { "=?utf-8?q?a?=  b", "a  b" }, { "a =?utf-8?q?b?=", "a b" },
	{ "=?utf-8?q?a?==?utf-8?q?b?=", "ab" }, { "x=?utf-8?q?a?=y", "xay" }, { "=?us-ascii*en?Q?hi?=", "hi" },
	{ "=?utf-8?b?4oI=?= =?utf-8?b?rA==?=", "\xe2\x82\xac" } /* a character cut in two */, { "=?utf-8?q?=E2=82?= =?iso-8859-1?q?=E9?=", BAD BAD "\xc3\xa9" },
	{ "=?koi8-r?B?8NLJ18XU?=", "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82" }, { "=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "\xe6\x97\xa5\xe6\x9c\xac" },
	{ "=?shift_jis?B?k/qWew==?=", "\xe6\x97\xa5\xe6\x9c\xac" }, { "=?gb2312?B?1tDOxA==?=", "\xe4\xb8\xad\xe6\x96\x87" }, { "=?windows-1252?Q?=80=9F=81?=", "\xe2\x82\xac\xc5\xb8" BAD },
	{ "=?x-unknown?Q?evil=FF.exe?=", "evil" BAD ".exe" }, { "=?../../x//TRANSLIT?Q?a=FF?=", "a" BAD }, { "=?utf-8?q?=FF=00=0A=0Dx=09=7F?=", BAD "   x  " },
	{ "a\x01\r\n b\tc", "a    b c" }, { "caf\xc3\xa9 \xff", "caf\xc3\xa9 " BAD }, { "caf\xe9", "caf" BAD }, { "\xe2\x82", BAD BAD },
	/* none of RFC 2047 */
	{ "=?utf-8?x?a?=", "=?utf-8?x?a?=" }, { "=?utf-8?q?a", "=?utf-8?q?a" }, { "=??q?a?=", "=??q?a?=" }, { "=?utf-8?q?a?b?=", "=?utf-8?q?a?b?=" }, { "=?", "=?" }, { "=?utf-8?", "=?utf-8?" },
	{ "=?utf-8?" "?a?=", "=?utf-8?" "?a?=" }, { "=?utf 8?q?a?=", "=?utf 8?q?a?=" }, { "=?=?utf-8?q?a?=", "=?a" }, { "=?utf-8?q?" "?=", "" },
	/* against it, and common */
	{ "=?utf-8?q?a b?=", "a b" }, { "\"=?utf-8?q?a?=\"", "\"a\"" }, { "=?utf-8?B?YQ?=", "a" }, { "=?utf-8?B?Y Q==?=", "a" },
};

START_TEST(table)
{
	struct arena *a = arena_new(1024);

	for (size_t i = 0; i < COUNT_OF(words); i++)
		ck_assert_msg(strcmp(encoded_word_text(view_of(words[i].in), a), words[i].out) == 0, "%s: %s", words[i].in, encoded_word_text(view_of(words[i].in), a));
	ck_assert_str_eq(encoded_word_text(VIEW("a\0b"), a), "a b");
	arena_free(&a);
}
END_TEST

/* A quarter of a megabyte of beginnings, and of words in a hundred sets: time in proportion, and only so many sets are begun. */
START_TEST(hostile)
{
	static const char *const pieces[] = { "=?", "=?utf-8?q?", "=?a?q?=", "=?big5?q?=A4=A4?= x =?euc-kr?q?a?= x ", "=?utf-8?b?", "?=", "=?utf-8?q?=FF?= =?koi8-r?q?a?= " };
	struct buf in, out;

	for (size_t i = 0; i < COUNT_OF(pieces); i++) {
		buf_init(&in, 2 << 20);
		buf_init(&out, 8 << 20);
		while (in.len < (1 << 18))
			buf_puts(&in, pieces[i]);
		encoded_word_decode(buf_view(&in), &out);
		ck_assert(!out.failed && view_is_utf8(buf_view(&out)));
		buf_free(&in);
		buf_free(&out);
	}
}
END_TEST

static const struct { const char *name, *in, *out; bool known; } sets[] = {
	{ "", "a\xc3\xa9", "a\xc3\xa9", true }, { "UTF-8", "\xf0\x9f\x98\x80\xed\xa0\x80", "\xf0\x9f\x98\x80" BAD BAD BAD, true }, { "us-ascii", "\xe9", BAD, true },
	{ "ISO-8859-1", "\xe9\xa4", "\xc3\xa9\xc2\xa4", true }, { "iso-8859-15", "\xa4", "\xe2\x82\xac", true }, { "utf-16le", "a\x61", "\xe6\x85\xa1", true },
	{ "utf-7", "+ZeVnLIqe-", "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e", true }, { "euc-jp", "\xc6\xfc\xff" "a", "\xe6\x97\xa5" BAD "a", true }, { "euc-jp", "\xc6", BAD, true },
	{ "nonsense", "a\xe9", "a" BAD, false }, { "iso-8859-1//IGNORE", "a\xe9", "a" BAD, false }, { "/etc/passwd", "a\xe9", "a" BAD, false }, { "ucs-4", "a", "a", false },
};

START_TEST(set_table)
{
	for (size_t i = 0; i < COUNT_OF(sets); i++) {
		struct charset c;
		struct buf out;

		buf_init(&out, 1000);
		ck_assert_msg(charset_begin(&c, view_of(sets[i].name)) == sets[i].known, "%s", sets[i].name);
		for (int again = 0; again < 2; again++) {
			buf_clear(&out);
			charset_text(&c, view_of(sets[i].in), &out);
			ck_assert_msg(strcmp(buf_text(&out), sets[i].out) == 0, "%s: %s", sets[i].name, buf_text(&out));
		}
		charset_end(&c);
		buf_free(&out);
	}
}
END_TEST

/* Pieces that end within a character. */
START_TEST(set_pieces)
{
	static const struct { const char *name, *text, *want; } cases[] = {
		{ "utf-8", "\xe2\x82\xac\xe2\x82\xac\xf0\x9f\x98\x80x\xc3\xa9\xe2\x82\xac\xe2\x82", "\xe2\x82\xac\xe2\x82\xac\xf0\x9f\x98\x80x\xc3\xa9\xe2\x82\xac" BAD BAD },
		{ "shift_jis", "\x93\xfa\x96{\x93\xfa\x96{abcdefghi\x93\xfa\x93", "\xe6\x97\xa5\xe6\x9c\xac\xe6\x97\xa5\xe6\x9c\xac" "abcdefghi\xe6\x97\xa5" BAD },
		{ "iso-2022-jp", "\x1b$BF|K\\F|K\\F|K\\\x1b(Bx", "\xe6\x97\xa5\xe6\x9c\xac\xe6\x97\xa5\xe6\x9c\xac\xe6\x97\xa5\xe6\x9c\xac" "x" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		for (size_t piece = CHARSET_WINDOW; piece < CHARSET_WINDOW + 5; piece++)
			for (size_t room = CHARSET_WINDOW; room < CHARSET_WINDOW + 5; room++) {
				struct view rest = view_of(cases[i].text);
				struct charset c;
				struct buf out;
				char some[32];
				size_t used;

				buf_init(&out, 1000);
				ck_assert(charset_begin(&c, view_of(cases[i].name)));
				while (rest.len) {
					struct view in = view_head(rest, piece);
					size_t n = charset_convert(&c, in, in.len == rest.len, some, room, &used);

					ck_assert(n <= room && used <= in.len && (n || used));
					buf_put(&out, some, n);
					rest = view_skip(rest, used);
				}
				ck_assert_str_eq(buf_text(&out), cases[i].want);
				charset_end(&c);
				buf_free(&out);
			}
}
END_TEST

UNIT_MAIN("encoded_word", table, hostile, set_table, set_pieces)
