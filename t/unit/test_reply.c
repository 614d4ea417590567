/* test_reply.c - our own replies: cleaning, the check of codes against each other, the wire form and its limits. */
#include "unit.h"
#include "../../lib/reply.h"
#include "../../lib/log.h"
#include <signal.h>
#include <sys/wait.h>

static const char *wire(const struct reply *r)
{
	static char text[8192];
	struct buf b;

	buf_init(&b, sizeof(text) - 1);
	ck_assert(reply_write(r, &b));
	memcpy(text, buf_text(&b), b.len + 1);
	buf_free(&b);
	return text;
}

START_TEST(test_wire)
{
	static const struct { unsigned code; const char *enhanced, *text, *wire; } cases[] = {
		{ 220, NULL, "mx.example ESMTP", "220 mx.example ESMTP\r\n" }, { 250, "2.1.0", "ok", "250 2.1.0 ok\r\n" },
		{ 354, "", "go ahead", "354 go ahead\r\n" }, { 250, NULL, "mx\nSIZE 5\nPIPELINING", "250-mx\r\n250-SIZE 5\r\n250 PIPELINING\r\n" },
		{ 550, "5.7.1", "one\ntwo", "550-5.7.1 one\r\n550 5.7.1 two\r\n" }, { 250, "2.0.0", "", "250 2.0.0 \r\n" },
		{ 451, "4.3.0", "a\tb\rc\x1b[2J\xff\x7f", "451 4.3.0 a?b?c?[2J??\r\n" }, { 451, "4.3.0", "a\r\nb\r\n", "451-4.3.0 a\r\n451 4.3.0 b\r\n" },
		{ 421, "4.4.2", "\n\nx\n\n", "421-4.4.2 \r\n421-4.4.2 \r\n421 4.4.2 x\r\n" }, { 552, "5.3.4", "x", "552 5.3.4 x\r\n" },
		{ 450, "4.7.999", "x", "450 4.7.999 x\r\n" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct reply r;

		reply_clear(&r);
		reply_set(&r, cases[i].code, cases[i].enhanced, "%s", cases[i].text);
		ck_assert_uint_eq(r.code, cases[i].code);
		ck_assert_str_eq(wire(&r), cases[i].wire);
	}
}
END_TEST

START_TEST(test_own_text)
{
	struct reply r = { 0 };

	reply_set(&r, 550, "5.7.1", "no");
	r.disconnect = true;
	reply_set(&r, 450, "4.7.1", "%s, later", r.text);
	ck_assert_str_eq(r.text, "no, later");
	ck_assert(r.disconnect);
	reply_clear(&r);
	ck_assert_uint_eq(r.code, 0);
	ck_assert(!r.disconnect);
}
END_TEST

/* Texts of every length: lines of at most 512 octets, nothing lost but blanks at the folds. */
START_TEST(test_folds)
{
	for (size_t n = 0; n < REPLY_TEXT + 50; n++) {
		char text[REPLY_TEXT + 51];
		const char *at;
		struct reply r = { 0 };
		size_t seen = 0, expected = 0;

		for (size_t i = 0; i < n; i++)
			text[i] = i % (n % 2 ? 7 : 700) == 6 ? ' ' : 'x';
		text[n] = '\0';
		reply_set(&r, 550, "5.7.1", "%s", text);
		for (at = r.text; *at; at++)
			expected += *at == 'x';
		for (at = wire(&r); *at; at = strchr(at, '\n') + 1) {
			size_t len = (size_t)(strchr(at, '\n') + 1 - at);

			ck_assert_uint_le(len, 512);
			ck_assert(at[len - 2] == '\r');
			ck_assert(strncmp(at, at[len] ? "550-5.7.1 " : "550 5.7.1 ", 10) == 0);
			for (size_t i = 0; i < len; i++)
				seen += at[i] == 'x';
		}
		ck_assert_uint_eq(seen, expected);
	}
}
END_TEST

START_TEST(test_no_room)
{
	struct reply r = { 0 };
	struct buf b;

	buf_init(&b, 20);
	reply_set(&r, 250, NULL, "mx.example\nSIZE");
	ck_assert(buf_puts(&b, "old "));
	ck_assert(!reply_write(&r, &b));
	ck_assert_str_eq(buf_text(&b), "old ");
	buf_free(&b);
}
END_TEST

/* Runs what must be a bug() in a child. */
static bool aborts(unsigned code, const char *enhanced)
{
	int status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		struct err err = { .text = "" };
		struct reply r = { 0 };

		signal(SIGABRT, SIG_DFL);
		if (log_open("none", false, LOG_LEVEL_ERROR, &err))
			reply_set(&r, code, enhanced, "x");
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

START_TEST(test_bugs)
{
	static const struct { unsigned code; const char *enhanced; } cases[] = {
		{ 0, NULL }, { 199, NULL }, { 600, NULL }, { 250, "5.7.1" }, { 550, "4.7.1" }, { 354, "3.0.0" }, { 550, "5.7" }, { 550, "5" },
		{ 550, "5.7.1000" }, { 550, "5..1" }, { 550, "5.7.1 " }, { 550, "5.a.1" }, { 550, "55.7.1" }, { 550, "5.7.1.1" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		ck_assert_msg(aborts(cases[i].code, cases[i].enhanced), "%u %s", cases[i].code, cases[i].enhanced);
	ck_assert(!aborts(550, "5.7.1"));
}
END_TEST

UNIT_MAIN("reply", test_wire, test_own_text, test_folds, test_no_room, test_bugs)
