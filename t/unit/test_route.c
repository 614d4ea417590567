/* test_route.c - notations of next hops and what may be said of them, keys, local domains. */
#include "route_fixture.h"

START_TEST(notations)
{
	static const struct { const char *text; bool good, lmtp; const char *host; unsigned port; const char *path; } table[] = {
		{ "mx.example.com", true, false, "mx.example.com", 25, "" },
		{ "mx.example.com:2525", true, false, "mx.example.com", 2525, "" },
		{ "192.0.2.1", true, false, "192.0.2.1", 25, "" },
		{ "192.0.2.1:26", true, false, "192.0.2.1", 26, "" },
		{ "[2001:db8::1]:26", true, false, "2001:db8::1", 26, "" },
		{ "2001:db8::1", true, false, "2001:db8::1", 25, "" },
		{ "lmtp:mx.example.com", true, true, "mx.example.com", HOP_LMTP_PORT, "" },
		{ "lmtp:127.0.0.1:2003", true, true, "127.0.0.1", 2003, "" },
		{ "unix:/run/x", true, false, "", 25, "/run/x" },
		{ "lmtp:unix:/run/x", true, true, "", HOP_LMTP_PORT, "/run/x" },
		{ "smtps:mx.example.com", true, false, "mx.example.com", HOP_SMTPS_PORT, "" },
		{ "smtps:192.0.2.1:4650", true, false, "192.0.2.1", 4650, "" },
		{ "smtps:unix:/run/x", false, false, "", 0, "" },
		{ "smtps:", false, false, "", 0, "" },
		{ "smtps:lmtp:x", false, false, "", 0, "" },
		{ "192.0.2.1:0", false, false, "", 0, "" },
		{ "a b", false, false, "", 0, "" },
		{ "mx.example.com:", false, false, "", 0, "" },
		{ "mx.example.com:0", false, false, "", 0, "" },
		{ "mx.example.com:65536", false, false, "", 0, "" },
		{ "mx.example.com:25x", false, false, "", 0, "" },
		{ "unix:relative", false, false, "", 0, "" },
		{ "unix:/a\nb", false, false, "", 0, "" },
		{ "unix:/", false, false, "", 0, "" },
		{ "lmtp:", false, false, "", 0, "" },
	};
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		struct route r = { .port = 25 };

		ck_assert_msg(add_hop(&r, 10, table[i].text) == table[i].good, "%s", table[i].text);
		if (!table[i].good)
			continue;
		ck_assert_uint_eq(r.count, 1);
		ck_assert_int_eq(r.kind, ROUTE_HOPS);
		ck_assert_str_eq(r.hops[0].host, table[i].host);
		ck_assert_str_eq(r.hops[0].path, table[i].path);
		ck_assert_uint_eq(r.hops[0].port, table[i].port);
		ck_assert_int_eq(r.hops[0].lmtp, table[i].lmtp);
		route_clear(&r);
	}
}
END_TEST

#define IP4 "192.0.2.1"
#define IP6 "2001:db8::1"

START_TEST(fields)
{
	static const struct { struct pr_mx mx; bool good; const char *text; } table[] = {
		{ { .exchange = "h" }, true, "" },
		{ { .exchange = "h", .tls = "must", .bind_helo = "a.b" }, true, ",tls=must,helo=a.b" },
		{ { .exchange = "h", .bind = IP4 "," IP6 }, true, ",bind=" IP4 ",bind=" IP6 },
		{ { .exchange = "h", .bind = IP6 ", " IP4 }, true, ",bind=" IP4 ",bind=" IP6 },
		{ { .exchange = "h", .auth_user = "u", .auth_pass = "p", .auth_type = "plain", .bind_helo = "[" IP4 "]" }, true, ",user=u,helo=[" IP4 "]" },
		{ { .exchange = "smtps:h", .tls = "may" }, true, ",tls=may,smtps" },
		{ { .exchange = "", .tls = "must" }, true, ",tls=must" },
		{ { .exchange = "", .tls = "verify" }, true, ",tls=verify" }, { { .exchange = "smtps:h", .tls = "verify" }, true, ",tls=verify,smtps" },
		{ { .exchange = "h", .bind = IP4 "," IP4 }, false, NULL }, { { .exchange = "h", .bind = "x" }, false, NULL },
		{ { .exchange = "h", .bind = IP4 ":25" }, false, NULL },
		{ { .exchange = "h", .tls = "maybe" }, false, NULL }, { { .exchange = "smtps:h", .tls = "never" }, false, NULL },
		{ { .exchange = "h", .auth_user = "u" }, false, NULL }, { { .exchange = "h", .auth_pass = "p" }, false, NULL },
		{ { .exchange = "h", .auth_user = "u\n", .auth_pass = "p" }, false, NULL },
		{ { .exchange = "h", .auth_user = "u", .auth_pass = "p", .auth_type = "NTLM" }, false, NULL },
		{ { .exchange = "h", .bind_helo = "a b" }, false, NULL }, { { .exchange = "h", .bind_helo = "[x]" }, false, NULL },
		{ { .exchange = "", .port = 26 }, false, NULL }, { { .exchange = NULL, .using_lmtp = true }, false, NULL },
	};
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		struct route r = { .port = 25 }, *kept;
		const char *problem = NULL;
		char text[ACCESS_TEXT];

		ck_assert_msg(route_add(&r, &table[i].mx, 0, &problem) == table[i].good, "%zu: %s", i, problem);
		if (!table[i].good)
			continue;
		const struct access *a = r.count ? r.hops[0].access : r.access;
		access_text(a, text);
		ck_assert_msg(strncmp(text, table[i].text, strlen(table[i].text)) == 0, "%s", text);
		ck_assert(a == NULL ? !*table[i].text : strncmp(text + strlen(table[i].text), ",#", 2) == 0);
		/* a copy keeps what it needs, and one that is equal is the same */
		kept = route_keep(&r);
		route_clear(&r);
		struct route again = { .port = 25 };
		ck_assert(route_add(&again, &table[i].mx, 0, &problem));
		ck_assert_ptr_eq(again.count ? again.hops[0].access : again.access, kept->count ? kept->hops[0].access : kept->access);
		route_clear(&again);
		route_free(&kept);
		ck_assert_ptr_null(kept);
	}
}
END_TEST

/* Who differs in anything, or in the password alone, is another; which one, is known. */
START_TEST(who_differs)
{
	static const struct pr_mx all[] = {
		{ .exchange = "h" }, { .exchange = "h", .auth_user = "u", .auth_pass = "p" }, { .exchange = "h", .auth_user = "u", .auth_pass = "q" },
		{ .exchange = "h", .auth_user = "u", .auth_pass = "p", .auth_in_clear = true }, { .exchange = "h", .bind = IP4 }, { .exchange = "h", .bind = IP6 },
		{ .exchange = "h", .tls = "never" }, { .exchange = "h", .auth_user = "u", .auth_pass = "p", .auth_type = "LOGIN" }, { .exchange = "" },
		{ .exchange = "", .tls = "may" },
	};
	char keys[COUNT_OF(all)][ROUTE_KEY];
	struct route routes[COUNT_OF(all)];
	const char *problem;

	for (size_t i = 0; i < COUNT_OF(all); i++) {
		routes[i] = (struct route){ .port = 25, .domain = "d.test" };
		ck_assert(route_add(&routes[i], &all[i], 0, &problem));
		route_key(&routes[i], keys[i]);
		ck_assert_ptr_null(strstr(keys[i], "p,"));
		for (size_t k = 0; k < i; k++)
			ck_assert_str_ne(keys[i], keys[k]);
	}
	for (size_t i = 0; i < COUNT_OF(all); i++)
		route_clear(&routes[i]);
}
END_TEST

START_TEST(order_and_keys)
{
	struct route a = { .port = 25 }, b = { .port = 25 }, mx = { .domain = "example.com" };
	char one[ROUTE_KEY], two[ROUTE_KEY];

	ck_assert(add_hop(&a, 20, "second.test") && add_hop(&a, 10, "first.test") && add_hop(&a, 20, "third.test"));
	ck_assert_str_eq(a.hops[0].host, "first.test");
	ck_assert_str_eq(a.hops[1].host, "second.test");
	ck_assert_str_eq(a.hops[2].host, "third.test");
	ck_assert(add_hop(&b, 10, "first.test") && add_hop(&b, 20, "second.test") && add_hop(&b, 20, "third.test"));
	ck_assert_str_eq(route_key(&a, one), route_key(&b, two));
	b.hops[2].port = 26;
	ck_assert_str_ne(route_key(&a, one), route_key(&b, two));
	ck_assert_str_eq(route_key(&mx, one), "example.com");
	for (int i = 0; i < ROUTE_HOPS_MAX - 3; i++)
		ck_assert(add_hop(&a, 30, "192.0.2.1"));
	ck_assert(!add_hop(&a, 30, "192.0.2.1") && !add_hop(&a, 30, "") && add_hop(&mx, 0, "") && !add_hop(&mx, 0, "h") && mx.kind == ROUTE_MX && mx.by_mx);
}
END_TEST

static void write_file(const char *dir, const char *name, const char *text)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	FILE *f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

START_TEST(local_domains)
{
	static const struct { const char *domain; bool internal; } table[] = {
		{ "local.test", true }, { "mx.here.test", true }, { "more.test", true }, { "a.sub.test", true }, { "sub.test", false },
		{ "example.com", false }, { "[192.0.2.1]", false },
	};
	char dir[] = "/tmp/test_route.XXXXXX", path[300];
	struct settings s = { .me = "mx.here.test", .run_dir = "/run/x", .outbound_port = 25 };
	struct routing routing;
	struct err err = { "" };

	ck_assert_ptr_nonnull(mkdtemp(dir));
	s.dir = dir;
	write_file(dir, "rcpthosts", "local.test\n.sub.test # all below\n");
	write_file(dir, "morercpthosts", "more.test\n");
	ck_assert_msg(routing_init(&routing, &s, NULL, NULL, &err), "%s", err.text);
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		struct route r;

		route_begin(&routing, table[i].domain, &r);
		route_decide(&routing, DECLINED, NULL, &r);
		ck_assert_msg(r.internal == table[i].internal, "%s", table[i].domain);
		ck_assert_int_eq(r.kind, table[i].internal ? ROUTE_HOPS : ROUTE_MX);
		if (r.internal)
			ck_assert_str_eq(r.hops[0].path, "/run/x/internal");
		else
			ck_assert_str_eq(r.domain, table[i].domain);
	}
	routing_free(&routing);
	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, i ? "rcpthosts" : "morercpthosts");
		unlink(path);
	}
	rmdir(dir);
}
END_TEST

UNIT_MAIN("route", notations, fields, who_differs, order_and_keys, local_domains)
