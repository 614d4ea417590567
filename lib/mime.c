/* mime.c - see mime.h. One pass over the lines; the open multiparts are a stack, innermost last. A boundary counts only when
 * it stands on a line of its own between two CRLFs, blanks behind it allowed (RFC 2046 5.1.1). */
#include "mime.h"
#include "mime_field.h"
#include <strings.h>

#define LINE_MAX_OCTETS 998

struct mime_level {			/* an open multipart */
	char boundary[MIME_BOUNDARY_MAX + 1];
	size_t len;
	size_t depth;			/* of its parts */
	bool digest;			/* RFC 2046 5.1.5: its parts are messages unless they say otherwise */
	bool is_signed;			/* it, or one around it, is a multipart/signed */
	bool closed;			/* its last boundary has been seen */
};

struct mime_scan {
	struct view text;
	struct arena *arena;
	struct mime *out;
	size_t room;			/* parts allocated */
	struct mime_level levels[MIME_DEPTH_MAX];
	size_t level_count;
	struct mime_part *part;		/* whose header section or body is being read; NULL: between parts */
	bool in_header;
	struct mime_header header;	/* of that part, as far as it was read */
	size_t field_at;		/* where the field being read begins */
	const char *why;
};

struct mime_octets mime_octets_of(struct view v)
{
	struct mime_octets o = { 0 };
	size_t line = 0;

	for (size_t i = 0; i < v.len; i++) {
		unsigned char c = (unsigned char)v.data[i];

		if (c == '\r' && i + 1 < v.len && v.data[i + 1] == '\n') {
			line = 0;
			i++;
			continue;
		}
		o.eight += c > 0x7f;
		o.binary |= c == '\0' || c == '\r' || c == '\n';
		o.long_lines |= ++line > LINE_MAX_OCTETS;
	}
	return o;
}

static bool fail(struct mime_scan *s, const char *why)
{
	s->why = why;
	return false;
}

/* ---- parts ---- */

static bool open_part(struct mime_scan *s, size_t at, size_t depth)
{
	struct mime *m = s->out;

	if (m->count == MIME_PARTS_MAX || depth >= MIME_DEPTH_MAX)
		return fail(s, "it has too many parts, or parts too deep in each other");
	if (m->count == s->room) {
		struct mime_part *more = arena_alloc(s->arena, 2 * (s->room + 8) * sizeof(*more));

		if (m->count)
			memcpy(more, m->parts, m->count * sizeof(*more));
		m->parts = more;
		s->room = 2 * (s->room + 8);
	}
	s->part = &m->parts[m->count++];
	s->part->depth = depth;
	s->part->header_at = s->field_at = at;
	s->in_header = true;
	s->header = (struct mime_header){ 0 };
	return true;
}

/* The part being read ends at AT. */
static void close_part(struct mime_scan *s, size_t at)
{
	struct mime_part *p = s->part;

	s->part = NULL;
	if (!p)
		return;
	if (s->in_header)		/* of a message in it, which is empty */
		p->header_end = p->body_at = p->header_at;
	if (p->kind != MIME_LEAF)
		return;
	p->body_end = at < p->body_at ? p->body_at : at;
	p->octets = mime_octets_of(view_make(s->text.data + p->body_at, p->body_end - p->body_at));
}

static const struct mime_level *innermost(const struct mime_scan *s)
{
	return s->level_count ? &s->levels[s->level_count - 1] : NULL;
}

static bool open_multipart(struct mime_scan *s)
{
	const struct mime_level *around = innermost(s);
	bool is_signed = around && around->is_signed;

	if (s->header.boundary.len == 0)
		return fail(s, "a multipart has no boundary that can be used");
	if (s->level_count == MIME_DEPTH_MAX)
		return fail(s, "it has too many parts, or parts too deep in each other");
	struct mime_level *l = &s->levels[s->level_count++];
	*l = (struct mime_level){ .depth = s->part->depth + 1, .len = s->header.boundary.len,
		.digest = view_case_eq(s->header.subtype, VIEW("digest")),
		.is_signed = is_signed || view_case_eq(s->header.subtype, VIEW("signed")) };
	memcpy(l->boundary, s->header.boundary.data, l->len);
	s->part->kind = MIME_MULTIPART;
	s->part = NULL;			/* the preamble is nobody's */
	return true;
}

/* ---- header sections ---- */

/* RFC 2046 5.2.1: a message inside, whose own parts may be encoded; RFC 6532 3.7. */
static bool is_message(const struct mime_scan *s)
{
	static const char *const subtypes[] = { "rfc822", "news", "global" };

	if (!s->part->typed)
		return innermost(s) && innermost(s)->digest && s->part->depth == innermost(s)->depth;
	for (size_t i = 0; i < COUNT_OF(subtypes); i++)
		if (view_case_eq(s->header.type, VIEW("message")) && view_case_eq(s->header.subtype, view_of(subtypes[i])))
			return true;
	return false;
}

/* The empty line at AT; the body begins at BODY. */
static bool end_header(struct mime_scan *s, size_t at, size_t body)
{
	struct mime_part *p = s->part;

	if (!mime_header_field(&s->header, view_make(s->text.data + s->field_at, at - s->field_at), s->arena))
		return fail(s, "a field of its structure is there twice, or cannot be understood");
	s->in_header = false;
	p->header_end = at;
	p->body_at = body;
	p->typed = s->header.typed;
	p->versioned = s->header.versioned;
	p->encoding = s->header.encoding;
	p->encoding_len = s->header.encoding_field.len;
	p->encoding_at = p->encoding_len ? (size_t)(s->header.encoding_field.data - s->text.data) : 0;
	p->text = !p->typed || view_case_eq(s->header.type, VIEW("text"));
	p->fixed = view_case_eq(s->header.type, VIEW("message"));
	p->is_signed = innermost(s) && innermost(s)->is_signed;
	if (p->depth == 0)
		s->out->is_signed = s->header.is_signed;
	if (view_case_eq(s->header.type, VIEW("multipart")) || is_message(s)) {
		if (p->encoding > MIME_BINARY)	/* RFC 2045 6.4 */
			return fail(s, "a multipart or a message in it is encoded, which is not allowed");
		if (!is_message(s))
			return open_multipart(s);
		p->kind = MIME_MESSAGE;
		return open_part(s, body, p->depth + 1);
	}
	return true;
}

/* The line from AT to NEXT is one of a header section. */
static bool header_line(struct mime_scan *s, size_t at, size_t next)
{
	const char *line = s->text.data + at;

	if (next - at == 2 && line[0] == '\r')
		return end_header(s, at, next);
	if (at == s->part->header_at || *line == ' ' || *line == '\t')
		return true;
	if (!mime_header_field(&s->header, view_make(s->text.data + s->field_at, at - s->field_at), s->arena))
		return fail(s, "a field of its structure is there twice, or cannot be understood");
	s->field_at = at;
	return true;
}

/* ---- boundaries ---- */

/* Whether LINE, which begins with "--", is L's boundary; *LAST: the one that closes it. */
static bool is_boundary(const struct mime_level *l, struct view line, bool *last)
{
	struct view rest = view_skip(line, 2);

	if (!view_starts(rest, view_make(l->boundary, l->len)))
		return false;
	rest = view_skip(rest, l->len);
	*last = view_starts(rest, VIEW("--"));
	if (*last)
		rest = view_skip(rest, 2);
	/* the last line of all may lack its end */
	while (rest.len && (rest.data[0] == ' ' || rest.data[0] == '\t'))
		rest = view_skip(rest, 1);
	return rest.len == 0 || view_eq(rest, VIEW("\r\n"));
}

/* The line from AT to NEXT: ends what it ends, and begins a part. *TAKEN: it was a boundary. */
static bool boundary_line(struct mime_scan *s, size_t at, size_t next, bool *taken)
{
	struct view line = view_make(s->text.data + at, next - at);
	bool last = false;

	*taken = false;
	if (s->level_count == 0 || !view_starts(line, VIEW("--")) || (at && (at < 2 || s->text.data[at - 2] != '\r')))
		return true;
	for (size_t i = s->level_count; i-- > 0;) {
		struct mime_level *l = &s->levels[i];

		if (l->closed || !is_boundary(l, line, &last))
			continue;
		*taken = true;
		/* a header section that no empty line ends */
		if (s->part && s->in_header && !end_header(s, at, at))
			return false;
		close_part(s, at >= 2 ? at - 2 : at);
		s->level_count = i + 1;
		l->closed = last;
		return last || open_part(s, next, l->depth);
	}
	return true;
}

/* ---- the whole ---- */

static bool scan_lines(struct mime_scan *s)
{
	for (size_t at = 0, next; at < s->text.len; at = next) {
		const char *lf = memchr(s->text.data + at, '\n', s->text.len - at);
		bool taken;

		next = lf ? (size_t)(lf - s->text.data) + 1 : s->text.len;
		if (!boundary_line(s, at, next, &taken))
			return false;
		if (!taken && s->part && s->in_header && !header_line(s, at, next))
			return false;
	}
	if (s->part && s->in_header && !end_header(s, s->text.len, s->text.len))
		return false;
	close_part(s, s->text.len);
	return true;
}

static void add_around(struct mime *m, struct view gap)
{
	struct mime_octets o = mime_octets_of(gap);

	m->around.eight += o.eight;
	m->around.binary |= o.binary;
	m->around.long_lines |= o.long_lines;
}

bool mime_scan(struct view text, struct arena *a, struct mime *out, const char **why)
{
	struct mime_scan *s = arena_alloc(a, sizeof(*s));
	size_t at = 0;

	*out = (struct mime){ 0 };
	s->text = text;
	s->arena = a;
	s->out = out;
	if (!open_part(s, 0, 0) || !scan_lines(s)) {
		*why = s->why;
		return false;
	}
	for (size_t i = 0; i < out->count; i++) {
		if (out->parts[i].kind != MIME_LEAF)
			continue;
		add_around(out, view_make(text.data + at, out->parts[i].body_at - at));
		at = out->parts[i].body_end;
	}
	add_around(out, view_skip(text, at));
	return true;
}
