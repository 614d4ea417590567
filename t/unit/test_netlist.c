/* test_netlist.c - lists of networks: the forms of an entry, and searches in long, nested, unsorted lists against a
 * plain comparison with every entry. */
#include "unit.h"
#include "../../lib/netaddr.h"

static bool has(const struct netlist *list, const char *text)
{
	struct netaddr a;

	ck_assert_msg(netaddr_parse(view_of(text), &a), "%s", text);
	return netlist_has(list, &a);
}

START_TEST(test_forms)
{
	static const struct { const char *entry, *in, *out; } cases[] = {
		{ "192.0.2.1", "192.0.2.1", "192.0.2.2" }, { "192.0.2.0/24", "192.0.2.255", "192.0.3.0" }, { "192.0.2.77/24", "192.0.2.0", "192.0.1.255" },
		{ "192.0.2.", "192.0.2.9", "192.0.20.1" }, { "10.", "10.255.0.1", "11.0.0.0" }, { "172.16.", "172.16.3.4", "172.17.0.0" },
		{ "0.0.0.0/0", "255.255.255.255", "::1" }, { "::/0", "ffff::", NULL }, { "2001:db8::/32", "2001:db8:ffff::1", "2001:db9::" },
		{ "2001:db8::1", "2001:db8::1", "2001:db8::2" }, { "::1/128", "::1", "::2" }, { "::ffff:192.0.2.0/120", "192.0.2.200", "192.0.3.0" },
		{ "[2001:db8::1]", "2001:db8::1", "2001:db8::2" }, { "192.0.2.128/25", "192.0.2.128", "192.0.2.127" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct netlist *list = netlist_new();
		struct err err = { .text = "" };

		ck_assert_msg(netlist_add(list, view_of(cases[i].entry), &err), "%s", err.text);
		ck_assert_uint_eq(netlist_count(list), 1);
		ck_assert_msg(has(list, cases[i].in), "%s in %s", cases[i].in, cases[i].entry);
		if (cases[i].out)
			ck_assert_msg(!has(list, cases[i].out), "%s in %s", cases[i].out, cases[i].entry);
		netlist_free(&list);
		ck_assert_ptr_null(list);
	}
}
END_TEST

START_TEST(test_refused)
{
	static const char *const cases[] = { "", ".", "..", "1", "1.2", "1.2.3", "1.2.3.4.", "256.", "1..2.", ".1.", "1.2.3.4/33", "1.2.3.4/", "1.2.3.4/-1",
		"1.2.3.4/8/8", "1.2.3.4/255.0.0.0", "::/129", "2001:db8:", "::ffff:1.2.3.4/95", "host.example", "1.2.3.4 5.6.7.8", "/24", "0001.",
		"\x1b[2J\r\n" };
	struct netlist *list = netlist_new();
	struct netaddr none = { .family = 0 };

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct err err = { .text = "" };

		ck_assert_msg(!netlist_add(list, view_of(cases[i]), &err), "%s", cases[i]);
		ck_assert_ptr_nonnull(strstr(err.text, "expected an address"));
		ck_assert(view_is_printable(view_of(err.text)));
	}
	ck_assert_uint_eq(netlist_count(list), 0);
	ck_assert(!has(list, "1.2.3.4"));
	ck_assert(!netlist_has(list, &none));
	netlist_free(&list);
}
END_TEST

/* A fixed sequence of numbers (a linear congruential generator). */
static uint32_t next(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*state >> 33);
}

#define NETS 3000

/* Networks of all sizes, many inside others, out of order, over several merges. */
START_TEST(test_many)
{
	static struct { struct netaddr net; unsigned bits; } nets[NETS];
	struct netlist *list = netlist_new();
	struct err err = { .text = "" };
	char entry[100], text[NETADDR_TEXT];
	uint64_t state = 1;
	unsigned hits = 0;

	for (size_t i = 0; i < NETS; i++) {
		bool v6 = i % 3 == 0;

		nets[i].net.family = v6 ? 6 : 4;
		nets[i].bits = v6 ? 8 + next(&state) % 121 : 9 + next(&state) % 24;
		for (size_t k = 0; k < (v6 ? 16 : 4); k++)
			nets[i].net.bytes[k] = (uint8_t)(next(&state) % (k < 2 ? 12 : 256)) + (v6 && k == 0);
		snprintf(entry, sizeof(entry), "%s/%u", netaddr_text(&nets[i].net, text), nets[i].bits);
		ck_assert_msg(netlist_add(list, view_of(entry), &err), "%s", err.text);
	}
	ck_assert_uint_eq(netlist_count(list), NETS);
	for (size_t n = 0; n < 4000; n++) {
		size_t near = next(&state) % NETS, k = next(&state) % 16;
		struct netaddr a = nets[near].net;
		bool expected = false;

		a.bytes[a.family == 4 ? k % 4 : k] ^= (uint8_t)(1u << next(&state) % 8);
		for (size_t i = 0; i < NETS && !expected; i++)
			expected = netaddr_in(&a, &nets[i].net, nets[i].bits);
		ck_assert_msg(netlist_has(list, &a) == expected, "%s", netaddr_text(&a, text));
		ck_assert(netlist_has(list, &nets[near].net));
		hits += expected;
	}
	ck_assert_uint_gt(hits, 100);
	ck_assert_uint_lt(hits, 3900);
	netlist_free(&list);
}
END_TEST

START_TEST(test_of_entries)
{
	static const char *const entries[] = { "192.0.2.0/24", "10.", "2001:db8::/32", NULL }, *const none[] = { NULL };
	struct arena *a = arena_new(1024);
	struct netlist *list = netlist_of(entries, a);

	for (size_t i = 0; entries[i]; i++)
		ck_assert(netlist_valid(view_of(entries[i])));
	ck_assert(!netlist_valid(VIEW("example.test")) && !netlist_valid(VIEW("192.0.2.0/33")) && !netlist_valid(VIEW("")));
	ck_assert_uint_eq(netlist_count(list), 3);
	ck_assert(has(list, "192.0.2.9") && has(list, "10.1.2.3") && has(list, "2001:db8::1") && !has(list, "11.0.0.1"));
	ck_assert_ptr_null(netlist_of(none, a));
	ck_assert(!has(NULL, "192.0.2.9"));
	arena_free(&a);		/* and the list with it: the leak checker looks */
}
END_TEST

UNIT_MAIN("netlist", test_forms, test_refused, test_many, test_of_entries)
