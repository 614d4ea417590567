/* test_hostset.c - sets of domains: the three forms of an entry, which match wins, and what never matches. */
#include "unit.h"
#include "../../lib/listfile.h"

static const char *find(const struct hostset *set, const char *name)
{
	const char *value = hostset_find(set, view_of(name));

	return value ? value : "-";
}

static struct hostset *make(const char *const *entries)
{
	struct hostset *set = hostset_new();
	struct err err = { .text = "" };

	for (; *entries; entries++)
		ck_assert_msg(hostset_add(set, *entries, *entries, &err), "%s", err.text);
	return set;
}

START_TEST(test_matches)
{
	static const char *const entries[] = { "Example.COM", ".example.com", ".sub.example.com", "b\xc3\xbc" "cher.example", "xn--mller-kva.example.", "[192.0.2.1]",
		".org", NULL };
	static const struct { const char *name, *found; } cases[] = {
		{ "example.com", "Example.COM" }, { "EXAMPLE.com.", "Example.COM" }, { "a.example.com", ".example.com" },
		{ "a.b.example.com", ".example.com" }, { "sub.example.com", ".example.com" }, { "x.sub.example.com", ".sub.example.com" },
		{ "notexample.com", "-" }, { "com", "-" }, { "", "-" }, { ".", "-" }, { ".example.com", "-" }, { "a..example.com", "-" },
		{ "xn--bcher-kva.example", "b\xc3\xbc" "cher.example" }, { "B\xc3\x9c" "CHER.example", "b\xc3\xbc" "cher.example" },
		{ "m\xc3\xbcller.example", "xn--mller-kva.example." }, { "[192.0.2.1]", "[192.0.2.1]" }, { "[192.0.2.2]", "-" }, { "[x.org]", "-" },
		{ "org", "-" }, { "x.org", ".org" }, { "*", "-" }, { "example.com\r\n", "-" }, { "\xff.org", "-" },
	};
	struct hostset *set = make(entries);

	ck_assert_uint_eq(hostset_count(set), 7);
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		ck_assert_msg(strcmp(find(set, cases[i].name), cases[i].found) == 0, "%s: %s", cases[i].name, find(set, cases[i].name));
	ck_assert_ptr_null(hostset_find(set, VIEW("example.com\0")));
	hostset_free(&set);
	ck_assert_ptr_null(set);
	hostset_free(&set);
}
END_TEST

START_TEST(test_star)
{
	static const char *const entries[] = { "example.com", "*", NULL };
	struct hostset *set = make(entries);

	ck_assert_str_eq(find(set, "example.com"), "example.com");
	ck_assert_str_eq(find(set, "other.org"), "*");
	ck_assert_str_eq(find(set, "[192.0.2.1]"), "*");
	hostset_free(&set);
}
END_TEST

START_TEST(test_refused)
{
	static const char *const cases[] = { "", ".", "..", "a..b", "*.example.com", "-a.com", "a_b.com", "a b", "a@b", "\xff", "http://x", "**", ".[192.0.2.1]", "[]", ".*" };
	struct hostset *set = hostset_new();

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct err err = { .text = "" };

		ck_assert_msg(!hostset_add(set, cases[i], "", &err), "%s", cases[i]);
		ck_assert(view_is_printable(view_of(err.text)));
	}
	ck_assert_uint_eq(hostset_count(set), 0);
	hostset_free(&set);
}
END_TEST

START_TEST(test_many)
{
	struct hostset *set = hostset_new();
	struct err err = { .text = "" };
	char name[64];

	for (unsigned i = 0; i < 20000; i++) {
		snprintf(name, sizeof(name), "%shost-%u.example", i % 2 ? "." : "", i);
		ck_assert(hostset_add(set, name, i % 2 ? "below" : "name", &err));
	}
	/* The first of two counts. */
	ck_assert(hostset_add(set, "HOST-0.example.", "again", &err));
	ck_assert_uint_eq(hostset_count(set), 20000);
	ck_assert_str_eq(find(set, "host-0.example"), "name");
	for (unsigned i = 0; i < 20000; i++) {
		snprintf(name, sizeof(name), "%shost-%u.example", i % 2 ? "mx." : "", i);
		ck_assert_str_eq(find(set, name), i % 2 ? "below" : "name");
	}
	ck_assert_str_eq(find(set, "host-20000.example"), "-");
	hostset_free(&set);
}
END_TEST

UNIT_MAIN("hostset", test_matches, test_star, test_refused, test_many)
