/* test_requests.c - what a client asks for by parameters: it reaches the plugins and the envelope in the spool, and decides
 * which way a message goes. */
#include "session_fixture.h"

#define HELLO "EHLO c.test\r\n"

static const struct {
	const char *mail, *rcpt, *header;
	unsigned flags;
	const char *envid, *ret, *orcpt, *with;
	unsigned notify;
} wishes[] = {
	{ "<a@b.test>", "<c@d.test>", "Subject: x", 0, "", "", "", " with ESMTP id ", 0 },
	{ "<a@b.test> RET=full ENVID=a+2Bb+20c", "<c@d.test> NOTIFY=failure,Success ORCPT=rfc822;c+2Bd@d.test", "Subject: x", 0,
	  "a+b c", "FULL", "rfc822;c+d@d.test", " with ESMTP id ", NOTIFY_FAILURE | NOTIFY_SUCCESS },
	{ "<>", "<c@d.test> NOTIFY=NEVER", "Subject: x", 0, "", "", "", " with ESMTP id ", NOTIFY_NEVER },
	/* SMTPUTF8 counts where something needs it */
	{ "<a@b.test> SMTPUTF8", "<c@d.test>", "Subject: x", 0, "", "", "", " with UTF8SMTP id ", 0 },
	{ "<a@b.test> SMTPUTF8", "<c@d.test>", "Subject: \xc3\xa4", ENVELOPE_8BIT | ENVELOPE_UTF8, "", "", "", " with UTF8SMTP id ", 0 },
	{ "<a@b.test>", "<c@d.test>", "Subject: \xc3\xa4", ENVELOPE_8BIT, "", "", "", " with ESMTP id ", 0 },
	{ "<\xc3\xa4@b.test> SMTPUTF8", "<c@d.test>", "Subject: x", ENVELOPE_UTF8, "", "", "", " with UTF8SMTP id ", 0 },
	{ "<a@b.test> SMTPUTF8", "<\xc3\xa4@d.test> ORCPT=utf-8;\xc3\xa4@d.test", "Subject: x", ENVELOPE_UTF8, "", "", "utf-8;\xc3\xa4@d.test",
	  " with UTF8SMTP id ", 0 },
	{ "<a@b.test> SMTPUTF8", "<c@\xc3\xa4.test>", "Subject: x", ENVELOPE_UTF8, "", "", "", " with UTF8SMTP id ", 0 },
	{ "<a@b.test> SMTPUTF8", "<c@d.test>", "Subject: x\r\n\r\n\xc3\xa4", ENVELOPE_8BIT, "", "", "", " with UTF8SMTP id ", 0 },
};

START_TEST(into_the_envelope)
{
	struct fixture f;

	for (size_t i = 0; i < COUNT_OF(wishes); i++) {
		struct arena *a = arena_new(1024);
		struct spool_file file;
		char said[512], text[1024];

		fixture_begin(&f, "");
		fixture_want(&f, HOOK_RCPT, OK);
		fixture_connect(&f);
		f.s.relaying = true;
		snprintf(said, sizeof(said), HELLO "MAIL FROM:%s\r\nRCPT TO:%s\r\nDATA\r\n%s\r\n\r\n.\r\n", wishes[i].mail, wishes[i].rcpt, wishes[i].header);
		fixture_expect(&f, said, "250 250 250 354 250");
		fixture_spooled(&f, a, &file);
		ck_assert_msg(file.env.flags == wishes[i].flags, "%s: flags %x", said, file.env.flags);
		ck_assert_str_eq(file.env.envid, wishes[i].envid);
		ck_assert_str_eq(file.env.ret, wishes[i].ret);
		ck_assert_str_eq(file.env.rcpts[0].orcpt, wishes[i].orcpt);
		ck_assert_uint_eq(file.env.rcpts[0].notify, wishes[i].notify);
		ck_assert(view_is_ascii(view_of(file.env.rcpts[0].domain)));
		ck_assert_int_gt(pread(file.fd, text, sizeof(text) - 1, (off_t)file.message_at), 0);
		text[file.message_len < sizeof(text) ? file.message_len : sizeof(text) - 1] = '\0';
		ck_assert_msg(strstr(text, wishes[i].with) != NULL, "%s: %s", said, text);
		spool_file_close(&file);
		fixture_hang_up(&f);
		fixture_end(&f);
		arena_free(&a);
	}
}
END_TEST

/* A report of delivery is the queue-runner's to write: the message goes its way then, with all recipients (RFC 3461 5.2.3). */
START_TEST(success_goes_through_the_spool)
{
	struct fixture f;
	struct arena *a = arena_new(1024);
	struct spool_file file;

	fixture_begin(&f, "");
	fixture_want(&f, HOOK_RCPT, OK);
	fixture_want(&f, HOOK_QUEUE, OK);
	fixture_connect(&f);
	fixture_expect(&f, HELLO "MAIL FROM:<a@b.test>\r\nRCPT TO:<c@local.test> NOTIFY=FAILURE\r\nDATA\r\n.\r\n", "250 250 250 354 250");
	ck_assert_uint_eq(fixture_calls[HOOK_QUEUE], 1);
	/* a plugin that refuses has the last word, as without it */
	fixture_want(&f, HOOK_RCPT_OK, DENY);
	fixture_expect(&f, "MAIL FROM:<a@b.test>\r\nRCPT TO:<d@local.test> NOTIFY=SUCCESS\r\nRSET\r\n", "250 550 250");
	fixture_want(&f, HOOK_RCPT_OK, DECLINED);
	fixture_expect(&f, "MAIL FROM:<a@b.test>\r\nRCPT TO:<c@local.test>\r\nRCPT TO:<d@local.test> NOTIFY=SUCCESS,DELAY\r\nDATA\r\n.\r\n", "250 250 250 354 250");
	ck_assert_uint_eq(fixture_calls[HOOK_QUEUE], 1);
	fixture_spooled(&f, a, &file);
	ck_assert_uint_eq(file.env.rcpt_count, 2);
	ck_assert_uint_eq(file.env.rcpts[0].notify, 0);
	ck_assert_uint_eq(file.env.rcpts[1].notify, NOTIFY_SUCCESS | NOTIFY_DELAY);
	spool_file_close(&file);
	fixture_hang_up(&f);
	fixture_end(&f);
	arena_free(&a);
}
END_TEST

/* Where the queue-runner hands over what it reports on itself. */
START_TEST(internal_sessions)
{
	static const char *const on[] = { "CHUNKING", "BINARYMIME", "8BITMIME", "SMTPUTF8", "SIZE" };
	static const char *const off[] = { "DSN", "LIMITS", "AUTH", "STARTTLS", "DELIVERBY", "FUTURERELEASE", "MT-PRIORITY", "REQUIRETLS", "XCLIENT" };
	struct fixture f;

	fixture_begin(&f, "");
	fixture_want(&f, HOOK_QUEUE, OK);
	f.listener.role = LISTENER_INTERNAL;
	fixture_connect(&f);
	const char *heard = fixture_say(&f, HELLO);
	for (size_t i = 0; i < COUNT_OF(on); i++)
		ck_assert_msg(strstr(heard, on[i]) != NULL, "%s", on[i]);
	for (size_t i = 0; i < COUNT_OF(off); i++)
		ck_assert_msg(strstr(heard, off[i]) == NULL, "%s", off[i]);
	fixture_expect(&f, "MAIL FROM:<a@b.test> RET=FULL\r\nMAIL FROM:<\xc3\xa4@b.test> SMTPUTF8 BODY=BINARYMIME\r\n", "555 250");
	fixture_expect(&f, "RCPT TO:<c@d.test> NOTIFY=SUCCESS\r\nRCPT TO:<c@d.test>\r\nBDAT 3 LAST\r\n\r\n\r", "555 250 250");
	fixture_hang_up(&f);
	fixture_end(&f);
}
END_TEST

/* ---- what plugins see ---- */

static unsigned seen;

static enum verdict see_mail(struct hook_call *call)
{
	seen++;
	ck_assert_str_eq(pr_parameter(call, "envid"), "a+20b");
	ck_assert_str_eq(pr_parameter_text(call, "ENVID"), "a b");
	ck_assert_ptr_null(pr_parameter_text(call, "RET"));
	ck_assert_str_eq(pr_envid(call), "a b");
	ck_assert_str_eq(pr_ret(call), "");
	ck_assert(pr_utf8(call));
	ck_assert_int_eq(pr_body(call), PR_BODY_8BITMIME);
	ck_assert_uint_eq(pr_notify(call), 0);
	ck_assert_int_eq(pr_deliver_by(call), 0);
	ck_assert_str_eq(pr_deliver_by_mode(call), "");
	ck_assert_int_eq(pr_hold_until(call), 0);
	ck_assert_int_eq(pr_priority(call), 0);
	ck_assert(!pr_requires_tls(call));
	return DECLINED;
}

static enum verdict see_rcpt(struct hook_call *call)
{
	seen++;
	ck_assert_str_eq(pr_parameter(call, "ORCPT"), "utf-8;\\x{E4}@b");
	ck_assert_str_eq(pr_parameter_text(call, "ORCPT"), "utf-8;\xc3\xa4@b");
	ck_assert_ptr_null(pr_parameter(call, "ENVID"));
	ck_assert_uint_eq(pr_notify(call), PR_NOTIFY_DELAY | PR_NOTIFY_FAILURE);
	ck_assert_str_eq(pr_recipient_domain(call), "xn--4ca.test");
	return OK;
}

static enum verdict see_data(struct hook_call *call)
{
	seen++;
	ck_assert_uint_eq(pr_notify_at(call, 0), PR_NOTIFY_DELAY | PR_NOTIFY_FAILURE);
	ck_assert_uint_eq(pr_notify_at(call, 1), 0);
	ck_assert_str_eq(pr_orcpt_at(call, 0), "utf-8;\xc3\xa4@b");
	ck_assert_str_eq(pr_orcpt_at(call, 1), "");
	ck_assert_str_eq(pr_recipient_domain_at(call, 0), "xn--4ca.test");
	ck_assert_str_eq(pr_recipient_domain_at(call, 1), "");
	ck_assert_str_eq(pr_envid(call), "a b");
	return DECLINED;
}

static enum verdict see_vrfy(struct hook_call *call)
{
	seen++;
	ck_assert_str_eq(pr_command_args(call), "l\xc3\xb6we");
	ck_assert(pr_utf8(call));
	pr_reply(call, 250, "2.1.5", "l\xc3\xb6we");
	return OK;
}

START_TEST(to_the_plugins)
{
	struct fixture f;

	fixture_begin(&f, "");
	fixture_want(&f, HOOK_QUEUE, OK);
	const struct { enum hook hook; pr_hook *function; } hooks[] = {
		{ HOOK_MAIL_PRE, see_mail }, { HOOK_MAIL, see_mail }, { HOOK_RCPT, see_rcpt }, { HOOK_DATA, see_data }, { HOOK_DATA_POST, see_data },
		{ HOOK_VRFY, see_vrfy },
	};
	for (size_t i = 0; i < COUNT_OF(hooks); i++) {
		fixture_want(&f, hooks[i].hook, DECLINED);
		f.def.hooks[hooks[i].hook] = hooks[i].function;
	}
	fixture_connect(&f);
	fixture_expect(&f, HELLO "MAIL FROM:<a@b.test> ENVID=a+20b SMTPUTF8 BODY=8BITMIME\r\n", "250 250");
	fixture_expect(&f, "RCPT TO:<x@\xc3\xa4.test> NOTIFY=DELAY,FAILURE ORCPT=utf-8;\\x{E4}@b\r\nDATA\r\n\r\n.\r\n", "250 354 250");
	ck_assert_uint_eq(seen, 5);
	ck_assert_str_eq(fixture_say(&f, "VRFY l\xc3\xb6we SMTPUTF8\r\n"), "250 2.1.5 l??we\r\n");	/* replies are ASCII */
	ck_assert_uint_eq(seen, 6);
	fixture_hang_up(&f);
	fixture_end(&f);
}
END_TEST

UNIT_MAIN("requests", into_the_envelope, success_goes_through_the_spool, internal_sessions, to_the_plugins)
