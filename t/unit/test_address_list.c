/* test_address_list.c - what stands in From and To: the grammar, the obsolete forms, and what forgers and careless programs write. */
#include "unit.h"
#include "../../lib/address_list.h"
#include "../../lib/buf.h"

#define OK ADDRESS_LIST_OK
#define BROKEN ADDRESS_LIST_BROKEN

/* WANT: "name|address|domain|group" for each entry, one a line. */
static const struct { const char *in; enum address_list_result result; const char *want; } lists[] = {
	{ "", OK, "" }, { " \r\n\t", OK, "" }, { "a@b.c", OK, "|a@b.c|b.c|\n" }, { "Alice <Alice@Example.COM>", OK, "Alice|Alice@Example.COM|example.com|\n" },
	{ "\"Doe, John\" <j@x>, b@y", OK, "Doe, John|j@x|x|\n|b@y|y|\n" }, { "John Q. Public <j@x>", OK, "John Q. Public|j@x|x|\n" }, { "J.R.R.Tolkien <j@x>", OK, "J.R.R.Tolkien|j@x|x|\n" },
	{ "\"A\\\"B\\\\C\" <j@x>", OK, "A\"B\\C|j@x|x|\n" }, { "=?utf-8?q?J=C3=B6rg?= =?utf-8?q?_M?= <j@x>", OK, "J\xc3\xb6rg M|j@x|x|\n" }, { "\"=?utf-8?q?a?=\" <j@x>", OK, "a|j@x|x|\n" },
	{ "J\xc3\xb6rg <j\xc3\xb6@b\xc3\xbc" "cher.x>", OK, "J\xc3\xb6rg|j\xc3\xb6@b\xc3\xbc" "cher.x|xn--bcher-kva.x|\n" }, { "a@b (Full (nested) Name)", OK, "Full (nested) Name|a@b|b|\n" },
	{ "a@b (x\\)y)", OK, "x)y|a@b|b|\n" }, { "(hidden) <a@b>", OK, "hidden|a@b|b|\n" }, { "<a@b>", OK, "|a@b|b|\n" }, { "X (c) <a@b> (d)", OK, "X|a@b|b|\n" },
	{ "a . b @ c . d", OK, "|a.b@c.d|c.d|\n" }, { " a\r\n (x) . b\r\n @c", OK, "x|a.b@c|c|\n" }, { "X <\"a b\"@c>", OK, "X|\"a b\"@c|c|\n" }, { "\"a.b\"@c", OK, "|a.b@c|c|\n" }, { "\"a\".\"b c\"@d", OK, "|\"a.b c\"@d|d|\n" },
	{ "X <a@[192.0.2.1]>", OK, "X|a@[192.0.2.1]|[192.0.2.1]|\n" }, { "a@[ IPv6:2001:db8::1 ]", OK, "|a@[IPv6:2001:db8::1]|[IPv6:2001:db8::1]|\n" },
	{ "X <@r1,@r2.y:a@b>", OK, "X|a@b|b|\n" }, { "g: a@b, C <c@d>;", OK, "|a@b|b|g\nC|c@d|d|g\n" }, { "undisclosed-recipients:;", OK, "" }, { "Undisclosed recipients: ;", OK, "" },
	{ "\"g r\": a@b;, c@d", OK, "|a@b|b|g r\n|c@d|d|\n" }, { ", ,a@b,,c@d,", OK, "|a@b|b|\n|c@d|d|\n" }, { "a@b,\r\n c@d", OK, "|a@b|b|\n|c@d|d|\n" },
	{ "\"\" <a@b>", OK, "|a@b|b|\n" }, { "X <\"\"@c>", OK, "X|\"\"@c|c|\n" },
	/* what is not the grammar, and what is seen of it */
	{ "root", BROKEN, "root|||\n" }, { "John Doe", BROKEN, "John Doe|||\n" }, { "John Doe j@x", BROKEN, "|||\n" }, { "<>", BROKEN, "|||\n" }, { "X <>", BROKEN, "X|||\n" }, { "X <a>", BROKEN, "X|||\n" },
	{ "bank@good.example <a@evil.example>", BROKEN, "|bank@good.example|good.example|\n|a@evil.example|evil.example|\n" }, { "<a@b> <c@d>", BROKEN, "|a@b|b|\n|c@d|d|\n" }, { "<a@b>, <c@d", BROKEN, "|a@b|b|\n|||\n" },
	{ "a@b@c", BROKEN, "|a@b|b|\n|||\n" }, { "a@b c@d, e@f", BROKEN, "|a@b|b|\n|c@d|d|\n|e@f|f|\n" }, { "X <a@b c>", BROKEN, "X|||\nc|||\n" }, { "a@b (x) c", BROKEN, "x|a@b|b|\nc|||\n" }, { "<a@b", BROKEN, "|||\n" }, { "a@", BROKEN, "|||\n" }, { "@b", BROKEN, "|||\n" }, { "a..b@c", BROKEN, "|||\n" }, { "a.@c", BROKEN, "|||\n" },
	{ "a@b..c", BROKEN, "|||\n" }, { "a@b_c", BROKEN, "|||\n" }, { "\"never closed <a@b>", BROKEN, "never closed <a@b>|||\n" }, { "(never closed <a@b>", BROKEN, "" }, { "a@b (never", BROKEN, "never|a@b|b|\n" },
	{ "g: a@b", BROKEN, "|a@b|b|g\n" }, { "g: a@b; c@d", BROKEN, "|a@b|b|g\n|c@d|d|\n" }, { "g: h: a@b;", BROKEN, "h|||g\n|a@b|b|g\n" }, { "a@b;", BROKEN, "|a@b|b|\n" }, { ":;", BROKEN, "" }, { ";", BROKEN, "" },
	{ "a@b\x01", BROKEN, "|a@b|b|\n" }, { "a\x01@b", BROKEN, "a|||\n|||\n" }, { ")", BROKEN, "" }, { "\\", BROKEN, "" }, { "]", BROKEN, "" }, { ">", BROKEN, "" }, { "a@[1.2.3.4", BROKEN, "|||\n" }, { "X <a@b> y, \"c,\" <d@e>", BROKEN, "X|a@b|b|\ny|||\nc,|d@e|e|\n" },
	{ "<a@b> \"c, d@e\", f@g", BROKEN, "|a@b|b|\nc, d@e|||\n|f@g|g|\n" }, { "j\xff@b", BROKEN, "|||\n" },
};

static void show(const struct address_entry *const *list, struct buf *out)
{
	for (; *list; list++)
		buf_printf(out, "%s|%s|%s|%s\n", (*list)->name, (*list)->address, (*list)->domain, (*list)->group);
}

START_TEST(table)
{
	for (size_t i = 0; i < COUNT_OF(lists); i++) {
		struct arena *a = arena_new(1024);
		const struct address_entry *const *list;
		struct buf out;

		buf_init(&out, 10000);
		ck_assert_msg(address_list_parse(view_of(lists[i].in), a, &list) == lists[i].result, "%s", lists[i].in);
		show(list, &out);
		ck_assert_msg(strcmp(buf_text(&out), lists[i].want) == 0, "%s: %s", lists[i].in, buf_text(&out));
		buf_free(&out);
		arena_free(&a);
	}
}
END_TEST

START_TEST(limit)
{
	struct arena *a = arena_new(1024);
	const struct address_entry *const *list;
	struct buf in;
	size_t n = 0;

	buf_init(&in, 100000);
	for (int i = 0; i < ADDRESS_LIST_MAX; i++)
		buf_printf(&in, "a%d@b,", i);
	ck_assert_int_eq(address_list_parse(buf_view(&in), a, &list), OK);
	buf_puts(&in, "one@more");
	ck_assert_int_eq(address_list_parse(buf_view(&in), a, &list), ADDRESS_LIST_LIMIT);
	while (list[n])
		n++;
	ck_assert_uint_eq(n, ADDRESS_LIST_MAX);
	buf_free(&in);
	arena_free(&a);
}
END_TEST

/* A quarter of a megabyte of each octet that means something: in time, and no deeper. */
START_TEST(hostile)
{
	static const char *const pieces[] = { "(", ")", "\"", "\\", "<", ">", "@", ",", ":", ";", "[", "]", ".", " ", "a", "a ", "\"\" ", "()", "a:", "<@", "a@", "=?", "\\\"", "\xff", "\r\n ", "a<", "(\\" };

	for (size_t i = 0; i < COUNT_OF(pieces); i++) {
		struct arena *a = arena_new(1024);
		const struct address_entry *const *list;
		struct buf in;

		buf_init(&in, 1 << 20);
		while (in.len < (1 << 18))
			buf_puts(&in, pieces[i]);
		address_list_parse(buf_view(&in), a, &list);
		ck_assert_uint_lt(arena_used(a), 16 << 20);
		buf_free(&in);
		arena_free(&a);
	}
}
END_TEST

UNIT_MAIN("address_list", table, limit, hostile)
