/* headers.c - see headers.h. */
#include "../lib/base.h"
#include "headers.h"
#include <strings.h>
#include <utlist.h>

void headers_begin(struct headers *h, struct arena *a, struct view original)
{
	*h = (struct headers){ .arena = a, .original = original };
}

/* RFC 5322 2.2: printable ASCII but colon and space. */
static size_t name_length(struct view line)
{
	size_t n = 0;

	while (n < line.len && line.data[n] > ' ' && line.data[n] <= '~' && line.data[n] != ':')
		n++;
	size_t colon = n;
	while (colon < line.len && (line.data[colon] == ' ' || line.data[colon] == '\t'))
		colon++;	/* obsolete form "Subject :", RFC 5322 4.5 */
	return colon < line.len && line.data[colon] == ':' ? n : 0;
}

/* Length of the field at the start of TEXT: its line and the folded lines after it. */
static size_t field_length(struct view text)
{
	size_t at = 0;

	do {
		struct view rest = view_skip(text, at);
		size_t lf = view_find(rest, '\n');

		at += lf < rest.len ? lf + 1 : rest.len;
	} while (at < text.len && (text.data[at] == ' ' || text.data[at] == '\t'));
	return at;
}

static struct header_field *field_new(struct arena *a, struct view raw)
{
	struct header_field *f = arena_alloc(a, sizeof(*f));

	f->raw = raw;
	f->name_len = name_length(raw);
	return f;
}

static void parse(struct headers *h)
{
	struct view rest = h->original;

	if (h->parsed)
		return;
	h->parsed = true;
	while (rest.len) {
		size_t len = field_length(rest);
		struct header_field *f = field_new(h->arena, view_head(rest, len));

		DL_APPEND(h->fields, f);
		rest = view_skip(rest, len);
	}
}

static bool named(const struct header_field *f, const char *name)
{
	return f->name_len && f->name_len == strlen(name) && strncasecmp(f->raw.data, name, f->name_len) == 0;
}

size_t headers_count(struct headers *h, const char *name)
{
	struct header_field *f;
	size_t n = 0;

	parse(h);
	DL_FOREACH(h->added, f)
		n += named(f, name);
	DL_FOREACH(h->fields, f)
		n += named(f, name);
	return n;
}

static const char *value_of(const struct header_field *f, struct arena *a)
{
	struct view v = view_skip(f->raw, f->name_len);
	char *out, *to;

	v = view_trim(view_skip(v, view_find(v, ':') + 1));
	to = out = arena_alloc(a, v.len + 1);
	for (size_t i = 0; i < v.len; i++)	/* RFC 5322 2.2.3: unfolding takes the CRLF away, the blank stays */
		if (v.data[i] != '\r' && v.data[i] != '\n')
			*to++ = v.data[i];
	return out;
}

const char *headers_get(struct headers *h, const char *name, int n, struct arena *a)
{
	struct header_field *f;
	int64_t want = n < 0 ? (int64_t)headers_count(h, name) + n : n;

	parse(h);
	if (want < 0)
		return NULL;
	DL_FOREACH(h->added, f)
		if (named(f, name) && want-- == 0)
			return value_of(f, a);
	DL_FOREACH(h->fields, f)
		if (named(f, name) && want-- == 0)
			return value_of(f, a);
	return NULL;
}

/* Folds are "\r\n" or "\n" before a blank; any other line break would begin a field of its own, an empty line
 * the body. Octets over 0x7f are let through (RFC 6532). */
static bool value_fit(const char *value)
{
	size_t line = 0;

	for (const char *p = value; *p; p++, line++) {
		if (p[0] == '\r' && p[1] == '\n')
			p++;
		if (*p == '\n') {
			if ((p[1] != ' ' && p[1] != '\t') || p[1 + strspn(p + 1, " \t\r\n")] == '\0')
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
	char line[80];

	return v.len > 0 && v.len < sizeof(line) - 2 && snprintf(line, sizeof(line), "%s:", name) > 0 &&
	       name_length(view_of(line)) == v.len;
}

/* "NAME: VALUE" with CRLF line ends in the arena; NULL when it does not fit. */
static struct header_field *field_make(struct headers *h, const char *name, const char *value, bool ours)
{
	size_t limit = ours ? HEADERS_ADDED_MAX : HEADERS_ADDED_MAX - HEADERS_RESERVE;
	size_t size = strlen(name) + 2 * strlen(value) + 5, len;
	char *text, *to;

	if (!name_fit(name) || size > 2 * HEADERS_ADDED_MAX || !value_fit(value))
		return NULL;
	text = arena_alloc(h->arena, size);
	to = text + snprintf(text, size, "%s: ", name);
	for (; *value; value++) {
		if (*value == '\n' && to[-1] != '\r')
			*to++ = '\r';
		*to++ = *value;
	}
	*to++ = '\r';
	*to++ = '\n';
	len = (size_t)(to - text);
	if (h->added_bytes + len > limit)
		return NULL;
	h->added_bytes += len;
	return field_new(h->arena, view_make(text, len));
}

bool headers_prepend(struct headers *h, const char *name, const char *value, bool ours)
{
	struct header_field *f = field_make(h, name, value, ours);

	if (f)
		DL_PREPEND(h->added, f);
	return f != NULL;
}

/* The section's last line may lack its CRLF only if the content ended with it, which body.c does not let happen. */
bool headers_append(struct headers *h, const char *name, const char *value)
{
	struct header_field *f;

	parse(h);
	f = field_make(h, name, value, false);
	if (!f)
		return false;
	DL_APPEND(h->fields, f);
	h->rewritten = true;
	return true;
}

size_t headers_remove(struct headers *h, const char *name)
{
	struct header_field *f, *next;
	size_t n = 0;

	parse(h);
	DL_FOREACH_SAFE(h->added, f, next) {
		if (named(f, name)) {
			DL_DELETE(h->added, f);
			n++;
		}
	}
	DL_FOREACH_SAFE(h->fields, f, next) {
		if (named(f, name)) {
			DL_DELETE(h->fields, f);
			h->rewritten = true;
			n++;
		}
	}
	return n;
}

uint64_t headers_skip(const struct headers *h)
{
	return h->rewritten ? h->original.len : 0;
}

size_t headers_head_size(const struct headers *h)
{
	struct header_field *f;
	size_t size = 0;

	DL_FOREACH(h->added, f)
		size += f->raw.len;
	if (h->rewritten)
		DL_FOREACH(h->fields, f)
			size += f->raw.len;
	return size;
}

bool headers_head(const struct headers *h, struct buf *out)
{
	struct header_field *f;

	DL_FOREACH(h->added, f)
		buf_put_view(out, f->raw);
	if (h->rewritten)
		DL_FOREACH(h->fields, f)
			buf_put_view(out, f->raw);
	return !out->failed;
}
