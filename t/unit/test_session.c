/* test_session.c - the conversation: phases, refusals and what they leave behind, limits, AUTH, the way into the spool. */
#include "session_fixture.h"

#define MESSAGE "MAIL FROM:<a@b.test>\r\nRCPT TO:<c@local.test>\r\nDATA\r\nSubject: x\r\n\r\nhi\r\n.\r\n"

static void say(struct fixture *f, const char *said, const char *want)
{
	fixture_expect(f, said, want);
}

static void local(struct fixture *f)
{
	fixture_want(f, HOOK_RCPT, OK);
	fixture_want(f, HOOK_QUEUE, OK);
}

START_TEST(one_message)
{
	struct fixture f;

	fixture_begin(&f, "");
	local(&f);
	ck_assert_str_eq(fixture_connect(&f), "220 mx.test ESMTP postrider\r\n");
	say(&f, "EHLO client.test\r\n", "250");
	say(&f, "MAIL FROM:<a@b.test>\r\n", "250");
	say(&f, "RCPT TO:<c@local.test>\r\n", "250");
	say(&f, "DATA\r\n" "hi\r\n.\r\n", "354 250");
	say(&f, "QUIT\r\n", "221");
	ck_assert_int_eq(f.s.end, SESSION_QUIT);
	ck_assert_uint_eq(f.s.messages, 1);
	fixture_hang_up(&f);
	fixture_end(&f);
}
END_TEST

/* The whole conversation in one piece. */
START_TEST(pipelined)
{
	static const char all[] = "EHLO c.test\r\n" MESSAGE "RSET\r\n" MESSAGE "NOOP\r\nQUIT\r\n";
	struct fixture f;

	fixture_begin(&f, "");
	local(&f);
	fixture_connect(&f);
	say(&f, all, "250 250 250 354 250 250 250 250 354 250 250 221");
	fixture_hang_up(&f);
	fixture_end(&f);
}
END_TEST

static const struct { const char *phase, *before; } phases[] = {
	{ "greeted", "" }, { "helo", "EHLO c.test\r\n" }, { "mail", "EHLO c.test\r\nMAIL FROM:<a@b.test>\r\n" },
	{ "rcpt", "EHLO c.test\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@local.test>\r\n" },
};
/* A command, and its answer in each phase. */
static const struct { const char *said, *want[4]; } matrix[] = {
	{ "HELO x.test\r\n", { "250", "250", "250", "250" } }, { "EHLO x.test\r\n", { "250", "250", "250", "250" } },
	{ "EHLO\r\n", { "501", "501", "501", "501" } }, { "HELO a b\r\n", { "501", "501", "501", "501" } },
	{ "EHLO \x01\r\n", { "501", "501", "501", "501" } },
	{ "MAIL FROM:<z@b.test>\r\n", { "503", "250", "503", "503" } }, { "MAIL\r\n", { "501", "501", "501", "501" } },
	{ "MAIL FROM:z@b.test\r\n", { "503", "501", "503", "503" } }, { "MAIL TO:<z@b.test>\r\n", { "503", "501", "503", "503" } },
	{ "MAIL FROM:<z@b.test> FOO=1\r\n", { "503", "555", "503", "503" } },
	{ "MAIL FROM:<z@b.test> SIZE=x\r\n", { "503", "501", "503", "503" } },
	{ "MAIL FROM:<z@b.test> SIZE=999999999999\r\n", { "503", "552", "503", "503" } },
	{ "RCPT TO:<z@local.test>\r\n", { "503", "503", "250", "250" } }, { "RCPT TO:<>\r\n", { "503", "503", "501", "501" } },
	{ "RCPT TO:z\r\n", { "503", "503", "501", "501" } }, { "RCPT TO:<z@local.test> X\r\n", { "503", "503", "555", "555" } },
	{ "RCPT TO:<Postmaster>\r\n", { "503", "503", "250", "250" } },
	{ "DATA x\r\n", { "501", "501", "501", "501" } }, { "RSET\r\n", { "250", "250", "250", "250" } },
	{ "RSET x\r\n", { "501", "501", "501", "501" } }, { "NOOP\r\n", { "250", "250", "250", "250" } },
	{ "NOOP x y\r\n", { "250", "250", "250", "250" } }, { "VRFY x\r\n", { "252", "252", "252", "252" } },
	{ "VRFY\r\n", { "501", "501", "501", "501" } }, { "HELP\r\n", { "214", "214", "214", "214" } },
	{ "HELP MAIL\r\n", { "214", "214", "214", "214" } }, { "HELP foo\r\n", { "504", "504", "504", "504" } },
	{ "STARTTLS\r\n", { "503", "502", "503", "503" } }, { "STARTTLS x\r\n", { "501", "501", "501", "501" } },
	{ "AUTH PLAIN\r\n", { "503", "503", "503", "503" } }, { "AUTH\r\n", { "501", "501", "501", "501" } },
	{ "FOO\r\n", { "500", "500", "500", "500" } }, { "\r\n", { "500", "500", "500", "500" } },
	{ "NOOP\rRSET\r\n", { "500", "500", "500", "500" } }, { "NOOP\nRSET\r\n", { "500", "500", "500", "500" } },
	{ "QUIT x\r\n", { "501", "501", "501", "501" } }, { "MAIL FROM:<a\nb@c.test>\r\n", { "500", "500", "500", "500" } },
};

/* Every verb in every phase, and after it a correct transaction must pass. */
START_TEST(every_verb_in_every_phase)
{
	struct fixture f;

	fixture_begin(&f, "max_message_size = \"1M\"\n");
	local(&f);
	for (size_t i = 0; i < COUNT_OF(matrix); i++) {
		for (size_t p = 0; p < COUNT_OF(phases); p++) {
			fixture_connect(&f);
			fixture_say(&f, phases[p].before);
			say(&f, matrix[i].said, matrix[i].want[p]);
			say(&f, "RSET\r\nEHLO c.test\r\n" MESSAGE, "250 250 250 250 354 250");
			fixture_hang_up(&f);
		}
	}
	fixture_end(&f);
}
END_TEST

START_TEST(data_without_recipient)
{
	struct fixture f;

	fixture_begin(&f, "");
	local(&f);
	fixture_connect(&f);
	say(&f, "DATA\r\n", "503");
	say(&f, "EHLO c.test\r\nDATA\r\n", "250 503");
	say(&f, "MAIL FROM:<>\r\nDATA\r\n", "250 503");
	fixture_want(&f, HOOK_RCPT, DECLINED);
	say(&f, "RCPT TO:<c@local.test>\r\nDATA\r\n", "550 503");
	fixture_want(&f, HOOK_RCPT, OK);
	say(&f, "RSET\r\n" MESSAGE, "250 250 250 354 250");
	fixture_hang_up(&f);
	fixture_end(&f);
}
END_TEST

/* A refusal by a hook at each step, of each kind, then a correct transaction. */
static const struct { enum hook hook; const char *perm, *temp; } hooked[] = {
	{ HOOK_MAIL_PRE, "550 503 503", "450 503 503" }, { HOOK_MAIL, "550 503 503", "450 503 503" },
	{ HOOK_RCPT_PRE, "250 550 503", "250 450 503" }, { HOOK_RCPT, "250 550 503", "250 450 503" },
	{ HOOK_RCPT_OK, "250 550 503", "250 450 503" }, { HOOK_DATA, "250 250 554", "250 250 451" },
	{ HOOK_DATA_HEADERS_END, "250 250 354 554", "250 250 354 451" },
	{ HOOK_DATA_POST_HEADERS, "250 250 354 554", "250 250 354 451" }, { HOOK_DATA_POST, "250 250 354 554", "250 250 354 451" },
	{ HOOK_QUEUE_PRE, "250 250 354 554", "250 250 354 451" }, { HOOK_QUEUE, "250 250 354 554", "250 250 354 451" },
};

START_TEST(refusals_by_hooks)
{
	struct fixture f;

	fixture_begin(&f, "");
	for (size_t i = 0; i < COUNT_OF(hooked); i++) {
		for (int soft = 0; soft < 2; soft++) {
			bool before_data = hooked[i].hook < HOOK_DATA_HEADERS_END;

			local(&f);
			fixture_connect(&f);
			fixture_say(&f, "EHLO c.test\r\n");
			fixture_want(&f, hooked[i].hook, soft ? DENYSOFT : DENY);
			say(&f, before_data ? "MAIL FROM:<a@b.test>\r\nRCPT TO:<c@local.test>\r\nDATA\r\n" : MESSAGE,
			    soft ? hooked[i].temp : hooked[i].perm);
			fixture_want(&f, hooked[i].hook, hooked[i].hook == HOOK_RCPT || hooked[i].hook == HOOK_QUEUE ? OK : DECLINED);
			say(&f, "RSET\r\n" MESSAGE, "250 250 250 354 250");
			fixture_hang_up(&f);
		}
	}
	fixture_end(&f);
}
END_TEST

START_TEST(replies_of_plugins)
{
	struct fixture f;

	fixture_begin(&f, "");
	local(&f);
	fixture_connect(&f);
	fixture_say(&f, "EHLO c.test\r\n");
	fixture_want(&f, HOOK_MAIL, DENY);
	fixture_text[HOOK_MAIL] = "no\r\n250 injected";
	const char *heard = fixture_say(&f, "MAIL FROM:<a@b.test>\r\n");
	ck_assert(view_starts(view_of(heard), VIEW("550")));
	ck_assert_ptr_null(strstr(heard, "\n250"));
	ck_assert_ptr_nonnull(strstr(heard, "5.7.1 no"));
	fixture_want(&f, HOOK_MAIL, DENY_DISCONNECT);
	say(&f, "MAIL FROM:<a@b.test>\r\n", "550");
	ck_assert_int_eq(f.s.end, SESSION_REFUSED);
	fixture_hang_up(&f);
	fixture_want(&f, HOOK_CONNECT, DENYSOFT);
	ck_assert(view_starts(view_of(fixture_connect(&f)), VIEW("421 4.7.1")));
	ck_assert_int_eq(f.s.end, SESSION_REFUSED);
	fixture_hang_up(&f);
	fixture_end(&f);
}
END_TEST

static const struct { const char *content, *want; } contents[] = {
	{ "a\nb\r\n.\r\n", "354 550" }, { "a\rb\r\n.\r\n", "354 550" }, { "x\r\n..\r\ny\r\n.\r\n", "354 250" },
	{ "0123456789012345678901234567890123456789\r\n.\r\n", "354 552" }, { "a\n.\nb\r\n.\r\n", "354 550" }, { ".\r\n", "354 250" },
	{ "a\r\n.\rMAIL FROM:<x@y.test>\r\n.\r\n", "354 550" },
};

START_TEST(contents_refused)
{
	struct fixture f;

	fixture_begin(&f, "max_message_size = 40\n");
	local(&f);
	fixture_connect(&f);
	fixture_say(&f, "EHLO c.test\r\n");
	for (size_t i = 0; i < COUNT_OF(contents); i++) {
		char all[256];

		snprintf(all, sizeof(all), "DATA\r\n%s", contents[i].content);
		say(&f, "MAIL FROM:<a@b.test> SIZE=1\r\nRCPT TO:<c@local.test>\r\n", "250 250");
		say(&f, all, contents[i].want);
		say(&f, MESSAGE, "250 250 354 250");
	}
	fixture_hang_up(&f);
	fixture_end(&f);
}
END_TEST

START_TEST(limits)
{
	struct fixture f;

	fixture_begin(&f, "max_errors = 3\nmax_noops = 4\nmax_recipients = 100\nmax_transactions = 2\nmax_line_length = 1000\n");
	local(&f);
	fixture_connect(&f);
	say(&f, "FOO\r\nFOO\r\nFOO\r\nNOOP\r\n", "500 500 500 421");
	ck_assert_int_eq(f.s.end, SESSION_LIMIT);
	fixture_hang_up(&f);
	fixture_connect(&f);
	say(&f, "NOOP\r\nRSET\r\nVRFY x\r\nHELP\r\nNOOP\r\n", "250 250 252 214 421");
	fixture_hang_up(&f);
	fixture_connect(&f);
	say(&f, "EHLO c.test\r\n" MESSAGE MESSAGE "MAIL FROM:<>\r\n", "250 250 250 354 250 250 250 354 250 421");
	fixture_hang_up(&f);
	fixture_connect(&f);
	say(&f, "EHLO c.test\r\nMAIL FROM:<>\r\n", "250 250");
	for (int i = 0; i < 100; i++)
		say(&f, "RCPT TO:<c@local.test>\r\n", "250");
	say(&f, "RCPT TO:<c@local.test>\r\n", "452");
	say(&f, "DATA\r\nx\r\n.\r\n", "354 250");
	fixture_hang_up(&f);
	fixture_connect(&f);
	char line[1001];
	memset(line, 'x', sizeof(line));
	memcpy(line, "NOOP ", 5);
	memcpy(line + 998, "\r\n", 3);
	say(&f, line, "250");
	memcpy(line + 997, "xx\r\n", 4);
	ck_assert_str_eq(fixture_codes(fixture_send(&f, line, 1001)), "500");
	say(&f, "NOOP\r\n", "250");
	fixture_hang_up(&f);
	fixture_end(&f);
}
END_TEST

/* 0 is no limit, whatever the counter. */
START_TEST(no_limits)
{
	struct fixture f;

	fixture_begin(&f, "max_errors = 0\nmax_noops = 0\nmax_transactions = 0\n");
	local(&f);
	fixture_connect(&f);
	say(&f, "FOO\r\nNOOP\r\nEHLO c.test\r\n" MESSAGE MESSAGE "QUIT\r\n", "500 250 250 250 250 354 250 250 250 354 250 221");
	fixture_hang_up(&f);
	fixture_end(&f);
}
END_TEST

/* EHLO gets nothing done, and costs no memory however often it is said. */
START_TEST(endless_ehlo)
{
	struct fixture f;

	fixture_begin(&f, "max_noops = 300\n");
	fixture_connect(&f);
	fixture_say(&f, "EHLO c.test\r\n");
	size_t used = arena_used(f.host.session);
	for (int i = 1; i < 300; i++)
		say(&f, "EHLO another.test\r\n", "250");
	ck_assert_uint_eq(arena_used(f.host.session), used);
	ck_assert_str_eq(f.s.helo, "another.test");
	say(&f, "HELO c.test\r\n", "421");
	fixture_hang_up(&f);
	fixture_end(&f);
}
END_TEST

/* RFC 5321 4.5.3.1.10: recipients over the limit are no reason to lose the message to the others. */
START_TEST(surplus_recipients)
{
	struct fixture f;

	fixture_begin(&f, "max_errors = 3\nmax_recipients = 100\n");
	local(&f);
	fixture_connect(&f);
	say(&f, "EHLO c.test\r\nMAIL FROM:<>\r\n", "250 250");
	for (int i = 0; i < 1100; i++)
		say(&f, "RCPT TO:<c@local.test>\r\n", i < 100 ? "250" : "452");
	say(&f, "DATA\r\nx\r\n.\r\n", "354 250");
	say(&f, "MAIL FROM:<>\r\n", "250");
	for (int i = 0; i < 1102; i++)
		say(&f, "RCPT TO:<c@local.test>\r\n", i < 100 ? "250" : "452");
	say(&f, "RCPT TO:<c@local.test>\r\n", "452 421");
	ck_assert_int_eq(f.s.end, SESSION_LIMIT);
	fixture_hang_up(&f);
	fixture_end(&f);
}
END_TEST

/* A reply of nothing but line ends is told in full: a client that hears nothing waits for ever. */
START_TEST(reply_of_many_lines)
{
	static char text[1000];
	struct fixture f;

	fixture_begin(&f, "");
	fixture_connect(&f);
	fixture_say(&f, "EHLO c.test\r\n");
	memset(text, '\n', sizeof(text) - 2);
	text[sizeof(text) - 2] = 'x';
	fixture_want(&f, HOOK_MAIL, DENY);
	fixture_text[HOOK_MAIL] = text;
	say(&f, "MAIL FROM:<a@b.test>\r\n", "550");
	fixture_hang_up(&f);
	fixture_end(&f);
}
END_TEST

START_TEST(foreign_protocols)
{
	static const char *const said[] = { "GET / HTTP/1.1\r\n", "POST /x HTTP/1.0\r\n", "Host: mx.test\r\n", "PRI * HTTP/2.0\r\n" };
	struct fixture f;

	fixture_begin(&f, "");
	for (size_t i = 0; i < COUNT_OF(said); i++) {
		fixture_connect(&f);
		say(&f, said[i], "421");
		ck_assert_int_eq(f.s.end, SESSION_FOREIGN);
		fixture_hang_up(&f);
	}
	fixture_end(&f);
}
END_TEST

/* base64 of "\0alice\0secret", "\0alice\0wrong", "alice", "secret" */
#define PLAIN_GOOD "AGFsaWNlAHNlY3JldA=="
#define PLAIN_BAD "AGFsaWNlAHdyb25n"
static const struct { const char *said, *want; bool in; } auths[] = {
	{ "AUTH PLAIN " PLAIN_GOOD "\r\n", "235", true }, { "AUTH PLAIN\r\n" PLAIN_GOOD "\r\n", "334 235", true },
	{ "auth plain " PLAIN_GOOD "\r\n", "235", true }, { "AUTH PLAIN " PLAIN_BAD "\r\n", "535", false },
	{ "AUTH PLAIN =\r\n", "501", false }, { "AUTH PLAIN *\r\n", "501", false }, { "AUTH PLAIN\r\n*\r\n", "334 501", false },
	{ "AUTH PLAIN AGFsaWNl\r\n", "501", false }, { "AUTH PLAIN AGF\r\n", "501", false }, { "AUTH PLAIN AGFsaWNlAHNlY3JldB==\r\n", "501", false },
	{ "AUTH LOGIN\r\nYWxpY2U=\r\nc2VjcmV0\r\n", "334 334 235", true }, { "AUTH LOGIN YWxpY2U=\r\nc2VjcmV0\r\n", "334 235", true },
	{ "AUTH LOGIN\r\n\r\nc2VjcmV0\r\n", "334 334 535", false }, { "AUTH LOGIN\r\nYWxpY2U=\r\n*\r\n", "334 334 501", false },
	{ "AUTH LOGIN YWxpY2U=\r\nd3Jvbmc=\r\n", "334 535", false }, { "AUTH LOGIN Ym9i\r\nc2VjcmV0\r\n", "334 535", false },
	{ "AUTH PLAIN Ym9iAGFsaWNlAHNlY3JldA==\r\n", "535", false }, { "AUTH CRAM-MD5\r\n", "504", false }, { "AUTH FOO x\r\n", "504", false },
	{ "AUTH PLAIN " PLAIN_GOOD "\r\nAUTH PLAIN " PLAIN_GOOD "\r\n", "235 503", true },
};

START_TEST(authentication)
{
	struct fixture f;

	fixture_begin(&f, "auth_without_tls = true\n");
	local(&f);
	fixture_want(&f, HOOK_AUTH_PLAIN, OK);
	fixture_want(&f, HOOK_AUTH, OK);
	f.listener.role = LISTENER_SUBMISSION;
	for (size_t i = 0; i < COUNT_OF(auths); i++) {
		fixture_connect(&f);
		ck_assert_ptr_nonnull(strstr(fixture_say(&f, "EHLO c.test\r\n"), "AUTH PLAIN LOGIN\r\n"));
		say(&f, "MAIL FROM:<a@b.test>\r\n", "530");
		say(&f, auths[i].said, auths[i].want);
		ck_assert_int_eq(*f.s.auth_user != '\0', auths[i].in);
		say(&f, "AUTH PLAIN " PLAIN_GOOD "\r\n", auths[i].in ? "503" : "235");
		say(&f, "MAIL FROM:<a@b.test>\r\nAUTH PLAIN " PLAIN_GOOD "\r\n", "250 503");
		fixture_hang_up(&f);
	}
	fixture_end(&f);
}
END_TEST

START_TEST(auth_refused_in_the_clear)
{
	struct fixture f;

	fixture_begin(&f, "");
	fixture_want(&f, HOOK_AUTH, OK);
	fixture_connect(&f);
	ck_assert_ptr_null(strstr(fixture_say(&f, "EHLO c.test\r\n"), "AUTH"));
	say(&f, "AUTH PLAIN " PLAIN_GOOD "\r\n", "503");
	ck_assert_uint_eq(fixture_calls[HOOK_AUTH], 0);
	fixture_hang_up(&f);
	fixture_end(&f);
}
END_TEST

START_TEST(into_the_spool)
{
	struct fixture f;
	struct arena *a = arena_new(1024);
	struct spool_file file;
	char text[4096];

	fixture_begin(&f, "auth_without_tls = true\n");
	fixture_want(&f, HOOK_AUTH, OK);
	fixture_want(&f, HOOK_RCPT, DECLINED);
	f.listener.role = LISTENER_SUBMISSION;
	fixture_connect(&f);
	say(&f, "EHLO c.test\r\nAUTH PLAIN " PLAIN_GOOD "\r\n", "250 235");
	say(&f, "MAIL FROM:<a@b.test>\r\nRCPT TO:<c@Remote.TEST>\r\nRCPT TO:<d@local.test>\r\n", "250 250 250");
	say(&f, "DATA\r\nSubject: x\r\n\r\n..dot\r\n.\r\n", "354 250");
	fixture_spooled(&f, a, &file);
	ssize_t n = pread(file.fd, text, sizeof(text) - 1, (off_t)file.message_at);
	ck_assert_int_ge(n, (ssize_t)file.message_len);
	text[file.message_len] = '\0';
	ck_assert(view_starts(view_of(text), VIEW("Received: from c.test (unknown [192.0.2.1])\r\n\tby mx.test (postrider) with ESMTPA id ")));
	ck_assert_ptr_nonnull(strstr(text, "\r\nDate: "));
	ck_assert_ptr_nonnull(strstr(text, "\r\nMessage-ID: <"));
	ck_assert_ptr_null(strstr(text, "for <"));
	ck_assert(view_case_ends(view_of(text), VIEW("\r\nSubject: x\r\n\r\n.dot\r\n")));
	ck_assert_str_eq(file.env.sender, "a@b.test");
	ck_assert_uint_eq(file.env.rcpt_count, 2);
	ck_assert_str_eq(file.env.rcpts[0].address, "c@Remote.TEST");
	ck_assert_str_eq(file.env.rcpts[0].domain, "remote.test");
	ck_assert_str_eq(file.env.auth_user, "alice");
	ck_assert_uint_eq(file.env.flags, ENVELOPE_DOTS);
	spool_file_close(&file);
	fixture_hang_up(&f);
	fixture_end(&f);
	arena_free(&a);
}
END_TEST

START_TEST(nobody_queues)
{
	struct fixture f;

	fixture_begin(&f, "");
	fixture_want(&f, HOOK_RCPT, OK);
	fixture_connect(&f);
	say(&f, "EHLO c.test\r\n" MESSAGE, "250 250 250 354 451");
	fixture_hang_up(&f);
	fixture_end(&f);
}
END_TEST

START_TEST(internal_sessions)
{
	struct fixture f;

	fixture_begin(&f, "max_errors = 2\n");
	fixture_want(&f, HOOK_QUEUE, OK);
	fixture_want(&f, HOOK_MAIL, DENY);
	fixture_want(&f, HOOK_RCPT, DENY);
	f.listener.role = LISTENER_INTERNAL;
	fixture_connect(&f);
	say(&f, "EHLO c.test\r\n" MESSAGE, "250 250 250 354 250");
	ck_assert_uint_eq(fixture_calls[HOOK_QUEUE], 1);
	ck_assert_uint_eq(fixture_calls[HOOK_RCPT], 0);
	fixture_hang_up(&f);
	fixture_end(&f);
}
END_TEST

START_TEST(shutdown_and_eof)
{
	struct fixture f;

	fixture_begin(&f, "");
	local(&f);
	fixture_connect(&f);
	f.interrupted = 1;
	say(&f, "EHLO c.test\r\n", "421");
	ck_assert_int_eq(f.s.end, SESSION_SHUTDOWN);
	fixture_hang_up(&f);
	f.interrupted = 0;
	fixture_connect(&f);
	fixture_say(&f, "EHLO c.test\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@local.test>\r\n");
	shutdown(f.client, SHUT_WR);
	session_step(&f.s);
	ck_assert_int_eq(f.s.end, SESSION_EOF);
	fixture_hang_up(&f);
	/* nothing of that transaction is left in the next session */
	fixture_connect(&f);
	say(&f, "RCPT TO:<c@local.test>\r\nEHLO c.test\r\nRCPT TO:<c@local.test>\r\n" MESSAGE, "503 250 503 250 250 354 250");
	fixture_hang_up(&f);
	fixture_end(&f);
}
END_TEST

UNIT_MAIN("session", one_message, pipelined, every_verb_in_every_phase, data_without_recipient, refusals_by_hooks, replies_of_plugins,
	contents_refused, limits, no_limits, endless_ehlo, surplus_recipients, reply_of_many_lines, foreign_protocols,
	authentication, auth_refused_in_the_clear, into_the_spool, nobody_queues, internal_sessions, shutdown_and_eof)
