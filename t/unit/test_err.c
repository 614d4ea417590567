/* test_err.c - the error value: joining, context, and never more than fits. */
#include "unit.h"

START_TEST(test_texts)
{
	struct err err = { .text = "" };

	ck_assert(!err_set(&err, "line %d: bad", 3));
	ck_assert_str_eq(err.text, "line 3: bad");
	err_set(&err, "line %d: worse", 4);
	ck_assert_str_eq(err.text, "line 3: bad; line 4: worse");
	ck_assert(!err_context(&err, "file %s", "x"));
	ck_assert_str_eq(err.text, "file x: line 3: bad; line 4: worse");
	err.text[0] = '\0';
	errno = ENOENT;
	ck_assert(!err_sys(&err, "cannot open %s", "y"));
	ck_assert_int_eq(errno, ENOENT);
	ck_assert_str_eq(err.text, "cannot open y: No such file or directory");
	ck_assert(!err_set(NULL, "x"));
	ck_assert(!err_sys(NULL, "x"));
	ck_assert(!err_context(NULL, "x"));
}
END_TEST

START_TEST(test_own_text)
{
	struct err err = { .text = "why" };

	err_context(&err, "[%s]", err.text);
	ck_assert_str_eq(err.text, "[why]: why");
	err_set(&err, "(%s)", err.text);
	ck_assert_str_eq(err.text, "[why]: why; ([why]: why)");
}
END_TEST

START_TEST(test_full)
{
	struct err err = { .text = "" };
	char text[3000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (int i = 0; i < 10; i++) {
		err_set(&err, "%s%s", text, text);
		err_context(&err, "%s", text);
		errno = EIO;
		err_sys(&err, "%s", text);
		ck_assert_uint_lt(strlen(err.text), sizeof(err.text));
	}
	ck_assert_uint_eq(strlen(err.text), sizeof(err.text) - 1);
}
END_TEST

UNIT_MAIN("err", test_texts, test_own_text, test_full)
