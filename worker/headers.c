/* headers.c - see headers.h. */
#include "../lib/base.h"
#include "headers.h"

/* ---- lists ---- */

static void list_insert(struct field_list *l, struct arena *a, size_t at, struct field f)
{
	if (l->count == l->room) {
		size_t room = l->room ? l->room * 2 : 16;
		struct field *list = arena_alloc(a, room * sizeof(*list));

		if (l->count)
			memcpy(list, l->list, l->count * sizeof(*list));
		l->list = list;
		l->room = room;
	}
	memmove(&l->list[at + 1], &l->list[at], (l->count - at) * sizeof(*l->list));
	l->list[at] = f;
	l->count++;
	l->size += f.raw.len;
}

static void list_remove(struct field_list *l, size_t at)
{
	l->size -= l->list[at].raw.len;
	l->count--;
	memmove(&l->list[at], &l->list[at + 1], (l->count - at) * sizeof(*l->list));
}

static void list_change(struct field_list *l, size_t at, struct field f)
{
	l->size += f.raw.len - l->list[at].raw.len;
	l->list[at] = f;
}

/* ---- the original ---- */

void headers_begin(struct headers *h, struct arena *a, struct view original)
{
	*h = (struct headers){ .arena = a, .original = original };
}

size_t headers_lines(const struct headers *h, const char *name, size_t *fields)
{
	struct view rest = h->original;
	size_t lines = 0, len = strlen(name);

	*fields = 0;
	for (; rest.len; lines++) {
		*fields += view_case_starts(rest, view_make(name, len)) && field_name_length(rest) == len;
		rest = view_skip(rest, view_find(rest, '\n') + 1);
	}
	return lines;
}

struct view headers_original(const struct headers *h, const char *name)
{
	struct field f;

	return field_find(h->original, view_of(name), &f) ? view_trim(field_body(&f)) : VIEW("");
}

/* The last line may lack its end, when nothing but a header section was sent; if another field comes behind it, it needs one. */
static struct field complete(struct field f, struct arena *a)
{
	char *copy;

	if (f.raw.data[f.raw.len - 1] == '\n')
		return f;
	copy = arena_alloc(a, f.raw.len + 2);
	memcpy(copy, f.raw.data, f.raw.len);
	memcpy(copy + f.raw.len, "\r\n", 2);
	return field_make(view_make(copy, f.raw.len + 2));
}

static void parse(struct headers *h)
{
	struct view rest = h->original;

	if (h->parsed)
		return;
	h->parsed = true;
	while (rest.len)
		list_insert(&h->fields, h->arena, h->fields.count, complete(field_next(&rest), h->arena));
}

/* ---- reading ---- */

size_t headers_total(struct headers *h)
{
	parse(h);
	return h->added.count + h->fields.count;
}

/* The list that INDEX is in, and its place there. */
static struct field_list *place(struct headers *h, size_t index, size_t *at)
{
	bool added = index < h->added.count;

	*at = added ? h->added.count - 1 - index : index - h->added.count;
	return added ? &h->added : &h->fields;
}

const struct field *headers_at(struct headers *h, size_t index)
{
	size_t at;

	return index < headers_total(h) ? &place(h, index, &at)->list[at] : NULL;
}

size_t headers_count(struct headers *h, const char *name)
{
	struct view wanted = view_of(name);
	size_t n = 0;

	parse(h);
	for (size_t i = 0; i < h->added.count; i++)
		n += field_named(&h->added.list[i], wanted);
	for (size_t i = 0; i < h->fields.count; i++)
		n += field_named(&h->fields.list[i], wanted);
	return n;
}

bool headers_find(struct headers *h, const char *name, int n, size_t *index)
{
	int64_t want = n < 0 ? (int64_t)headers_count(h, name) + n : n;
	struct view wanted = view_of(name);
	size_t total = headers_total(h);

	for (size_t i = 0; i < total && want >= 0; i++)
		if (field_named(headers_at(h, i), wanted) && want-- == 0) {
			*index = i;
			return true;
		}
	return false;
}

const char *headers_get(struct headers *h, const char *name, int n, struct arena *a)
{
	size_t index;

	return headers_find(h, name, n, &index) ? field_value(headers_at(h, index), a) : NULL;
}

/* ---- what fits ---- */

/* Folds are "\r\n" or "\n" before a blank and a line that is more than blanks; any other line break would begin a field of
 * its own, an empty line the body. Octets over 0x7f are let through (RFC 6532). */
static bool value_fit(const char *value)
{
	size_t line = 0;

	for (const char *p = value; *p; p++, line++) {
		if (p[0] == '\r' && p[1] == '\n')
			p++;
		if (*p == '\n') {
			size_t blanks = strspn(p + 1, " \t");

			if (!blanks || strchr("\r\n", p[1 + blanks]))	/* or the end */
				return false;
			line = 0;
		} else if (((unsigned char)*p < ' ' && *p != '\t') || *p == 0x7f || line > 900) {
			return false;
		}
	}
	return true;
}

static bool name_fit(const char *name)
{
	struct view v = view_of(name);
	char line[HEADERS_NAME_MAX + 2];

	return v.len > 0 && v.len <= HEADERS_NAME_MAX && snprintf(line, sizeof(line), "%s:", name) > 0 &&
	       field_name_length(view_of(line)) == v.len;
}

/* Whether the section may take LEN octets in the place of OLD. */
static bool has_room(const struct headers *h, size_t len, size_t old, bool ours)
{
	size_t limit = h->original.len + HEADERS_ADDED_MAX - (ours ? 0 : HEADERS_RESERVE);
	size_t now = h->added.size + (h->parsed ? h->fields.size : h->original.len);

	return len <= HEADERS_ADDED_MAX && now + len - old <= limit && h->made + len <= HEADERS_MADE_MAX;
}

/* "NAME: VALUE" with CRLF line ends in the arena; false when it does not fit, in the place of OLD octets. */
static bool make(struct headers *h, struct view name, const char *value, size_t old, bool ours, struct field *out)
{
	size_t size = name.len + 2 * strlen(value) + 5;
	char *text, *to;

	if (size > 2 * HEADERS_ADDED_MAX || !value_fit(value))
		return false;
	text = arena_alloc(h->arena, size);
	to = text + snprintf(text, size, "%.*s: ", VIEW_FMT(name));
	for (; *value; value++) {
		if (*value == '\n' && to[-1] != '\r')
			*to++ = '\r';
		*to++ = *value;
	}
	*to++ = '\r';
	*to++ = '\n';
	*out = field_make(view_make(text, (size_t)(to - text)));
	if (!has_room(h, out->raw.len, old, ours))
		return false;
	h->made += out->raw.len;
	return true;
}

/* What says how the content is to be read has changed? */
static void note_change(struct headers *h, const struct field *f)
{
	h->version += view_case_starts(field_name(f), VIEW("Content-"));
}

/* ---- changing ---- */

/* Between the original's fields, or on top of them. */
static bool insert(struct headers *h, size_t index, const char *name, const char *value, bool ours)
{
	struct field f;

	if (!name_fit(name) || !make(h, view_of(name), value, 0, ours, &f))
		return false;
	if (index <= h->added.count) {
		list_insert(&h->added, h->arena, h->added.count - index, f);
	} else {
		list_insert(&h->fields, h->arena, index - h->added.count, f);
		h->rewritten = true;
	}
	note_change(h, &f);
	return true;
}

bool headers_insert(struct headers *h, size_t index, const char *name, const char *value)
{
	size_t total = headers_total(h);

	return insert(h, index < total ? index : total, name, value, false);
}

bool headers_prepend(struct headers *h, const char *name, const char *value, bool ours)
{
	return insert(h, 0, name, value, ours);
}

bool headers_append(struct headers *h, const char *name, const char *value)
{
	return headers_insert(h, SIZE_MAX, name, value);
}

bool headers_change(struct headers *h, size_t index, const char *value)
{
	const struct field *old = headers_at(h, index);
	struct field_list *list;
	struct field f;
	size_t at;

	if (!old || !old->name_len || !make(h, field_name(old), value, old->raw.len, false, &f))
		return false;
	list = place(h, index, &at);
	list_change(list, at, f);
	h->rewritten = h->rewritten || list == &h->fields;
	note_change(h, &f);
	return true;
}

bool headers_remove_at(struct headers *h, size_t index)
{
	const struct field *old = headers_at(h, index);
	struct field_list *list;
	size_t at;

	if (!old)
		return false;
	note_change(h, old);
	list = place(h, index, &at);
	list_remove(list, at);
	h->rewritten = h->rewritten || list == &h->fields;
	return true;
}

size_t headers_remove(struct headers *h, const char *name)
{
	struct view wanted = view_of(name);
	size_t n = 0;

	for (size_t i = headers_total(h); i-- > 0;)
		if (field_named(headers_at(h, i), wanted) && headers_remove_at(h, i))
			n++;
	return n;
}

/* ---- storing ---- */

uint64_t headers_skip(const struct headers *h)
{
	return h->rewritten ? h->original.len : 0;
}

size_t headers_head_size(const struct headers *h)
{
	return h->added.size + (h->rewritten ? h->fields.size : 0);
}

bool headers_head(const struct headers *h, struct buf *out)
{
	for (size_t i = h->added.count; i-- > 0;)
		buf_put_view(out, h->added.list[i].raw);
	for (size_t i = 0; h->rewritten && i < h->fields.count; i++)
		buf_put_view(out, h->fields.list[i].raw);
	return !out->failed;
}
