/* field.c - see field.h. */
#include "base.h"
#include "field.h"

/* RFC 5322 2.2: printable ASCII but colon and space. */
size_t field_name_length(struct view line)
{
	size_t n = 0;

	while (n < line.len && line.data[n] > ' ' && line.data[n] <= '~' && line.data[n] != ':')
		n++;
	size_t colon = n;
	while (colon < line.len && (line.data[colon] == ' ' || line.data[colon] == '\t'))
		colon++;	/* obsolete form "Subject :", RFC 5322 4.5 */
	return colon < line.len && line.data[colon] == ':' ? n : 0;
}

struct field field_make(struct view raw)
{
	return (struct field){ .raw = raw, .name_len = field_name_length(raw) };
}

struct field field_next(struct view *rest)
{
	struct view text = *rest;
	size_t at = 0;

	do {
		struct view line = view_skip(text, at);
		size_t lf = view_find(line, '\n');

		at += lf < line.len ? lf + 1 : line.len;
	} while (at < text.len && (text.data[at] == ' ' || text.data[at] == '\t'));
	*rest = view_skip(text, at);
	return field_make(view_head(text, at));
}

bool field_find(struct view section, struct view name, struct field *out)
{
	while (section.len && *section.data != '\n' && !view_starts(section, VIEW("\r\n"))) {
		*out = field_next(&section);
		if (field_named(out, name))
			return true;
	}
	return false;
}

bool field_named(const struct field *f, struct view name)
{
	return f->name_len && view_case_eq(field_name(f), name);
}

struct view field_name(const struct field *f)
{
	return view_head(f->raw, f->name_len);
}

struct view field_body(const struct field *f)
{
	struct view v = view_skip(f->raw, f->name_len);

	return f->name_len ? view_skip(v, view_find(v, ':') + 1) : v;
}

char *field_value(const struct field *f, struct arena *a)
{
	struct view v = view_trim(field_body(f));
	char *out = arena_alloc(a, v.len + 1), *to = out;

	for (size_t i = 0; i < v.len; i++)	/* unfolding takes the line end away, the blank stays */
		if (v.data[i] != '\r' && v.data[i] != '\n')
			*to++ = v.data[i] ? v.data[i] : '?';
	return out;
}
