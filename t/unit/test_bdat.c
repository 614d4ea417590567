/* test_bdat.c - the BDAT command: where it may stand, what its refusals leave, sizes that are none, limits over chunks, and what
 * reaches the spool. */
#include "session_fixture.h"

#define HELLO "EHLO c.test\r\n"
#define ENVELOPE "MAIL FROM:<a@b.test>\r\nRCPT TO:<c@local.test>\r\n"
#define BY_DATA ENVELOPE "DATA\r\nSubject: x\r\n\r\nhi\r\n.\r\n"

static void local(struct fixture *f, const char *conf)
{
	fixture_begin(f, conf);
	fixture_want(f, HOOK_RCPT, OK);
	fixture_want(f, HOOK_QUEUE, OK);
	fixture_connect(f);
}

static const struct { const char *said, *want; } orders[] = {
	{ ENVELOPE "BDAT 3 LAST\r\na\r\n", "250 250 250" },
	{ ENVELOPE "BDAT 3\r\na\r\nBDAT 0\r\nbdat 3 last\r\nb\r\n", "250 250 250 250 250" },
	{ ENVELOPE "BDAT 3\r\na\r\nBDAT 0 LAST\r\n", "250 250 250 250" }, { ENVELOPE "BDAT 0 LAST\r\n", "250 250 250" },
	{ ENVELOPE "BDAT 1\r\naBDAT 1\r\n\rBDAT 1 LAST\r\n\n", "250 250 250 250 250" },
	{ ENVELOPE "BDAT 000000000000000000000000003 LAST\r\na\r\n", "250 250 250" },
	/* out of turn: the chunk is read away, and never read as a command */
	{ "BDAT 6\r\nQUIT\r\nNOOP\r\n", "503 250" }, { "BDAT 6 LAST\r\nQUIT\r\n", "503" },
	{ "MAIL FROM:<>\r\nBDAT 6 LAST\r\nQUIT\r\nRCPT TO:<c@local.test>\r\n", "250 503 503" },
	{ ENVELOPE "BDAT 3 LAST\r\na\r\nBDAT 6 LAST\r\nQUIT\r\n", "250 250 250 503" },
	{ ENVELOPE "BDAT 3 LAST\r\na\nbBDAT 6 LAST\r\nQUIT\r\n" BY_DATA, "250 250 550 503 250 250 354 250" },
	{ ENVELOPE "BDAT 3\r\na\nbBDAT 6\r\nQUIT\r\nBDAT 6 LAST\r\nQUIT\r\n", "250 250 550 503 503" },
	/* between two chunks */
	{ ENVELOPE "BDAT 3\r\na\r\nDATA\r\nBDAT 0 LAST\r\n", "250 250 250 503 250" },
	{ ENVELOPE "BDAT 3\r\na\r\nRCPT TO:<d@local.test>\r\nMAIL FROM:<>\r\nBDAT 0 LAST\r\n", "250 250 250 503 503 250" },
	{ ENVELOPE "BDAT 3\r\na\r\nSTARTTLS\r\nAUTH PLAIN\r\nFOO\r\nBDAT 0 LAST\r\n", "250 250 250 503 503 500 250" },
	{ ENVELOPE "BDAT 3\r\na\r\nNOOP\r\nHELP\r\nVRFY x\r\nBDAT 0 LAST\r\n", "250 250 250 250 214 252 250" },
	{ ENVELOPE "BDAT 3\r\na\r\nRSET\r\nBDAT 6 LAST\r\nQUIT\r\n" BY_DATA, "250 250 250 250 503 250 250 354 250" },
	{ ENVELOPE "BDAT 3\r\na\r\n" HELLO "BDAT 6 LAST\r\nQUIT\r\n", "250 250 250 250 503" },
	/* a size, and something else that is wrong: the chunk is read away, and the message is over */
	{ ENVELOPE "BDAT 6 LAST X\r\nQUIT\r\nDATA\r\n", "250 250 501 503" }, { ENVELOPE "BDAT 6 LUST\r\nQUIT\r\nDATA\r\n", "250 250 501 503" },
	{ ENVELOPE "BDAT 6 6\r\nQUIT\r\n", "250 250 501" },
	/* nothing was announced */
	{ ENVELOPE "BDAT\r\nDATA\r\n.\r\n", "250 250 501 354 250" },
	/* BINARYMIME goes by BDAT alone */
	{ "MAIL FROM:<a@b.test> BODY=BINARYMIME\r\nRCPT TO:<c@local.test>\r\nDATA\r\nRCPT TO:<c@local.test>\r\n", "250 250 503 503" },
	{ "MAIL FROM:<a@b.test> BODY=BINARYMIME\r\nRCPT TO:<c@local.test>\r\nBDAT 4 LAST\r\n\r\n\r\r", "250 250 250" },
};

START_TEST(order)
{
	struct fixture f;

	local(&f, "max_errors = 0\nmax_noops = 0\n");
	fixture_expect(&f, HELLO, "250");
	for (size_t i = 0; i < COUNT_OF(orders); i++) {
		fixture_expect(&f, orders[i].said, orders[i].want);
		fixture_expect(&f, "RSET\r\n" BY_DATA, "250 250 250 354 250");
	}
	fixture_hang_up(&f);
	fixture_end(&f);
}
END_TEST

/* Nobody knows where the next command would begin, or when it would come: the session ends, with an answer. */
static const struct { const char *line, *code; } ends[] = {
	{ "BDAT x\r\n", "501" }, { "BDAT -1\r\n", "501" }, { "BDAT +6 LAST\r\n", "501" }, { "BDAT 0x6\r\n", "501" }, { "BDAT 6,\r\n", "501" },
	{ "BDAT LAST\r\n", "501" }, { "BDAT 18446744073709551616\r\n", "501" }, { "BDAT 99999999999999999999999 LAST\r\n", "501" },
	{ "BDAT 6\rLAST\r\n", "500" }, { "BDAT 6\n LAST\r\n", "500" },
	{ "BDAT 2147483648\r\n", "552" }, { "BDAT 4294967296 LAST\r\n", "552" }, { "BDAT 9223372036854775807\r\n", "552" },
	{ "BDAT 9223372036854775808\r\n", "552" }, { "BDAT 18446744073709551615 LAST\r\n", "552" },
};

START_TEST(unreadable_sizes)
{
	static const char *const before[] = { "", HELLO, HELLO ENVELOPE, HELLO ENVELOPE "BDAT 3\r\na\r\n" };
	struct fixture f;

	local(&f, "max_message_size = \"1M\"\n");
	fixture_hang_up(&f);
	for (size_t i = 0; i < COUNT_OF(ends); i++)
		for (size_t k = 0; k < COUNT_OF(before); k++) {
			fixture_connect(&f);
			fixture_say(&f, before[k]);
			/* where no chunk is awaited the size is not even looked at for its code */
			fixture_expect(&f, ends[i].line, k < 2 && strcmp(ends[i].code, "500") ? "503" : ends[i].code);
			ck_assert_msg(f.s.end == SESSION_REFUSED, "%s", ends[i].line);
			fixture_hang_up(&f);
		}
	fixture_end(&f);
}
END_TEST

START_TEST(size_over_chunks)
{
	struct fixture f;

	local(&f, "max_message_size = 40\n");
	fixture_say(&f, HELLO);
	fixture_expect(&f, ENVELOPE "BDAT 20\r\n0123456789012345678\nBDAT 20 LAST\r\n012345678901234567\r\n", "250 250 550 503");
	fixture_expect(&f, ENVELOPE "BDAT 20\r\n012345678901234567\r\nBDAT 20 LAST\r\n012345678901234567\r\n", "250 250 250 250");
	fixture_expect(&f, ENVELOPE "BDAT 20\r\n012345678901234567\r\nBDAT 21\r\n0123456789012345678\r\nBDAT 0 LAST\r\n", "250 250 250 552 503");
	fixture_expect(&f, ENVELOPE "BDAT 41 LAST\r\n012345678901234567890123456789012345678\r\n", "250 250 552");
	/* the line end that is added counts */
	fixture_expect(&f, ENVELOPE "BDAT 40 LAST\r\n0123456789012345678901234567890123456789", "250 250 552");
	fixture_expect(&f, ENVELOPE "BDAT 38 LAST\r\n01234567890123456789012345678901234567", "250 250 250");
	fixture_expect(&f, BY_DATA, "250 250 354 250");
	/* a tolerance of as much again, so that the client hears the answer */
	fixture_expect(&f, ENVELOPE "BDAT 80 LAST\r\n0123456789012345678901234567890123456789012345678901234567890123456789012345678\n", "250 250 552");
	fixture_expect(&f, ENVELOPE "BDAT 81 LAST\r\n", "250 250 552");
	ck_assert_int_eq(f.s.end, SESSION_REFUSED);
	fixture_hang_up(&f);
	fixture_end(&f);
}
END_TEST

START_TEST(floods)
{
	struct fixture f;

	local(&f, "max_errors = 4\nmax_small_chunks = 3\n");
	fixture_say(&f, HELLO);
	fixture_expect(&f, ENVELOPE "BDAT 1\r\naBDAT 0\r\nBDAT 1\r\nbBDAT 1 LAST\r\nc", "250 250 250 250 250 250");
	fixture_expect(&f, ENVELOPE "BDAT 1\r\naBDAT 0\r\nBDAT 1\r\nbBDAT 1\r\ncBDAT 0 LAST\r\n", "250 250 250 250 250 554 503");
	/* chunks in the pipeline behind a refused one are no errors, up to a number */
	for (int i = 0; i < 998; i++)
		fixture_expect(&f, "BDAT 6\r\nQUIT\r\n", "503");
	ck_assert_uint_eq(f.s.errors, 1);
	fixture_expect(&f, "BDAT 0\r\nBDAT 0\r\n", "503 503");
	ck_assert_uint_eq(f.s.errors, 3);
	fixture_expect(&f, "BDAT 0\r\n", "503 421");
	ck_assert_int_eq(f.s.end, SESSION_LIMIT);
	fixture_hang_up(&f);
	fixture_end(&f);
}
END_TEST

/* The data hook is asked once, before the first chunk is taken. */
START_TEST(refused_by_the_data_hook)
{
	struct fixture f;

	local(&f, "max_errors = 0\n");
	fixture_say(&f, HELLO);
	fixture_want(&f, HOOK_DATA, DENY);
	fixture_expect(&f, ENVELOPE "BDAT 6\r\nQUIT\r\nBDAT 6 LAST\r\nQUIT\r\n", "250 250 554 503");
	ck_assert_uint_eq(fixture_calls[HOOK_DATA], 1);
	fixture_want(&f, HOOK_DATA, OK);
	fixture_text[HOOK_DATA] = "do not say this";
	fixture_expect(&f, ENVELOPE "BDAT 3\r\na\r\nBDAT 3 LAST\r\nb\r\n", "250 250 250 250");
	ck_assert_uint_eq(fixture_calls[HOOK_DATA], 2);
	fixture_want(&f, HOOK_DATA, DENY_DISCONNECT);
	fixture_expect(&f, ENVELOPE "BDAT 600\r\n", "250 250 554");
	ck_assert_int_eq(f.s.end, SESSION_REFUSED);
	fixture_hang_up(&f);
	fixture_end(&f);
}
END_TEST

static const enum hook late[] = { HOOK_DATA_HEADERS_END, HOOK_DATA_POST_HEADERS, HOOK_DATA_POST, HOOK_QUEUE_PRE, HOOK_QUEUE };

START_TEST(refused_after_the_content)
{
	struct fixture f;

	local(&f, "max_errors = 0\n");
	fixture_say(&f, HELLO);
	for (size_t i = 0; i < COUNT_OF(late); i++) {
		fixture_want(&f, late[i], DENYSOFT);
		fixture_expect(&f, ENVELOPE "BDAT 3\r\na\r\nBDAT 3 LAST\r\nb\r\nBDAT 6 LAST\r\nQUIT\r\nRCPT TO:<c@local.test>\r\n", "250 250 250 451 503 503");
		fixture_want(&f, late[i], late[i] == HOOK_QUEUE ? OK : DECLINED);
		fixture_expect(&f, BY_DATA, "250 250 354 250");
	}
	fixture_hang_up(&f);
	fixture_end(&f);
}
END_TEST

/* Breaks off in a chunk, in one that is thrown away, and between two. */
START_TEST(broken_off)
{
	static const char *const said[] = { ENVELOPE "BDAT 60\r\nhalf", "BDAT 60\r\nhalf", ENVELOPE "BDAT 3\r\na\r\n", ENVELOPE "BDAT 3\r\na\r\nBDAT 9 LA" };
	struct fixture f;

	local(&f, "");
	fixture_hang_up(&f);
	for (size_t i = 0; i < COUNT_OF(said); i++) {
		fixture_connect(&f);
		fixture_say(&f, HELLO);
		ck_assert_int_eq(send(f.client, said[i], strlen(said[i]), 0), (ssize_t)strlen(said[i]));
		shutdown(f.client, SHUT_WR);
		while (f.s.end == SESSION_GOES_ON)
			session_step(&f.s);
		ck_assert_int_eq(f.s.end, SESSION_EOF);
		fixture_hang_up(&f);
		ck_assert_ptr_null(f.s.transaction.writer);
	}
	ck_assert_uint_eq(fixture_calls[HOOK_QUEUE], 0);
	fixture_end(&f);
}
END_TEST

/* A plugin that asks for the verb gets it, also when the line is overwritten by content. */
static enum verdict see_command(struct hook_call *call)
{
	ck_assert_str_eq(pr_command(call), "BDAT");
	ck_assert_str_eq(pr_command_args(call), "");
	return DECLINED;
}

/* Chunks that are all there are fed from the buffer: one read for the whole group. */
START_TEST(into_the_spool)
{
	static const char sent[] = "MAIL FROM:<a@b.test> BODY=BINARYMIME\r\nRCPT TO:<c@remote.test>\r\n"
				   "BDAT 16\r\nSubject: x\r\n\r\n\0\rBDAT 4 LAST\r\n.\r\n\xff";
	struct fixture f;
	struct arena *a = arena_new(1024);
	struct spool_file file;
	char text[4096];

	local(&f, "");
	fixture_say(&f, HELLO);
	f.s.relaying = true;
	fixture_want(&f, HOOK_DATA_POST, DECLINED);
	f.def.hooks[HOOK_DATA_POST] = see_command;
	ck_assert_str_eq(fixture_codes(fixture_send(&f, sent, sizeof(sent) - 1)), "250 250 250 250");
	fixture_spooled(&f, a, &file);
	ck_assert_uint_eq(file.env.flags, ENVELOPE_BINARY | ENVELOPE_8BIT);
	ck_assert_int_eq(pread(file.fd, text, file.message_len, (off_t)file.message_at), (ssize_t)file.message_len);
	ck_assert_uint_gt(file.message_len, 20);
	ck_assert_int_eq(memcmp(text + file.message_len - 20, "Subject: x\r\n\r\n\0\r.\r\n\xff", 20), 0);
	ck_assert(view_starts(view_make(text, file.message_len), VIEW("Received: from c.test")));
	spool_file_close(&file);
	fixture_hang_up(&f);
	fixture_end(&f);
	arena_free(&a);
}
END_TEST

/* What is taken away by the configuration is off: neither offered nor done, and a chunk is no command all the same. */
START_TEST(discarded)
{
	struct fixture f;
	const char *heard;

	local(&f, "discard_ehlo_keywords = { \"chunking\", \"ENHANCEDSTATUSCODES\", \"SIZE\" }\n");
	heard = fixture_say(&f, HELLO);
	ck_assert_ptr_null(strstr(heard, "CHUNKING"));
	ck_assert_ptr_null(strstr(heard, "BINARYMIME"));
	ck_assert_ptr_null(strstr(heard, "SIZE"));
	ck_assert_ptr_nonnull(strstr(heard, "8BITMIME"));
	fixture_expect(&f, "MAIL FROM:<a@b.test> BODY=BINARYMIME\r\nMAIL FROM:<a@b.test> SIZE=1\r\n", "555 555");
	ck_assert_str_eq(fixture_say(&f, "BDAT 6 LAST\r\nQUIT\r\n"), "502 command not implemented\r\n");
	fixture_expect(&f, "MAIL FROM:<a@b.test> BODY=8BITMIME\r\nRCPT TO:<c@local.test>\r\nBDAT 6 LAST\r\nQUIT\r\n", "250 250 502");
	fixture_hang_up(&f);
	f.listener.role = LISTENER_INTERNAL;	/* where it would cost a message */
	fixture_connect(&f);
	ck_assert_ptr_nonnull(strstr(fixture_say(&f, HELLO), "BINARYMIME"));
	fixture_hang_up(&f);
	fixture_end(&f);
}
END_TEST

UNIT_MAIN("bdat", order, unreadable_sizes, size_over_chunks, floods, refused_by_the_data_hook, refused_after_the_content, broken_off,
	into_the_spool, discarded)
