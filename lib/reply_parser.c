/* reply_parser.c - reads the replies of remote servers as they come in, in pieces of any size. The remote is hostile:
 * what does not look like one reply with one code, or does not end, is REPLY_BAD, and then for good. */
#include "base.h"
#include "reply.h"

void reply_parser_start(struct reply_parser *p, bool keep_lines)
{
	p->code = 0;
	p->lines = 0;
	p->bytes = 0;
	p->line_len = 0;
	p->last = false;
	p->enhanced[0] = '\0';
	p->text[0] = '\0';
	p->text_len = 0;
	p->keep_lines = keep_lines;
}

static void put_text(struct reply_parser *p, char c)
{
	if (p->text_len + 1 < sizeof(p->text)) {
		p->text[p->text_len++] = c;
		p->text[p->text_len] = '\0';
	}
}

/* The enhanced code (RFC 2034) that TEXT begins with, if its class is that of the reply; empty otherwise. */
static struct view find_enhanced(struct view text, unsigned code)
{
	struct view rest = text, word = view_word(&rest), parts = word;
	struct view class = view_cut(&parts, '.'), subject = view_cut(&parts, '.');
	uint64_t number;

	if (text.len && word.data == text.data && class.len == 1 && (unsigned)(class.data[0] - '0') == code / 100 &&
	    subject.len <= 3 && view_u64(subject, 999, &number) && parts.len <= 3 && view_u64(parts, 999, &number))
		return word;
	return view_head(text, 0);
}

static void add_text(struct reply_parser *p, struct view text)
{
	struct view enhanced = find_enhanced(text, p->code);

	if (enhanced.len && !p->enhanced[0]) {
		if (!view_copy(enhanced, p->enhanced, sizeof(p->enhanced)))
			p->enhanced[0] = '\0';
	} else if (enhanced.len && !p->keep_lines && view_eq(enhanced, view_of(p->enhanced))) {
		/* Servers repeat it on every line; joined, once is enough. */
		text = view_skip(text, enhanced.len + 1);
	}
	if (p->lines > 1 && !p->keep_lines && p->text_len)
		put_text(p, ' ');
	for (size_t i = 0; i < text.len; i++)
		put_text(p, text.data[i] >= 0x20 && text.data[i] <= 0x7e ? text.data[i] : '?');
	if (p->keep_lines)
		put_text(p, '\n');
}

/* RFC 5321 4.2: three digits, then "-" when more follow, " " or nothing on the last line; the same code on all. The
 * first digit is 2 to 5: 1yz replies do not exist in SMTP. */
static bool take_line(struct reply_parser *p)
{
	struct view line = view_make(p->line, p->line_len < sizeof(p->line) ? p->line_len : sizeof(p->line));
	uint64_t code;

	if (line.len && line.data[line.len - 1] == '\r')
		line.len--;
	if (++p->lines > REPLY_LINES_MAX || line.len < 3 || !view_u64(view_head(line, 3), 599, &code) || code < 200)
		return false;
	if (p->lines > 1 && code != p->code)
		return false;
	if (line.len > 3 && line.data[3] != ' ' && line.data[3] != '-')
		return false;
	p->code = (unsigned)code;
	p->last = line.len == 3 || line.data[3] == ' ';
	add_text(p, view_skip(line, 4));
	return true;
}

/* Keeps what fits of a line, counts all of it. */
static void add_to_line(struct reply_parser *p, const char *data, size_t len)
{
	if (p->line_len < sizeof(p->line)) {
		size_t room = sizeof(p->line) - p->line_len;

		memcpy(p->line + p->line_len, data, len < room ? len : room);
	}
	p->line_len += len;
}

/* So that every later call ends at once, whatever comes. */
static enum reply_parse spoil(struct reply_parser *p)
{
	p->bytes = REPLY_BYTES_MAX + 1;
	return REPLY_BAD;
}

enum reply_parse reply_parser_feed(struct reply_parser *p, const char *data, size_t len, size_t *used)
{
	struct view rest = view_make(data, len);

	*used = 0;
	if (p->bytes > REPLY_BYTES_MAX)
		return REPLY_BAD;
	while (rest.len) {
		size_t n = view_find(rest, '\n');
		bool whole = n < rest.len;

		if (n + whole > REPLY_BYTES_MAX - p->bytes)
			return spoil(p);
		p->bytes += n + whole;
		*used += n + whole;
		add_to_line(p, rest.data, n);
		rest = view_skip(rest, n + whole);
		if (!whole)
			break;
		if (!take_line(p))
			return spoil(p);
		p->line_len = 0;
		if (p->last)
			return REPLY_DONE;
	}
	return REPLY_MORE;
}
