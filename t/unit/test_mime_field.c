/* test_mime_field.c - Content-Type and its kin, and their parameters: RFC 2045, RFC 2231, what programs write, and what hides a name. */
#include "unit.h"
#include "../../lib/buf.h"
#include "../../lib/mime_field.h"

#define BAD "\xef\xbf\xbd"

/* NAMES: all that somebody may take for the file name, each with "|" behind it. */
static const struct { const char *in, *type; bool odd; const char *names; } fields[] = {
	{ "attachment; filename=a.txt", "attachment/", false, "a.txt|" }, { " attachment ; filename = \"a b.txt\" ", "attachment/", false, "a b.txt|" },
	{ "text/plain", "text/plain", false, "" }, { "Text / (c) Plain;", "Text/Plain", false, "" }, { "x;;filename=a;", "x/", false, "a|" }, { "x; filename=\"\"", "x/", false, "|" },
	{ "x; filename=\"a\\\"b\\\\c\"", "x/", false, "a\"b\\c|" }, { "x; filename=\"a;b\"; y=1", "x/", false, "a;b|" }, { "x; FileName=a (comment); y=(z)w", "x/", false, "a|" },
	{ "x;\r\n filename=\"a\r\n b\"", "x/", false, "a b|" }, { "x; filename=\"=?utf-8?q?caf=C3=A9.exe?=\"", "x/", false, "caf\xc3\xa9.exe|" },
	{ "x; filename==?utf-8?q?caf=C3=A9.exe?=", "x/", false, "caf\xc3\xa9.exe|" },
	/* RFC 2231 */
	{ "x; filename*=utf-8'en'caf%C3%A9.exe", "x/", false, "caf\xc3\xa9.exe|" }, { "x; filename*=iso-8859-1''caf%E9%", "x/", false, "caf\xc3\xa9%|" }, { "x; filename*=''a%20b", "x/", false, "a b|" },
	{ "x; filename*=a%20b", "x/", false, "a b|" }, { "x; filename*=a'b", "x/", false, "a'b|" }, { "x; filename*=nonsense'x'a%FFb.exe", "x/", false, "a" BAD "b.exe|" },
	{ "x; filename*0=ev; filename*1=il.e; filename*2=xe", "x/", false, "evil.exe|" }, { "x; filename*1=il; filename*0=ev", "x/", false, "evil|" },
	{ "x; filename*0*=utf-8''ev%C3; filename*1*=%B6l; filename*2=\".e%41xe\"", "x/", false, "ev\xc3\xb6l.e%41xe|" }, { "x; filename*1=b; filename*2=c", "x/", false, "bc|" },
	{ "x; filename*0=a; filename*2=c", "x/", false, "a|" }, { "x; filename*2=c", "x/", false, "" }, { "x; filename*0=a; filename*00=b; filename*01=c", "x/", false, "a|" },
	/* everything that somebody may see */
	{ "x; filename=safe.txt; filename*=utf-8''evil.exe", "x/", false, "evil.exe|safe.txt|" }, { "x; filename=a; filename=b; filename*0=c; filename*=d; filename*=e", "x/", false, "d|e|c|a|b|" },
	{ "x; filename*=utf-8''a%00b%0D%0Ac%7F", "x/", false, "a b  c |" }, { "x; filename=\"a\tb\x01\"", "x/", false, "a b |" },
	/* not the grammar */
	{ "", "/", true, "" }, { ";filename=a", "/", true, "a|" }, { "text", "text/", false, "" }, { "text/; filename=a", "text/", true, "a|" }, { "a b; filename=c", "a/", true, "c|" },
	{ "x; filename=my file.exe", "x/", true, "my file.exe|" }, { "x; filename=a (1).exe; y=1", "x/", true, "a (1).exe|" }, { "x; filename=\"a\".exe; y", "x/", true, "a|" },
	{ "x; filename=\"never closed; y=1", "x/", true, "never closed; y=1|" }, { "x; filename", "x/", true, "" }, { "x; filename=a filename=b", "x/", true, "a filename=b|" },
	{ "x (never closed; filename=a", "x/", true, "" }, { "x; y=(z; filename=a", "x/", true, "" }, { "x; =a; filename=b", "x/", true, "b|" }, { "x y=\"a;b\"; filename=c", "x/", true, "c|" },
	{ "x; filename=a\\;b", "x/", true, "a\\|" }, { "x; filename=\"a\" \"b\"; z", "x/", true, "a|" },
};

START_TEST(table)
{
	struct arena *a = arena_new(1024);

	for (size_t i = 0; i < COUNT_OF(fields); i++) {
		struct mime_field f;
		struct buf names;
		const char *text;

		buf_init(&names, 10000);
		mime_field_parse(view_of(fields[i].in), a, &f);
		ck_assert_str_eq(arena_printf(a, "%.*s/%.*s", VIEW_FMT(f.type), VIEW_FMT(f.subtype)), fields[i].type);
		ck_assert_msg(f.odd == fields[i].odd && !f.over, "%s", fields[i].in);
		for (size_t n = 0; (text = mime_field_parameter(&f, "filename", n, a)) != NULL; n++)
			buf_printf(&names, "%s|", text);
		ck_assert_msg(strcmp(buf_text(&names), fields[i].names) == 0, "%s: %s", fields[i].in, buf_text(&names));
		ck_assert_ptr_null(mime_field_parameter(&f, "filename", SIZE_MAX, a));
		buf_free(&names);
	}
	arena_free(&a);
}
END_TEST

/* So many parameters, or pieces of one, as fit in a header. */
START_TEST(many)
{
	static const char *const pieces[] = { "; a=b", "; filename=b", ";", "; filename*", "; (" };
	struct arena *a = arena_new(1024);

	for (size_t i = 0; i < COUNT_OF(pieces); i++) {
		struct mime_field f;
		struct buf in;
		size_t n = 0;

		buf_init(&in, 1 << 20);
		buf_puts(&in, "x/y");
		while (in.len < 65536)
			buf_puts(&in, pieces[i]);
		mime_field_parse(buf_view(&in), a, &f);
		ck_assert(f.count <= MIME_PARAMETERS_MAX && f.over == (i < 2));
		while (mime_field_parameter(&f, "filename", n, a))
			n++;
		ck_assert_uint_eq(n, i == 1 ? MIME_PARAMETERS_MAX : 0);
		buf_free(&in);
	}
	arena_free(&a);
}
END_TEST

START_TEST(long_name)
{
	struct arena *a = arena_new(1024);
	struct mime_field f;
	struct buf in;

	buf_init(&in, 1 << 20);
	buf_puts(&in, "x/y");
	for (int i = 0; i < MIME_PARAMETERS_MAX; i++)
		buf_printf(&in, "; filename*%d%s=%%41bc", i, i % 2 ? "*" : "");
	mime_field_parse(buf_view(&in), a, &f);
	const char *name = mime_field_parameter(&f, "filename", 0, a);
	ck_assert_uint_eq(strlen(name), MIME_PARAMETERS_MAX / 2 * (5 + 3));
	ck_assert_ptr_null(mime_field_parameter(&f, "filename", 1, a));
	buf_free(&in);
	arena_free(&a);
}
END_TEST

UNIT_MAIN("mime_field", table, many, long_name)
