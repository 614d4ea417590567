/* test_listfile.c - plain configuration files: comments, blanks, line ends, and files that are refused. */
#include "unit.h"
#include "../../lib/listfile.h"
#include <fcntl.h>
#include <sys/stat.h>

static char dir[128], path[160];
static struct arena *arena;

static void setup(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(dir, sizeof(dir), "%s/list.XXXXXX", tmp ? tmp : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/list", dir);
	arena = arena_new(4096);
}

static void teardown(void)
{
	unlink(path);
	rmdir(dir);
	arena_free(&arena);
}

static void fill(const void *data, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, data, len), (ssize_t)len);
	close(fd);
}

/* Entries as "number:entry|". */
static const char *read_list(const char *data, size_t len)
{
	struct err err = { .text = "" };
	struct listfile list;
	char *text = arena_strdup(arena, "");

	fill(data, len);
	ck_assert_msg(listfile_read(dir, "list", arena, &list, &err), "%s", err.text);
	for (size_t i = 0; i < list.count; i++)
		text = arena_printf(arena, "%s%u:%s|", text, list.numbers[i], list.lines[i]);
	return text;
}

START_TEST(test_lines)
{
	static const struct { const char *in, *out; } cases[] = {
		{ "", "" }, { "\n\n", "" }, { "a", "1:a|" }, { "a\n", "1:a|" }, { "a\nb", "1:a|2:b|" }, { "  a b\t\r\n\r\n\tc\n", "1:a b|3:c|" },
		{ "# comment\na # comment\nb#c\n\t# d\ne\t#f", "2:a|3:b#c|5:e|" }, { "#", "" }, { " #\n##\nx ## y", "3:x|" },
		{ "a#b # c # d\n", "1:a#b|" }, { "\xc3\xa4\n", "1:\xc3\xa4|" }, { "a\rb\n", "1:a\rb|" },
	};

	setup();
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		ck_assert_str_eq(read_list(cases[i].in, strlen(cases[i].in)), cases[i].out);
	teardown();
}
END_TEST

START_TEST(test_absent)
{
	struct err err = { .text = "" };
	struct listfile list;

	setup();
	ck_assert(listfile_read(dir, "nothing", arena, &list, &err));
	ck_assert_uint_eq(list.count, 0);
	ck_assert_str_eq(listfile_first(&list, "fallback"), "fallback");
	ck_assert_str_eq(err.text, "");
	fill("# me\nmx.example\nother\n", 22);
	ck_assert(listfile_read(dir, "list", arena, &list, &err));
	ck_assert_str_eq(listfile_first(&list, "fallback"), "mx.example");
	ck_assert_str_eq(list.path, path);
	teardown();
}
END_TEST

START_TEST(test_refused)
{
	static char line[5000];
	struct err err = { .text = "" };
	struct listfile list;

	setup();
	fill("a\nb\0c\n\0\nd", 9);
	ck_assert(!listfile_read(dir, "list", arena, &list, &err));
	ck_assert_ptr_nonnull(strstr(err.text, "list:2: "));
	ck_assert_ptr_nonnull(strstr(err.text, "list:3: "));
	ck_assert_ptr_nonnull(strstr(err.text, "NUL"));
	ck_assert_uint_eq(list.count, 0);
	memset(line, 'x', sizeof(line));
	err.text[0] = '\0';
	fill(line, 4097);
	ck_assert(!listfile_read(dir, "list", arena, &list, &err));
	ck_assert_ptr_nonnull(strstr(err.text, "list:1: line of 4097 bytes"));
	fill(line, 4096);
	ck_assert(listfile_read(dir, "list", arena, &list, &err));
	ck_assert_uint_eq(strlen(list.lines[0]), 4096);
	err.text[0] = '\0';
	ck_assert_int_eq(truncate(path, (64 << 20) + 1), 0);
	ck_assert(!listfile_read(dir, "list", arena, &list, &err));
	ck_assert_ptr_nonnull(strstr(err.text, "expected at most"));
	err.text[0] = '\0';
	ck_assert(!listfile_read(dir, ".", arena, &list, &err));
	ck_assert_ptr_nonnull(strstr(err.text, "expected a file"));
	unlink(path);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert(!listfile_read(dir, "list", arena, &list, &err));
	teardown();
}
END_TEST

/* Nothing but NULs: many lines with errors give a few messages, not millions. */
START_TEST(test_many_errors)
{
	static char data[200000];
	struct err err = { .text = "" };
	struct listfile list;

	setup();
	for (size_t i = 1; i < sizeof(data); i += 2)
		data[i] = '\n';
	fill(data, sizeof(data));
	ck_assert(!listfile_read(dir, "list", arena, &list, &err));
	ck_assert_uint_lt(strlen(err.text), sizeof(err.text) - 1);
	teardown();
}
END_TEST

UNIT_MAIN("listfile", test_lines, test_absent, test_refused, test_many_errors)
