/* fuzz_body.c - content of messages. However it is cut into pieces, it ends at the first CRLF.CRLF and nowhere else, and what
 * is stored is what was sent without the stuffed dots (RFC 5321 4.5.2). */
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

static void feed(struct outcome *o, struct view in, size_t piece, bool allow_bare_lf)
{
	*o = (struct outcome){ .body = { .max_size = 60000, .allow_bare_lf = allow_bare_lf, .store = store, .arg = &o->stored } };
	buf_init(&o->stored, 1 << 20);
	body_begin(&o->body, 4096);
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view in = view_make((const char *)data, size);
	bool allow_bare_lf = fuzz_byte(&in) & 1;
	size_t piece = (size_t)fuzz_byte(&in) + 1;
	struct outcome whole, cut;
	struct buf expected;

	feed(&whole, in, in.len, allow_bare_lf);
	feed(&cut, in, piece, allow_bare_lf);
	MUST(whole.done == cut.done && whole.used == cut.used && whole.body.size == cut.body.size);
	MUST((whole.body.fault == BODY_FINE) == (cut.body.fault == BODY_FINE));
	MUST(whole.done == (find_end(in) > 0) && (!whole.done || whole.used == find_end(in)));
	if (whole.done && whole.body.fault == BODY_FINE) {
		/* A dot behind a bare LF cannot be foreseen at the end of a piece: the flag may be set in vain. */
		MUST(((whole.body.flags ^ cut.body.flags) & (allow_bare_lf ? ~(unsigned)ENVELOPE_DOTS : ~0u)) == 0);
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
	return 0;
}
