/* body.c - see body.h. Two layers: body_feed and body_feed_chunk find lines (and the former dots and the end) by memchr, and
 * hand on runs as long as they can (a whole buffer when no line in it begins with a dot); emit() takes the runs, checks
 * octets and limits, splits off the header section and stores. */
#include "../lib/base.h"
#include "../lib/clock.h"
#include "../queue/spool.h"
#include "body.h"

/* Where the last octet left us. The end is reachable from LINE_START alone, and that only by CRLF. */
enum state {
	LINE_START,	/* after CRLF, or at the very beginning */
	DOT,		/* a dot at LINE_START; not handed on */
	DOT_CR,		/* then CR; not handed on */
	TEXT,		/* inside a line */
	CR,		/* inside a line, CR seen and not handed on */
	LF,		/* after a bare LF that is allowed: a new line for those we send it to, and none for finding the end */
};

void body_begin(struct body *b, size_t max_header)
{
	buf_init(&b->header, max_header);
	b->fault = BODY_FINE;
	b->size = b->line = 0;
	b->flags = 0;
	b->header_done = false;
	b->state = LINE_START;
}

void body_end(struct body *b)
{
	buf_free(&b->header);
}

static void fault(struct body *b, enum body_fault what)
{
	if (b->fault == BODY_FINE)
		b->fault = what;
}

static bool has_high_bit(const char *data, size_t len)
{
	uint64_t all = 0, word;

	for (; len >= sizeof(word); data += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, data, sizeof(word));
		all |= word;
	}
	for (; len; len--)
		all |= (uint8_t)*data++;
	return all & UINT64_C(0x8080808080808080);
}

/* Where lines mean nothing. The header section is text in every message. */
static bool is_binary(const struct body *b)
{
	return b->binary && b->header_done;
}

static void emit(struct body *b, const char *data, size_t len)
{
	if (!len)
		return;
	b->size += len;
	if (b->max_size && b->size > b->max_size)
		fault(b, BODY_TOO_BIG);
	if (b->fault != BODY_FINE)
		return;
	if (!is_binary(b) && memchr(data, '\0', len))
		fault(b, BODY_NUL);
	if (!(b->flags & ENVELOPE_8BIT) && has_high_bit(data, len))
		b->flags |= ENVELOPE_8BIT;
	if (!b->header_done && !buf_put(&b->header, data, len))
		fault(b, BODY_HEADER_TOO_BIG);
	if (b->fault == BODY_FINE && !b->store(b->arg, data, len))
		fault(b, BODY_NOT_STORED);
}

/* A line is complete; its CRLF is still to be handed on. What stands before it in the run (from *RUN to AT) goes now if the
 * header section ends here. */
static void line_ends(struct body *b, const char **run, const char *at)
{
	if (b->line == 0 && !b->header_done) {
		emit(b, *run, (size_t)(at - *run));
		*run = at;
		b->header_done = true;
	}
	if (b->line > BODY_LINE_MAX)
		b->flags |= ENVELOPE_LONG_LINES;
	b->line = 0;
}

/* Inside a line: eats up to and with its end as far as it is here; returns where it stopped. *RUN is the start of
 * what has not been handed on. */
static const char *text(struct body *b, const char **run, const char *at, const char *end)
{
	const char *lf = memchr(at, '\n', (size_t)(end - at));
	const char *stop = lf ? lf : end, *cr = memchr(at, '\r', (size_t)(stop - at));

	if (cr && cr + 1 == end) {	/* the next piece decides; the CR is handed on then */
		b->line += (size_t)(cr - at);
		emit(b, *run, (size_t)(cr - *run));
		*run = end;
		b->state = CR;
		return end;
	}
	b->line += (size_t)((cr ? cr : stop) - at);
	if (cr && cr + 1 == lf) {
		line_ends(b, run, cr);
		b->state = LINE_START;
		return lf + 1;
	}
	if (cr) {
		fault(b, BODY_BARE_CR);
		b->line++;
		return cr + 1;
	}
	if (!lf)
		return end;
	/* A bare LF. Allowed, it is stored as a line end, but it never makes LINE_START: no end, no unstuffing. */
	if (!b->allow_bare_lf)
		fault(b, BODY_BARE_LF);
	line_ends(b, run, lf);
	emit(b, *run, (size_t)(lf - *run));
	emit(b, "\r\n", 2);
	*run = lf + 1;
	b->state = LF;
	return lf + 1;
}

/* The octet after a withheld CR inside a line. */
static const char *after_cr(struct body *b, const char **run, const char *at)
{
	if (*at == '\n') {
		line_ends(b, run, at);
		emit(b, "\r\n", 2);
		*run = at + 1;
		b->state = LINE_START;
		return at + 1;
	}
	fault(b, BODY_BARE_CR);
	emit(b, "\r", 1);
	b->line++;
	b->state = TEXT;
	return at;
}

/* The states inside of lines, which are the same in both forms. */
static const char *inside(struct body *b, const char **run, const char *at, const char *end)
{
	if (b->state == CR)
		return after_cr(b, run, at);
	if (b->state == LF) {
		if (*at == '.')
			b->flags |= ENVELOPE_DOTS;
		b->state = TEXT;
	}
	return text(b, run, at, end);
}

bool body_feed(struct body *b, const char *data, size_t len, size_t *used)
{
	const char *at = data, *end = data + len, *run = data;

	while (at < end) {
		switch ((enum state)b->state) {
		case LINE_START:
			b->state = *at == '.' ? DOT : TEXT;
			if (b->state == DOT) {
				emit(b, run, (size_t)(at - run));
				run = ++at;
			}
			break;
		case DOT:
			if (*at == '\r') {
				b->state = DOT_CR;
				run = ++at;
				break;
			}
			if (*at == '.')		/* RFC 5321 4.5.2: the first dot goes, the line still begins with one */
				b->flags |= ENVELOPE_DOTS;
			b->state = TEXT;
			break;
		case DOT_CR:
			if (*at == '\n') {
				*used = (size_t)(at + 1 - data);
				return true;
			}
			b->state = CR;
			break;
		case TEXT:
		case CR:
		case LF:
			at = inside(b, &run, at, end);
			break;
		}
	}
	emit(b, run, (size_t)(end - run));
	*used = len;
	return false;
}

void body_feed_chunk(struct body *b, const char *data, size_t len)
{
	const char *at = data, *end = data + len, *run = data;

	while (at < end && !is_binary(b)) {
		if (b->state != LINE_START) {
			at = inside(b, &run, at, end);
			continue;
		}
		if (*at == '.')
			b->flags |= ENVELOPE_DOTS;
		b->state = TEXT;
	}
	emit(b, run, (size_t)(end - run));
}

void body_last(struct body *b)
{
	const char *none = "";

	if (is_binary(b) || b->state == LINE_START || b->state == LF)
		return;
	if (b->state == CR)
		fault(b, BODY_BARE_CR);
	line_ends(b, &none, none);
	emit(b, "\r\n", 2);
	b->state = LINE_START;
}

static enum stream_result next_piece(struct stream *s, int64_t wait_ms, int64_t deadline, struct view *piece)
{
	int64_t left = deadline - clock_ms();

	return left <= 0 ? STREAM_TIMEOUT : stream_peek(s, left < wait_ms ? left : wait_ms, piece);
}

enum stream_result body_read(struct body *b, struct stream *s, int64_t wait_ms, int64_t deadline)
{
	bool end = false;

	while (!end) {
		struct view piece;
		size_t used;
		enum stream_result r = next_piece(s, wait_ms, deadline, &piece);

		if (r != STREAM_OK)
			return r;
		end = body_feed(b, piece.data, piece.len, &used);
		stream_eat(s, used);
	}
	return STREAM_OK;
}

enum stream_result body_read_chunk(struct body *b, struct stream *s, uint64_t size, int64_t wait_ms, int64_t deadline)
{
	while (size) {
		struct view piece;
		enum stream_result r = next_piece(s, wait_ms, deadline, &piece);

		if (r != STREAM_OK)
			return r;
		if (piece.len > size)
			piece.len = (size_t)size;
		if (b)
			body_feed_chunk(b, piece.data, piece.len);
		stream_eat(s, piece.len);
		size -= piece.len;
	}
	return STREAM_OK;
}
