/* test_rules.c - the operator's standing rules: the file there and back, what is no such file, and which rule holds for what. */
#include "unit.h"
#include "../../lib/arena.h"
#include "../../queue/rules.h"
#include <fcntl.h>
#include <sys/stat.h>

static char dir[64];

static void make_dir(void)
{
	snprintf(dir, sizeof(dir), "/tmp/test_rules.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void remove_dir(void)
{
	static const char *const names[] = { "rules", "rules.new" };
	char path[128];

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	ck_assert_int_eq(rmdir(dir), 0);
}

static void write_file(const char *text, size_t len)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/rules", dir);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	ck_assert_int_eq(write(fd, text, len), (ssize_t)len);
	close(fd);
}

static struct rule made[] = {
	{ 1, RULE_SUSPEND, RULE_DOMAIN, "a.test", 100, 0, "why (not)" },
	{ 2, RULE_HOLD, RULE_SENDER, "@b.test", 100, 200, "" },
	{ 4, RULE_BOUNCE, RULE_SITE, "mx1.test,mx2.test", 100, 0, "gone" },
	{ 7, RULE_SUSPEND, RULE_ALL, "", 100, 500, "pause" },
};

START_TEST(test_there_and_back)
{
	struct rules rules = { .count = COUNT_OF(made), .list = made, .last = 9 }, back;
	struct arena *a = arena_new(1024);
	struct err err = { "" };
	char path[128];
	struct stat st;

	make_dir();
	ck_assert(rules_read(dir, a, &back, &err) && back.count == 0 && back.last == 0);
	ck_assert_msg(rules_write(dir, &rules, 150, &err), "%s", err.text);
	ck_assert_msg(rules_read(dir, a, &back, &err), "%s", err.text);
	ck_assert_uint_eq(back.count, COUNT_OF(made));
	ck_assert_uint_eq(back.last, 9);
	for (size_t i = 0; i < back.count; i++) {
		ck_assert_uint_eq(back.list[i].number, made[i].number);
		ck_assert(back.list[i].action == made[i].action && back.list[i].kind == made[i].kind);
		ck_assert(back.list[i].since == made[i].since && back.list[i].until == made[i].until);
		ck_assert_str_eq(back.list[i].what, made[i].what);
		ck_assert_str_eq(back.list[i].reason, made[i].reason);
	}
	snprintf(path, sizeof(path), "%s/rules", dir);
	ck_assert(stat(path, &st) == 0 && (st.st_mode & 07777) == 0600);
	/* those whose time is over are left out, and their numbers not given again */
	ck_assert(rules_write(dir, &back, 200, &err) && rules_read(dir, a, &back, &err));
	ck_assert(back.count == 3 && back.list[1].number == 4 && back.last == 9);
	arena_free(&a);
	remove_dir();
}
END_TEST

START_TEST(test_not_the_file)
{
	static const char *const texts[] = {
		"", "\n", "postrider-rules 2 1\n", "postrider-rules 1 \n", "postrider-rules 1 x\n", "postrider-rules 1 1\n\n",
		"postrider-rules 1 1\n1 suspend domain a.test 1 0 x", "postrider-rules 1 1\n1 suspend domain a.test 1 0\n1 suspend\n",
		"postrider-rules 1 1\n-1 suspend domain a.test 1 0 \n", "postrider-rules 1 1\n1 eat domain a.test 1 0 \n",
		"postrider-rules 1 1\n1 suspend domains a.test 1 0 \n", "postrider-rules 1 1\n1 suspend domain  1 0 \n",
		"postrider-rules 1 1\n1 suspend domain a.test x 0 \n", "postrider-rules 1 1\n1 suspend domain a.test 1 99999999999999999999 \n",
		"postrider-rules 1 1\n1 hold all - 1 0 \n", "postrider-rules 1 1\n1 suspend domain a.test 1 0 a\tb\n", "postrider-rules 1 1\n1 suspend domain a.test 1 0 \x1b[2J\n",
	};
	struct arena *a = arena_new(1024);
	struct rules rules;

	make_dir();
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		struct err err = { "" };

		write_file(texts[i], strlen(texts[i]));
		ck_assert_msg(!rules_read(dir, a, &rules, &err), "%s", texts[i]);
		ck_assert(strstr(err.text, "rules:") && rules.count == 0);
	}
	write_file("postrider-rules 1 1\n1 suspend domain a\0b 1 0 \n", 42);
	ck_assert(!rules_read(dir, a, &rules, NULL) || strlen(rules.list[0].what) == 3);
	arena_free(&a);
	remove_dir();
}
END_TEST

START_TEST(test_many)
{
	struct arena *a = arena_new(1024);
	struct buf text;

	make_dir();
	buf_init(&text, 1 << 20);
	buf_puts(&text, "postrider-rules 1 5000\n");
	for (unsigned i = 0; i < RULES_MAX + 1; i++) {
		struct rules rules;
		struct err err = { "" };

		buf_printf(&text, "%u suspend domain d%u.test 1 0 \n", i + 1, i);
		if (i + 2 < RULES_MAX)
			continue;
		write_file(text.data, text.len);
		ck_assert_int_eq(rules_read(dir, a, &rules, &err), i < RULES_MAX);
	}
	buf_free(&text);
	arena_free(&a);
	remove_dir();
}
END_TEST

START_TEST(test_senders)
{
	static const struct { const char *in, *out; } good[] = {
		{ "", "<>" }, { "<>", "<>" }, { "Alice@Example.COM", "alice@example.com" }, { "@Example.com", "@example.com" },
		{ "\"alice\"@example.com", "alice@example.com" }, { "@b\xc3\xbc" "cher.example", "@xn--bcher-kva.example" },
	};
	static const char *const bad[] = { "alice", "@", "@a..b", "a b@c.test", "\"a b\"@c.test", "<alice@example.com>", "a@b@c" };
	char out[RULES_WHAT_MAX];

	for (size_t i = 0; i < COUNT_OF(good); i++) {
		ck_assert_msg(rules_sender(good[i].in, out), "%s", good[i].in);
		ck_assert_str_eq(out, good[i].out);
	}
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		ck_assert_msg(!rules_sender(bad[i], out), "%s", bad[i]);
	ck_assert(rules_sender_fits("@example.com", "Bob@EXAMPLE.com") && rules_sender_fits("<>", "") && rules_sender_fits("bob@b.test", "BOB@B.test"));
	ck_assert(!rules_sender_fits("@example.com", "") && !rules_sender_fits("@example.com", "bob@sub.example.com") && !rules_sender_fits("<>", "a@b.test"));
}
END_TEST

static bool at_mx2(const void *arg, const char *site)
{
	return strcmp(site, arg) == 0;
}

START_TEST(test_which)
{
	struct rule list[] = {
		{ 1, RULE_SUSPEND, RULE_DOMAIN, "a.test", 0, 0, "" }, { 2, RULE_BOUNCE, RULE_SENDER, "@b.test", 0, 200, "" },
		{ 3, RULE_HOLD, RULE_SITE, "mx2", 0, 0, "" }, { 4, RULE_SUSPEND, RULE_ALL, "", 0, 300, "" },
	};
	struct rules rules = { .count = COUNT_OF(list), .list = list };
	struct rule_facts f = { .domain = "c.test", .sender = "x@c.test" };
	char text[RULES_TEXT];

	ck_assert_ptr_null(rules_find(&rules, &f, 100));
	f.domain = "a.test";
	ck_assert_uint_eq(rules_find(&rules, &f, 100)->number, 1);
	f.at_site = at_mx2;
	f.arg = "mx2";
	ck_assert_uint_eq(rules_find(&rules, &f, 100)->number, 3);
	f.sender = "y@b.test";
	ck_assert_uint_eq(rules_find(&rules, &f, 100)->number, 2);
	ck_assert_uint_eq(rules_find(&rules, &f, 200)->number, 3);
	f.arg = "mx1";
	ck_assert_uint_eq(rules_find(&rules, &f, 200)->number, 1);
	ck_assert(rules_pause(&rules, 299)->number == 4 && !rules_pause(&rules, 300));
	ck_assert_str_eq(rule_text(&list[0], text), "rule 1 (domain a.test)");
	ck_assert_str_eq(rule_text(&made[3], text), "rule 7 (all): pause");
}
END_TEST

UNIT_MAIN("rules", test_there_and_back, test_not_the_file, test_many, test_senders, test_which)
