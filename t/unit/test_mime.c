/* test_mime.c - the structure of messages: where parts begin and end, what is a boundary and what only looks like one, what
 * they hold, and what is not understood. In the tables "|" stands for CRLF. */
#include "unit.h"
#include "../../lib/mime.h"
#include "../../lib/buf.h"

static struct arena *arena;

static struct view with_lines(const char *text)
{
	return unit_lines(text, arena_alloc(arena, 2 * strlen(text) + 1));
}

/* A letter a part: L leaf, M multipart, R message, its depth, and of a leaf its body. */
static const char *describe(struct view text, const struct mime *m, struct buf *out)
{
	static const char letters[] = { [MIME_LEAF] = 'L', [MIME_MULTIPART] = 'M', [MIME_MESSAGE] = 'R' };

	for (size_t i = 0; i < m->count; i++) {
		const struct mime_part *p = &m->parts[i];

		buf_printf(out, "%s%c%zu", i ? " " : "", letters[p->kind], p->depth);
		if (p->kind != MIME_LEAF)
			continue;
		buf_putc(out, '[');
		for (size_t k = p->body_at; k < p->body_end; k++)
			if (text.data[k] != '\r' || text.data[k + 1] != '\n')
				buf_putc(out, text.data[k] == '\n' && text.data[k - 1] == '\r' ? '|' : text.data[k]);
		buf_putc(out, ']');
	}
	return buf_text(out);
}

#define MULTI(b) "Content-Type: multipart/mixed; boundary=" b "|"

static const struct { const char *text, *parts; } structures[] = {
	{ "", "L0[]" }, { "|", "L0[]" }, { "Subject: x|", "L0[]" }, { "Subject: x||body|", "L0[body|]" },
	{ MULTI("b") "|pre|--b||one|--b|X: y||two|--b--|post|", "M0 L1[one] L1[two]" },
	{ MULTI("\"b c\"") "|--b c  ||one||--b c-- \t|", "M0 L1[one|]" },
	/* what is no boundary */
	{ MULTI("b") "|--b||--bx|-b| --b|x--b|--b-|\n--b\n|--b--|", "M0 L1[--bx|-b| --b|x--b|--b-|\n--b\n]" },
	/* nothing ends it; parts without a body, without an empty line */
	{ MULTI("b") "|--b||one|", "M0 L1[one|]" }, { MULTI("b") "|--b||--b|X: y|--b--", "M0 L1[] L1[]" }, { MULTI("b"), "M0" },
	/* an outer boundary ends the inner ones; what was closed stays closed */
	{ MULTI("o") "|--o|" MULTI("i") "|--i||a|--i||b|--o||c|--o--|--i||x|--o||y|", "M0 M1 L2[a] L2[b] L1[c]" },
	{ MULTI("o") "|--o|" MULTI("i") "|--i||a|--i--|--i||x|--o--|", "M0 M1 L2[a]" },
	/* messages in messages */
	{ "Content-Type: message/rfc822||Subject: in||body|", "R0 L1[body|]" },
	{ "Content-Type: multipart/digest; boundary=b||--b||Subject: in||body|--b|Content-Type: text/plain||t|--b--|", "M0 R1 L2[body] L1[t]" },
	{ "Content-Type: message/delivery-status||Action: failed|", "L0[Action: failed|]" },
	/* folds, comments, case, quotes, parameters that mean nothing */
	{ "CONTENT-TYPE : (a (b\\)) c) Multipart (x) / MIXED ;|\tcharset=\"a;boundary=z\" ;| Boundary=\"b\\\"q\"||--b\"q||x|--b\"q--", "M0 L1[x]" },
	{ "Content-Type: text||x", "L0[x]" }, { "Content-Type: ;;;||x", "L0[x]" }, { "Content-Type: multipart/mixed; x; boundary=b; y=||--b||x|--b--", "M0 L1[x]" },
};

START_TEST(structure)
{
	for (size_t i = 0; i < COUNT_OF(structures); i++) {
		struct view text = with_lines(structures[i].text);
		const char *why = "";
		struct mime m;
		struct buf out;

		buf_init(&out, 4096);
		ck_assert_msg(mime_scan(text, arena, &m, &why), "%s: %s", structures[i].text, why);
		ck_assert_str_eq(describe(text, &m, &out), structures[i].parts);
		buf_free(&out);
	}
}
END_TEST

static const char *const refused[] = {
	"Content-Type: multipart/mixed||x", "Content-Type: multipart/mixed; boundary=||x", "Content-Type: multipart/mixed; boundary=\"||x",
	"Content-Type: multipart/mixed; boundary=\"a \"||x", "Content-Type: multipart||x", "Content-Type: message||x",
	"Content-Type: multipart/mixed; boundary=a; boundary=b||x", "Content-Type: multipart/mixed; boundary*0=a||x",
	"Content-Type: multipart/mixed; boundary=0123456789012345678901234567890123456789012345678901234567890123456789x||x",
	"Content-Type: text/plain|Content-Type: multipart/mixed; boundary=b||x", "Content-Type: (multipart/mixed; boundary=b||x",
	"Content-Transfer-Encoding: 8bit|Content-Transfer-Encoding: base64||x",
	MULTI("b") "Content-Transfer-Encoding: base64||x", "Content-Type: message/rfc822|Content-Transfer-Encoding: quoted-printable||x",
};

START_TEST(not_understood)
{
	for (size_t i = 0; i < COUNT_OF(refused); i++) {
		const char *why = NULL;
		struct mime m;

		ck_assert_msg(!mime_scan(with_lines(refused[i]), arena, &m, &why), "%s", refused[i]);
		ck_assert(why && *why);
	}
}
END_TEST

/* Bombs end soon. */
START_TEST(limits)
{
	static const char *const units[] = { "Content-Type: message/rfc822||", "--b||x|" };
	static const size_t most[] = { MIME_DEPTH_MAX - 1, MIME_PARTS_MAX - 1 };

	for (size_t i = 0; i < COUNT_OF(units); i++)
		for (size_t more = 0; more < 2; more++) {
			const char *why = NULL;
			struct mime m;
			struct buf text;

			buf_init(&text, 1 << 20);
			if (i == 1)
				buf_puts(&text, MULTI("b") "|");
			for (size_t k = 0; k < most[i] + more; k++)
				buf_puts(&text, units[i]);
			ck_assert_int_eq(mime_scan(with_lines(buf_text(&text)), arena, &m, &why), more == 0);
			buf_free(&text);
		}
}
END_TEST

START_TEST(facts)
{
	const char *why;
	struct mime m;
	struct view text = with_lines("DKIM-Signature: x|" MULTI("b") "|pr\xc3\xa4|--b|Content-Transfer-Encoding: 8bit|MIME-Version: 1.0||\xc3\xa4|--b|"
				      "Content-Type: multipart/signed; boundary=s||--s|Content-Type: image/png|Content-Transfer-Encoding: BINARY||a\rb\nc|--s--|--b|"
				      "Content-Type: message/partial|Content-Transfer-Encoding: x-foo||x|--b--|");

	ck_assert(mime_scan(text, arena, &m, &why));
	ck_assert_uint_eq(m.count, 5);
	ck_assert(m.is_signed && m.around.eight == 2 && !m.around.binary);
	const struct mime_part *p = &m.parts[1];
	ck_assert(p->text && !p->typed && p->versioned && p->encoding == MIME_8BIT && p->octets.eight == 2 && !p->octets.binary && !p->is_signed);
	assert_view_eq(view_make(text.data + p->encoding_at, p->encoding_len), "Content-Transfer-Encoding: 8bit\r\n");
	p = &m.parts[3];
	ck_assert(!p->text && p->typed && p->encoding == MIME_BINARY && p->octets.binary && p->is_signed && p->octets.eight == 0);
	ck_assert(m.parts[4].fixed && m.parts[4].encoding == MIME_OTHER && !m.parts[4].is_signed);
}
END_TEST

START_TEST(octets)
{
	char line[1000];

	memset(line, 'x', sizeof(line));
	ck_assert(!mime_octets_of(view_make(line, 998)).long_lines && mime_octets_of(view_make(line, 999)).long_lines);
	memcpy(line + 500, "\r\n", 2);
	ck_assert(!mime_octets_of(view_make(line, 1000)).long_lines);
	ck_assert(mime_octets_of(view_make("a\0b", 3)).binary && mime_octets_of(VIEW("a\rb")).binary && mime_octets_of(VIEW("a\nb")).binary &&
		mime_octets_of(VIEW("a\r")).binary && !mime_octets_of(VIEW("a\r\n\r\n")).binary);
	ck_assert_uint_eq(mime_octets_of(VIEW("\x80\x7f\xff")).eight, 2);
}
END_TEST

int main(void)
{
	const TTest *tests[] = { structure, not_understood, limits, facts, octets };
	int failed;

	arena = arena_new(4096);
	failed = unit_run("mime", tests, COUNT_OF(tests));
	arena_free(&arena);
	return failed;
}
