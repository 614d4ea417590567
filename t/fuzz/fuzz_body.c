/* fuzz_body.c - content of messages. However it is cut into pieces, by DATA it ends at the first CRLF.CRLF and nowhere else, and
 * what is stored is what was sent without the stuffed dots (RFC 5321 4.5.2); in chunks (RFC 3030) it is what was sent, with
 * its last line ended, and binary content is not touched at all. */
#include "fuzz.h"
#include "../../queue/spool.h"
#include "../../worker/body.h"

struct outcome {
	struct body body;
	struct buf stored;
	size_t used;
	bool done;
};

static bool store(void *arg, const char *data, size_t len)
{
	return buf_put(arg, data, len);
}

static void begin(struct outcome *o, bool allow_bare_lf, bool binary)
{
	*o = (struct outcome){ .body = { .max_size = 60000, .allow_bare_lf = allow_bare_lf, .binary = binary, .store = store, .arg = &o->stored } };
	buf_init(&o->stored, 1 << 20);
	body_begin(&o->body, 4096);
}

static void feed(struct outcome *o, struct view in, size_t piece, bool allow_bare_lf)
{
	begin(o, allow_bare_lf, false);
	while (in.len && !o->done) {
		struct view head = view_head(in, piece);
		size_t n = 0;

		o->done = body_feed(&o->body, head.data, head.len, &n);
		MUST(n <= head.len && (o->done || n == head.len));
		o->used += n;
		in = view_skip(in, n);
	}
}

static void end(struct outcome *o)
{
	body_end(&o->body);
	buf_free(&o->stored);
}

/* Where the message ends by the book: behind the first CRLF.CRLF, the first CRLF of which may be the one of the
 * command before. 0 when it does not. */
static size_t find_end(struct view in)
{
	const char *found;

	if (view_starts(in, VIEW(".\r\n")))
		return 3;
	found = in.len ? memmem(in.data, in.len, "\r\n.\r\n", 5) : NULL;
	return found ? (size_t)(found - in.data) + 5 : 0;
}

/* The content of IN (which ends in the terminator) by the book. */
static void unstuff(struct view in, struct buf *out)
{
	bool line_start = true;

	for (size_t i = 0; i < in.len - 3; i++) {
		if (!line_start || in.data[i] != '.')
			buf_putc(out, in.data[i]);
		line_start = in.data[i] == '\n';
	}
}

static void by_data(struct view in, size_t piece, bool allow_bare_lf)
{
	struct outcome whole, cut;
	struct buf expected;

	feed(&whole, in, in.len, allow_bare_lf);
	feed(&cut, in, piece, allow_bare_lf);
	MUST(whole.done == cut.done && whole.used == cut.used && whole.body.size == cut.body.size);
	MUST((whole.body.fault == BODY_FINE) == (cut.body.fault == BODY_FINE));
	MUST(whole.done == (find_end(in) > 0) && (!whole.done || whole.used == find_end(in)));
	if (whole.done && whole.body.fault == BODY_FINE) {
		MUST(whole.body.flags == cut.body.flags);
		MUST(view_eq(buf_view(&whole.stored), buf_view(&cut.stored)) && view_eq(buf_view(&whole.body.header), buf_view(&cut.body.header)));
		MUST(view_starts(buf_view(&whole.stored), buf_view(&whole.body.header)));
	}
	if (whole.done && whole.body.fault == BODY_FINE && !allow_bare_lf) {
		buf_init(&expected, 1 << 20);
		unstuff(view_head(in, whole.used), &expected);
		MUST(whole.body.size == expected.len && view_eq(buf_view(&whole.stored), buf_view(&expected)));
		MUST(whole.body.size == 0 || !(whole.body.flags & ENVELOPE_DOTS) == !(buf_text(&expected)[0] == '.' || strstr(buf_text(&expected), "\r\n.")));
		MUST(memchr(in.data, '\0', whole.used) == NULL);
		buf_free(&expected);
	}
	end(&whole);
	end(&cut);
}

static void feed_chunks(struct outcome *o, struct view in, size_t piece, bool allow_bare_lf, bool binary)
{
	begin(o, allow_bare_lf, binary);
	for (; in.len; in = view_skip(in, piece)) {
		struct view head = view_head(in, piece);

		body_feed_chunk(&o->body, head.data, head.len);
	}
	body_last(&o->body);
}

/* Whether IN is text as it is to be sent: no NUL, CR and LF only as CRLF. */
static bool is_text(struct view in)
{
	for (size_t i = 0; i < in.len; i++)
		if (in.data[i] == '\0' || (in.data[i] == '\r' && (i + 1 == in.len || in.data[i + 1] != '\n')) ||
		    (in.data[i] == '\n' && (i == 0 || in.data[i - 1] != '\r')))
			return false;
	return true;
}

static void by_chunks(struct view in, size_t piece, bool allow_bare_lf, bool binary)
{
	struct outcome whole, cut;

	feed_chunks(&whole, in, in.len, allow_bare_lf, binary);
	feed_chunks(&cut, in, piece, allow_bare_lf, binary);
	MUST((whole.body.fault == BODY_FINE) == (cut.body.fault == BODY_FINE));
	if (whole.body.fault == BODY_FINE) {
		struct view stored = buf_view(&whole.stored);

		MUST(whole.body.size == cut.body.size && whole.body.flags == cut.body.flags && whole.body.size == stored.len);
		MUST(view_eq(stored, buf_view(&cut.stored)) && view_eq(buf_view(&whole.body.header), buf_view(&cut.body.header)));
		MUST(view_starts(stored, buf_view(&whole.body.header)) && is_text(buf_view(&whole.body.header)));
		MUST(allow_bare_lf || (view_starts(stored, in) && stored.len <= in.len + 2));
		MUST(is_text(stored) || (binary && whole.body.header_done));
		MUST(!stored.len || view_case_ends(stored, VIEW("\r\n")) || (binary && whole.body.header_done));
	} else if (whole.body.fault <= BODY_NUL) {
		MUST(!is_text(in));
	}
	end(&whole);
	end(&cut);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view in = view_make((const char *)data, size);
	uint8_t how = fuzz_byte(&in);
	size_t piece = (size_t)fuzz_byte(&in) + 1;
	bool allow_bare_lf = how & 1, binary = how & 4;

	if (how & 2)
		by_chunks(in, piece, allow_bare_lf && !binary, binary);
	else
		by_data(in, piece, allow_bare_lf);
	return 0;
}
