/* fuzz_reply.c - what remote servers answer: read at once and in pieces it is the same reply, and its text is fit for a log,
 * a bounce and a reply of our own. */
#include "fuzz.h"
#include "../../lib/reply.h"

/* Feeds everything in pieces of PIECE bytes. */
static enum reply_parse feed(struct reply_parser *p, struct view in, size_t piece, bool keep_lines, size_t *used)
{
	enum reply_parse result = REPLY_MORE;

	reply_parser_start(p, keep_lines);
	*used = 0;
	while (in.len && result == REPLY_MORE) {
		struct view head = view_head(in, piece);
		size_t n;

		result = reply_parser_feed(p, head.data, head.len, &n);
		MUST(n <= head.len && (n == head.len || result != REPLY_MORE));
		*used += n;
		in = view_skip(in, n);
	}
	return result;
}

static void check_text(const struct reply_parser *p)
{
	MUST(p->text_len == strlen(p->text) && p->text_len < sizeof(p->text));
	for (size_t i = 0; i < p->text_len; i++)
		MUST((p->text[i] >= 0x20 && p->text[i] <= 0x7e) || (p->text[i] == '\n' && p->keep_lines));
	MUST(view_is_printable(view_of(p->enhanced)));
}

/* A text of ours that holds what they said. */
static void check_own(unsigned code, const char *enhanced, const char *text)
{
	struct reply r = { .code = 0 };
	struct view wire;
	struct buf out;

	buf_init(&out, 65536);
	reply_set(&r, code, enhanced, "%s", text);
	MUST(reply_write(&r, &out));
	for (wire = buf_view(&out); wire.len;) {
		struct view line = view_cut(&wire, '\n');

		MUST(line.len >= 5 && line.len <= 511 && line.data[line.len - 1] == '\r');
		MUST(view_is_printable(view_head(line, line.len - 1)));
		MUST(line.data[3] == (wire.len ? '-' : ' '));
	}
	buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view in = view_make((const char *)data, size);
	bool keep_lines = fuzz_byte(&in) & 1;
	size_t piece = (size_t)fuzz_byte(&in) + 1, used, used_whole;
	struct reply_parser p, whole;
	enum reply_parse result = feed(&p, in, piece, keep_lines, &used);
	char text[REPLY_TEXT];

	MUST(feed(&whole, in, in.len, keep_lines, &used_whole) == result);
	check_text(&p);
	if (result == REPLY_DONE) {
		MUST(used == used_whole && p.code == whole.code && p.lines == whole.lines && p.bytes == used && p.last);
		MUST(strcmp(p.text, whole.text) == 0 && strcmp(p.enhanced, whole.enhanced) == 0);
		MUST(p.code >= 200 && p.code <= 599 && p.lines <= REPLY_LINES_MAX && p.bytes <= REPLY_BYTES_MAX);
		check_own(p.code, p.code / 100 == 3 ? NULL : p.enhanced, p.text);
	}
	snprintf(text, sizeof(text), "%.*s", (int)(in.len < sizeof(text) ? in.len : sizeof(text)), in.data ? in.data : "");
	check_own(550, "5.0.0", text);
	return 0;
}
