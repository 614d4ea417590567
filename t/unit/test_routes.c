/* test_routes.c - the next hops that the plugin routes takes from its file. The plugin's source is part of this program,
 * so that its static functions can be called. */
#include "../../lib/base.h"
#include <check.h>
#include "../../plugins/routes.c"

static const struct { const char *hop; bool good; } hops[] = {
	{ "mx.example.com", true }, { "mx.example.com:25", true }, { "192.0.2.1:2525", true }, { "[2001:db8::1]:25", true },
	{ "[2001:db8::1]", true }, { "a_b.test:1", true }, { "h:65535", true },
	{ "", false }, { ":25", false }, { "h:", false }, { "h:0", false }, { "h:65536", false }, { "h:x", false }, { "h:25x", false },
	{ "h:-1", false }, { "h: 25", false }, { "[]:25", false }, { "[::1", false }, { "[::1]25", false }, { "[::1]:", false },
	{ "h i", false }, { "h/25", false }, { ".h", false }, { "-h", false }, { "2001:db8::1", false }, { "user@h", false },
	{ "h:99999999999999999999", false },
};

START_TEST(test_hops)
{
	ck_assert_msg(hop_valid(hops[_i].hop) == hops[_i].good, "%s", hops[_i].hop);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("routes");
	TCase *t = tcase_create("routes");
	tcase_add_loop_test(t, test_hops, 0, (int)COUNT_OF(hops));
	suite_add_tcase(suite, t);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
