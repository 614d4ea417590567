/* test_log.c - log lines in their forms, what hostile bytes become in them, and the cutting of long ones. */
#include "unit.h"
#include "../../lib/log.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

static char dir[128], path[160];

/* Logs into a file of a new directory. */
static void open_log(bool json, enum log_level level)
{
	struct err err = { .text = "" };
	const char *tmp = getenv("TMPDIR");

	snprintf(dir, sizeof(dir), "%s/log.XXXXXX", tmp ? tmp : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/log", dir);
	ck_assert_msg(log_open(path, json, level, &err), "%s", err.text);
	log_process("worker");
	log_id("");
}

/* What has been logged; takes it away. */
static const char *logged(void)
{
	static char text[65536];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	ck_assert_int_ge(n, 0);
	text[n] = '\0';
	close(fd);
	ck_assert_int_eq(truncate(path, 0), 0);
	return text;
}

static void close_log(void)
{
	struct err err = { .text = "" };

	ck_assert(log_open("none", false, LOG_LEVEL_INFO, &err));
	unlink(path);
	rmdir(dir);
}

/* A text line behind its time: "info worker[PID] ..." without "[PID]". */
static const char *without_stamp(const char *line)
{
	static char out[8192];
	const char *level = strchr(line, ' '), *pid = level ? strchr(level, '[') : NULL, *rest = pid ? strchr(pid, ']') : NULL;

	ck_assert_msg(rest && level - line == 29, "%s", line);
	snprintf(out, sizeof(out), "%.*s%s", (int)(pid - level - 1), level + 1, rest + 1);
	return out;
}

START_TEST(test_text)
{
	struct log_line l;

	open_log(false, LOG_LEVEL_INFO);
	log_id("ID-1");
	log_begin(&l, LOG_LEVEL_INFO, "accepted");
	log_str(&l, "from", "alice@example.com");
	log_str(&l, "none", "");
	log_str(&l, "null", NULL);
	log_view(&l, "helo", VIEW("two words"));
	log_view(&l, "empty", VIEW(""));
	log_view(&l, "quote", VIEW("a\"b"));
	log_view(&l, "bad", VIEW("x\r\n\x1b\0\\\xff"));
	log_view(&l, "worse", VIEW("x y\"\\"));
	log_int(&l, "size", -123);
	log_ms(&l, "delay", 125);
	log_ms(&l, "long", 61002);
	log_end(&l);
	ck_assert_str_eq(without_stamp(logged()), "info worker ID-1 accepted from=alice@example.com helo=\"two words\" empty=\"\" quote=\"a\\\"b\" "
			 "bad=x\\x0d\\x0a\\x1b\\x00\\\\\\xff worse=\"x y\\\"\\\\\" size=-123 delay=0.125 long=61.002\n");
	log_id("");
	log_warn("plain %s\n%d", "\x1b[2J", 5);
	ck_assert_str_eq(without_stamp(logged()), "warn worker plain \\x1b[2J\\x0a5\n");
	close_log();
}
END_TEST

START_TEST(test_json)
{
	char expected[400];
	struct log_line l;
	const char *line;

	open_log(true, LOG_LEVEL_DEBUG);
	log_id("A\"B");
	log_begin(&l, LOG_LEVEL_DEBUG, "tab\there");
	log_view(&l, "bad", VIEW("\"\\\n\xc3\xa4"));
	log_int(&l, "size", 5);
	log_ms(&l, "delay", 1500);
	log_end(&l);
	line = logged();
	ck_assert_msg(strncmp(line, "{\"time\":\"20", 11) == 0, "%s", line);
	snprintf(expected, sizeof(expected), "\",\"level\":\"debug\",\"process\":\"worker\",\"pid\":%d,\"id\":\"A\\\"B\",\"event\":\"tab\\\\x09here\","
		 "\"bad\":\"\\\"\\\\\\\\\\\\x0a\\\\xc3\\\\xa4\",\"size\":5,\"delay\":1.500}\n", (int)getpid());
	ck_assert_str_eq(line + 38, expected);
	close_log();
}
END_TEST

START_TEST(test_levels)
{
	open_log(false, LOG_LEVEL_WARN);
	log_info("no");
	log_debug("no");
	ck_assert_str_eq(logged(), "");
	ck_assert(log_wants(LOG_LEVEL_ERROR) && log_wants(LOG_LEVEL_WARN) && !log_wants(LOG_LEVEL_INFO));
	log_error("yes");
	ck_assert_str_eq(without_stamp(logged()), "error worker yes\n");
	close_log();
	log_error("no");
	ck_assert(!log_wants(LOG_LEVEL_ERROR));
}
END_TEST

/* Every length around the limit, of plain and of escaped bytes: one line, closed, marked when cut. */
START_TEST(test_long)
{
	static char value[6000];

	for (int json = 0; json < 2; json++) {
		open_log(json, LOG_LEVEL_INFO);
		for (size_t n = 600; n < 5000; n += n > 3900 && n < 4080 ? 1 : 37) {
			struct log_line l;
			const char *line;
			size_t len;

			memset(value, n % 3 == 0 ? '\n' : n % 3 == 1 ? 'x' : '"', n);
			log_begin(&l, LOG_LEVEL_INFO, "long");
			log_view(&l, "value", view_make(value, n));
			log_int(&l, "number", INT64_MIN);
			log_str(&l, "last", "value");
			log_end(&l);
			line = logged();
			len = strlen(line);
			ck_assert_uint_le(len, sizeof(l.text));
			ck_assert_ptr_eq(strchr(line, '\n'), line + len - 1);
			ck_assert(l.cut == (strstr(line, json ? "\"last\":\"value\"" : "last=value") == NULL));
			if (json)
				ck_assert_str_eq(line + len - (l.cut ? 13 : 3), l.cut ? ",\"cut\":true}\n" : "\"}\n");
			else if (l.cut)
				ck_assert_str_eq(line + len - 7, " [cut]\n");
		}
		memset(value, 'e', 5999);
		log_info("%s", value);
		ck_assert_ptr_nonnull(strstr(logged(), "cut"));
		close_log();
	}
}
END_TEST

START_TEST(test_file)
{
	struct err err = { .text = "" };
	struct stat st;

	umask(0);
	open_log(false, LOG_LEVEL_INFO);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0640);
	ck_assert(log_chown(getuid(), getgid(), &err));
	/* What cannot be opened changes nothing. */
	ck_assert(!log_open("relative", false, LOG_LEVEL_INFO, &err));
	ck_assert(!log_open("/nonexistent/log", false, LOG_LEVEL_INFO, &err));
	ck_assert_ptr_nonnull(strstr(err.text, "absolute path"));
	ck_assert_ptr_nonnull(strstr(err.text, "No such file"));
	log_info("still here");
	ck_assert_str_eq(without_stamp(logged()), "info worker still here\n");
	/* Rotated: the old name is gone, opening again makes a new file. */
	unlink(path);
	ck_assert(log_open(path, false, LOG_LEVEL_INFO, &err));
	log_info("new");
	ck_assert_str_eq(without_stamp(logged()), "info worker new\n");
	close_log();
}
END_TEST

START_TEST(test_stderr)
{
	struct err err = { .text = "" };
	char line[200];
	int pipes[2], old = dup(STDERR_FILENO);
	ssize_t n;

	ck_assert_int_eq(pipe(pipes), 0);
	dup2(pipes[1], STDERR_FILENO);
	ck_assert(log_open("stderr", false, LOG_LEVEL_INFO, &err));
	log_process("worker");
	log_id("");
	log_info("hello");
	dup2(old, STDERR_FILENO);
	n = read(pipes[0], line, sizeof(line) - 1);
	ck_assert_int_gt(n, 20);
	line[n] = '\0';
	ck_assert_msg(line[2] == ':' && line[5] == ':' && line[8] == '.' && strncmp(line + 12, " info worker[", 13) == 0, "%s", line);
	close(pipes[0]);
	close(pipes[1]);
	close(old);
}
END_TEST

START_TEST(test_escape)
{
	char out[12];

	ck_assert_str_eq(log_escape(VIEW("a \"b\\"), out, sizeof(out)), "a \"b\\\\");
	ck_assert_str_eq(log_escape(VIEW("\x01\x7f"), out, sizeof(out)), "\\x01\\x7f");
	/* Cut between escapes, never inside. */
	ck_assert_str_eq(log_escape(VIEW("\n\n\n"), out, sizeof(out)), "\\x0a\\x0a");
	ck_assert_str_eq(log_escape(VIEW("0123456789abcdef"), out, sizeof(out)), "0123456789a");
	ck_assert_str_eq(log_escape(VIEW("x"), out, 1), "");
}
END_TEST

/* The pid is kept, and right again in a child that gives itself a name. */
START_TEST(test_pid)
{
	char want[32];
	int status;

	open_log(false, LOG_LEVEL_INFO);
	log_info("parent");
	snprintf(want, sizeof(want), " worker[%d] ", (int)getpid());
	ck_assert_ptr_nonnull(strstr(logged(), want));
	pid_t pid = fork();
	if (pid == 0) {
		log_process("child");
		log_info("child");
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	snprintf(want, sizeof(want), " child[%d] child\n", (int)pid);
	ck_assert_ptr_nonnull(strstr(logged(), want));
	close_log();
}
END_TEST

/* What is offered, with all that makes a line: cut ones, JSON. */
static char taken[8192];
static bool take_all;

static bool taker(enum log_level level, const char *process, const char *id, const char *line)
{
	ck_assert_int_eq(level, LOG_LEVEL_INFO);
	ck_assert_str_eq(process, "worker");
	ck_assert_str_eq(id, "ID-1");
	snprintf(taken, sizeof(taken), "%s", line);
	return take_all;
}

START_TEST(test_offer)
{
	static char overlong[6000];

	memset(overlong, 'a', sizeof(overlong) - 1);
	for (unsigned i = 0; i < 8; i++) {
		take_all = i & 1;
		open_log(i & 2, LOG_LEVEL_INFO);
		log_id("ID-1");
		log_offer(taker);
		log_debug("not wanted");
		log_info("%s", i & 4 ? overlong : "short");
		log_offer(NULL);
		const char *written = logged();
		size_t len = strlen(taken);
		ck_assert_uint_eq(strlen(written), take_all ? 0 : len + 1);
		ck_assert(take_all || (memcmp(written, taken, len) == 0 && written[len] == '\n'));
		ck_assert_ptr_nonnull(strstr(taken, i & 4 ? i & 2 ? "\"cut\":true}" : " [cut]" : "short"));
		close_log();
	}
}
END_TEST

UNIT_MAIN("log", test_pid, test_offer, test_text, test_json, test_levels, test_long, test_file, test_stderr, test_escape)
