/* test_xclient.c - XCLIENT: who may say it, what its attributes do, that hostile values do nothing, and what is left of the
 * client before. */
#include "session_fixture.h"

#define MESSAGE "MAIL FROM:<a@b.test>\r\nRCPT TO:<c@local.test>\r\nDATA\r\nSubject: x\r\n\r\nhi\r\n.\r\n"

static void begin(struct fixture *f)
{
	fixture_begin(f, "xclient_hosts = { 192.0.2.0/24 }\nmax_noops = 0\nmax_errors = 0\ntarpit_errors = 0\n");
	fixture_want(f, HOOK_RCPT, OK);
	fixture_want(f, HOOK_QUEUE, OK);
}

static void say(struct fixture *f, const char *said, const char *want)
{
	const char *got = fixture_say(f, said);

	ck_assert_msg(strncmp(got, want, strlen(want)) == 0, "\"%s\": got %s, expected %s", said, got, want);
}

START_TEST(only_who_may)
{
	struct fixture f;

	begin(&f);
	fixture_connect(&f);
	ck_assert_ptr_nonnull(strstr(fixture_say(&f, "EHLO c.test\r\n"), "XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT\r\n"));
	say(&f, "XCLIENT ADDR=198.51.100.7\r\n", "220 mx.test ESMTP");
	/* now it is the client who speaks */
	ck_assert_ptr_null(strstr(fixture_say(&f, "EHLO c.test\r\n"), "XCLIENT"));
	say(&f, "XCLIENT ADDR=192.0.2.1\r\n", "550 5.7.1");
	say(&f, "XCLIENT LOGIN=root\r\n", "550 5.7.1");
	ck_assert_str_eq(f.s.remote_ip, "198.51.100.7");
	ck_assert_str_eq(f.s.auth_user, "");
	fixture_hang_up(&f);
	/* a client who is not known is none of ours either */
	fixture_connect(&f);
	say(&f, "XCLIENT ADDR=[UNAVAILABLE]\r\n", "220");
	ck_assert_str_eq(f.s.remote_ip, "");
	say(&f, "XCLIENT ADDR=192.0.2.1\r\n", "550 5.7.1");
	fixture_hang_up(&f);
	f.listener.role = LISTENER_INTERNAL;
	fixture_connect(&f);
	say(&f, "XCLIENT ADDR=198.51.100.7\r\n", "550 5.7.1");
	fixture_hang_up(&f);
	fixture_end(&f);
	fixture_begin(&f, "");
	fixture_connect(&f);
	ck_assert_ptr_null(strstr(fixture_say(&f, "EHLO c.test\r\n"), "XCLIENT"));
	say(&f, "XCLIENT ADDR=198.51.100.7\r\n", "550 5.7.1");
	ck_assert_str_eq(f.s.remote_ip, "192.0.2.1");
	ck_assert_str_eq(f.s.helo, "c.test");
	fixture_hang_up(&f);
	fixture_end(&f);
}
END_TEST

/* None of these changes anything. */
static const char *const bad[] = {
	"ADDR", "ADDR=", "=x", "FOO=bar", "ADDR=198.51.100", "ADDR=198.51.100.256", "ADDR=[198.51.100.7]", "ADDR=2001:db8::1", "ADDR=IPV6:198.51.100.7",
	"ADDR=IPv6:2001:db8::g", "ADDR=localhost", "ADDR=198.51.100.7 ADDR=198.51.100.8", "ADDR=198.51.100.7+0A", "ADDR=198.51.100.7+0D+0A",
	"NAME=a+0Ab", "NAME=a+0D+0AReceived:", "NAME=a+00b", "NAME=a+7Fb", "NAME=a+80b", "NAME=a+FFb", "NAME=a+2", "NAME=a+", "NAME=a+ZZ", "NAME=a+2z",
	"NAME=a+20b", "NAME=.a", "NAME=a(b)", "NAME=a;b", "NAME=<a>", "NAME=a=b", "NAME=$(x)", "PORT=0", "PORT=65536", "PORT=-1", "PORT=x",
	"PORT=99999999999999999999", "PROTO=ESMTPS", "PROTO=LMTP", "PROTO=", "HELO=a+20b", "HELO=a+09b", "HELO=", "HELO=a+0Ab", "LOGIN=a+0Ab", "LOGIN=",
	"LOGIN=a+20b", "LOGIN=a+00", "DESTADDR=x", "DESTADDR=::1", "DESTPORT=0", "DESTPORT=65536", "NAME=[UNAVAILABLE", "NAME=[BOGUS]",
	"ADDR=198.51.100.7 PORT=99999", "LOGIN=alice BOGUS=1", "HELO=x PROTO=SMTP PROTO=SMTP", "\x01=2", "ADDR=\xff",
};

START_TEST(hostile_values)
{
	struct fixture f;
	char line[600], long_name[400];

	begin(&f);
	fixture_connect(&f);
	say(&f, "EHLO c.test\r\n", "250");
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		snprintf(line, sizeof(line), "XCLIENT %s\r\n", bad[i]);
		say(&f, line, "501 5.5.4");
		ck_assert_str_eq(f.s.remote_ip, "192.0.2.1");
		ck_assert_str_eq(f.s.remote_host, "");
		ck_assert_str_eq(f.s.helo, "c.test");
		ck_assert_str_eq(f.s.auth_user, "");
		ck_assert(!f.s.proxied && !f.s.local.family && f.s.remote.port == 1234);
	}
	memset(long_name, 'a', sizeof(long_name));
	for (size_t len = 255; len <= 256; len++) {
		snprintf(line, sizeof(line), "XCLIENT NAME=%.*s\r\n", (int)len, long_name);
		say(&f, line, len == 255 ? "220" : "501 5.5.4");
	}
	say(&f, "XCLIENT\r\n", "501 5.5.4");
	say(&f, "XCLIENT ADDR=198.51.100.7\nX\r\n", "500");
	say(&f, "EHLO c.test\r\n" MESSAGE, "250");
	ck_assert_uint_eq(f.s.messages, 1);
	fixture_hang_up(&f);
	fixture_end(&f);
}
END_TEST

START_TEST(attributes)
{
	struct fixture f;
	char text[NETADDR_TEXT];

	begin(&f);
	fixture_connect(&f);
	say(&f, "xclient name=cli+2Dent.test addr=IPv6:2001:DB8::7 port=4711 destaddr=198.51.100.2 destport=587\r\n", "220");
	ck_assert_str_eq(f.s.remote_ip, "2001:db8::7");
	ck_assert_str_eq(f.s.remote_host, "cli-ent.test");
	ck_assert_uint_eq(f.s.remote.port, 4711);
	ck_assert_str_eq(netaddr_text(&f.s.local, text), "198.51.100.2");
	ck_assert_uint_eq(f.s.local.port, 587);
	ck_assert_str_eq(netaddr_text(&f.s.peer, text), "192.0.2.1");
	ck_assert(f.s.proxied);
	fixture_hang_up(&f);
	/* in several commands, the address last; each without LOGIN, HELO or PROTO forgets those */
	fixture_connect(&f);
	say(&f, "XCLIENT DESTADDR=198.51.100.2\r\nXCLIENT DESTPORT=25\r\nXCLIENT NAME=[TEMPUNAVAIL] PORT=99\r\n", "220");
	ck_assert_str_eq(f.s.remote_ip, "192.0.2.1");
	say(&f, "XCLIENT LOGIN=alice+2Bx HELO=inner.test PROTO=ESMTP\r\n", "220");
	ck_assert_str_eq(f.s.auth_user, "alice+x");
	ck_assert(session_relaying(&f.s) && f.s.esmtp);
	ck_assert_str_eq(f.s.helo, "inner.test");
	say(&f, "XCLIENT ADDR=198.51.100.7\r\n", "220");
	ck_assert_str_eq(f.s.auth_user, "");
	ck_assert(!session_relaying(&f.s) && !f.s.esmtp);
	ck_assert_str_eq(f.s.helo, "");
	ck_assert_str_eq(f.s.remote_host, "");
	ck_assert_str_eq(netaddr_text(&f.s.local, text), "198.51.100.2");
	ck_assert_uint_eq(f.s.local.port, 25);
	ck_assert_uint_eq(f.s.remote.port, 0);	/* that of another address */
	say(&f, MESSAGE, "503");
	fixture_hang_up(&f);
	fixture_connect(&f);
	say(&f, "XCLIENT LOGIN=[UNAVAILABLE] HELO=[unavailable] NAME=[Unavailable] PORT=[UNAVAILABLE] PROTO=[UNAVAILABLE] DESTADDR=[UNAVAILABLE] "
		"DESTPORT=[UNAVAILABLE]\r\n", "220");
	ck_assert_str_eq(f.s.helo, "");
	ck_assert_str_eq(f.s.auth_user, "");
	fixture_hang_up(&f);
	fixture_end(&f);
}
END_TEST

/* The name of HELO is put to the hooks before it counts, as from the client itself. */
START_TEST(helo_is_asked_about)
{
	struct fixture f;

	begin(&f);
	fixture_want(&f, HOOK_EHLO, DENY);
	fixture_want(&f, HOOK_HELO, DENYSOFT);
	fixture_connect(&f);
	say(&f, "XCLIENT ADDR=192.0.2.9 HELO=inner.test PROTO=ESMTP\r\n", "550");
	ck_assert_str_eq(f.s.helo, "");
	say(&f, "MAIL FROM:<a@b.test>\r\n", "503");
	say(&f, "XCLIENT ADDR=192.0.2.9 HELO=inner.test\r\n", "450");
	ck_assert_uint_eq(fixture_calls[HOOK_EHLO], 1);
	ck_assert_uint_eq(fixture_calls[HOOK_HELO], 1);
	fixture_verdict[HOOK_EHLO] = DECLINED;
	say(&f, "XCLIENT ADDR=192.0.2.9 HELO=inner.test PROTO=esmtp\r\n", "220");
	say(&f, MESSAGE, "250");
	ck_assert_uint_eq(f.s.messages, 1);
	fixture_hang_up(&f);
	fixture_end(&f);
}
END_TEST

START_TEST(hooks_run_anew)
{
	struct fixture f;

	begin(&f);
	fixture_want(&f, HOOK_PRE_CONNECTION, DECLINED);
	fixture_want(&f, HOOK_CONNECT, DECLINED);
	fixture_connect(&f);
	say(&f, "XCLIENT ADDR=198.51.100.7\r\n", "220");
	ck_assert_uint_eq(fixture_calls[HOOK_PRE_CONNECTION], 2);
	ck_assert_uint_eq(fixture_calls[HOOK_CONNECT], 2);
	fixture_hang_up(&f);
	fixture_connect(&f);
	fixture_verdict[HOOK_CONNECT] = DENY;
	say(&f, "XCLIENT ADDR=198.51.100.7\r\n", "554 5.7.1");
	ck_assert_int_eq(f.s.end, SESSION_REFUSED);
	fixture_hang_up(&f);
	fixture_verdict[HOOK_CONNECT] = DECLINED;
	fixture_connect(&f);
	fixture_verdict[HOOK_PRE_CONNECTION] = DENYSOFT;
	say(&f, "XCLIENT ADDR=198.51.100.7 HELO=inner.test\r\n", "421 4.7.1");
	ck_assert_int_eq(f.s.end, SESSION_REFUSED);
	ck_assert_str_eq(f.s.helo, "");
	fixture_hang_up(&f);
	fixture_end(&f);
}
END_TEST

START_TEST(not_in_a_transaction)
{
	struct fixture f;

	begin(&f);
	fixture_connect(&f);
	say(&f, "EHLO c.test\r\n", "250");
	say(&f, "MAIL FROM:<a@b.test>\r\n", "250");
	say(&f, "XCLIENT ADDR=198.51.100.7\r\n", "503 5.5.1");
	say(&f, "RCPT TO:<c@local.test>\r\n", "250");
	say(&f, "XCLIENT ADDR=198.51.100.7\r\n", "503 5.5.1");
	say(&f, "DATA\r\nhi\r\n.\r\n", "354");
	ck_assert_str_eq(f.s.remote_ip, "192.0.2.1");
	ck_assert_uint_eq(f.s.messages, 1);
	fixture_hang_up(&f);
	fixture_end(&f);
}
END_TEST

/* However often it is said, with notes of plugins in between, memory is that of one client. */
START_TEST(no_growth)
{
	struct fixture f;
	size_t used = 0;

	begin(&f);
	fixture_connect(&f);
	for (int i = 0; i < 500; i++) {
		ck_assert(notes_set(&f.s.notes, f.host.session, "note", "what a plugin has noted of the client"));
		f.s.relaying = true;
		f.s.tls_nogo = NOGO_YES;
		say(&f, "XCLIENT NAME=client.test HELO=inner.test LOGIN=alice\r\n", "220");
		ck_assert_ptr_null(notes_get(&f.s.notes, "note"));
		ck_assert(!f.s.relaying && f.s.tls_nogo == NOGO_UNKNOWN);
		if (i == 0)
			used = arena_used(f.host.session);
		ck_assert_uint_eq(arena_used(f.host.session), used);
	}
	fixture_hang_up(&f);
	fixture_end(&f);
}
END_TEST

UNIT_MAIN("xclient", only_who_may, hostile_values, attributes, helo_is_asked_about, hooks_run_anew, not_in_a_transaction, no_growth)
