/* test_address.c - the grammar of RFC 5321 4.1.2 in MAIL and RCPT, its limits, canonical forms, and what a hostile
 * client makes of it. */
#include "unit.h"
#include "../../lib/address.h"

#define ALL (ADDRESS_NULL_OK | ADDRESS_POSTMASTER_OK | ADDRESS_BARE_OK | ADDRESS_UTF8_OK)
#define A10 "aaaaaaaaaa"
#define A60 A10 A10 A10 A10 A10 A10
#define LABEL63 A60 "aaa"
#define FULL_DOMAIN LABEL63 "." LABEL63 "." LABEL63 "." A60 "a"	/* 253 octets, as the DNS has it */

static struct arena *arena;

static void setup(void)
{
	arena = arena_new(4096);
}

START_TEST(test_good)
{
	static const struct { unsigned flags; const char *in, *text, *local, *domain, *rest; } cases[] = {
		{ 0, "<a@b>", "a@b", "a", "b", "" },
		{ 0, "<Alice.B@Example.COM> SIZE=5", "Alice.B@Example.COM", "Alice.B", "Example.COM", " SIZE=5" },
		{ 0, "<!#$%&'*+-/=?^_`{|}~@b.c>\tX", "!#$%&'*+-/=?^_`{|}~@b.c", "!#$%&'*+-/=?^_`{|}~", "b.c", "\tX" },
		{ 0, "<\"a b\"@c>", "\"a b\"@c", "\"a b\"", "c", "" },
		{ 0, "<\"a@b\"@c>", "\"a@b\"@c", "\"a@b\"", "c", "" },
		{ 0, "<\"a>b\"@c>", "\"a>b\"@c", "\"a>b\"", "c", "" },
		{ 0, "<\"\\\"\\\\\\ \"@c>", "\"\\\"\\\\\\ \"@c", "\"\\\"\\\\\\ \"", "c", "" },
		{ 0, "<\"\"@c>", "\"\"@c", "\"\"", "c", "" },
		{ 0, "<\"a..b.\"@c>", "\"a..b.\"@c", "\"a..b.\"", "c", "" },
		{ 0, "<a@[192.0.2.1]>", "a@[192.0.2.1]", "a", "[192.0.2.1]", "" },
		{ 0, "<a@[IPv6:2001:db8::1]> B", "a@[IPv6:2001:db8::1]", "a", "[IPv6:2001:db8::1]", " B" },
		{ 0, "<a@[ipv6:::ffff:192.0.2.1]>", "a@[ipv6:::ffff:192.0.2.1]", "a", "[ipv6:::ffff:192.0.2.1]", "" },
		{ 0, "<@x:a@b>", "a@b", "a", "b", "" },
		{ 0, "<@x.example,@[192.0.2.1],@z:\"q:\"@b>", "\"q:\"@b", "\"q:\"", "b", "" },
		{ 0, "<a@1.2.3.4>", "a@1.2.3.4", "a", "1.2.3.4", "" },
		{ 0, "<a@xn--bcher-kva.example>", "a@xn--bcher-kva.example", "a", "xn--bcher-kva.example", "" },
		{ 0, "<a@" LABEL63 ">", "a@" LABEL63, "a", LABEL63, "" },
		{ 0, "<" A60 "1234@b>", A60 "1234@b", A60 "1234", "b", "" },
		{ 0, "<postmaster@b>", "postmaster@b", "postmaster", "b", "" },
		{ ADDRESS_NULL_OK, "<>", "", "", "", "" },
		{ ADDRESS_NULL_OK, "<> BODY=8BITMIME", "", "", "", " BODY=8BITMIME" },
		{ ADDRESS_NULL_OK, "<a@b>", "a@b", "a", "b", "" },
		{ ADDRESS_POSTMASTER_OK, "<postmaster>", "postmaster", "postmaster", "", "" },
		{ ADDRESS_POSTMASTER_OK, "<PostMaster> X", "PostMaster", "PostMaster", "", " X" },
		{ ADDRESS_POSTMASTER_OK, "<postmaster@b>", "postmaster@b", "postmaster", "b", "" },
		{ ADDRESS_BARE_OK, "a@b", "a@b", "a", "b", "" },
		{ ADDRESS_BARE_OK, "\"a b\"@b SIZE=1", "\"a b\"@b", "\"a b\"", "b", " SIZE=1" },
		{ ADDRESS_BARE_OK, "<a@b>", "a@b", "a", "b", "" },
		{ ADDRESS_UTF8_OK, "<j\xc3\xb6rg@b\xc3\xbc" "cher.example>", "j\xc3\xb6rg@b\xc3\xbc" "cher.example", "j\xc3\xb6rg", "b\xc3\xbc" "cher.example", "" },
		{ ADDRESS_BARE_OK, "@x:a@b", "a@b", "a", "b", "" },
		{ ADDRESS_BARE_OK | ADDRESS_POSTMASTER_OK, "PostMaster", "PostMaster", "PostMaster", "", "" },
		{ ADDRESS_BARE_OK | ADDRESS_NULL_OK, "", "", "", "", "" },
		{ ADDRESS_BARE_OK | ADDRESS_NULL_OK, " SIZE=1", "", "", "", " SIZE=1" },
		{ 0, "<\" !#[]~\"@c>", "\" !#[]~\"@c", "\" !#[]~\"", "c", "" },	/* the ends of qtextSMTP's ranges */
		{ 0, "<\"\\ \\~\\\"\\\\\"@c>", "\"\\ \\~\\\"\\\\\"@c", "\"\\ \\~\\\"\\\\\"", "c", "" },	/* of quoted-pairSMTP's */
		{ 0, "<a@[IPv6:1:2:3:4:5:6:7:8]>", "a@[IPv6:1:2:3:4:5:6:7:8]", "a", "[IPv6:1:2:3:4:5:6:7:8]", "" },
		{ 0, "<a@[IPv6:::]>", "a@[IPv6:::]", "a", "[IPv6:::]", "" },
		{ 0, "<a@[IPv6:1:2:3:4::192.0.2.1]>", "a@[IPv6:1:2:3:4::192.0.2.1]", "a", "[IPv6:1:2:3:4::192.0.2.1]", "" },
		{ 0, "<a@xn--a.xn--ls8h.example>", "a@xn--a.xn--ls8h.example", "a", "xn--a.xn--ls8h.example", "" },	/* LDH labels like any */
		{ ADDRESS_UTF8_OK, "<a@b\xc3\xbc.xn--bcher-kva>", "a@b\xc3\xbc.xn--bcher-kva", "a", "b\xc3\xbc.xn--bcher-kva", "" },
		{ ADDRESS_UTF8_OK, "<u\xcc\x88@bu\xcc\x88" "cher.example>", "u\xcc\x88@bu\xcc\x88" "cher.example", "u\xcc\x88", "bu\xcc\x88" "cher.example", "" },
		{ ADDRESS_UTF8_OK, "<\xc2\xa0\xf4\x8f\xbf\xbf@b>", "\xc2\xa0\xf4\x8f\xbf\xbf@b", "\xc2\xa0\xf4\x8f\xbf\xbf", "b", "" },
		{ ADDRESS_UTF8_OK | ADDRESS_NULL_OK, "<@b\xc3\xbc.example:a@b>", "a@b", "a", "b", "" },
		{ ADDRESS_UTF8_OK, "<\"\xe2\x82\xac \xf0\x9f\x98\x80\"@b>", "\"\xe2\x82\xac \xf0\x9f\x98\x80\"@b", "\"\xe2\x82\xac \xf0\x9f\x98\x80\"", "b", "" },
	};

	setup();
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct view input = view_of(cases[i].in);
		struct address a;
		const char *why = "";

		ck_assert_msg(address_parse(&input, cases[i].flags, arena, &a, &why), "%s: %s", cases[i].in, why);
		ck_assert_str_eq(a.text, cases[i].text);
		assert_view_eq(a.local, cases[i].local);
		assert_view_eq(a.domain, cases[i].domain);
		assert_view_eq(input, cases[i].rest);
		ck_assert(a.literal == (cases[i].domain[0] == '['));
	}
	arena_free(&arena);
}
END_TEST

START_TEST(test_bad)
{
	static const struct { unsigned flags; const char *in; } cases[] = {
		{ 0, "" }, { 0, "<" }, { 0, ">" }, { 0, "<>" }, { 0, "a@b" }, { 0, " <a@b>" }, { 0, "<a@b" }, { 0, "<a@b>x" }, { 0, "<a@b>>" },
		{ 0, "<<a@b>>" }, { 0, "<a>" }, { 0, "<@b>" }, { 0, "<a@>" }, { 0, "<a@@b>" }, { 0, "<a@b@c>" }, { 0, "< a@b>" }, { 0, "<a@b >" },
		{ 0, "<a b@c>" }, { 0, "<.a@b>" }, { 0, "<a.@b>" }, { 0, "<a..b@c>" }, { 0, "<a@.b>" }, { 0, "<a@b.>" }, { 0, "<a@b..c>" },
		{ 0, "<a@-b>" }, { 0, "<a@b->" }, { 0, "<a@b_c>" }, { 0, "<a@b c>" }, { 0, "<a@b,c>" }, { 0, "<a@b/c>" }, { 0, "<a@b%c>" },
		{ 0, "<a\\@b@c>" }, { 0, "<a(c)@b>" }, { 0, "<a:b@c>" }, { 0, "<a;b@c>" }, { 0, "<a,b@c>" }, { 0, "<a<b@c>" },
		{ 0, "<\"a@b>" }, { 0, "<\"a\"b@c>" }, { 0, "<a\"b\"@c>" }, { 0, "<\"a\\\"@b>" }, { 0, "<\"a\\" }, { 0, "<\"" }, { 0, "<\"a\".\"b\"@c>" },
		{ 0, "<\"a\tb\"@c>" }, { 0, "<\"a\nb\"@c>" }, { 0, "<\"a\x7f\"@c>" }, { 0, "<\"a\\\r\"@c>" }, { 0, "<a\r\n@b>" }, { 0, "<a@b\r\n>" },
		{ 0, "<a@b\n>" }, { 0, "<a@b>\r\nRCPT TO:<x@y>" }, { 0, "<a@b>\n" }, { 0, "<a\x1b@b>" },
		{ 0, "<a@[192.0.2.1>" }, { 0, "<a@[192.0.2.256]>" }, { 0, "<a@[]>" }, { 0, "<a@[2001:db8::1]>" }, { 0, "<a@[IPv6:1.2.3.4]>" },
		{ 0, "<a@[192.0.2.1]x>" }, { 0, "<a@[192.0.2.1].example>" }, { 0, "<a@[x-tag:y]>" }, { 0, "<a@[>" }, { 0, "<a@[ 192.0.2.1]>" },
		{ 0, "<@x>" }, { 0, "<@x:>" }, { 0, "<@:a@b>" }, { 0, "<@x,:a@b>" }, { 0, "<@x,y:a@b>" }, { 0, "<@x a@b>" }, { 0, "<@x;a@b>" }, { 0, "<@x:@y:a@b>" },
		{ 0, "<postmaster>" }, { ADDRESS_POSTMASTER_OK, "<postmaster@>" }, { ADDRESS_POSTMASTER_OK, "<postmasterx>" }, { ADDRESS_POSTMASTER_OK, "<>" },
		{ ADDRESS_NULL_OK, "< >" }, { ADDRESS_NULL_OK, "<@x:>" }, { ADDRESS_NULL_OK, "<\"\">" }, { ADDRESS_NULL_OK, "<>x" }, { ADDRESS_NULL_OK, "" },
		{ 0, "<j\xc3\xb6@b>" }, { 0, "<a@b\xc3\xbc" "cher>" }, { 0, "<\"\xc3\xb6\"@b>" },
		{ ALL, "<a\xff@b>" }, { ALL, "<a\xc3@b>" }, { ALL, "<a\xc3(@b>" }, { ALL, "<a\xc0\x80@b>" }, { ALL, "<a\xed\xa0\x80@b>" }, { ALL, "<a\xf4\x90\x80\x80@b>" },
		{ ALL, "<a\xf0\x80\x80\x80@b>" }, { ALL, "<a\xe0\x9f\xbf@b>" }, { ALL, "<a@\xff>" }, { ALL, "<a@\xc3>" }, { ALL, "<a@b\xe2\x84\x80" "c>" /* a/c */ },
		{ ALL, "<a@\xe2\x80\x8b>" /* zero width space */ }, { ALL, "<a@\xef\xbc\xa0>" /* full-width @ */ }, { ALL, "<a@b\xe3\x80\x82>" /* ends in a dot */ },
		{ ALL, "<a@b\xe3\x80\x82\xe3\x80\x82" "c>" }, { ALL, "a@b>" }, { ALL, "<a@b" }, { ALL, "a@b\x01" },
		{ ALL, "<a\xc2\x80@b>" }, { ALL, "<a\xc2\x9f@b>" }, { ALL, "<a\xc2\x85@b>" }, { ALL, "<\"\xc2\x9b\"@b>" }, { ALL, "<a\xe2\x80\xa8@b>" }, { ALL, "<a\xe2\x80\xa9@b>" },
		{ ALL, "<\"\\\xc3\xb6\"@b>" } /* quoted-pairSMTP is ASCII */, { ALL, "<\"a\\\x7f\"@b>" }, { ALL, "<\"a\"@b\"c\">" },
		{ ALL, "<a@b\xc3\xbc.xn--a>" }, { ALL, "<a@b\xc3\xbc.xn--ls8h>" }, { ALL, "<a@xn--b\xc3\xbc>" }, { ALL, "<a@b\xc3\xbc-.c>" }, { ALL, "<a@b\xc3\xbc_>" },
		{ ALL, "<a@b\xc3\xbc..c>" }, { ALL, "<a@b\xc3\xbc.>" }, { ALL, "<a@[b\xc3\xbc]>" }, { ALL, "<a@[IPv6:2001:db8::1>" }, { ALL, "<a@[IPv6:1:2:3:4:5:6:7::]>" },
		{ ALL, "<a@[IPv6:2001:db8::1%eth0]>" }, { ALL, "<a@[IPv6:]>" }, { ALL, "<a@[IPv4:1.2.3.4]>" }, { ALL, "<a@[127.1]>" }, { ALL, "<a@[010.0.0.1]>" },
		{ ALL, "<a@[192.0.2.1]]>" }, { ALL, "<a@[[192.0.2.1]]>" }, { ALL, "<@[x-tag:y]:a@b>" }, { ALL, "<@a@b>" }, { ALL, "<@a,b@c:d@e>" }, { ALL, "@a:" },
		{ ALL, "<\"postmaster\">" }, { ALL, "<postmaster@ >" }, { ALL, "<.>" }, { ALL, "<@>" }, { ALL, "<a@b,c@d>" },
		{ 0, "<" A60 A60 A60 A60 "12345678901234@b>" }, { 0, "<a@" LABEL63 "x>" }, { 0, "<a@" FULL_DOMAIN ">" }, { 0, "<a@" FULL_DOMAIN ".aaa>" },
		{ 0, "<@" LABEL63 ",@" LABEL63 ",@" LABEL63 ",@" LABEL63 ":a@b>" },
	};

	setup();
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct view input = view_of(cases[i].in);
		struct address a = { .literal = true };
		const char *why = NULL;

		ck_assert_msg(!address_parse(&input, cases[i].flags, arena, &a, &why), "%s", cases[i].in);
		ck_assert_ptr_nonnull(why);
		ck_assert_str_eq(a.text, "");
		assert_view_eq(input, cases[i].in);
	}
	arena_free(&arena);
}
END_TEST

START_TEST(test_nul)
{
	struct view cases[] = { VIEW("<a\0@b>"), VIEW("<a@b\0>"), VIEW("<a@b>\0"), VIEW("<\"\0\"@b>"), VIEW("\0"), VIEW("<\"\\\0\"@b>"), VIEW("<a@[1.2.3.4\0]>") };
	struct address a;
	const char *why;

	setup();
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		ck_assert_msg(!address_parse(&cases[i], ALL, arena, &a, &why), "%zu", i);
	arena_free(&arena);
}
END_TEST

/* Path of 256 octets with its brackets, at every length of the local part. */
START_TEST(test_path_limit)
{
	setup();
	for (int local = 1; local <= 66; local++)
		for (int total = 250; total <= 256; total++) {
			char text[300];
			struct view input;
			struct address a;
			const char *why;
			int domain = total - local - 1, len = snprintf(text, sizeof(text), "<%.*s@", local, A60 A10);

			for (int i = 0; i < domain; i++)
				text[len++] = i % 60 == 59 && i + 1 < domain ? '.' : 'd';
			snprintf(text + len, sizeof(text) - (size_t)len, ">");
			input = view_of(text);
			ck_assert_msg(address_parse(&input, 0, arena, &a, &why) == (total <= 254), "%d %d", local, total);
		}
	arena_free(&arena);
}
END_TEST

START_TEST(test_bare)
{
	static const struct { unsigned flags; const char *in; bool ok; } cases[] = {
		{ 0, "a@b", true }, { 0, "\"a b\"@b", true }, { 0, "<a@b>", false }, { 0, "a@b ", false }, { 0, " a@b", false }, { 0, "", false },
		{ ADDRESS_NULL_OK, "", true }, { ADDRESS_NULL_OK, "<>", false }, { 0, "@x:a@b", false }, { 0, "a", false },
		{ ADDRESS_POSTMASTER_OK, "postmaster", true }, { 0, "a@b c@d", false }, { 0, "a@b,c@d", false }, { 0, "a@b>", false },
	};

	setup();
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct address a;

		ck_assert_msg(address_parse_bare(view_of(cases[i].in), cases[i].flags, arena, &a) == cases[i].ok, "%s", cases[i].in);
		ck_assert_str_eq(a.text, cases[i].ok ? cases[i].in : a.text);
	}
	arena_free(&arena);
}
END_TEST

START_TEST(test_canonical)
{
	static const struct { const char *in, *out; } cases[] = {
		{ "Alice@Example.COM", "Alice@example.com" }, { "\"Alice\"@B", "Alice@b" }, { "\"a.b\"@b", "a.b@b" }, { "\"a..b\"@b", "\"a..b\"@b" },
		{ "\"\\a\\l\"@b", "al@b" }, { "\"a b\"@b", "\"a b\"@b" }, { "\"a\\ b\"@b", "\"a b\"@b" }, { "\"\\\"\"@b", "\"\\\"\"@b" },
		{ "\"\\\\\"@b", "\"\\\\\"@b" }, { "\"\"@b", "\"\"@b" }, { "\"a@b\"@b", "\"a@b\"@b" }, { "\"\\\"a\\\"\"@b", "\"\\\"a\\\"\"@b" },
		{ "a@[192.0.2.1]", "a@[192.0.2.1]" }, { "j\xc3\xb6@B\xc3\x9c" "CHER.Example", "j\xc3\xb6@xn--bcher-kva.example" },
		{ "\"j\xc3\xb6\"@b", "j\xc3\xb6@b" }, { "a@fa\xc3\x9f.de", "a@xn--fa-hia.de" }, { "a@XN--FA-HIA.de", "a@xn--fa-hia.de" },
		{ "postmaster", "postmaster" }, { "", "" },
		{ "u\xcc\x88@b", "\xc3\xbc@b" }, { "\"u\xcc\x88 \"@b", "\"\xc3\xbc \"@b" }, { "\xcd\xbe@b", "\";\"@b" }, { "a@bu\xcc\x88" "cher.example", "a@xn--bcher-kva.example" },
		{ "a@[IPv6:2001:DB8:0:0:0:0:0:1]", "a@[IPv6:2001:db8::1]" }, { "a@[ipv6:2001:db8::1]", "a@[IPv6:2001:db8::1]" },
		{ "a@[IPv6:::ffff:192.0.2.1]", "a@[192.0.2.1]" }, { "a@[IPv6:::ffff:c000:201]", "a@[192.0.2.1]" },
	};

	setup();
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct address a;

		ck_assert_msg(address_parse_bare(view_of(cases[i].in), ALL, arena, &a), "%s", cases[i].in);
		ck_assert_str_eq(address_canonical(&a, arena), cases[i].out);
	}
	arena_free(&arena);
}
END_TEST

START_TEST(test_key)
{
	static const struct { const char *in, *exact, *folded; } cases[] = {
		{ "Alice@Example.COM", "Alice@example.com", "alice@example.com" }, { "\"Alice\"@B", "Alice@b", "alice@b" }, { "PostMaster", "PostMaster", "postmaster" },
		{ "", "", "" }, { "\"A B\"@c", "\"A B\"@c", "\"a b\"@c" }, { "J\xc3\x96RG@b", "J\xc3\x96RG@b", "j\xc3\xb6rg@b" },
		{ "JO\xcc\x88RG@b", "J\xc3\x96RG@b", "j\xc3\xb6rg@b" }, { "STRA\xc3\x9f" "E@b", "STRA\xc3\x9f" "E@b", "strasse@b" },
		{ "\xce\xa3\xcf\x82@b", "\xce\xa3\xcf\x82@b", "\xcf\x83\xcf\x83@b" }, { "A@[192.0.2.1]", "A@[192.0.2.1]", "a@[192.0.2.1]" },
		{ "A@B\xc3\x9c" "CHER.Example", "A@xn--bcher-kva.example", "a@xn--bcher-kva.example" },
		{ "a", NULL, NULL }, { "a@b.", NULL, NULL }, { "<a@b>", NULL, NULL }, { "a@b c", NULL, NULL }, { "@b", NULL, NULL }, { "a@b\n", NULL, NULL },
	};
	char key[ADDRESS_KEY_SIZE], big[ADDRESS_MAX + 1] = "";
	struct view unended = view_head(VIEW("a@bc"), 3);

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		ck_assert_msg(address_key(view_of(cases[i].in), false, key) == (cases[i].exact != NULL), "%s", cases[i].in);
		ck_assert_str_eq(key, cases[i].exact ? cases[i].exact : "");
		ck_assert_msg(address_key(view_of(cases[i].in), true, key) == (cases[i].folded != NULL), "%s", cases[i].in);
		ck_assert_str_eq(key, cases[i].folded ? cases[i].folded : "");
	}
	ck_assert(address_key(unended, false, key));
	ck_assert_str_eq(key, "a@b");
	/* What grows most: U+0390, three times as long when folded and in NFC; quotes around it. */
	for (size_t i = 0; i + 5 < sizeof(big); i += 2)
		memcpy(big + i, "\xce\x90", 3);
	memcpy(big + strlen(big), "@b", 3);
	ck_assert(address_key(view_of(big), true, key));
	ck_assert(address_key(view_of(big), false, key));
}
END_TEST

START_TEST(test_domains)
{
	static const struct { const char *in, *out; bool ascii, utf8; } cases[] = {
		{ "example.com", "example.com", true, true }, { "EXAMPLE.com", "example.com", true, true }, { "a", "a", true, true },
		{ "1.2.3.4", "1.2.3.4", true, true }, { "a-b.c", "a-b.c", true, true }, { "example.com.", "example.com", false, false },
		{ "", NULL, false, false }, { ".", NULL, false, false }, { "..", NULL, false, false }, { "a..b", NULL, false, false }, { ".a", NULL, false, false },
		{ "a..", NULL, false, false }, { "-a", NULL, false, false }, { "a-", NULL, false, false }, { "a_b", NULL, false, false },
		{ "a b", NULL, false, false }, { "a\r", NULL, false, false }, { "*", NULL, false, false }, { "[1.2.3.4]", "[1.2.3.4]", false, false },
		{ "[]", NULL, false, false }, { "[x]", NULL, false, false }, { "[IPv6:::1]", "[IPv6:::1]", false, false }, { "[ipv6:0:0::1]", "[IPv6:::1]", false, false },
		{ "xn--a", "xn--a", true, true }, { "b\xc3\xbc.xn--a", NULL, false, false }, { "xn--BCHER-kva.\xc3\xbc", "xn--bcher-kva.xn--tda", false, true },
		{ "\xc3\xbc.ab--cd", NULL, false, false }, { "\xef\xbc\xa1.de", "a.de", false, true }, { "\xc2\xad", NULL, false, false }, { "b\xc3\xbc" "cher.de", "xn--bcher-kva.de", false, true }, { "\xff", NULL, false, false },
		{ "b\xc3\xbc" "cher\xe3\x80\x82" "de", "xn--bcher-kva.de", false, true },
		{ LABEL63, LABEL63, true, true }, { LABEL63 "a", NULL, false, false }, { FULL_DOMAIN, FULL_DOMAIN, true, true },
		{ FULL_DOMAIN ".aa", NULL, false, false },
	};

	setup();
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char *canonical = address_domain_canonical(view_of(cases[i].in), arena);

		ck_assert_msg((canonical != NULL) == (cases[i].out != NULL), "%s", cases[i].in);
		if (canonical)
			ck_assert_str_eq(canonical, cases[i].out);
		ck_assert_msg(address_domain_valid(view_of(cases[i].in), false) == cases[i].ascii, "%s", cases[i].in);
		ck_assert_msg(address_domain_valid(view_of(cases[i].in), true) == cases[i].utf8, "%s", cases[i].in);
	}
	ck_assert(!address_domain_valid(VIEW("a\0b"), true));
	ck_assert(!address_domain_valid(view_make(NULL, 0), true));
	arena_free(&arena);
}
END_TEST

/* A megabyte of each octet, and of each pair that matters: refused, in linear time, and nothing is kept of it. */
START_TEST(test_long)
{
	static char input[1 << 20];

	setup();
	for (int c = 0; c < 256; c++) {
		struct view rest = view_make(input, sizeof(input));
		struct address a;
		const char *why;

		memset(input, c, sizeof(input));
		input[0] = '<';
		if (c & 1)
			input[1] = '"';
		ck_assert_msg(!address_parse(&rest, ALL, arena, &a, &why), "%d", c);
	}
	ck_assert_uint_eq(arena_used(arena), 0);
	arena_free(&arena);
}
END_TEST

UNIT_MAIN("address", test_good, test_bad, test_nul, test_path_limit, test_bare, test_canonical, test_key, test_domains, test_long)
