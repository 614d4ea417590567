/* test_session_parts.c - what a session is made of and needs no client: base64, Received, notes. */
#include "unit.h"
#include "../../lib/base64.h"
#include "../../worker/notes.h"
#include "../../worker/received.h"

static const struct { const char *in; bool good; const char *out; } coded[] = {
	{ "", true, "" }, { "Zg==", true, "f" }, { "Zm8=", true, "fo" }, { "Zm9v", true, "foo" }, { "Zm9vYg==", true, "foob" },
	{ "Z", false, NULL }, { "Zg", false, NULL }, { "Zg=", false, NULL }, { "Zm8", false, NULL }, { "Zm9vY", false, NULL },
	{ "Zh==", false, NULL }, { "Zm9=", false, NULL }, { "====", false, NULL }, { "Z===", false, NULL },
	{ "Zg==Zg==", false, NULL }, { "Z g=", false, NULL }, { "Zm9v\n", false, NULL }, { "Zm-v", false, NULL }, { "=Zm9", false, NULL },
};

START_TEST(base64_table)
{
	for (size_t i = 0; i < COUNT_OF(coded); i++) {
		char out[64], again[64];
		size_t len;
		bool good = base64_decode(view_of(coded[i].in), out, sizeof(out), &len);

		ck_assert_msg(good == coded[i].good, "\"%s\"", coded[i].in);
		if (!good)
			continue;
		ck_assert_str_eq(out, coded[i].out);
		ck_assert(base64_encode(view_make(out, len), again, sizeof(again)));
		ck_assert_str_eq(again, coded[i].in);
	}
}
END_TEST

START_TEST(base64_sizes)
{
	char out[4], coded_out[5];
	size_t len;

	ck_assert(base64_decode(view_of("Zm9v"), out, 4, &len));
	ck_assert(!base64_decode(view_of("Zm9v"), out, 3, &len));
	ck_assert(base64_encode(VIEW("foo"), coded_out, 5));
	ck_assert(!base64_encode(VIEW("foo"), coded_out, 4));
	ck_assert(base64_decode(VIEW("AP8="), out, 4, &len) && len == 2 && out[0] == 0 && (uint8_t)out[1] == 0xff);
}
END_TEST

START_TEST(received_with_table)
{
	ck_assert_str_eq(received_with(false, false, false, false), "SMTP");
	ck_assert_str_eq(received_with(true, false, false, false), "ESMTP");
	ck_assert_str_eq(received_with(true, false, false, true), "ESMTPA");
	ck_assert_str_eq(received_with(true, false, true, false), "ESMTPS");
	ck_assert_str_eq(received_with(true, false, true, true), "ESMTPSA");
	ck_assert_str_eq(received_with(true, true, false, false), "UTF8SMTP");
	ck_assert_str_eq(received_with(true, true, false, true), "UTF8SMTPA");
	ck_assert_str_eq(received_with(true, true, true, false), "UTF8SMTPS");
	ck_assert_str_eq(received_with(true, true, true, true), "UTF8SMTPSA");
}
END_TEST

static struct received facts(void)
{
	return (struct received){ .user = "", .helo = "client.test", .remote_host = "host.test", .remote_literal = "[192.0.2.1]", .me = "mx.test",
		.id = "ID", .recipient = "bob@local.test", .esmtp = true, .tls_version = "", .tls_cipher = "", .tls_group = "", .peer = "", .now = 0 };
}

START_TEST(received_forms)
{
	struct received f = facts();
	struct buf out;

	buf_init(&out, 2048);
	received_value(&f, &out);
	ck_assert(view_starts(buf_view(&out), VIEW("from client.test (host.test [192.0.2.1])\r\n\tby mx.test (postrider) with ESMTP id ID\r\n"
		"\tfor <bob@local.test>; Thu, ")));
	buf_clear(&out);
	f.tls_version = "TLS1.3";
	f.tls_cipher = "CIPHER";
	f.recipient = "";
	f.remote_host = "";
	received_value(&f, &out);
	ck_assert(view_starts(buf_view(&out), VIEW("from client.test (unknown [192.0.2.1])\r\n\tby mx.test (postrider) with ESMTPS id ID\r\n"
		"\t(version=TLS1.3 cipher=CIPHER); ")));
	buf_clear(&out);
	f.remote_literal = "";
	f.priority = -3;
	received_value(&f, &out);
	ck_assert(view_starts(buf_view(&out), VIEW("from client.test (local)\r\n")));
	ck_assert_ptr_nonnull(strstr(buf_text(&out), "\r\n\tPRIORITY -3; "));
	buf_clear(&out);
	f = facts();
	f.user = "user 1000";
	received_value(&f, &out);
	ck_assert(view_starts(buf_view(&out), VIEW("by mx.test (postrider, from user 1000) id ID\r\n\tfor <bob@local.test>; Thu, ")));
	buf_free(&out);
}
END_TEST

START_TEST(received_hostile)
{
	struct received f = facts();
	struct buf out;

	buf_init(&out, 2048);
	f.helo = "a)\r\nX: y;(";
	f.recipient = "\"a>; b\"@c";
	received_value(&f, &out);
	ck_assert(view_starts(buf_view(&out), VIEW("from a???X:?y?? (host.test [192.0.2.1])\r\n\tby mx.test (postrider) with ESMTP id ID; ")));
	buf_free(&out);
}
END_TEST

START_TEST(notes_rules)
{
	struct arena *a = arena_new(1024);
	struct notes n = { 0 };
	char key[16], big[NOTES_VALUE_MAX + 2];

	memset(big, 'v', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	ck_assert(notes_set(&n, a, "a.b-c_1", "x"));
	ck_assert(notes_set(&n, a, "a.b-c_1", "longer than it was, and longer than the room that was made for it, too"));
	ck_assert(view_starts(view_of(notes_get(&n, "a.b-c_1")), VIEW("longer")));
	ck_assert(!notes_set(&n, a, "", "x") && !notes_set(&n, a, "a b", "x") && !notes_set(&n, a, "a\n", "x"));
	ck_assert(!notes_set(&n, a, "k", "a\nb") && !notes_set(&n, a, "k", "a\rb") && !notes_set(&n, a, "k", big));
	ck_assert(notes_set(&n, a, "a.b-c_1", NULL));
	ck_assert_ptr_null(notes_get(&n, "a.b-c_1"));
	for (unsigned i = 0; i < NOTES_MAX; i++) {
		snprintf(key, sizeof(key), "k%u", i);
		ck_assert(notes_set(&n, a, key, key));
	}
	ck_assert(!notes_set(&n, a, "one-more", "x"));
	ck_assert_str_eq(notes_get(&n, "k63"), "k63");
	arena_free(&a);
}
END_TEST

UNIT_MAIN("session_parts", base64_table, base64_sizes, received_with_table, received_forms, received_hostile, notes_rules)
