/* test_maildir.c - what becomes of a client's bytes in paths. The plugin's source is part of this program, so that its
 * static functions can be called. */
#include "../../lib/base.h"
#include <check.h>
#include "../../plugins/queue/maildir.c"
#include "../../lib/plugin_list.h"

static struct settings settings = { .dir = "/etc/postrider", .me = "MX.example.com" };
static struct err problems;
static struct plugin_list list;
static struct plugin plugin;

static void setup(void)
{
	list = (struct plugin_list){ .settings = &settings, .arena = arena_new(4096), .err = &problems, .path = "plugins" };
	plugin = (struct plugin){ .list = &list, .name = "maildir" };
	problems.text[0] = '\0';
}

static void teardown(void)
{
	arena_free(&list.arena);
}

static const struct {
	const char *address, *part, *want;	/* want NULL: no such mailbox */
} names[] = {
	{ "alice@local.test", "%u", "alice" },
	{ "Alice@LOCAL.test", "%d", "local.test" },
	{ "alice+x@local.test", "%u", "alice" },
	{ "alice+x@local.test", "%l", "alice+x" },
	{ "alice@local.test", "%l@%d", "alice@local.test" },
	{ "alice@local.test", "100%%-%u", "100%-alice" },
	{ "\"alice\"@local.test", "%u", "alice" },
	{ "\"a\\\"b\"@local.test", "%u", "a%22b" },
	{ "\"a b\"@local.test", "%u", "a%20b" },
	{ "postmaster", "%u@%d", "postmaster@mx.example.com" },
	{ "A\xc3\x84@B\xc3\x9c" "cher.test", "%u@%d", "a%C3%A4@xn--bcher-kva.test" },
	{ "alice@[127.0.0.1]", "%d", "%5B127.0.0.1%5D" },
	/* never out of the tree */
	{ "\"../../etc/passwd\"@local.test", "%u", "%2E.%2F..%2Fetc%2Fpasswd" },
	{ "\"..\"@local.test", "%u", "%2E." },
	{ "\".\"@local.test", "%u", "%2E" },
	{ "/@local.test", "%u", "%2F" },
	{ "\"/etc\"@local.test", "%l", "%2Fetc" },
	{ "%d@local.test", "%u", "%25d" },
	{ "a\xc3\xa4@local.test", "%u", "a%C3%A4" },
	{ "~root@local.test", "%u", "%7Eroot" },
	{ "\"$(x)\"@local.test", "%u", "%24%28x%29" },
	{ "|x@local.test", "%u", "%7Cx" },
	{ "\"\"@local.test", "%u", NULL },
	{ "+x@local.test", "%u", NULL },
	{ "@local.test", "%u", NULL },
	{ "alice@", "%d", NULL },
	{ "a@.", "%d", NULL },
	{ "..@local.test", "%u", NULL },
	{ "a\n@local.test", "%u", NULL },
	{ "alice@local.test.", "%d", NULL },
};

START_TEST(test_names)
{
	struct rcpt r;
	char out[NAME_SIZE];
	bool good = rcpt_split(&plugin, names[_i].address, &r) && expand(names[_i].part, &r, out);
	ck_assert_msg(good == (names[_i].want != NULL), "%s", names[_i].address);
	if (good)
		ck_assert_str_eq(out, names[_i].want);
}
END_TEST

START_TEST(test_long_names)
{
	char address[600], out[NAME_SIZE];
	struct rcpt r;
	for (size_t len = 1; len < 580; len++) {
		memset(address, '/', len);	/* three bytes each */
		memcpy(address + len, "@x.test", 8);
		bool good = rcpt_split(&plugin, address, &r) && expand("%u", &r, out);
		ck_assert_msg(good == (len <= NAME_MAX / 3), "%zu", len);
		good = good && expand("%u-%d", &r, out);
		ck_assert_msg(good == (len * 3 + 7 <= NAME_MAX), "%zu", len);
		ck_assert(!good || strlen(out) == len * 3 + 7);
	}
}
END_TEST

static const struct {
	const char *path;
	bool good;
	const char *base;
	size_t parts, user_parts;
} paths[] = {
	{ "/var/mail/%d/%u", true, "/var/mail", 2, 2 },
	{ "/var/mail/%d/%u/", true, "/var/mail", 2, 2 },
	{ "/home/%u/mail/Maildir", true, "/home", 3, 1 },
	{ "/var/mail/all", true, "/var/mail", 1, 0 },
	{ "/all", true, "/", 1, 0 },
	{ "mail/%u", true, "/etc/postrider/mail", 1, 1 },
	{ "%u", true, "/etc/postrider", 1, 1 },
	{ "/%d/100%%", true, "/", 2, 1 },
	{ "/var/100%%/x", true, "/var/100%", 1, 0 },
	{ "/", false, NULL, 0, 0 },
	{ "/var/%u/..", false, NULL, 0, 0 },
	{ "/var/%u/./x", false, NULL, 0, 0 },
	{ "/var/%x", false, NULL, 0, 0 },
	{ "/var/%", false, NULL, 0, 0 },
	{ "/var/../%u", false, NULL, 0, 0 },
	{ "/var/..", false, NULL, 0, 0 },
	{ "/%u/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17", false, NULL, 0, 0 },
};

START_TEST(test_paths)
{
	struct maildir m = { .base = NULL };
	ck_assert_msg(read_path(&plugin, &m, paths[_i].path) == paths[_i].good, "%s", paths[_i].path);
	if (!paths[_i].good) {
		ck_assert_ptr_nonnull(strstr(problems.text, "expected"));
		return;
	}
	ck_assert_str_eq(m.base, paths[_i].base);
	ck_assert_uint_eq(m.part_count, paths[_i].parts);
	ck_assert_uint_eq(m.user_parts, paths[_i].user_parts);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("maildir");
	TCase *t = tcase_create("maildir");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, test_names, 0, (int)COUNT_OF(names));
	tcase_add_test(t, test_long_names);
	tcase_add_loop_test(t, test_paths, 0, (int)COUNT_OF(paths));
	suite_add_tcase(suite, t);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
