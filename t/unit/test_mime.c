/* test_mime.c - the structure of messages: where parts begin and end, what is a boundary and what only looks like one, what
 * they hold, what is wrong with them, and where it ends. In the tables "|" stands for CRLF. */
#include "unit.h"
#include "../../lib/mime.h"
#include "../../lib/buf.h"

static struct arena *arena;

static struct view with_lines(const char *text)
{
	return unit_lines(text, arena_alloc(arena, 2 * strlen(text) + 1));
}

static const struct mime_limits limits = { .depth = 32, .parts = 2000, .header = 8192 };

/* Reads at most PIECE octets at a time. */
struct slow {
	struct view text;
	size_t piece;
	size_t reads;
};

static ssize_t slow_read(void *arg, uint64_t offset, void *out, size_t len)
{
	struct slow *s = arg;

	s->reads++;
	return mime_read_view(&s->text, offset, out, len < s->piece ? len : s->piece);
}

static enum mime_result scan_slowly(struct view text, size_t piece, struct mime *m)
{
	struct slow slow = { .text = text, .piece = piece };
	struct mime_source source = { .read = slow_read, .arg = &slow, .count_octets = true };

	return mime_scan(&source, &limits, arena, m);
}

static enum mime_result scan(struct view text, struct mime *m)
{
	return scan_slowly(text, SIZE_MAX, m);
}

/* A letter a part: L leaf, M multipart, R message, its depth, and of a leaf its body. */
static const char *describe(struct view text, const struct mime *m, struct buf *out)
{
	static const char letters[] = { [MIME_LEAF] = 'L', [MIME_MULTIPART] = 'M', [MIME_MESSAGE] = 'R' };

	for (size_t i = 0; i < m->count; i++) {
		const struct mime_part *p = &m->parts[i];

		buf_printf(out, "%s%c%u", i ? " " : "", letters[p->kind], p->depth);
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
		for (size_t piece = 1; piece < 100; piece += piece < 9 ? 1 : 90) {
			struct mime m;
			struct buf out;

			buf_init(&out, 4096);
			ck_assert_int_eq(scan_slowly(text, piece, &m), MIME_OK);
			ck_assert_str_eq(describe(text, &m, &out), structures[i].parts);
			buf_free(&out);
		}
	}
}
END_TEST

/* The flaws of all parts, and what is seen nevertheless. */
static const struct { const char *text; unsigned flaws; const char *parts; } flawed[] = {
	{ "Content-Type: multipart/mixed||x", MIME_FLAW_BOUNDARY, "L0[x]" }, { "Content-Type: multipart/mixed; boundary=||x", MIME_FLAW_BOUNDARY, "L0[x]" },
	{ "Content-Type: multipart/mixed; boundary=\"||x", MIME_FLAW_BOUNDARY | MIME_FLAW_TYPE, "L0[x]" },
	{ "Content-Type: multipart/mixed; boundary=\"a \"||--a||x|--a--", MIME_FLAW_BOUNDARY, "M0 L1[x]" }, { "Content-Type: multipart||x", MIME_FLAW_FIELD | MIME_FLAW_TYPE | MIME_FLAW_BOUNDARY, "L0[x]" },
	{ "Content-Type: message||x", MIME_FLAW_FIELD | MIME_FLAW_TYPE, "L0[x]" }, { "Content-Type: text||x", MIME_FLAW_TYPE, "L0[x]" }, { "Content-Type: ;;;||x", MIME_FLAW_TYPE, "L0[x]" },
	{ "Content-Type: multipart/mixed; boundary=a; boundary=b||--a||x|--a--|--b||y|--b--", MIME_FLAW_BOUNDARY, "M0 L1[x]" },
	{ "Content-Type: multipart/mixed; boundary*0=a; boundary*1=b||--ab||x|--ab--", MIME_FLAW_BOUNDARY, "M0 L1[x]" },
	{ "Content-Type: multipart/mixed; boundary=a b||--a b||x|--a b--", MIME_FLAW_BOUNDARY | MIME_FLAW_TYPE, "M0 L1[x]" },
	{ "Content-Type: multipart/mixed; boundary=0123456789012345678901234567890123456789012345678901234567890123456789x||x", MIME_FLAW_BOUNDARY | MIME_FLAW_OPEN, "M0" },
	{ "Content-Type: text/plain|Content-Type: multipart/mixed; boundary=b||--b||x|--b--|", MIME_FLAW_FIELD, "L0[--b||x|--b--|]" },
	{ "Content-Type: multipart/mixed; boundary=b|Content-Type: text/plain||--b||x|--b--|", MIME_FLAW_FIELD, "M0 L1[x]" },
	{ "Content-Type: (multipart/mixed; boundary=b||x", MIME_FLAW_TYPE, "L0[x]" }, { "Content-Transfer-Encoding: 8bit|Content-Transfer-Encoding: base64||x", MIME_FLAW_FIELD, "L0[x]" },
	{ MULTI("b") "Content-Transfer-Encoding: base64||--b||x|--b--", MIME_FLAW_ENCODED, "M0 L1[x]" }, { "Content-Type: message/rfc822|Content-Transfer-Encoding: quoted-printable||x", MIME_FLAW_ENCODED, "L0[x]" },
	{ "Content-Transfer-Encoding: x-uuencode||x", MIME_FLAW_ENCODING, "L0[x]" }, { "no field||x", MIME_FLAW_AMBIGUOUS, "L0[x]" },
	{ MULTI("b") "|--b||one|", MIME_FLAW_OPEN, "M0 L1[one|]" }, { MULTI("b") "|--b||x|--bx|y|--b--", MIME_FLAW_AMBIGUOUS, "M0 L1[x|--bx|y]" },
	{ MULTI("b") "|--b||x|--b--|--b||hidden|--b--|", MIME_FLAW_AMBIGUOUS, "M0 L1[x]" }, { MULTI("b") "|--b||x\n--b\ny|--b--", MIME_FLAW_AMBIGUOUS, "M0 L1[x\n--b\ny]" },
	{ MULTI("b") "|--b|" MULTI("b") "|--b||x|--b--|--b||y|--b--|", MIME_FLAW_AMBIGUOUS, "M0 M1 L2[x] L1[y]" },
	{ MULTI("o") "|--o|" MULTI("o1") "|--o1||x|--o1--|--o--|", 0, "M0 M1 L2[x]" }, { MULTI("b") "|--b||x|--b--|", 0, "M0 L1[x]" },
};

START_TEST(flaws)
{
	for (size_t i = 0; i < COUNT_OF(flawed); i++) {
		struct view text = with_lines(flawed[i].text);
		struct mime m;
		struct buf out;

		buf_init(&out, 4096);
		ck_assert_int_eq(scan(text, &m), MIME_OK);
		ck_assert_msg(mime_flaws(&m) == flawed[i].flaws, "%s: %u", flawed[i].text, mime_flaws(&m));
		ck_assert_msg(strcmp(describe(text, &m, &out), flawed[i].parts) == 0, "%s: %s", flawed[i].text, buf_text(&out));
		buf_free(&out);
	}
}
END_TEST

/* Bombs end soon. */
START_TEST(bombs)
{
	static const char *const units[] = { "Content-Type: message/rfc822||", "--b||x|" };
	const size_t most[] = { limits.depth - 1, limits.parts - 1 };

	for (size_t i = 0; i < COUNT_OF(units); i++)
		for (size_t more = 0; more < 2; more++) {
			struct mime m;
			struct buf text;

			buf_init(&text, 1 << 20);
			if (i == 1)
				buf_puts(&text, MULTI("b") "|");
			for (size_t k = 0; k < most[i] + more; k++)
				buf_puts(&text, units[i]);
			ck_assert_int_eq(scan(with_lines(buf_text(&text)), &m), more ? MIME_OVER : MIME_OK);
			ck_assert_uint_eq(m.count, i ? limits.parts : limits.depth);
			buf_free(&text);
		}
}
END_TEST

/* Each text with so many octets in it that it is just allowed, and one more; H is the header section of the message, P that of a part. */
START_TEST(long_headers)
{
	static const struct { const char *before, *fill, *after; size_t most; } cases[] = {
		{ MULTI("b") "|--b|", "x", "||--b--|", 8192 }, { MULTI("b") "|--b|X: ", "y", "||--b--|", 8192 }, { MULTI("b") "|--b|Content-Type: text/plain; x=", "y", "||--b--|", 8192 },
		{ "Content-Type: text/plain; x=\"", "y", "\"||", 8192 }, { "Content-Type: text/plain", "; a=b", "||", 8192 }, { "Subject: ", "x", "||", 1000000 },
		{ "Content-Type: multipart/mixed; boundary=", "x", "||", 8192 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		enum mime_result last = MIME_OK;

		for (size_t n = 0; n < 20000; n = n * 2 + 50) {
			struct mime m;
			struct buf text;

			buf_init(&text, 1 << 20);
			buf_puts(&text, cases[i].before);
			for (size_t k = 0; k < n; k++)
				buf_puts(&text, cases[i].fill);
			buf_puts(&text, cases[i].after);
			enum mime_result result = scan(with_lines(buf_text(&text)), &m);
			ck_assert_msg(result >= last, "%zu: %zu", i, n);
			ck_assert(n * strlen(cases[i].fill) < cases[i].most || result == MIME_OVER);
			last = result;
			buf_free(&text);
		}
		ck_assert_int_eq(last, i == 5 ? MIME_OK : MIME_OVER);
	}
}
END_TEST

static ssize_t fail_read(void *arg, uint64_t offset, void *out, size_t len)
{
	return offset < 20 ? mime_read_view(arg, offset, out, len < 20 ? len : 20) : -1;
}

START_TEST(unreadable)
{
	struct view text = with_lines(MULTI("b") "|--b||x|--b--");
	struct mime_source source = { .read = fail_read, .arg = &text };
	struct mime m;

	ck_assert_int_eq(mime_scan(&source, &limits, arena, &m), MIME_UNREADABLE);
}
END_TEST

/* A header section of its own, in front of a body that stands somewhere in a text. */
START_TEST(given_header)
{
	static const struct { const char *header, *text; uint64_t body_at; const char *parts; } cases[] = {
		{ MULTI("b") "Subject: x|", "Content-Type: text/plain||--b||x|--b--|", 28, "M0 L1[x]" }, { "Subject: x|", MULTI("b") "|--b||x|--b--", 45, "L0[--b||x|--b--]" },
		{ "", "|body", 2, "L0[body]" }, { "Content-Type: message/rfc822|", "X: y||A: b||in", 8, "R0 L1[in]" }, { "X: y|", "X: y|", 6, "L0[]" },
		{ MULTI("b"), "", 0, "M0" }, { MULTI("b"), "--b||x", 0, "M0 L1[x]" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct view text = with_lines(cases[i].text);
		struct mime_source source = { .read = mime_read_view, .arg = &text, .header = with_lines(cases[i].header), .body_at = cases[i].body_at };
		struct mime m;
		struct buf out;

		buf_init(&out, 4096);
		ck_assert_int_eq(mime_scan(&source, &limits, arena, &m), MIME_OK);
		ck_assert_msg(strcmp(describe(text, &m, &out), cases[i].parts) == 0, "%s: %s", cases[i].text, buf_text(&out));
		buf_free(&out);
	}
}
END_TEST

/* A hundred megabytes that never end a line, or a part, are read once and not kept. */
START_TEST(endless)
{
	struct slow big = { .text = { .len = 0 }, .piece = SIZE_MAX };
	char *data = malloc(4 << 20);
	struct mime_source source = { .read = slow_read, .arg = &big };
	static const char *const fills[] = { "x", "-", "--", "--b", "--b ", "--b\t", "\r", "\n", "--\r\n", "a: b\r\n" };

	ck_assert_ptr_nonnull(data);
	for (size_t i = 0; i < COUNT_OF(fills); i++) {
		struct view head = with_lines(MULTI("b") "|--b||");
		size_t len = strlen(fills[i]), used = arena_used(arena);
		struct mime m;

		memcpy(data, head.data, head.len);
		for (size_t k = head.len; k < (4 << 20); k++)
			data[k] = fills[i][(k - head.len) % len];
		big.text = view_make(data, 4 << 20);
		big.reads = 0;
		ck_assert_int_eq(mime_scan(&source, &limits, arena, &m), MIME_OK);
		ck_assert_uint_lt(big.reads, (4 << 20) / 15000);
		ck_assert_uint_lt(arena_used(arena) - used, 4096);
	}
	free(data);
}
END_TEST

START_TEST(facts)
{
	struct mime m;
	struct view text = with_lines("DKIM-Signature: x|" MULTI("b") "|pr\xc3\xa4|--b|Content-Transfer-Encoding: 8bit|MIME-Version: 1.0||\xc3\xa4|--b|"
				      "Content-Type: multipart/signed; boundary=s||--s|Content-Type: image/png|Content-Transfer-Encoding: BINARY||a\rb\nc|--s--|--b|"
				      "Content-Type: message/partial|Content-Transfer-Encoding: x-foo||x|--b--|");

	ck_assert_int_eq(scan(text, &m), MIME_OK);
	ck_assert_uint_eq(m.count, 5);
	ck_assert(m.parts[2].parent == 0 && m.parts[3].parent == 2 && m.parts[4].parent == 0);
	ck_assert(m.is_signed && m.around.eight == 2 && !m.around.binary);
	const struct mime_part *p = &m.parts[1];
	ck_assert(p->text && !p->typed && p->versioned && p->encoding == MIME_8BIT && p->octets.eight == 2 && !p->octets.binary && !p->is_signed);
	assert_view_eq(view_make(text.data + p->encoding_at, p->encoding_len), "Content-Transfer-Encoding: 8bit\r\n");
	p = &m.parts[3];
	ck_assert(!p->text && p->typed && p->encoding == MIME_BINARY && p->octets.binary && p->is_signed && p->octets.eight == 0);
	ck_assert(m.parts[4].fixed && m.parts[4].encoding == MIME_OTHER && !m.parts[4].is_signed);
}
END_TEST

static struct mime_octets octets_of(struct view v)
{
	struct mime_counter whole = { 0 }, cut = { 0 };

	mime_count(&whole, v);
	mime_count_end(&whole);
	for (size_t i = 0; i < v.len; i++)
		mime_count(&cut, view_make(v.data + i, 1));
	mime_count_end(&cut);
	ck_assert(whole.octets.eight == cut.octets.eight && whole.octets.binary == cut.octets.binary && whole.octets.long_lines == cut.octets.long_lines);
	return whole.octets;
}

START_TEST(octets)
{
	char line[1000];

	memset(line, 'x', sizeof(line));
	ck_assert(!octets_of(view_make(line, 998)).long_lines && octets_of(view_make(line, 999)).long_lines);
	memcpy(line + 500, "\r\n", 2);
	ck_assert(!octets_of(view_make(line, 1000)).long_lines);
	ck_assert(octets_of(view_make("a\0b", 3)).binary && octets_of(VIEW("a\rb")).binary && octets_of(VIEW("a\nb")).binary && octets_of(VIEW("a\r")).binary &&
		octets_of(VIEW("a\r\r\n")).binary && !octets_of(VIEW("a\r\n\r\n")).binary && !octets_of(VIEW("")).binary);
	ck_assert_uint_eq(octets_of(VIEW("\x80\x7f\xff")).eight, 2);
}
END_TEST

int main(void)
{
	const TTest *tests[] = { structure, flaws, bombs, long_headers, unreadable, given_header, endless, facts, octets };
	int failed;

	arena = arena_new(4096);
	failed = unit_run("mime", tests, COUNT_OF(tests));
	arena_free(&arena);
	return failed;
}
