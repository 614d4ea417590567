/* mime_field.c - see mime_field.h. */
#include "base.h"
#include "buf.h"
#include "charset.h"
#include "encoded_word.h"
#include "mime_field.h"
#include "token.h"
#include "transfer.h"

/* ---- reading ---- */

/* What stands up to the next ";" that is in no quotes. */
static struct view to_semicolon(struct view v)
{
	bool quoted = false;
	size_t n = 0;

	for (; n < v.len && (quoted || v.data[n] != ';'); n++) {
		if (v.data[n] == '\\' && quoted)
			n++;
		else if (v.data[n] == '"')
			quoted = !quoted;
	}
	return view_head(v, n);
}

static bool at_end(const struct view *rest)
{
	return !rest->len || rest->data[0] == ';';
}

static void read_value(struct view *rest, struct arena *a, struct mime_parameter *p)
{
	struct view start = *rest, raw;
	struct buf text;

	if (rest->len && rest->data[0] == '"') {
		buf_init(&text, rest->len + 1);
		p->odd = !token_quoted(rest, &text);
		p->value = view_make(arena_view_dup(a, buf_view(&text)), text.len);
		buf_free(&text);
		return;
	}
	p->value = token_mime(rest);
	if (token_skip(rest, NULL) && at_end(rest))
		return;
	/* "boundary=--=_x" should have quotes, and everybody reads it so; "name=my file.txt" ends at the blank for some */
	raw = to_semicolon(start);
	*rest = view_skip(start, raw.len);
	p->value = view_trim(raw);
	for (size_t i = 0; i < p->value.len; i++)
		p->odd = p->odd || (unsigned char)p->value.data[i] <= ' ' || strchr("\"()\\", p->value.data[i]);
}

static void add(struct mime_field *f, struct mime_parameter p, struct arena *a)
{
	if (f->count == MIME_PARAMETERS_MAX) {
		f->over = true;
		return;
	}
	if (f->count == 0 || (f->count >= 8 && (f->count & (f->count - 1)) == 0)) {	/* there is room for 8, 16, 32 ... */
		struct mime_parameter *more = arena_alloc(a, (f->count ? 2 * f->count : 8) * sizeof(*more));

		if (f->count)
			memcpy(more, f->parameters, f->count * sizeof(*more));
		f->parameters = more;
	}
	f->parameters[f->count++] = p;
}

/* "; name=value" as often as it comes. */
static void read_parameters(struct mime_field *f, struct view rest, struct arena *a)
{
	while (token_skip(&rest, NULL) && rest.len && !f->over) {
		struct mime_parameter p = { .odd = false };

		if (!token_take(&rest, ';')) {
			f->odd = true;
			rest = view_skip(rest, to_semicolon(rest).len);
			continue;
		}
		if (!token_skip(&rest, NULL))
			break;
		p.name = token_mime(&rest);
		if (!p.name.len && at_end(&rest))
			continue;	/* a ";" too many, which is common */
		if (!token_skip(&rest, NULL) || !token_take(&rest, '=') || !token_skip(&rest, NULL)) {
			f->odd = true;
			continue;
		}
		read_value(&rest, a, &p);
		f->odd = f->odd || p.odd || !p.name.len;
		add(f, p, a);
	}
	if (rest.len)
		f->odd = true;		/* a comment that is not closed */
}

void mime_field_parse(struct view body, struct arena *a, struct mime_field *out)
{
	*out = (struct mime_field){ .type = VIEW(""), .subtype = VIEW("") };
	if (!token_skip(&body, NULL))
		out->odd = true;
	out->type = token_mime(&body);
	if (!token_skip(&body, NULL))
		out->odd = true;
	if (token_take(&body, '/')) {
		token_skip(&body, NULL);
		out->subtype = token_mime(&body);
		out->odd = out->odd || !out->subtype.len;
	}
	out->odd = out->odd || !out->type.len;
	read_parameters(out, body, a);
}

/* ---- RFC 2231 ---- */

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void put_percent(struct view v, struct buf *out)
{
	for (size_t i = 0; i < v.len; i++) {
		if (v.data[i] == '%' && i + 2 < v.len && hex(v.data[i + 1]) >= 0 && hex(v.data[i + 2]) >= 0) {
			buf_putc(out, (char)(hex(v.data[i + 1]) * 16 + hex(v.data[i + 2])));
			i += 2;
		} else {
			buf_putc(out, v.data[i]);
		}
	}
}

/* Takes "charset'language'" off the front of *V; "" when it is not there. */
static struct view take_charset(struct view *v)
{
	struct view rest = *v, charset = view_cut(&rest, '\'');

	if (view_find(rest, '\'') == rest.len)
		return VIEW("");
	view_cut(&rest, '\'');
	*v = rest;
	return charset;
}

static const char *text_of(struct view charset, const struct buf *octets, struct arena *a)
{
	struct charset set;
	struct buf out;
	const char *text;

	buf_init(&out, 4 * octets->len + 16);
	charset_begin(&set, charset);
	charset_text(&set, buf_view(octets), &out);
	charset_end(&set);
	charset_tidy(&out, 0);
	text = arena_view_dup(a, buf_view(&out));
	buf_free(&out);
	return text;
}

static const struct mime_parameter *find(const struct mime_field *f, struct view name)
{
	for (size_t i = 0; i < f->count; i++)
		if (view_case_eq(f->parameters[i].name, name))
			return &f->parameters[i];
	return NULL;
}

/* NAME*0, NAME*1* ... put together; some begin with 1. NULL when there is neither. */
static const char *continued(const struct mime_field *f, const char *name, struct arena *a)
{
	struct view charset = VIEW("");
	struct buf octets;
	const char *text = NULL;
	bool any = false;

	buf_init(&octets, 1 << 20);
	for (unsigned k = 0; k < MIME_PARAMETERS_MAX; k++) {
		const struct mime_parameter *plain = find(f, view_of(arena_printf(a, "%s*%u", name, k)));
		const struct mime_parameter *coded = plain ? NULL : find(f, view_of(arena_printf(a, "%s*%u*", name, k)));
		struct view value = plain ? plain->value : coded ? coded->value : VIEW("");

		if (!plain && !coded && (any || k > 0))
			break;
		if (coded && !any)
			charset = take_charset(&value);
		any = any || plain || coded;
		if (coded)
			put_percent(value, &octets);
		else
			buf_put_view(&octets, value);
	}
	if (any)
		text = text_of(charset, &octets, a);
	buf_free(&octets);
	return text;
}

static const char *extended(struct view value, struct arena *a)
{
	struct view charset = take_charset(&value);
	struct buf octets;
	const char *text;

	buf_init(&octets, value.len + 1);
	put_percent(value, &octets);
	text = text_of(charset, &octets, a);
	buf_free(&octets);
	return text;
}

/* The Nth parameter called exactly NAME; *N is counted down by how many there are. */
static const struct mime_parameter *nth(const struct mime_field *f, struct view name, size_t *n)
{
	for (size_t i = 0; i < f->count; i++)
		if (view_case_eq(f->parameters[i].name, name) && (*n)-- == 0)
			return &f->parameters[i];
	return NULL;
}

const char *mime_field_parameter(const struct mime_field *f, const char *name, size_t n, struct arena *a)
{
	const struct mime_parameter *p = nth(f, view_of(arena_printf(a, "%s*", name)), &n);
	const char *text;

	if (p)
		return extended(p->value, a);
	text = continued(f, name, a);
	if (text && n-- == 0)
		return text;
	p = nth(f, view_of(name), &n);
	return p ? encoded_word_text(p->value, a) : NULL;
}
