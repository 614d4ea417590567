/* mime_field.c - see mime_field.h. */
#include "mime_field.h"

/* ---- tokens of RFC 2045 5.1, with comments of RFC 5322 3.2.2 between them ---- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Blanks and comments. False: a comment is not closed. */
static bool skip_blanks(struct view *v)
{
	unsigned depth = 0;

	for (; v->len; *v = view_skip(*v, 1)) {
		char c = v->data[0];

		if (c == '\\' && depth && v->len > 1)
			*v = view_skip(*v, 1);
		else if (c == '(')
			depth++;
		else if (c == ')' && depth)
			depth--;
		else if (!depth && !is_blank(c))
			break;
	}
	return depth == 0;
}

static struct view take_token(struct view *v)
{
	size_t n = 0;

	while (n < v->len && v->data[n] > ' ' && v->data[n] < 0x7f && !strchr("()<>@,;:\\\"/[]?=", v->data[n]))
		n++;
	struct view token = view_head(*v, n);
	*v = view_skip(*v, n);
	return token;
}

static bool take(struct view *v, char c)
{
	if (v->len == 0 || v->data[0] != c)
		return false;
	*v = view_skip(*v, 1);
	return true;
}

/* A token or a quoted string, without its quotes and backslashes. NULL data: neither. */
static struct view take_value(struct view *v, struct arena *a)
{
	char *text;
	size_t len = 0;

	if (!take(v, '"')) {
		struct view token = take_token(v);

		return token.len ? token : view_make(NULL, 0);
	}
	text = arena_alloc(a, v->len + 1);
	while (v->len && v->data[0] != '"') {
		if (v->data[0] == '\\' && v->len > 1)
			*v = view_skip(*v, 1);
		if (v->data[0] != '\r' && v->data[0] != '\n')
			text[len++] = v->data[0];
		*v = view_skip(*v, 1);
	}
	return take(v, '"') ? view_make(text, len) : view_make(NULL, 0);
}

/* ---- fields ---- */

static bool boundary_valid(struct view v)
{
	return v.len > 0 && v.len <= MIME_BOUNDARY_MAX && view_is_printable(v) && v.data[v.len - 1] != ' ';
}

/* "; name=value" as often as it comes. A boundary in pieces (RFC 2231) is none that all would read alike. */
static bool take_parameters(struct mime_header *h, struct view *v, struct arena *a)
{
	for (;;) {
		if (!skip_blanks(v))
			return false;
		if (!take(v, ';'))
			return true;	/* rubbish behind is passed over, as everybody does */
		if (!skip_blanks(v))
			return false;
		struct view name = take_token(v);
		if (view_case_starts(name, VIEW("boundary*")))
			return false;
		if (!skip_blanks(v) || !take(v, '=') || !skip_blanks(v))
			continue;
		struct view value = take_value(v, a);
		if (!view_case_eq(name, VIEW("boundary")))
			continue;
		if (h->boundary.len || !boundary_valid(value))
			return false;
		h->boundary = value;
	}
}

static bool take_type(struct mime_header *h, struct view value, struct arena *a)
{
	if (h->typed)
		return false;
	h->typed = true;
	if (!skip_blanks(&value))
		return false;
	h->type = take_token(&value);
	if (!skip_blanks(&value) || !take(&value, '/') || !skip_blanks(&value))
		return !view_case_eq(h->type, VIEW("multipart")) && !view_case_eq(h->type, VIEW("message"));
	h->subtype = take_token(&value);
	/* of no other type does a parameter matter here */
	return !view_case_eq(h->type, VIEW("multipart")) || take_parameters(h, &value, a);
}

static bool take_encoding(struct mime_header *h, struct view value, struct view field)
{
	static const struct { struct view name; enum mime_encoding encoding; } names[] = {
		{ VIEW("7bit"), MIME_7BIT }, { VIEW("8bit"), MIME_8BIT }, { VIEW("binary"), MIME_BINARY },
		{ VIEW("quoted-printable"), MIME_QUOTED }, { VIEW("base64"), MIME_BASE64 },
	};

	if (h->encoding_field.len || !skip_blanks(&value))
		return false;
	struct view name = take_token(&value);
	h->encoding_field = field;
	h->encoding = MIME_OTHER;
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (view_case_eq(name, names[i].name))
			h->encoding = names[i].encoding;
	return true;
}

bool mime_header_field(struct mime_header *h, struct view field, struct arena *a)
{
	static const char *const signatures[] = { "DKIM-Signature", "ARC-Message-Signature", "DomainKey-Signature" };
	struct view value = field, name = view_trim(view_cut(&value, ':'));

	if (name.len == field.len)	/* no colon */
		return true;
	if (view_case_eq(name, VIEW("MIME-Version")))
		h->versioned = true;
	for (size_t i = 0; i < COUNT_OF(signatures); i++)
		h->is_signed |= view_case_eq(name, view_of(signatures[i]));
	bool type = view_case_eq(name, VIEW("Content-Type")), encoding = view_case_eq(name, VIEW("Content-Transfer-Encoding"));
	if (!type && !encoding)
		return true;
	if (field.len > MIME_FIELD_MAX)
		return false;
	return type ? take_type(h, value, a) : take_encoding(h, value, field);
}
