/* test_cmdline.c - the options of postrider-forkserver: qpsmtpd's letters and meaning, refusals that name the option, and
 * what an option does to the settings. */
#include "unit.h"
#include "../../server/cmdline.h"

#define ARGS 12

struct line {
	const char *args[ARGS];
	const char *wrong;	/* part of the error; NULL: fine */
};

static bool parse(const char *const *args, struct cmdline *c, struct err *err)
{
	static char *argv[ARGS + 2];
	int argc = 1;

	argv[0] = (char *)(uintptr_t)"postrider-forkserver";
	for (size_t i = 0; i < ARGS && args[i] != NULL; i++)
		argv[argc++] = (char *)(uintptr_t)args[i];
	argv[argc] = NULL;
	return cmdline_parse(argc, argv, c, err);
}

START_TEST(test_lines)
{
	static const struct line cases[] = {
		{ { NULL }, NULL },
		{ { "-p", "2525", "-p", "465/smtps", "-l", "127.0.0.1", "-l", "[::1]:25/smtp", NULL }, NULL },
		{ { "-c", "15", "-m", "5", "-u", "smtpd", "-d", "-H", "--pid-file", "/run/x.pid", NULL }, NULL },
		{ { "--limit-connections=15", "--max-from-ip=5", "--user=smtpd", "--detach", "--no-rdns", "--children=9", "--idle-children=3", NULL }, NULL },
		{ { "-dH", "-p25", NULL }, NULL },
		{ { "-c", "0", NULL }, NULL },
		{ { "-p", NULL }, "-p: a value is missing" },
		{ { "--user", NULL }, "--user: a value is missing" },
		{ { "--user", "", NULL }, "--user: the value is empty" },
		{ { "-c", "x", NULL }, "--limit-connections: found \"x\"" },
		{ { "-c", "-1", NULL }, "--limit-connections: found \"-1\"" },
		{ { "-c", "99999999999999999999", NULL }, "--limit-connections: found" },
		{ { "--children", "0", NULL }, "--children: found \"0\", expected at least 1" },
		{ { "--nonsense", NULL }, "--nonsense: unknown option" },
		{ { "--detach=yes", NULL }, "--detach=yes: unknown option" },
		{ { "-x", NULL }, "-x: unknown option" },
		{ { "stray", NULL }, "stray: not an option" },
		{ { "-d", "stray", NULL }, "stray: not an option" },
		{ { "-d", "--", NULL }, "--: not an option" },
		{ { "--role", "forkserver", NULL }, "--role is for the master" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct err err = { "" };
		struct cmdline c;
		bool ok = parse(cases[i].args, &c, &err);

		ck_assert_msg(ok == (cases[i].wrong == NULL), "case %zu: %s", i, err.text);
		if (!ok)
			ck_assert_msg(strstr(err.text, cases[i].wrong) != NULL, "case %zu: \"%s\"", i, err.text);
	}
}
END_TEST

START_TEST(test_values)
{
	static const char *const args[ARGS] = { "-p", "2525", "-l", "[::1]:25", "-p", "0", "--ready-fd", "7", "--config", "a", "--config=b", NULL };
	struct err err = { "" };
	struct cmdline c;

	ck_assert_msg(parse(args, &c, &err), "%s", err.text);
	ck_assert_uint_eq(c.ports.count, 2);
	ck_assert_str_eq(c.ports.values[0], "2525");
	ck_assert_str_eq(c.ports.values[1], "0");
	ck_assert_uint_eq(c.addresses.count, 1);
	ck_assert_str_eq(c.addresses.values[0], "[::1]:25");
	ck_assert_int_eq(c.ready_fd, 7);
	ck_assert_str_eq(c.config_dir, "b");	/* the last one counts: that is how the master makes it absolute */
	ck_assert_int_eq(c.limit_connections, -1);
	ck_assert_ptr_null(c.user);
}
END_TEST

START_TEST(test_too_many_ports)
{
	static char *argv[2 * (CMDLINE_LIST_MAX + 1) + 2];
	struct err err = { "" };
	struct cmdline c;
	int argc = 1;

	argv[0] = (char *)(uintptr_t)"x";
	for (int i = 0; i <= CMDLINE_LIST_MAX; i++) {
		argv[argc++] = (char *)(uintptr_t)"-p";
		argv[argc++] = (char *)(uintptr_t)"25";
	}
	ck_assert(!cmdline_parse(argc, argv, &c, &err));
	ck_assert_msg(strstr(err.text, "--port: given more than") != NULL, "%s", err.text);
}
END_TEST

struct pool { int64_t max_workers, min_spare, max_spare, limit; };

START_TEST(test_pool_sizes)
{
	static const struct { const char *args[ARGS]; struct pool before, after; } cases[] = {
		{ { NULL }, { 100, 5, 25, 0 }, { 100, 5, 25, 0 } },
		{ { "--children", "40", NULL }, { 100, 5, 25, 0 }, { 40, 5, 25, 0 } },
		{ { "--children", "3", NULL }, { 100, 5, 25, 0 }, { 3, 3, 25, 0 } },
		{ { "--idle-children", "50", NULL }, { 100, 5, 25, 0 }, { 100, 50, 50, 0 } },
		{ { "--children", "8", "--idle-children", "0", NULL }, { 100, 5, 6, 0 }, { 8, 8, 8, 0 } },
		{ { "-c", "10", NULL }, { 100, 5, 25, 0 }, { 100, 5, 25, 10 } },
		{ { "-c", "200", NULL }, { 100, 5, 25, 0 }, { 202, 5, 25, 200 } },
		{ { "-c", "200", "--children", "50", NULL }, { 100, 5, 25, 0 }, { 50, 5, 25, 200 } },
		{ { NULL }, { 100, 30, 25, 7 }, { 100, 30, 30, 7 } },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const struct pool *b = &cases[i].before, *a = &cases[i].after;
		struct settings s = { .max_workers = b->max_workers, .min_spare = b->min_spare, .max_spare = b->max_spare,
			.limit_connections = b->limit, .log = "syslog", .user = "postrider", .group = "mail" };
		struct err err = { "" };
		struct cmdline c;

		ck_assert_msg(parse(cases[i].args, &c, &err), "%s", err.text);
		cmdline_apply(&c, &s);
		ck_assert_msg(s.max_workers == a->max_workers && s.min_spare == a->min_spare && s.max_spare == a->max_spare &&
			s.limit_connections == a->limit, "case %zu: %d %d %d %d", i, (int)s.max_workers, (int)s.min_spare, (int)s.max_spare, (int)s.limit_connections);
	}
}
END_TEST

START_TEST(test_other_overrides)
{
	static const char *const args[ARGS] = { "-u", "smtpd", "-m", "0", "-H", "-d", NULL };
	struct settings s = { .max_workers = 10, .min_spare = 1, .max_spare = 2, .max_from_ip = 5, .lookup_rdns = true, .log = "stderr",
		.user = "postrider", .group = "mail" };
	struct err err = { "" };
	struct cmdline c;

	ck_assert_msg(parse(args, &c, &err), "%s", err.text);
	cmdline_apply(&c, &s);
	ck_assert_str_eq(s.user, "smtpd");
	ck_assert_str_eq(s.group, "");		/* the group in the file went with the user in the file */
	ck_assert_int_eq(s.max_from_ip, 0);
	ck_assert(!s.lookup_rdns);
	ck_assert_str_eq(s.log, "syslog");
}
END_TEST

START_TEST(test_help)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	static const char *const all[] = { "-p, --port", "-l, --listen-address", "-c, --limit-connections", "-m, --max-from-ip", "-u, --user",
		"--pid-file", "-d, --detach", "-H, --no-rdns", "--children", "--idle-children", "--config", "--check", "--version", "-h, --help" };

	cmdline_print_help(out);
	fclose(out);
	for (size_t i = 0; i < COUNT_OF(all); i++)
		ck_assert_msg(strstr(text, all[i]) != NULL, "%s", all[i]);
	ck_assert(strstr(text, "--role") == NULL);
	free(text);
}
END_TEST

UNIT_MAIN("cmdline", test_lines, test_values, test_too_many_ports, test_pool_sizes, test_other_overrides, test_help)
