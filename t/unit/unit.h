/* unit.h - the frame of a unit test program: runs the tests of one case and gives the exit status. */
#ifndef UNIT_H
#define UNIT_H

#include "../../lib/base.h"
#include "../../lib/err.h"
#include "../../lib/view.h"
#include <check.h>

/* A view's contents against a C string. */
#define assert_view_eq(v, text) ck_assert_msg(view_eq((v), view_of(text)), "\"%.*s\", expected \"%s\"", VIEW_FMT(v), (text))

/* TEXT with each "|" as CRLF; OUT has room for twice its length. */
static inline struct view unit_lines(const char *text, char *out)
{
	size_t len = 0;

	for (; *text; text++) {
		if (*text == '|')
			out[len++] = '\r';
		out[len++] = *text == '|' ? '\n' : *text;
	}
	return view_make(out, len);
}

static inline int unit_run(const char *name, const TTest *const *tests, size_t count)
{
	Suite *suite = suite_create(name);
	TCase *tcase = tcase_create(name);
	SRunner *runner;
	int failed;

	for (size_t i = 0; i < count; i++)
		tcase_add_test(tcase, tests[i]);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}

#define UNIT_MAIN(name, ...) \
	int main(void) \
	{ \
		const TTest *tests[] = { __VA_ARGS__ }; \
		return unit_run(name, tests, COUNT_OF(tests)); \
	}

#endif
