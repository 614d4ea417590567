/* reply.c - the replies that we give: made in one place, so that nothing a client or a plugin says can break a
 * line, and written in one place. */
#include "base.h"
#include "reply.h"
#include "err.h"

/* RFC 5321 4.5.3.1.5: a reply line, with its CRLF. */
#define REPLY_LINE 512

/* RFC 3463 section 2: class "." subject "." detail, up to three digits each; RFC 2034 section 4: the class is that of
 * the code. */
static bool enhanced_fits(const char *enhanced, unsigned code)
{
	struct view rest = view_of(enhanced), class = view_cut(&rest, '.'), subject = view_cut(&rest, '.');
	uint64_t number;

	return class.len == 1 && (unsigned)(class.data[0] - '0') == code / 100 && (code / 100 == 2 || code / 100 == 4 || code / 100 == 5) &&
	       subject.len <= 3 && view_u64(subject, 999, &number) && rest.len <= 3 && view_u64(rest, 999, &number);
}

/* '\n' between lines stays, CRLF becomes it; everything else that is not printable ASCII is a question mark. */
static void clean(char *text)
{
	char *to = text;

	for (const char *from = text; *from; from++) {
		if (from[0] == '\r' && from[1] == '\n')
			continue;
		*to++ = (*from >= 0x20 && *from <= 0x7e) || *from == '\n' ? *from : '?';
	}
	while (to > text && to[-1] == '\n')
		to--;
	*to = '\0';
}

void reply_vset(struct reply *r, unsigned code, const char *enhanced, const char *format, va_list ap)
{
	char text[sizeof(r->text)];

	if (code < 200 || code > 599)
		bug("reply code %u", code);
	if (enhanced && *enhanced && !enhanced_fits(enhanced, code))
		bug("enhanced code \"%s\" with reply code %u", enhanced, code);
	/* Through a copy: an argument may be the old text. */
	vsnprintf(text, sizeof(text), format, ap);
	clean(text);
	r->code = (uint16_t)code;
	snprintf(r->enhanced, sizeof(r->enhanced), "%s", enhanced ? enhanced : "");
	memcpy(r->text, text, strlen(text) + 1);
}

void reply_set(struct reply *r, unsigned code, const char *enhanced, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	reply_vset(r, code, enhanced, format, ap);
	va_end(ap);
}

void reply_clear(struct reply *r)
{
	r->code = 0;
	r->enhanced[0] = '\0';
	r->text[0] = '\0';
	r->disconnect = false;
}

/* Takes from *REST what goes on one line of ROOM octets: up to '\n', else up to the last blank that fits. */
static struct view next_line(struct view *rest, size_t room)
{
	size_t n = view_find(*rest, '\n');
	struct view line;

	if (n <= room)
		return view_cut(rest, '\n');
	for (n = room; n > 0 && rest->data[n] != ' '; n--)
		;
	line = view_head(*rest, n ? n : room);
	*rest = view_skip(*rest, n ? n + 1 : room);
	return line;
}

bool reply_write(const struct reply *r, struct buf *out)
{
	size_t before = out->len, room = REPLY_LINE - 2 - sizeof("250-") + 1;
	struct view rest = view_of(r->text);

	if (r->code == 0)
		bug("reply without a code");
	if (r->enhanced[0])
		room -= strlen(r->enhanced) + 1;
	do {
		struct view line = next_line(&rest, room);

		buf_printf(out, "%03u%c%s%s", r->code, rest.len ? '-' : ' ', r->enhanced, r->enhanced[0] ? " " : "");
		buf_put_view(out, line);
		buf_put(out, "\r\n", 2);
	} while (rest.len);
	/* Half a reply must not go out. */
	if (out->failed && out->len > before) {
		out->len = before;
		out->data[before] = '\0';
	}
	return !out->failed;
}
