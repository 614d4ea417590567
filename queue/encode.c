/* encode.c - see encode.h. */
#include "encode.h"
#include "../lib/base64.h"
#include "../lib/err.h"

#define LINE_OCTETS 57			/* that make 76 characters of base64 */
#define LINE_CHARACTERS 76		/* RFC 2045 6.7 (5), 6.8 */

size_t encode_base64(struct view in, bool last, size_t *column, struct buf *out)
{
	char line[LINE_CHARACTERS + 1];
	size_t used = 0;

	while (used < in.len && (last || in.len - used >= LINE_OCTETS)) {
		struct view octets = view_head(view_skip(in, used), LINE_OCTETS);

		if (!base64_encode(octets, line, sizeof(line)))
			bug("a line of base64 does not fit");
		if (*column)
			buf_puts(out, "\r\n");
		buf_puts(out, line);
		*column = LINE_CHARACTERS;
		used += octets.len;
	}
	return used;
}

/* Characters for the octet at the start of IN; 0 for a line end, which is two octets. NEXT is what follows, -1 the end. */
static int characters(unsigned char c, int next)
{
	if (c == '\r' && next == '\n')
		return 0;
	if (c == ' ' || c == '\t')	/* not at the end of a line: RFC 2045 6.7 (3) */
		return next == '\r' || next == '\n' || next < 0 ? 3 : 1;
	return c > ' ' && c < 0x7f && c != '=' ? 1 : 3;
}

static void put_quoted(unsigned char c, int len, size_t *column, struct buf *out)
{
	if (*column + (size_t)len > LINE_CHARACTERS - 1) {
		buf_puts(out, "=\r\n");
		*column = 0;
	}
	/* a line that begins here must not become a boundary */
	if (*column == 0 && c == '-')
		len = 3;
	if (len == 1)
		buf_putc(out, (char)c);
	else
		buf_printf(out, "=%02X", c);
	*column += (size_t)len;
}

size_t encode_quoted(struct view in, bool last, size_t *column, struct buf *out)
{
	size_t used = 0;

	for (; used < in.len; used++) {
		unsigned char c = (unsigned char)in.data[used];
		bool end = used + 1 == in.len;

		if (end && !last && (c == '\r' || c == ' ' || c == '\t'))
			break;
		int len = characters(c, end ? -1 : (unsigned char)in.data[used + 1]);
		if (len) {
			put_quoted(c, len, column, out);
			continue;
		}
		buf_puts(out, "\r\n");
		*column = 0;
		used++;
	}
	return used;
}
