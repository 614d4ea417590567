/* test_route.c - notations of next hops, keys, local domains. */
#include "unit.h"
#include "../../queue/route.h"

START_TEST(notations)
{
	static const struct { const char *text; bool good, lmtp; const char *host; unsigned port; const char *path; } table[] = {
		{ "mx.example.com", true, false, "mx.example.com", 25, "" },
		{ "mx.example.com:2525", true, false, "mx.example.com", 2525, "" },
		{ "192.0.2.1", true, false, "192.0.2.1", 25, "" },
		{ "192.0.2.1:26", true, false, "192.0.2.1", 26, "" },
		{ "[2001:db8::1]:26", true, false, "2001:db8::1", 26, "" },
		{ "2001:db8::1", true, false, "2001:db8::1", 25, "" },
		{ "lmtp:mx.example.com", true, true, "mx.example.com", ROUTE_LMTP_PORT, "" },
		{ "lmtp:127.0.0.1:2003", true, true, "127.0.0.1", 2003, "" },
		{ "unix:/run/x", true, false, "", 25, "/run/x" },
		{ "lmtp:unix:/run/x", true, true, "", ROUTE_LMTP_PORT, "/run/x" },
		{ "", false, false, "", 0, "" },
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

		ck_assert_msg(route_add(&r, 10, table[i].text) == table[i].good, "%s", table[i].text);
		if (!table[i].good)
			continue;
		ck_assert_uint_eq(r.count, 1);
		ck_assert_int_eq(r.kind, ROUTE_HOPS);
		ck_assert_str_eq(r.hops[0].host, table[i].host);
		ck_assert_str_eq(r.hops[0].path, table[i].path);
		ck_assert_uint_eq(r.hops[0].port, table[i].port);
		ck_assert_int_eq(r.hops[0].lmtp, table[i].lmtp);
	}
}
END_TEST

START_TEST(order_and_keys)
{
	struct route a = { .port = 25 }, b = { .port = 25 }, mx = { .domain = "example.com" };
	char one[ROUTE_KEY], two[ROUTE_KEY];

	ck_assert(route_add(&a, 20, "second.test") && route_add(&a, 10, "first.test") && route_add(&a, 20, "third.test"));
	ck_assert_str_eq(a.hops[0].host, "first.test");
	ck_assert_str_eq(a.hops[1].host, "second.test");
	ck_assert_str_eq(a.hops[2].host, "third.test");
	ck_assert(route_add(&b, 10, "first.test") && route_add(&b, 20, "second.test") && route_add(&b, 20, "third.test"));
	ck_assert_str_eq(route_key(&a, one), route_key(&b, two));
	b.hops[2].port = 26;
	ck_assert_str_ne(route_key(&a, one), route_key(&b, two));
	ck_assert_str_eq(route_key(&mx, one), "example.com");
	for (int i = 0; i < ROUTE_HOPS_MAX - 3; i++)
		ck_assert(route_add(&a, 30, "192.0.2.1"));
	ck_assert(!route_add(&a, 30, "192.0.2.1"));
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
	ck_assert_msg(routing_init(&routing, &s, NULL, &err), "%s", err.text);
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		struct job_call call = { .domain = table[i].domain };
		struct route r;

		route_find(&routing, &call, &r);
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

UNIT_MAIN("route", notations, order_and_keys, local_domains)
