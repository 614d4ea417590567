/* test_bounce.c - the notice about a failed message: what is in it, what is left out, and when there is none. */
#include "spool_fixture.h"

#include "../../lib/clock.h"
#include "../../queue/bounce.h"

#define ORIGINAL "Subject: hello\r\nX-Long: a\r\n b\r\n\r\nbody\r\n.dot\r\n"

static const struct bounce_config config = { .me = "mail.example.org", .max_return = 1 << 20 };

static struct spool_file original(struct envelope *env, struct view content)
{
	char id[SPOOL_ID_SIZE];
	fixture_commit(content, env, 1 << 20, id);
	return fixture_open(id, SPOOL_NEW);
}

/* The notice's text; its envelope in *ENV. */
static const char *notice_of(const struct bounce_config *c, const struct bounce *about, struct envelope *env)
{
	char id[SPOOL_ID_SIZE];
	enum bounce_result result = bounce_send(fx.spool, c, about, id, &fx.err);
	ck_assert_msg(result == BOUNCE_SENT, "%d %s", (int)result, fx.err.text);
	struct spool_file n = fixture_open(id, SPOOL_NEW);
	char *text = arena_alloc(fx.arena, n.message_len + 1);
	ck_assert_int_eq(pread(n.fd, text, n.message_len, (off_t)n.message_at), (ssize_t)n.message_len);
	ck_assert_int_eq((int)spool_file_check(&n, &fx.err), SPOOL_READ_OK);
	spool_file_close(&n);
	*env = n.env;
	for (size_t i = 0; i < n.message_len; i++)
		ck_assert_msg(text[i] != '\n' || (i > 0 && text[i - 1] == '\r'), "bare LF at %zu", i);
	return text;
}

static const char *notice(const struct bounce_config *c, const struct spool_file *f, const struct bounce_rcpt *failures,
	size_t count, struct envelope *env)
{
	return notice_of(c, &(struct bounce){ .kind = BOUNCE_FAILED, .file = f, .rcpts = failures, .count = count }, env);
}

static void assert_has(const char *text, const char *part)
{
	ck_assert_msg(strstr(text, part) != NULL, "\"%s\" is not in\n%s", part, text);
}

static void assert_lacks(const char *text, const char *part)
{
	ck_assert_msg(strstr(text, part) == NULL, "\"%s\" is in\n%s", part, text);
}

START_TEST(whole)
{
	struct envelope env = fixture_envelope(3), got;
	env.envid = "my id";
	env.flags = ENVELOPE_DOTS;
	env.rcpts[0].orcpt = "rfc822;first@example.net";
	env.rcpts[0].last = "mx.example.net [192.0.2.5] 550 5.1.1 no such user";
	env.rcpts[1].last = "mx.example.net [2001:db8::5] 451 4.7.1 try later";
	struct bounce_rcpt failures[] = { { 0, ACTION_FAILED, NULL }, { 1, ACTION_EXPIRED, NULL }, { 2, ACTION_FAILED, "5.4.4 no host accepts mail for it" } };
	clock_fake(1763690100);
	struct spool_file f = original(&env, VIEW(ORIGINAL));
	const char *text = notice(&config, &f, failures, 3, &got);
	clock_fake(0);
	ck_assert_str_eq(got.sender, "");
	ck_assert_uint_eq(got.rcpt_count, 1);
	ck_assert_str_eq(got.rcpts[0].address, "alice@example.com");
	ck_assert_str_eq(got.rcpts[0].domain, "example.com");
	ck_assert_uint_eq(got.rcpts[0].notify, NOTIFY_NEVER);
	ck_assert_uint_eq(got.flags, ENVELOPE_BOUNCE | ENVELOPE_DOTS);
	ck_assert_str_eq(got.session, f.id);
	static const char *const parts[] = {
		"From: Mail Delivery System <MAILER-DAEMON@mail.example.org>\r\n", "To: <alice@example.com>\r\n",
		"Message-ID: <1", "Auto-Submitted: auto-replied\r\n", "MIME-Version: 1.0\r\n",
		"Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"=_",
		"Content-Transfer-Encoding: 7bit\r\n\r\nThis is a message in MIME",
		"<r0@example.net>:\r\n    host mx.example.net said: 550 5.1.1 no such user\r\n",
		"<r1@example.net>:\r\n    given up after temporary failures; the last: host mx.example.net said: 451 4.7.1 try later\r\n",
		"<r2@example.net>:\r\n    5.4.4 no host accepts mail for it\r\n",
		"Content-Type: message/delivery-status\r\nContent-Transfer-Encoding: 7bit\r\n\r\nOriginal-Envelope-Id: my id\r\n"
		"Reporting-MTA: dns; mail.example.org\r\nArrival-Date: ",
		"\r\n\r\nOriginal-Recipient: rfc822;first@example.net\r\nFinal-Recipient: rfc822; r0@example.net\r\nAction: failed\r\n"
		"Status: 5.1.1\r\nRemote-MTA: dns; mx.example.net\r\nDiagnostic-Code: smtp; 550 5.1.1 no such user\r\nLast-Attempt-Date: ",
		"Final-Recipient: rfc822; r1@example.net\r\nAction: failed\r\nStatus: 4.4.7\r\nRemote-MTA: dns; mx.example.net\r\n",
		"Status: 5.4.4\r\nDiagnostic-Code: x-postrider; 5.4.4 no host accepts mail for it\r\n",
		"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 7bit\r\n\r\n" ORIGINAL "\r\n--=_",
	};
	for (size_t i = 0; i < COUNT_OF(parts); i++)
		assert_has(text, parts[i]);
	ck_assert_str_eq(text + strlen(text) - 4, "--\r\n");
	spool_file_close(&f);
}
END_TEST

/* Headers only: asked for, or the message is too large. */
START_TEST(headers_only)
{
	struct envelope env = fixture_envelope(1), got;
	struct bounce_rcpt failure = { 0, ACTION_FAILED, "x" };
	struct bounce_config small = config;
	env.flags = ENVELOPE_DOTS | ENVELOPE_8BIT;
	if (_i == 0)
		env.ret = "HDRS";
	else
		small.max_return = strlen(ORIGINAL) - 1;
	struct spool_file f = original(&env, VIEW(ORIGINAL));
	const char *text = notice(&small, &f, &failure, 1, &got);
	assert_has(text, "Content-Type: text/rfc822-headers\r\nContent-Transfer-Encoding: 7bit\r\n\r\nSubject: hello\r\nX-Long: a\r\n b\r\n\r\n--=_");
	assert_lacks(text, "body\r\n");
	assert_lacks(text, "message/rfc822");
	ck_assert_uint_eq(got.flags, ENVELOPE_BOUNCE);
	spool_file_close(&f);
}
END_TEST

/* No end of the header section, no line end, nothing at all. */
static const struct { const char *content, *returned; } odd_cases[] = {
	{ "", "7bit\r\n\r\n\r\n--=_" }, { "\r\nbody\r\n", "7bit\r\n\r\n\r\n--=_" }, { "Subject: x\r\n", "7bit\r\n\r\nSubject: x\r\n\r\n--=_" },
	{ "Subject: x", "7bit\r\n\r\nSubject: x\r\n\r\n--=_" },
};

START_TEST(odd_headers)
{
	struct envelope env = fixture_envelope(1), got;
	struct bounce_rcpt failure = { 0, ACTION_FAILED, "x" };
	env.ret = "HDRS";
	struct spool_file f = original(&env, view_of(odd_cases[_i].content));
	const char *text = notice(&config, &f, &failure, 1, &got);
	assert_has(text, "text/rfc822-headers");
	if (_i != 1)
		assert_has(text, odd_cases[_i].returned);
	spool_file_close(&f);
}
END_TEST

START_TEST(long_headers)
{
	struct envelope env = fixture_envelope(1), got;
	struct bounce_rcpt failure = { 0, ACTION_FAILED, "x" };
	struct buf content;
	env.ret = "HDRS";
	buf_init(&content, 1 << 20);
	while (content.len < 600000)
		buf_puts(&content, "X-Header: 0123456789012345678901234567890123456789\r\n");
	struct spool_file f = original(&env, buf_view(&content));
	const char *text = notice(&config, &f, &failure, 1, &got);
	ck_assert_uint_lt(strlen(text), 300000);
	assert_has(text, "0123456789\r\n\r\n--=_");
	buf_free(&content);
	spool_file_close(&f);
}
END_TEST

START_TEST(eight_bit)
{
	struct envelope env = fixture_envelope(1), got;
	struct bounce_rcpt failure = { 0, ACTION_FAILED, "mx [192.0.2.1] 550 n\xc3\xb6" };
	env.flags = ENVELOPE_8BIT | ENVELOPE_LONG_LINES;
	struct spool_file f = original(&env, VIEW("Subject: x\r\n\r\n\xc3\xa4\r\n"));
	const char *text = notice(&config, &f, &failure, 1, &got);
	assert_has(text, "Content-Transfer-Encoding: 8bit\r\n\r\nThis is");
	assert_has(text, "message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\nSubject: x\r\n\r\n\xc3\xa4\r\n");
	assert_has(text, "charset=us-ascii\r\nContent-Transfer-Encoding: 7bit");
	assert_has(text, "smtp; 550 n??\r\n");
	ck_assert_uint_eq(got.flags, ENVELOPE_BOUNCE | ENVELOPE_8BIT | ENVELOPE_LONG_LINES);
	spool_file_close(&f);
}
END_TEST

START_TEST(internationalised)
{
	struct envelope env = fixture_envelope(1), got;
	struct bounce_rcpt failure = { 0, ACTION_FAILED, "x" };
	env.flags = ENVELOPE_UTF8 | ENVELOPE_8BIT;
	env.rcpts[0].address = "j\xc3\xbcrg@example.net";
	struct spool_file f = original(&env, VIEW("Subject: \xc3\xa4\r\n\r\n\r\n"));
	const char *text = notice(&config, &f, &failure, 1, &got);
	assert_has(text, "report-type=global-delivery-status;");
	assert_has(text, "message/global-delivery-status\r\nContent-Transfer-Encoding: 8bit\r\n");
	assert_has(text, "Final-Recipient: utf-8; j\xc3\xbcrg@example.net\r\n");
	assert_has(text, "Content-Type: message/global\r\n");
	ck_assert_uint_eq(got.flags, ENVELOPE_BOUNCE | ENVELOPE_8BIT);
	spool_file_close(&f);
}
END_TEST

/* The sender's server may know nothing of SMTPUTF8: the notice needs it only where its own header or recipient does. */
START_TEST(internationalised_for_all)
{
	struct envelope env = fixture_envelope(1), got;
	struct bounce_rcpt failure = { 0, ACTION_FAILED, "x" };
	env.flags = ENVELOPE_UTF8 | ENVELOPE_8BIT;
	if (_i == 1)
		env.sender = "j\xc3\xbcrg@example.com";
	struct spool_file f = original(&env, VIEW("Subject: \xc3\xa4\r\n\r\n\r\n"));
	notice(&config, &f, &failure, 1, &got);
	ck_assert_uint_eq(got.flags, ENVELOPE_BOUNCE | ENVELOPE_8BIT | (_i == 1 ? ENVELOPE_UTF8 : 0u));
	spool_file_close(&f);
	/* a message that is not: an ORCPT that is goes as ASCII */
	env = fixture_envelope(1);
	env.rcpts[0].orcpt = "utf-8;j\xc3\xbcrg+x@example.net";
	f = original(&env, VIEW(ORIGINAL));
	assert_has(notice(&config, &f, &failure, 1, &got), "Original-Recipient: utf-8;j\\x{FC}rg\\x{2B}x@example.net\r\n");
	spool_file_close(&f);
}
END_TEST

/* ---- what is not made of lines, or is secret ---- */

START_TEST(never_whole)
{
	struct envelope env = fixture_envelope(1), got;
	struct bounce_rcpt failure = { 0, ACTION_FAILED, "x" };
	env.ret = "FULL";
	env.flags = _i == 0 ? ENVELOPE_BINARY | ENVELOPE_8BIT : ENVELOPE_REQUIRETLS;
	struct spool_file f = original(&env, VIEW(ORIGINAL));
	assert_lacks(notice(&config, &f, &failure, 1, &got), "body\r\n");
	ck_assert_uint_eq(got.flags, ENVELOPE_BOUNCE | (env.flags & ENVELOPE_REQUIRETLS));
	spool_file_close(&f);
}
END_TEST

/* ---- delay and success ---- */

START_TEST(delayed)
{
	struct envelope env = fixture_envelope(4), got;
	struct bounce_rcpt late[4];
	for (size_t i = 0; i < 4; i++)
		late[i] = (struct bounce_rcpt){ i, ACTION_DELAYED, "mx.example.net [192.0.2.5] 451 4.7.1 try later" };
	env.ret = "FULL";
	env.rcpts[0].notify = NOTIFY_DELAY;
	env.rcpts[1].notify = NOTIFY_DEFAULT | NOTIFY_DELAYED;
	env.rcpts[2].notify = NOTIFY_FAILURE | NOTIFY_SUCCESS;
	env.rcpts[3].notify = NOTIFY_NEVER;
	struct spool_file f = original(&env, VIEW(ORIGINAL));
	const char *text = notice_of(&config, &(struct bounce){ .kind = BOUNCE_DELAYED, .file = &f, .rcpts = late, .count = 4,
		.retry_until = 1764122000 }, &got);
	static const char *const parts[] = {
		"Subject: Delayed mail", "it will be tried until Wed, 26 Nov 2025 ", "<r0@example.net>:\r\n    not delivered yet; the last answer: host mx",
		"Action: delayed\r\nStatus: 4.7.1\r\nRemote-MTA: dns; mx.example.net\r\n", "\r\nWill-Retry-Until: Wed, 26 Nov 2025 ",
		"Final-Recipient: rfc822; r1@example.net\r\n", "Content-Type: text/rfc822-headers",
	};
	for (size_t i = 0; i < COUNT_OF(parts); i++)
		assert_has(text, parts[i]);
	assert_lacks(text, "r2@");
	assert_lacks(text, "r3@");
	assert_lacks(text, "body\r\n");
	ck_assert_uint_eq(got.rcpts[0].notify, NOTIFY_NEVER);
	spool_file_close(&f);
}
END_TEST

START_TEST(success)
{
	struct envelope env = fixture_envelope(4), got;
	struct bounce_rcpt done[] = { { 0, ACTION_RELAYED, "mx.example.net [192.0.2.5] 250 2.6.0 queued as 1" },
		{ 1, ACTION_DELIVERED, "/run/x/lmtp []  250 2.1.5 saved" }, { 2, ACTION_DELIVERED, "" }, { 3, ACTION_DELIVERED, "" } };
	for (size_t i = 0; i < 3; i++)
		env.rcpts[i].notify = NOTIFY_SUCCESS;
	struct spool_file f = original(&env, VIEW(ORIGINAL));
	const char *text = notice_of(&config, &(struct bounce){ .kind = BOUNCE_SUCCESS, .file = &f, .rcpts = done, .count = 4 }, &got);
	static const char *const parts[] = {
		"Subject: Delivered mail", "<r0@example.net>:\r\n    relayed; host mx.example.net said: 250 2.6.0 queued as 1\r\n",
		"<r1@example.net>:\r\n    delivered; 250 2.1.5 saved\r\n", "<r2@example.net>:\r\n    delivered\r\n",
		"Action: relayed\r\nStatus: 2.6.0\r\nRemote-MTA: dns; mx.example.net\r\nDiagnostic-Code: smtp; 250 2.6.0 queued as 1\r\nLast-",
		"Action: delivered\r\nStatus: 2.1.5\r\nDiagnostic-Code: smtp; 250 2.1.5 saved\r\nLast-",
		"Final-Recipient: rfc822; r2@example.net\r\nAction: delivered\r\nStatus: 2.0.0\r\nLast-", "Content-Type: text/rfc822-headers",
	};
	for (size_t i = 0; i < COUNT_OF(parts); i++)
		assert_has(text, parts[i]);
	assert_lacks(text, "r3@");	/* no NOTIFY: nobody asked */
	assert_lacks(text, "/run/x");
	assert_lacks(text, "Will-Retry");
	spool_file_close(&f);
}
END_TEST

/* ---- when there is none ---- */

START_TEST(unwanted)
{
	struct envelope env = fixture_envelope(1);
	struct bounce_rcpt failure = { 0, ACTION_FAILED, "x" };
	char id[SPOOL_ID_SIZE];
	static const struct { const char *sender; unsigned notify, flags; bool wanted; } cases[] = {
		{ "", 0, 0, false }, { "a@b.example", NOTIFY_NEVER, 0, false }, { "a@b.example", NOTIFY_SUCCESS | NOTIFY_DELAY, 0, false },
		{ "a@b.example", 0, ENVELOPE_BOUNCE, false }, { "a@b.example", NOTIFY_FAILURE, 0, true },
		{ "a@b.example", NOTIFY_FAILURE | NOTIFY_SUCCESS, 0, true }, { "postmaster", 0, 0, true },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		env.sender = cases[i].sender;
		env.rcpts[0].notify = cases[i].notify;
		env.flags = cases[i].flags;
		struct spool_file f = original(&env, VIEW(ORIGINAL));
		unsigned before = fixture_count(SPOOL_NEW);
		enum bounce_result result = bounce_send(fx.spool, &config,
			&(struct bounce){ .kind = BOUNCE_FAILED, .file = &f, .rcpts = &failure, .count = 1 }, id, &fx.err);
		ck_assert_int_eq((int)result, cases[i].wanted ? BOUNCE_SENT : BOUNCE_UNWANTED);
		ck_assert_uint_eq(fixture_count(SPOOL_NEW), before + cases[i].wanted);
		spool_file_close(&f);
	}
}
END_TEST

/* Only some of the failed recipients asked for it. */
START_TEST(some_unwanted)
{
	struct envelope env = fixture_envelope(3), got;
	struct bounce_rcpt failures[] = { { 0, ACTION_FAILED, "x" }, { 2, ACTION_FAILED, "y" } };
	env.rcpts[0].notify = NOTIFY_NEVER;
	struct spool_file f = original(&env, VIEW(ORIGINAL));
	const char *text = notice(&config, &f, failures, 2, &got);
	assert_lacks(text, "r0@example.net");
	assert_lacks(text, "r1@example.net");
	assert_has(text, "Final-Recipient: rfc822; r2@example.net\r\n");
	spool_file_close(&f);
}
END_TEST

/* ---- hostile answers and addresses ---- */

static const struct { const char *answer, *expected; } answer_cases[] = {
	{ "mx [1.2.3.4] 550 5.7.1 no\r\nBcc: x@y\x01\x7f", "Diagnostic-Code: smtp; 550 5.7.1 no  Bcc: x@y  \r\n" },
	{ "mx [1.2.3.4] 550 no", "Status: 5.0.0\r\n" }, { "mx [1.2.3.4] 550 5.1.1", "Status: 5.1.1\r\n" },
	{ "mx [1.2.3.4] 550 5.1.", "Status: 5.0.0\r\n" }, { "mx [1.2.3.4] 550 5.1000.1 x", "Status: 5.0.0\r\n" },
	{ "mx [1.2.3.4] 550 5.1.1000", "Status: 5.0.0\r\n" }, { "mx [1.2.3.4] 550 4.1.1 x", "Status: 5.0.0\r\n" },
	{ "mx [1.2.3.4] 550", "Status: 5.0.0\r\n" }, { "mx [1.2.3.4]", "Diagnostic-Code: smtp; delivery failed\r\n" },
	{ "", "Diagnostic-Code: x-postrider; delivery failed\r\n" }, { "[1.2.3.4", "Diagnostic-Code: x-postrider; [1.2.3.4\r\n" },
	{ "{to} {pid} %s%n", "Diagnostic-Code: x-postrider; {to} {pid} %s%n\r\n" },
};

START_TEST(answers)
{
	struct envelope env = fixture_envelope(1), got;
	struct bounce_rcpt failure = { 0, ACTION_FAILED, answer_cases[_i].answer };
	struct spool_file f = original(&env, VIEW(ORIGINAL));
	assert_has(notice(&config, &f, &failure, 1, &got), answer_cases[_i].expected);
	spool_file_close(&f);
}
END_TEST

START_TEST(hostile_facts)
{
	struct envelope env = fixture_envelope(150), got;
	struct bounce_rcpt failures[150] = { { 0 } };
	char *long_answer = arena_alloc(fx.arena, 5000);
	memset(long_answer, 'x', 4999);
	env.envid = "id\r\n\r\nX: y";
	env.sender = "\"a\r\nBcc: evil@example.com\"@example.com";
	for (size_t i = 0; i < 150; i++) {
		env.rcpts[i].orcpt = "rfc822;a\nb";
		failures[i] = (struct bounce_rcpt){ i, ACTION_FAILED, long_answer };
	}
	struct spool_file f = original(&env, VIEW(ORIGINAL));
	const char *text = notice(&config, &f, failures, 150, &got);
	assert_lacks(text, "\nBcc:");
	assert_lacks(text, "\nX: y");
	assert_lacks(text, "\nb\r\n");
	assert_has(text, "and 50 more\r\n");
	assert_has(text, "Final-Recipient: rfc822; r149@example.net\r\n");
	ck_assert(!(got.flags & ENVELOPE_LONG_LINES));
	spool_file_close(&f);
}
END_TEST

/* ---- the template ---- */

START_TEST(own_text)
{
	struct envelope env = fixture_envelope(2), got;
	struct bounce_rcpt failures[] = { { 1, ACTION_FAILED, "mx [1.2.3.4] 550 5.1.1 no" }, { 0, ACTION_FAILED, "5.0.0 z" } };
	struct bounce_config own = config;
	char expected[64];
	snprintf(expected, sizeof expected, "\r\npid %ld\r\n", (long)getpid());
	own.texts[BOUNCE_FAILED].plain = "From: me@{me}\nMIME-Version: 7\nContent-Type: text/html;\n charset=x\nX-To: {to}\n and more\nX-All: {recipients}\r\n\n"
		".{date} {from} {msgid} {to} {reason} {unknown} {\npid {pid}\n\xc3\xa4\n";
	struct spool_file f = original(&env, VIEW(ORIGINAL));
	const char *text = notice(&own, &f, failures, 2, &got);
	assert_has(text, "From: me@mail.example.org\r\nX-To: r1@example.net\r\n and more\r\nX-All: {recipients}\r\nAuto-Submitted:");
	assert_lacks(text, "text/html");
	assert_lacks(text, "charset=x");
	assert_has(text, "alice@example.com <1");
	assert_has(text, "r1@example.net host mx said: 550 5.1.1 no {unknown} {\r\n");
	assert_has(text, expected);
	assert_has(text, "text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit");
	ck_assert_uint_eq(got.flags, ENVELOPE_BOUNCE | ENVELOPE_DOTS | ENVELOPE_8BIT);
	spool_file_close(&f);
}
END_TEST

/* Haraka's fields, in a header, in a text, and in HTML, where nothing from outside is markup. */
START_TEST(all_fields)
{
	struct envelope env = fixture_envelope(3), got;
	struct bounce_rcpt failures[] = { { 0, ACTION_FAILED, "mx [1.2.3.4] 550 <b>no & \"no'" }, { 1, ACTION_FAILED, "5.0.0 z" } };
	struct bounce_config own = config;
	own.texts[BOUNCE_FAILED] = (struct bounce_texts){ .plain = "Subject: Re: {subject} {recipients}\nReferences: <other>\n\n"
		"subject {subject}\nto {recipients}\n{extended_reason}", .html = "<p>{subject}</p>\n<p>{recipients}</p>\n{reason}\n<i>{extended_reason}</i> {unknown}\n.\n" };
	struct spool_file f = original(&env, VIEW("SUBJECT: =?utf-8?q?gr=C3=BC=C3=9Fe?=\r\n <x>\r\nMessage-Id: <a.1@b>\r\nSubject: second\r\n\r\nbody\r\n"));
	const char *text = notice(&own, &f, failures, 2, &got);
	assert_has(text, "Subject: Re: =?utf-8?q?gr=C3=BC=C3=9Fe?= <x> {recipients}\r\nReferences: <a.1@b>\r\nAuto-Submitted:");
	assert_has(text, "\r\nsubject gr\xc3\xbc\xc3\x9f" "e <x>\r\nto r0@example.net, r1@example.net\r\n<r0@example.net>:\r\n    host mx said: 550 <b>no & \"no'\r\n<r1@");
	assert_has(text, "<p>gr\xc3\xbc\xc3\x9f" "e &lt;x&gt;</p>\r\n<p>r0@example.net, r1@example.net</p>\r\nhost mx said: 550 &lt;b&gt;no &amp; &quot;no&#39;\r\n"
		"<i>&lt;r0@example.net&gt;:<br>\r\n    host");
	assert_has(text, "</i> {unknown}\r\n.\r\n");
	assert_has(text, "Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n");
	ck_assert_uint_eq(got.flags, ENVELOPE_BOUNCE | ENVELOPE_DOTS | ENVELOPE_8BIT);
	spool_file_close(&f);
}
END_TEST

static const char *const odd_ids[] = { "", "Message-ID: x\r\n", "Message-ID: <a> <b>\r\n", "Message-ID: <\xc3\xa4>\r\n", "Message-ID: <\r\n" };

START_TEST(no_references)
{
	struct envelope env = fixture_envelope(1), got;
	struct bounce_rcpt failures[] = { { 0, ACTION_FAILED, "5.0.0 z" } };
	struct spool_file f = original(&env, view_of(arena_printf(fx.arena, "%sX: y\r\n\r\n", odd_ids[_i])));
	assert_lacks(notice(&config, &f, failures, 1, &got), "References:");
	spool_file_close(&f);
}
END_TEST

/* Boundaries, types and order of what people read. */
START_TEST(html_and_image)
{
	struct envelope env = fixture_envelope(1), got;
	struct bounce_rcpt failures[] = { { 0, ACTION_FAILED, "5.0.0 z" } };
	struct bounce_config own = config;
	static const char *const order[] = { "\r\n--=_", "multipart/related; type=\"multipart/alternative\";\r\n\tboundary=\"r=_", "\r\n--r=_",
		"multipart/alternative;\r\n\tboundary=\"a=_", "\r\n--a=_", "text/plain; charset=us-ascii", "\r\n--a=_", "text/html; charset=us-ascii",
		"<img src=\"cid:i\">", "\r\n--a=_", "--\r\n", "\r\n--r=_", "\r\nContent-Type: image/png\r\nContent-ID: <i>\r\n\r\nQUJD\r\n",
		"\r\n--r=_", "--\r\n", "\r\n--=_", "message/delivery-status" };
	own.texts[BOUNCE_FAILED] = (struct bounce_texts){ .html = "<img src=\"cid:i\">", .image = "Content-Type: image/png\nContent-ID: <i>\n\nQUJD\n" };
	struct spool_file f = original(&env, VIEW(ORIGINAL));
	const char *text = notice(&own, &f, failures, 1, &got);
	for (size_t i = 0; i < COUNT_OF(order); i++) {
		text = strstr(text, order[i]);
		ck_assert_msg(text != NULL, "%zu %s", i, order[i]);
		text += strlen(order[i]);
	}
	spool_file_close(&f);
}
END_TEST

/* What can go back to nobody goes to who is named, once; and nothing ever to anybody else. */
START_TEST(double_bounce)
{
	struct envelope env = fixture_envelope(1), got;
	struct bounce_rcpt failures[] = { { 0, ACTION_FAILED, "mx [1.2.3.4] 550 5.1.1 no" } };
	struct bounce_config own = config;
	env.sender = "";
	env.rcpts[0].notify = NOTIFY_NEVER;
	env.flags = ENVELOPE_BOUNCE;
	struct spool_file f = original(&env, VIEW(ORIGINAL));
	ck_assert(!bounce_double_wanted(&own, &f));
	own.double_to = "";
	ck_assert(!bounce_double_wanted(&own, &f));
	own.double_to = "postmaster@example.org";
	ck_assert(bounce_double_wanted(&own, &f));
	const char *text = notice_of(&own, &(struct bounce){ .kind = BOUNCE_DOUBLE, .file = &f, .rcpts = failures, .count = 1 }, &got);
	assert_has(text, "To: <postmaster@example.org>\r\n");
	assert_has(text, "Final-Recipient: rfc822; r0@example.net\r\n");
	assert_has(text, "Content-Type: message/rfc822");
	ck_assert_str_eq(got.sender, "");
	ck_assert_str_eq(got.rcpts[0].address, "postmaster@example.org");
	ck_assert_str_eq(got.rcpts[0].domain, "example.org");
	ck_assert_uint_eq(got.rcpts[0].notify, NOTIFY_NEVER);
	ck_assert_uint_eq(got.flags, ENVELOPE_BOUNCE | ENVELOPE_DOUBLE);
	f.env.flags = got.flags;
	ck_assert(!bounce_double_wanted(&own, &f));
	f.env.flags = 0;
	f.env.sender = "a@b";
	ck_assert(!bounce_double_wanted(&own, &f));
	spool_file_close(&f);
}
END_TEST

static void write_file(const char *name, const char *text, size_t len)
{
	int fd = open(arena_printf(fx.arena, "%s/%s", fx.dir, name), O_WRONLY | O_CREAT | O_TRUNC, 0600);
	ck_assert_int_eq(write(fd, text, len), (ssize_t)len);
	close(fd);
}

static void write_text(const char *text, size_t len)
{
	write_file("outbound.bounce_message", text, len);
}

START_TEST(read_html_and_image)
{
	static const struct { const char *html, *image; bool good; } cases[] = {
		{ "<p>x</p>\n", NULL, true }, { " \n", NULL, false }, { NULL, "Content-Type: image/png\n\nQUJD\n", false },
		{ "x", "Content-Type: image/png\nContent-ID: <i>\n\nQUJD\n", true }, { "x", "X: y\n\nQUJD\n", false }, { "x", "\x89PNG\n", false },
		{ "x", "Content-Type: image/png\n\n\x89PNG\n", false },
	};
	struct bounce_config read = { .me = "x" };
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		unlink(arena_printf(fx.arena, "%s/outbound.delay_message_html", fx.dir));
		unlink(arena_printf(fx.arena, "%s/outbound.delay_message_image", fx.dir));
		if (cases[i].html)
			write_file("outbound.delay_message_html", cases[i].html, strlen(cases[i].html));
		if (cases[i].image)
			write_file("outbound.delay_message_image", cases[i].image, strlen(cases[i].image));
		ck_assert_msg(bounce_read_texts(fx.dir, fx.arena, &read, &fx.err) == cases[i].good, "%zu %s", i, fx.err.text);
		ck_assert(cases[i].good || strstr(fx.err.text, "outbound.delay_message_"));
	}
}
END_TEST

START_TEST(read_text)
{
	static const struct { const char *text; bool good; } cases[] = {
		{ "From: x\n\ntext\n", true }, { "From: x\r\n y\r\n\r\n", true }, { "From: x", true }, { "", false }, { "\ntext\n", false },
		{ " From: x\n\n", false }, { "From x\n\ntext: y\n", false }, { "Fr om: x\n\n", false }, { ": x\n\n", false },
	};
	struct bounce_config read = { .me = "x" };
	ck_assert(bounce_read_texts(fx.dir, fx.arena, &read, &fx.err));
	for (size_t i = 0; i < BOUNCE_KINDS; i++)
		ck_assert(!read.texts[i].plain && !read.texts[i].html && !read.texts[i].image);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		write_text(cases[i].text, strlen(cases[i].text));
		ck_assert_msg(bounce_read_texts(fx.dir, fx.arena, &read, &fx.err) == cases[i].good, "%s", cases[i].text);
		if (cases[i].good)
			ck_assert_str_eq(read.texts[BOUNCE_FAILED].plain, cases[i].text);
	}
	write_text("A: b\0\n\n", 7);
	ck_assert(!bounce_read_texts(fx.dir, fx.arena, &read, &fx.err));
	char *big = arena_alloc(fx.arena, 70000);
	memset(big, 'A', 69999);
	write_text(big, 69999);
	ck_assert(!bounce_read_texts(fx.dir, fx.arena, &read, &fx.err));
	for (size_t i = 0; i < BOUNCE_KINDS; i++) {
		write_text(bounce_default_text(i), strlen(bounce_default_text(i)));
		ck_assert(bounce_read_texts(fx.dir, fx.arena, &read, &fx.err));
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("bounce");
	TCase *t = tcase_create("bounce");
	tcase_add_checked_fixture(t, fixture_start, fixture_end);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, whole);
	tcase_add_loop_test(t, headers_only, 0, 2);
	tcase_add_loop_test(t, odd_headers, 0, (int)COUNT_OF(odd_cases));
	tcase_add_test(t, long_headers);
	tcase_add_test(t, eight_bit);
	tcase_add_test(t, internationalised);
	tcase_add_loop_test(t, internationalised_for_all, 0, 2);
	tcase_add_loop_test(t, never_whole, 0, 2);
	tcase_add_test(t, delayed);
	tcase_add_test(t, success);
	tcase_add_test(t, unwanted);
	tcase_add_test(t, some_unwanted);
	tcase_add_loop_test(t, answers, 0, (int)COUNT_OF(answer_cases));
	tcase_add_test(t, hostile_facts);
	tcase_add_test(t, own_text);
	tcase_add_test(t, all_fields);
	tcase_add_loop_test(t, no_references, 0, (int)COUNT_OF(odd_ids));
	tcase_add_test(t, html_and_image);
	tcase_add_test(t, double_bounce);
	tcase_add_test(t, read_html_and_image);
	tcase_add_test(t, read_text);
	suite_add_tcase(s, t);
	SRunner *runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
