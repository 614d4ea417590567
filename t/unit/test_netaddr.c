/* test_netaddr.c - addresses: what is read as one, how it is written, which are local; lists of networks against a
 * plain comparison with every entry. */
#include "unit.h"
#include "../../lib/netaddr.h"
#include <arpa/inet.h>

static struct netaddr addr(const char *text)
{
	struct netaddr a = { .family = 0 };

	ck_assert_msg(netaddr_parse(view_of(text), &a), "%s", text);
	return a;
}

/* A user is told apart from users, and from every address. */
START_TEST(test_user)
{
	struct netaddr user = netaddr_user(1000), other = netaddr_user(1001), none = addr("0.0.0.0");
	struct netlist *all = netlist_new();
	char out[NETADDR_TEXT];
	struct err err;

	ck_assert_str_eq(netaddr_text(&user, out), "user 1000");
	ck_assert(netaddr_eq(&user, &user) && netaddr_in(&user, &user, 32));
	ck_assert(!netaddr_eq(&user, &other) && !netaddr_in(&user, &other, 32) && !netaddr_eq(&user, &none));
	ck_assert(!netaddr_is_local(&user));
	ck_assert(netlist_add(all, VIEW("::/0"), &err) && netlist_add(all, VIEW("0.0.0.0/0"), &err));
	ck_assert(netlist_has(all, &none) && !netlist_has(all, &user));
	netlist_free(&all);
}
END_TEST

START_TEST(test_parse)
{
	static const struct { const char *in, *text, *literal, *reverse; } cases[] = {
		{ "192.0.2.1", "192.0.2.1", "[192.0.2.1]", "1.2.0.192.in-addr.arpa" },
		{ "[192.0.2.1]", "192.0.2.1", "[192.0.2.1]", "1.2.0.192.in-addr.arpa" },
		{ "255.255.255.255", "255.255.255.255", "[255.255.255.255]", "255.255.255.255.in-addr.arpa" },
		{ "2001:DB8::1", "2001:db8::1", "[IPv6:2001:db8::1]",
		  "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa" },
		{ "[::1]", "::1", "[IPv6:::1]", "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa" },
		{ "::ffff:192.0.2.7", "192.0.2.7", "[192.0.2.7]", "7.2.0.192.in-addr.arpa" },
		{ "::FFFF:c000:207", "192.0.2.7", "[192.0.2.7]", "7.2.0.192.in-addr.arpa" },
	};
	char out[NETADDR_TEXT], reverse[NETADDR_REVERSE];

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct netaddr a = addr(cases[i].in);

		ck_assert_str_eq(netaddr_text(&a, out), cases[i].text);
		ck_assert_str_eq(netaddr_literal(&a, out), cases[i].literal);
		ck_assert_str_eq(netaddr_reverse(&a, reverse), cases[i].reverse);
	}
}
END_TEST

START_TEST(test_not_an_address)
{
	static const char *const cases[] = { "", "[]", "[", "]", "1", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.4 ", " 1.2.3.4", "1.2.3.-4",
		"0x7f.1.1.1", "localhost", "::1%lo", "1::2::3", ":::", "12345::", "[1.2.3.4", "1.2.3.4]", "IPv6:::1", "2001:db8::1/64",
		"1111:2222:3333:4444:5555:6666:7777:8888:9999", "1.2.3.4\r\n", "\xff" };
	struct netaddr a = { .family = 99 };

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		ck_assert_msg(!netaddr_parse(view_of(cases[i]), &a), "%s", cases[i]);
	ck_assert(!netaddr_parse(VIEW("1.2.3.4\0"), &a));
	ck_assert(!netaddr_parse(view_make(NULL, 0), &a));
	ck_assert_uint_eq(a.family, 99);
}
END_TEST

START_TEST(test_ports)
{
	static const struct { const char *in, *text; int port; } cases[] = {
		{ "192.0.2.1", "192.0.2.1", 25 }, { "192.0.2.1:587", "192.0.2.1", 587 }, { "192.0.2.1:0", "192.0.2.1", 0 },
		{ "[192.0.2.1]:65535", "192.0.2.1", 65535 }, { "[2001:db8::1]:465", "2001:db8::1", 465 }, { "[2001:db8::1]", "2001:db8::1", 25 },
		{ "2001:db8::1", "2001:db8::1", 25 }, { "::", "::", 25 }, { "[::]:2525", "::", 2525 }, { "2001:db8::1:25", "2001:db8::1:25", 25 },
		{ "", NULL, 0 }, { ":25", NULL, 0 }, { "192.0.2.1:", NULL, 0 }, { "192.0.2.1:65536", NULL, 0 }, { "192.0.2.1:-1", NULL, 0 },
		{ "192.0.2.1:25x", NULL, 0 }, { "host:25", NULL, 0 }, { "[::1", NULL, 0 }, { "[::1]25", NULL, 0 }, { "[::1]:", NULL, 0 },
		{ "[]:25", NULL, 0 }, { "[::1]:25:26", NULL, 0 }, { "[", NULL, 0 },
	};
	char out[NETADDR_TEXT];

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct netaddr a;
		bool ok = netaddr_parse_port(view_of(cases[i].in), 25, &a);

		ck_assert_msg(ok == (cases[i].text != NULL), "%s", cases[i].in);
		if (ok) {
			ck_assert_str_eq(netaddr_text(&a, out), cases[i].text);
			ck_assert_int_eq(a.port, cases[i].port);
		}
	}
}
END_TEST

START_TEST(test_literals)
{
	static const struct { const char *in, *text; } cases[] = {
		{ "192.0.2.1", "192.0.2.1" }, { "IPv6:2001:db8::1", "2001:db8::1" }, { "ipv6:::1", "::1" }, { "IPv6:::ffff:1.2.3.4", "1.2.3.4" },
		{ "2001:db8::1", NULL }, { "IPv6:", NULL }, { "IPv6:192.0.2.1", NULL }, { "IPv6: ::1", NULL }, { "192.0.2.1 ", NULL },
		{ "", NULL }, { "x-tag:content", NULL }, { "[192.0.2.1]", NULL }, { "IPv6:[::1]", NULL },
		/* IPv6-full, IPv6-comp: at most six groups beside the gap */
		{ "IPv6:1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8" }, { "IPv6:2001:DB8:0:00:000:0000:0:A", "2001:db8::a" }, { "IPv6:::", "::" },
		{ "IPv6:1::", "1::" }, { "IPv6:1:2:3:4:5:6::", "1:2:3:4:5:6::" }, { "IPv6:::3:4:5:6:7:8", "::3:4:5:6:7:8" },
		{ "IPv6:1:2:3::6:7:8", "1:2:3::6:7:8" }, { "IPv6:1::4:5:6:7:8", "1::4:5:6:7:8" },
		{ "IPv6:1:2:3:4:5:6:7::", NULL }, { "IPv6:::2:3:4:5:6:7:8", NULL }, { "IPv6:1::3:4:5:6:7:8", NULL }, { "IPv6:1:2:3:4:5:6:7", NULL },
		{ "IPv6:1:2:3:4:5:6:7:8:9", NULL }, { "IPv6:1::2::3", NULL }, { "IPv6::1", NULL }, { "IPv6:1:", NULL }, { "IPv6:12345::", NULL },
		{ "IPv6:g::", NULL }, { "IPv6::::", NULL }, { "IPv6:fe80::1%eth0", NULL }, { "IPv6:1::/64", NULL },
		/* IPv6v4-full, IPv6v4-comp: at most four */
		{ "IPv6:1:2:3:4:5:6:192.0.2.1", "1:2:3:4:5:6:c000:201" }, { "IPv6:::192.0.2.1", "::192.0.2.1" }, { "IPv6:1::192.0.2.1", "1::c000:201" },
		{ "IPv6:1:2:3:4::192.0.2.1", "1:2:3:4::c000:201" }, { "IPv6:1:2::5:6:192.0.2.1", "1:2::5:6:c000:201" }, { "IPv6:::3:4:5:6:192.0.2.1", "::3:4:5:6:c000:201" },
		{ "IPv6:1:2:3:4:5::192.0.2.1", NULL }, { "IPv6:::2:3:4:5:6:192.0.2.1", NULL }, { "IPv6:1:2:3:4:5:6:7:192.0.2.1", NULL },
		{ "IPv6:1:2:3:4:5:192.0.2.1", NULL }, { "IPv6:1::192.0.2.1:2", NULL }, { "IPv6:1::192.0.2", NULL }, { "IPv6:1::192.0.2.256", NULL },
		/* Snum */
		{ "0.0.0.0", "0.0.0.0" }, { "255.255.255.255", "255.255.255.255" }, { "1.2.3", NULL }, { "1.2.3.4.5", NULL }, { "1.2.3.04", NULL },
		{ "1.2.3.0x4", NULL }, { "16909060", NULL }, { "1.2.3.-4", NULL }, { "1.2.3.+4", NULL },
	};
	char out[NETADDR_TEXT];

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct netaddr a;
		bool ok = netaddr_parse_literal(view_of(cases[i].in), &a);

		ck_assert_msg(ok == (cases[i].text != NULL), "%s", cases[i].in);
		if (ok)
			ck_assert_str_eq(netaddr_text(&a, out), cases[i].text);
	}
}
END_TEST

START_TEST(test_sockets)
{
	struct sockaddr_storage ss;
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(25) };
	struct netaddr a = addr("192.0.2.1"), b;
	char out[NETADDR_TEXT];
	socklen_t len;

	a.port = 2525;
	len = netaddr_to(&a, &ss);
	ck_assert_uint_eq(len, sizeof(struct sockaddr_in));
	b = netaddr_from((struct sockaddr *)&ss, len);
	ck_assert(netaddr_eq(&a, &b));
	ck_assert_uint_eq(b.port, 2525);
	a = addr("2001:db8::5");
	len = netaddr_to(&a, &ss);
	ck_assert_uint_eq(len, sizeof(struct sockaddr_in6));
	b = netaddr_from((struct sockaddr *)&ss, len);
	ck_assert(netaddr_eq(&a, &b));
	/* Too short to be what it says. */
	ck_assert_uint_eq(netaddr_from((struct sockaddr *)&ss, sizeof(struct sockaddr_in)).family, 0);
	inet_pton(AF_INET6, "::ffff:203.0.113.9", &in6.sin6_addr);
	b = netaddr_from((struct sockaddr *)&in6, sizeof(in6));
	ck_assert_uint_eq(b.family, 4);
	ck_assert_uint_eq(b.port, 25);
	ck_assert_str_eq(netaddr_text(&b, out), "203.0.113.9");
	ss.ss_family = AF_UNIX;
	b = netaddr_from((struct sockaddr *)&ss, sizeof(ss));
	ck_assert_str_eq(netaddr_text(&b, out), "unknown");
	ck_assert_uint_eq(netaddr_to(&b, &ss), 0);
	ck_assert_uint_eq(netaddr_from(NULL, 0).family, 0);
}
END_TEST

START_TEST(test_in)
{
	static const struct { const char *a, *net; unsigned bits; bool in; } cases[] = {
		{ "192.0.2.1", "192.0.2.1", 32, true }, { "192.0.2.2", "192.0.2.1", 32, false }, { "192.0.2.2", "192.0.2.1", 30, true },
		{ "192.0.2.4", "192.0.2.1", 30, false }, { "192.0.2.4", "10.0.0.0", 0, true }, { "192.0.2.4", "::", 0, false },
		{ "192.0.2.4", "192.0.2.4", 33, false }, { "2001:db8::1", "2001:db8::", 127, true }, { "2001:db8::2", "2001:db8::", 127, false },
		{ "2001:db8::2", "2001:db8::2", 128, true }, { "2001:db8::2", "2001:db8::2", 129, false }, { "9fff::", "8000::", 3, true },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct netaddr a = addr(cases[i].a), net = addr(cases[i].net);

		ck_assert_msg(netaddr_in(&a, &net, cases[i].bits) == cases[i].in, "%s in %s/%u", cases[i].a, cases[i].net, cases[i].bits);
	}
}
END_TEST

START_TEST(test_local)
{
	static const char *const local[] = { "0.0.0.0", "0.1.2.3", "10.255.255.255", "100.64.0.0", "100.127.255.255", "127.0.0.1", "127.255.0.1",
		"169.254.1.1", "172.16.0.0", "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.168.255.1", "198.18.0.1", "198.19.255.255", "198.51.100.7",
		"203.0.113.7", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255", "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "fc00::1",
		"fdff::1", "fe80::1", "febf::1", "fec0::1", "ff02::1", "2001:db8::1", "2001:2::1", "100::1", "3fff::1", "64:ff9b::127.0.0.1",
		"64:ff9b::10.0.0.1", "64:ff9b:1::1" };
	static const char *const public[] = { "1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "128.0.0.1", "172.15.255.255",
		"172.32.0.0", "192.0.1.0", "192.0.3.0", "198.17.255.255", "198.20.0.0", "223.255.255.255", "2001:db9::1", "2606:4700::1111", "2a00::1",
		"64:ff9b::8.8.8.8" };
	struct netaddr none = { .family = 0 };

	for (size_t i = 0; i < COUNT_OF(local); i++) {
		struct netaddr a = addr(local[i]);

		ck_assert_msg(netaddr_is_local(&a), "%s", local[i]);
	}
	for (size_t i = 0; i < COUNT_OF(public); i++) {
		struct netaddr a = addr(public[i]);

		ck_assert_msg(!netaddr_is_local(&a), "%s", public[i]);
	}
	ck_assert(netaddr_is_local(&none));
}
END_TEST

UNIT_MAIN("netaddr", test_user, test_parse, test_not_an_address, test_ports, test_literals, test_sockets, test_in, test_local)
