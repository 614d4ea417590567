/* transfer.c - see transfer.h. base64.h is the strict sister, for SASL. */
#include "base.h"
#include "transfer.h"

void transfer_begin(struct transfer *t, enum transfer_kind kind)
{
	*t = (struct transfer){ .kind = kind };
}

enum transfer_kind transfer_named(struct view name, bool *known)
{
	static const struct { struct view name; enum transfer_kind kind; } kinds[] = {
		{ VIEW("7bit"), TRANSFER_IDENTITY }, { VIEW("8bit"), TRANSFER_IDENTITY }, { VIEW("binary"), TRANSFER_IDENTITY },
		{ VIEW("base64"), TRANSFER_BASE64 }, { VIEW("quoted-printable"), TRANSFER_QUOTED },
	};

	for (size_t i = 0; i < COUNT_OF(kinds); i++)
		if (view_case_eq(name, kinds[i].name)) {
			*known = true;
			return kinds[i].kind;
		}
	*known = false;
	return TRANSFER_IDENTITY;
}

/* ---- base64 ---- */

static int value_of(unsigned char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* RFC 2045 6.8: other characters are passed over. Padding ends a group; what comes after it begins another, as in parts that were
 * glued together. */
static size_t base64(struct transfer *t, struct view in, char *out, size_t size, size_t *used)
{
	size_t len = 0, i;

	for (i = 0; i < in.len && len < size; i++) {
		int value = value_of((unsigned char)in.data[i]);

		if (in.data[i] == '=')
			t->count = 0;
		if (value < 0)
			continue;
		t->bits = t->bits << 6 | (uint32_t)value;
		if (t->count > 0)
			out[len++] = (char)(t->bits >> (6 - 2 * t->count));
		t->count = (t->count + 1) % 4;
	}
	*used = i;
	return len;
}

/* ---- quoted-printable ---- */

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static size_t blank_run(struct view v, size_t most)
{
	size_t n = 0;

	while (n < v.len && n < most && (v.data[n] == ' ' || v.data[n] == '\t'))
		n++;
	return n;
}

/* Blanks at the start of V and the line end behind them: how long both are, *END whether there is one. SIZE_MAX: the piece is too
 * short to tell. More blanks than fit in a line are not looked through. */
static size_t to_line_end(struct view v, bool last, bool *end)
{
	size_t n = blank_run(v, TRANSFER_WINDOW - 4);

	*end = false;
	if (n == v.len || (v.data[n] == '\r' && n + 1 == v.len)) {
		*end = last;
		return last ? v.len : SIZE_MAX;
	}
	if (v.data[n] == '\n')
		*end = true;
	else if (v.data[n] == '\r' && v.data[n + 1] == '\n')
		*end = true;
	return *end ? n + (v.data[n] == '\r' ? 2 : 1) : n;
}

/* At "=": how many octets it takes; 0 when the piece is too short. *C becomes what it stands for, -1 for nothing. */
static size_t escape(struct view v, bool words, bool last, int *c)
{
	bool end = false;
	size_t n;

	*c = '=';
	if (v.len >= 3 && hex(v.data[1]) >= 0 && hex(v.data[2]) >= 0) {
		*c = hex(v.data[1]) * 16 + hex(v.data[2]);
		return 3;
	}
	if (v.len == 2 && !last && hex(v.data[1]) >= 0)
		return 0;
	n = words ? 0 : to_line_end(view_skip(v, 1), last, &end);
	if (n == SIZE_MAX)
		return 0;
	if (end)	/* a soft line break */
		*c = -1;
	return end ? 1 + n : 1;
}

/* RFC 2045 6.7: blanks at the end of a line were put there on the way. Takes the blanks that REST begins with; 0 when the piece is too
 * short to tell. What is once found to be kept is not looked through again. */
static size_t blanks(struct transfer *t, struct view rest, bool last, char *out, size_t room, size_t *len)
{
	bool end = false;
	size_t n = t->in_blanks ? blank_run(rest, SIZE_MAX) : to_line_end(rest, last, &end);

	if (n == SIZE_MAX)
		return 0;
	if (end)
		return blank_run(rest, SIZE_MAX);
	t->in_blanks = true;
	n = n < room ? n : room;
	memcpy(out, rest.data, n);
	*len += n;
	return n;
}

static size_t quoted(struct transfer *t, struct view in, bool last, char *out, size_t size, size_t *used)
{
	bool words = t->kind == TRANSFER_Q;
	size_t len = 0, n;

	for (*used = 0; *used < in.len && len < size; *used += n) {
		struct view rest = view_skip(in, *used);
		int c = (unsigned char)*rest.data;

		n = 1;
		if (!words && (c == ' ' || c == '\t')) {
			n = blanks(t, rest, last, out + len, size - len, &len);
			if (n == 0)
				break;
			continue;
		}
		if (c == '=')
			n = escape(rest, words, last, &c);
		else if (words && c == '_')
			c = ' ';
		if (n == 0)
			break;
		t->in_blanks = false;
		if (c >= 0)
			out[len++] = (char)c;
	}
	return len;
}

size_t transfer_decode(struct transfer *t, struct view in, bool last, char *out, size_t size, size_t *used)
{
	size_t n = in.len < size ? in.len : size;

	switch (t->kind) {
	case TRANSFER_BASE64:
		return base64(t, in, out, size, used);
	case TRANSFER_QUOTED:
	case TRANSFER_Q:
		return quoted(t, in, last, out, size, used);
	default:
		if (n)
			memcpy(out, in.data, n);
		*used = n;
		return n;
	}
}
