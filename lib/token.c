/* token.c - see token.h. */
#include "base.h"
#include "token.h"

bool token_take(struct view *rest, char c)
{
	if (!rest->len || rest->data[0] != c)
		return false;
	*rest = view_skip(*rest, 1);
	return true;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The comment at the start of *REST: its inside. */
static bool comment_skip(struct view *rest, struct view *inside)
{
	size_t depth = 1, i;

	for (i = 1; i < rest->len && depth > 0; i++) {
		if (rest->data[i] == '\\')
			i++;
		else if (rest->data[i] == '(')
			depth++;
		else if (rest->data[i] == ')')
			depth--;
	}
	if (i > rest->len)	/* a backslash was the last octet */
		i = rest->len;
	*inside = view_skip(view_head(*rest, depth == 0 ? i - 1 : i), 1);
	*rest = view_skip(*rest, i);
	return depth == 0;
}

bool token_skip(struct view *rest, struct view *comment)
{
	bool first = true, closed = true;
	struct view inside;

	while (rest->len) {
		if (is_blank(rest->data[0])) {
			*rest = view_skip(*rest, 1);
		} else if (rest->data[0] == '(') {
			closed = comment_skip(rest, &inside) && closed;
			if (first && comment)
				*comment = inside;
			first = false;
		} else {
			break;
		}
	}
	return closed;
}

static void put(struct buf *out, char c)
{
	if (c != '\r' && c != '\n')
		buf_putc(out, c);
}

bool token_quoted(struct view *rest, struct buf *out)
{
	size_t i;

	for (i = 1; i < rest->len && rest->data[i] != '"'; i++) {
		if (rest->data[i] == '\\' && i + 1 < rest->len)
			i++;
		put(out, rest->data[i]);
	}
	*rest = view_skip(*rest, i);
	return token_take(rest, '"');
}

void token_comment(struct view inside, struct buf *out)
{
	for (size_t i = 0; i < inside.len; i++) {
		if (inside.data[i] == '\\' && i + 1 < inside.len)
			i++;
		put(out, inside.data[i]);
	}
}

struct view token_word(struct view *rest, const char *stops)
{
	struct view word;
	size_t n = 0;

	while (n < rest->len && (unsigned char)rest->data[n] > ' ' && rest->data[n] != 0x7f && !strchr(stops, rest->data[n]))
		n++;
	word = view_head(*rest, n);
	*rest = view_skip(*rest, n);
	return word;
}

struct view token_mime(struct view *rest)
{
	return token_word(rest, "()<>@,;:\\\"/[]?=");
}
