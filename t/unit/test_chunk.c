/* test_chunk.c - content in chunks (RFC 3030). Text has one meaning whatever form it comes in: every text is given to both
 * feeders, to this one split in two at every octet, and must be the same message. Binary content is not touched. */
#include "unit.h"
#include "../../queue/spool.h"
#include "../../worker/body.h"

struct run {
	struct body body;
	struct buf content;
};

static bool store(void *arg, const char *data, size_t len)
{
	return buf_put(arg, data, len);
}

static void begin(struct run *r, bool allow_lf, bool binary)
{
	buf_init(&r->content, 1 << 20);
	r->body = (struct body){ .max_size = 100000, .allow_bare_lf = allow_lf, .binary = binary, .store = store, .arg = &r->content };
	body_begin(&r->body, 4096);
}

static void end(struct run *r)
{
	body_end(&r->body);
	buf_free(&r->content);
}

/* In two chunks, the first SPLIT octets long. */
static void feed(struct run *r, struct view in, size_t split, bool allow_lf, bool binary)
{
	begin(r, allow_lf, binary);
	body_feed_chunk(&r->body, in.data, split);
	body_feed_chunk(&r->body, in.data + split, in.len - split);
	body_last(&r->body);
}

/* As an honest client would send IN by DATA: dots stuffed where a line begins, the last line ended. */
static void feed_stuffed(struct run *r, struct view in, bool allow_lf)
{
	char out[64];
	size_t len = 0, used;
	bool start = true;

	for (size_t i = 0; i < in.len; i++) {
		if (start && in.data[i] == '.')
			out[len++] = '.';
		start = in.data[i] == '\n' && i > 0 && in.data[i - 1] == '\r';
		out[len++] = in.data[i];
	}
	if (!start)
		len += (size_t)snprintf(out + len, sizeof(out) - len, "\r\n");
	len += (size_t)snprintf(out + len, sizeof(out) - len, ".\r\n");
	begin(r, allow_lf, false);
	ck_assert(body_feed(&r->body, out, len, &used));
	ck_assert_uint_eq(used, len);
}

static void compare(struct view in, bool allow_lf)
{
	struct run data, chunks;

	feed_stuffed(&data, in, allow_lf);
	for (size_t split = 0; split <= in.len; split++) {
		feed(&chunks, in, split, allow_lf, false);
		ck_assert_msg((data.body.fault == BODY_FINE) == (chunks.body.fault == BODY_FINE), "\"%.*s\" split %zu: fault %d, by DATA %d",
			      VIEW_FMT(in), split, chunks.body.fault, data.body.fault);
		if (data.body.fault == BODY_FINE) {
			ck_assert_msg(view_eq(buf_view(&data.content), buf_view(&chunks.content)), "\"%.*s\" split %zu: \"%s\", by DATA \"%s\"",
				      VIEW_FMT(in), split, buf_text(&chunks.content), buf_text(&data.content));
			ck_assert(view_eq(buf_view(&data.body.header), buf_view(&chunks.body.header)));
			ck_assert_uint_eq(data.body.flags, chunks.body.flags);
			ck_assert_uint_eq(data.body.size, chunks.body.size);
			ck_assert_int_eq(data.body.header_done, chunks.body.header_done);
		}
		end(&chunks);
	}
	end(&data);
}

/* Every text of up to five of the octets that matter. */
START_TEST(every_text_as_by_data)
{
	static const char octets[6] = { '\r', '\n', '.', 'a', '\0', '\xe9' };
	char in[8];

	for (unsigned len = 0, most = 1; len <= 5; len++, most *= 6)
		for (unsigned n = 0; n < most; n++) {
			for (unsigned i = 0, rest = n; i < len; i++, rest /= 6)
				in[i] = octets[rest % 6];
			compare(view_make(in, len), false);
			/* DATA cannot say that a bare LF is the last octet: its end begins with CRLF. */
			if (len == 0 || in[len - 1] != '\n' || (len > 1 && in[len - 2] == '\r'))
				compare(view_make(in, len), true);
		}
}
END_TEST

static const struct expected {
	const char *in;
	size_t len;
	bool allow_lf, binary;
	enum body_fault fault;
	const char *out;		/* of a faultless message; NULL: as it came */
	unsigned flags;
} cases[] = {
#define IN(text) text, sizeof(text) - 1
	{ IN(""), false, false, BODY_FINE, NULL, 0 },
	{ IN("A: b"), false, false, BODY_FINE, "A: b\r\n", 0 },
	{ IN("A: b\r\n\r\nend"), false, false, BODY_FINE, "A: b\r\n\r\nend\r\n", 0 },
	{ IN("A: b\r\n\r\n.\r\nMAIL FROM:<x@y.test>\r\n"), false, false, BODY_FINE, NULL, ENVELOPE_DOTS },
	{ IN("a\r\n..b\r\n"), false, false, BODY_FINE, NULL, ENVELOPE_DOTS },
	{ IN("a\r\n."), false, false, BODY_FINE, "a\r\n.\r\n", ENVELOPE_DOTS },
	{ IN("a\r"), false, false, BODY_BARE_CR, NULL, 0 },
	{ IN("a\n"), false, false, BODY_BARE_LF, NULL, 0 },
	{ IN("a\0b\r\n"), false, false, BODY_NUL, NULL, 0 },
	{ IN("a\n"), true, false, BODY_FINE, "a\r\n", 0 },
	{ IN("a\n.\n"), true, false, BODY_FINE, "a\r\n.\r\n", ENVELOPE_DOTS },
	{ IN("a\n.b"), true, false, BODY_FINE, "a\r\n.b\r\n", ENVELOPE_DOTS },
	{ IN("a\nb"), true, false, BODY_FINE, "a\r\nb\r\n", 0 },
	/* Binary: the header section is text, behind it nothing means anything. */
	{ IN("A: b\r\n\r\n\0\r\n\n\r.\r.\n.\r\n\xff"), false, true, BODY_FINE, NULL, ENVELOPE_8BIT },
	{ IN("A: b\r\n\r\n\r"), false, true, BODY_FINE, NULL, 0 },
	{ IN("A: b\r\n\r\n"), false, true, BODY_FINE, NULL, 0 },
	{ IN("\r\n\0"), false, true, BODY_FINE, NULL, 0 },
	{ IN("A: b"), false, true, BODY_FINE, "A: b\r\n", 0 },
	{ IN("A: b\n\nC"), false, true, BODY_BARE_LF, NULL, 0 },
	{ IN("A: b\rC\r\n\r\n"), false, true, BODY_BARE_CR, NULL, 0 },
	{ IN("A: \0\r\n\r\n"), false, true, BODY_NUL, NULL, 0 },
};

START_TEST(forms)
{
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const struct expected *e = &cases[i];
		struct view wanted = e->out ? view_of(e->out) : view_make(e->in, e->len);

		for (size_t split = 0; split <= e->len; split++) {
			struct run r;

			feed(&r, view_make(e->in, e->len), split, e->allow_lf, e->binary);
			ck_assert_msg(r.body.fault == e->fault, "%zu, split %zu: fault %d", i, split, r.body.fault);
			if (e->fault == BODY_FINE) {
				ck_assert_msg(view_eq(buf_view(&r.content), wanted), "%zu, split %zu: \"%s\"", i, split, buf_text(&r.content));
				ck_assert_msg(r.body.flags == e->flags, "%zu, split %zu: flags %x", i, split, r.body.flags);
				ck_assert_uint_eq(r.body.size, wanted.len);
			}
			end(&r);
		}
	}
}
END_TEST

/* A line is as long as it is, through however many chunks. */
START_TEST(long_lines)
{
	for (size_t len = 997; len <= 1000; len++)
		for (int ended = 0; ended < 2; ended++) {
			struct run r;

			begin(&r, false, false);
			for (size_t i = 0; i < len; i++)
				body_feed_chunk(&r.body, "x", 1);
			if (ended)
				body_feed_chunk(&r.body, "\r\n", 2);
			body_last(&r.body);
			ck_assert_uint_eq(r.body.flags, len > BODY_LINE_MAX ? ENVELOPE_LONG_LINES : 0);
			ck_assert_uint_eq(r.content.len, len + 2);
			end(&r);
		}
}
END_TEST

START_TEST(limits)
{
	struct run r;

	begin(&r, false, false);
	r.body.max_size = 6;
	body_feed_chunk(&r.body, "abcd\r\n", 6);
	ck_assert_int_eq(r.body.fault, BODY_FINE);
	body_feed_chunk(&r.body, "\r", 1);	/* withheld: a CR alone is nothing yet */
	body_feed_chunk(&r.body, "\n", 1);
	ck_assert_int_eq(r.body.fault, BODY_TOO_BIG);
	end(&r);
	begin(&r, false, true);
	for (int i = 0; i < 1000; i++)
		body_feed_chunk(&r.body, "A: bc\r\n", 7);
	ck_assert_int_eq(r.body.fault, BODY_HEADER_TOO_BIG);
	end(&r);
}
END_TEST

/* One call for a piece, whatever is in it: nothing is copied on the way. */
static bool count(void *arg, const char *data UNUSED, size_t len UNUSED)
{
	++*(unsigned *)arg;
	return true;
}

START_TEST(bulk_runs)
{
	unsigned calls = 0;
	struct body b = { .store = count, .arg = &calls };

	body_begin(&b, 100);
	body_feed_chunk(&b, "A: b\r\n\r\n", 8);
	calls = 0;
	body_feed_chunk(&b, "line\r\n.line\r\n..\r\n.\r\nline\r\n", 26);
	ck_assert_uint_eq(calls, 1);
	body_end(&b);
}
END_TEST

UNIT_MAIN("chunk", every_text_as_by_data, forms, long_lines, limits, bulk_runs)
