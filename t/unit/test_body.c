/* test_body.c - the reader of message content: every case is fed whole, split in two at every octet, and octet by
 * octet, and must come to the same end. */
#include "unit.h"
#include "../../queue/spool.h"
#include "../../worker/body.h"

struct run {
	struct buf content;
	size_t calls;
};

static bool store(void *arg, const char *data, size_t len)
{
	struct run *r = arg;

	r->calls++;
	return buf_put(&r->content, data, len);
}

struct expected {
	const char *name;
	const char *in;
	size_t in_len;
	bool ends;		/* the end is found */
	size_t left;		/* octets after it */
	enum body_fault fault;
	const char *content;	/* of a faultless message */
	unsigned flags;
};
#define IN(text) text, sizeof(text) - 1

static const struct expected strict[] = {
	{ "empty", IN(".\r\n"), true, 0, BODY_FINE, "", 0 },
	{ "one line", IN("a\r\n.\r\n"), true, 0, BODY_FINE, "a\r\n", 0 },
	{ "commands behind it", IN("a\r\n.\r\nRSET\r\n"), true, 6, BODY_FINE, "a\r\n", 0 },
	{ "stuffed dot", IN("..a\r\n.\r\n"), true, 0, BODY_FINE, ".a\r\n", ENVELOPE_DOTS },
	{ "stuffed lone dot", IN("a\r\n..\r\nb\r\n.\r\n"), true, 0, BODY_FINE, "a\r\n.\r\nb\r\n", ENVELOPE_DOTS },
	{ "dot not doubled", IN(".a\r\n.\r\n"), true, 0, BODY_FINE, "a\r\n", 0 },
	{ "dots inside", IN("a.\r\nb..c\r\n.\r\n"), true, 0, BODY_FINE, "a.\r\nb..c\r\n", 0 },
	{ "8-bit", IN("\xc3\xa9\r\n.\r\n"), true, 0, BODY_FINE, "\xc3\xa9\r\n", ENVELOPE_8BIT },
	{ "8-bit late", IN("0123456789\xff\r\n.\r\n"), true, 0, BODY_FINE, "0123456789\xff\r\n", ENVELOPE_8BIT },
	{ "no end", IN("a\r\n.\r"), false, 0, BODY_FINE, NULL, 0 },
	{ "dot before the end of input", IN("a\r\n."), false, 0, BODY_FINE, NULL, 0 },
	/* The forms of SMTP smuggling: none is an end, all are refused. What follows must not be read as a command. */
	{ "LF.LF", IN("a\n.\nMAIL\r\n.\r\n"), true, 0, BODY_BARE_LF, NULL, 0 },
	{ "LF.CRLF", IN("a\n.\r\nMAIL\r\n.\r\n"), true, 0, BODY_BARE_LF, NULL, 0 },
	{ "CRLF.LF", IN("a\r\n.\nMAIL\r\n.\r\n"), true, 0, BODY_BARE_LF, NULL, 0 },
	{ "CR.CR", IN("a\r.\rMAIL\r\n.\r\n"), true, 0, BODY_BARE_CR, NULL, 0 },
	{ "CRLF.CR", IN("a\r\n.\rMAIL\r\n.\r\n"), true, 0, BODY_BARE_CR, NULL, 0 },
	{ "CR.CRLF", IN("a\r.\r\nMAIL\r\n.\r\n"), true, 0, BODY_BARE_CR, NULL, 0 },
	{ "CRCRLF.CRCRLF", IN("a\r\r\n.\r\r\nMAIL\r\n.\r\n"), true, 0, BODY_BARE_CR, NULL, 0 },
	{ "CRLF NUL.CRLF", IN("a\r\n\0.\r\nMAIL\r\n.\r\n"), true, 0, BODY_NUL, NULL, 0 },
	{ "CRLF.NUL CRLF", IN("a\r\n.\0\r\nMAIL\r\n.\r\n"), true, 0, BODY_NUL, NULL, 0 },
	{ "CRLF.CRCRLF then end", IN("\r\n.\r\r\n.\r\n"), true, 0, BODY_BARE_CR, NULL, 0 },
	{ "bare LF first", IN("\n.\r\n.\r\n"), true, 0, BODY_BARE_LF, NULL, 0 },
	{ "bare CR first", IN("\rx\r\n.\r\n"), true, 0, BODY_BARE_CR, NULL, 0 },
};

static const struct expected lenient[] = {
	{ "LF inside", IN("a\nb\r\n.\r\n"), true, 0, BODY_FINE, "a\r\nb\r\n", 0 },
	{ "LF.LF is content", IN("a\n.\nb\r\n.\r\n"), true, 0, BODY_FINE, "a\r\n.\r\nb\r\n", ENVELOPE_DOTS },
	{ "LF.CRLF is content", IN("a\n.\r\nb\r\n.\r\n"), true, 0, BODY_FINE, "a\r\n.\r\nb\r\n", ENVELOPE_DOTS },
	{ "CRLF.LF is content", IN("a\r\n.\nb\r\n.\r\n"), true, 0, BODY_FINE, "a\r\n\r\nb\r\n", 0 },
	{ "LF..x stays", IN("a\n..x\r\n.\r\n"), true, 0, BODY_FINE, "a\r\n..x\r\n", ENVELOPE_DOTS },
	{ "CR is still refused", IN("a\rb\r\n.\r\n"), true, 0, BODY_BARE_CR, NULL, 0 },
	{ "CRLF.CR is still refused", IN("a\r\n.\rb\r\n.\r\n"), true, 0, BODY_BARE_CR, NULL, 0 },
};

/* Feeds in pieces of STEP octets, the first one FIRST octets long. */
static void feed(const struct expected *e, bool allow_lf, size_t first, size_t step)
{
	struct run run = { .calls = 0 };
	struct body b = { .max_size = 1000, .allow_bare_lf = allow_lf, .store = store, .arg = &run };
	size_t at = 0, used, end = 0;
	bool ended = false;

	buf_init(&run.content, 4096);
	body_begin(&b, 4096);
	while (at < e->in_len && !ended) {
		size_t n = at == 0 && first ? first : step;

		if (n > e->in_len - at)
			n = e->in_len - at;
		ended = body_feed(&b, e->in + at, n, &used);
		ck_assert_uint_le(used, n);
		ck_assert(ended || used == n);
		end = at + used;
		at += n;
	}
	ck_assert_msg(ended == e->ends, "%s, split %zu/%zu: end %d", e->name, first, step, ended);
	ck_assert_msg(b.fault == e->fault, "%s, split %zu/%zu: fault %d", e->name, first, step, b.fault);
	if (ended)
		ck_assert_msg(e->in_len - end == e->left, "%s: %zu left", e->name, e->in_len - end);
	if (e->content) {
		assert_view_eq(buf_view(&run.content), e->content);
		ck_assert_uint_eq(b.size, strlen(e->content));
		ck_assert_msg(b.flags == e->flags, "%s, split %zu/%zu: flags %x", e->name, first, step, b.flags);
	}
	body_end(&b);
	buf_free(&run.content);
}

static void feed_all(const struct expected *table, size_t count, bool allow_lf)
{
	for (size_t i = 0; i < count; i++) {
		feed(&table[i], allow_lf, 0, table[i].in_len);
		feed(&table[i], allow_lf, 0, 1);
		feed(&table[i], allow_lf, 0, 2);
		for (size_t at = 1; at < table[i].in_len; at++)
			feed(&table[i], allow_lf, at, table[i].in_len);
	}
}

START_TEST(strict_ends)
{
	feed_all(strict, COUNT_OF(strict), false);
}
END_TEST

START_TEST(lenient_ends)
{
	feed_all(lenient, COUNT_OF(lenient), true);
}
END_TEST

/* What RFC 5321 says, in the plainest way: the length of IN up to and with its end, 0 when there is none, and the content
 * without the stuffed dots. BARE: a CR or LF stands alone before the end. */
static size_t reference(const char *in, size_t len, char *content, size_t *content_len, bool *bare)
{
	bool start = true;

	*content_len = 0;
	*bare = false;
	for (size_t i = 0; i < len; i++) {
		if (start && len - i >= 3 && memcmp(in + i, ".\r\n", 3) == 0)
			return i + 3;
		if (start && in[i] == '.' && i + 1 < len && in[i + 1] != '\r' && in[i + 1] != '\n')
			i++;
		start = i > 0 && in[i] == '\n' && in[i - 1] == '\r';
		*bare = *bare || (in[i] == '\n' && !start) || (in[i] == '\r' && i + 1 < len && in[i + 1] != '\n');
		content[(*content_len)++] = in[i];
	}
	return 0;
}

static void compare(const char *in, size_t len, size_t split, bool allow_lf)
{
	char wanted[16];
	size_t wanted_len, used = 0;
	bool bare;
	struct run run = { .calls = 0 };
	struct body b = { .allow_bare_lf = allow_lf, .store = store, .arg = &run };
	size_t end = reference(in, len, wanted, &wanted_len, &bare);

	buf_init(&run.content, 64);
	body_begin(&b, 64);
	bool ended = body_feed(&b, in, split, &used);
	if (!ended && split < len) {
		ended = body_feed(&b, in + split, len - split, &used);
		used += split;
	}
	ck_assert_msg(ended == (end != 0) && (!ended || used == end), "%.*s split %zu: end at %zu, not %zu", (int)len, in, split, used, end);
	if (ended && !allow_lf)
		ck_assert_msg((b.fault != BODY_FINE) == bare, "%.*s split %zu: fault %d", (int)len, in, split, b.fault);
	if (ended && !bare) {
		ck_assert_uint_eq(run.content.len, wanted_len);
		ck_assert(wanted_len == 0 || memcmp(run.content.data, wanted, wanted_len) == 0);
	}
	body_end(&b);
	buf_free(&run.content);
}

/* Every text of up to seven of the octets that matter, in two pieces at every octet. */
START_TEST(every_text)
{
	static const char octets[4] = { '\r', '\n', '.', 'a' };
	char in[8];

	for (size_t len = 1; len <= 7; len++)
		for (unsigned n = 0; n < 1u << (2 * len); n++) {
			for (size_t i = 0; i < len; i++)
				in[i] = octets[n >> (2 * i) & 3];
			for (size_t split = 1; split <= len; split++) {
				compare(in, len, split, false);
				compare(in, len, split, true);
			}
		}
}
END_TEST

static const struct { const char *in, *header; bool done; } sections[] = {
	{ "A: b\r\nC: d\r\n\r\nbody\r\n.\r\n", "A: b\r\nC: d\r\n", true },
	{ "A: b\r\n folded\r\n\r\n\r\nbody\r\n.\r\n", "A: b\r\n folded\r\n", true },
	{ "\r\nbody\r\n.\r\n", "", true },
	{ "A: b\r\n.\r\n", "A: b\r\n", false },
	{ ".\r\n", "", false },
	{ "A: b\r\n..\r\n\r\nbody\r\n.\r\n", "A: b\r\n.\r\n", true },
};

START_TEST(header_section)
{
	for (size_t i = 0; i < COUNT_OF(sections); i++) {
		for (size_t step = 1; step <= strlen(sections[i].in); step++) {
			struct run run = { .calls = 0 };
			struct body b = { .store = store, .arg = &run };
			size_t used, len = strlen(sections[i].in);

			buf_init(&run.content, 4096);
			body_begin(&b, 4096);
			for (size_t at = 0; at < len; at += step)
				body_feed(&b, sections[i].in + at, len - at < step ? len - at : step, &used);
			assert_view_eq(buf_view(&b.header), sections[i].header);
			ck_assert_int_eq(b.header_done, sections[i].done);
			ck_assert(view_starts(buf_view(&run.content), buf_view(&b.header)));
			body_end(&b);
			buf_free(&run.content);
		}
	}
}
END_TEST

static enum body_fault fault_of(uint64_t max_size, size_t max_header, const char *in, unsigned *flags)
{
	struct run run = { .calls = 0 };
	struct body b = { .max_size = max_size, .store = store, .arg = &run };
	size_t used;

	buf_init(&run.content, 4096);
	body_begin(&b, max_header);
	ck_assert(body_feed(&b, in, strlen(in), &used));	/* drained to the end whatever the fault */
	ck_assert_uint_eq(used, strlen(in));
	*flags = b.flags;
	body_end(&b);
	buf_free(&run.content);
	return b.fault;
}

START_TEST(limits)
{
	char line[1100];
	unsigned flags;

	ck_assert_int_eq(fault_of(6, 100, "abcd\r\n.\r\n", &flags), BODY_FINE);
	ck_assert_int_eq(fault_of(5, 100, "abcd\r\n.\r\n", &flags), BODY_TOO_BIG);
	ck_assert_int_eq(fault_of(6, 100, "..bcd\r\n.\r\n", &flags), BODY_FINE);
	ck_assert_int_eq(fault_of(0, 6, "A: b\r\n\r\n.\r\n", &flags), BODY_FINE);
	ck_assert_int_eq(fault_of(0, 5, "A: b\r\n\r\nlong body\r\n.\r\n", &flags), BODY_HEADER_TOO_BIG);
	/* 4096 is what store() above takes */
	memset(line, 'x', sizeof(line));
	snprintf(line + 998, sizeof(line) - 998, "\r\n.\r\n");
	ck_assert_int_eq(fault_of(0, 2000, line, &flags), BODY_FINE);
	ck_assert_uint_eq(flags, 0);
	memset(line, 'x', sizeof(line));
	snprintf(line + 999, sizeof(line) - 999, "\r\n.\r\n");
	ck_assert_int_eq(fault_of(0, 2000, line, &flags), BODY_FINE);
	ck_assert_uint_eq(flags, ENVELOPE_LONG_LINES);
}
END_TEST

static bool refuse(void *arg UNUSED, const char *data UNUSED, size_t len UNUSED)
{
	return false;
}

START_TEST(not_stored)
{
	struct body b = { .store = refuse };
	size_t used;

	body_begin(&b, 100);
	ck_assert(body_feed(&b, "a\r\n.\r\n", 6, &used));
	ck_assert_int_eq(b.fault, BODY_NOT_STORED);
	body_end(&b);
}
END_TEST

/* The common path hands on whole pieces: one call for a buffer in which no line begins with a dot. */
START_TEST(bulk_runs)
{
	struct run run = { .calls = 0 };
	struct body b = { .store = store, .arg = &run };
	size_t used;

	buf_init(&run.content, 65536);
	body_begin(&b, 100);
	ck_assert(!body_feed(&b, "A: b\r\n\r\n", 8, &used));
	run.calls = 0;
	ck_assert(!body_feed(&b, "line\r\nline\r\nline\r\nline\r\n", 24, &used));
	ck_assert_uint_eq(run.calls, 1);
	body_end(&b);
	buf_free(&run.content);
}
END_TEST

UNIT_MAIN("body", strict_ends, lenient_ends, every_text, header_section, limits, not_stored, bulk_runs)
