/* mime.c - see mime.h. The parts that are open are a stack, the innermost last. A boundary counts only on a line of its own between two
 * CRLFs, blanks behind it allowed (RFC 2046 5.1.1); of a line only so much is looked at as a boundary can have. */
#include "mime.h"
#include "buf.h"
#include "err.h"
#include "field.h"
#include "mime_header.h"

#define CHUNK 16384
#define LOOK 512			/* octets of a line that can be a boundary, blanks behind it included */

struct level {				/* an open part */
	size_t part;
	const char *boundary;		/* of a multipart, with LEN; 0: of none */
	size_t len;
	bool digest;			/* RFC 2046 5.1.5: its parts are messages unless they say otherwise */
	bool is_signed;			/* it, or one around it, is a multipart/signed */
	bool closed;			/* its last boundary has been seen */
};

struct scan {
	const struct mime_source *source;
	const struct mime_limits *limits;
	struct mime *out;
	struct arena *arena, *scratch, *boundaries;
	size_t room;			/* parts allocated */
	struct level *levels;		/* as many as limits->depth */
	size_t level_count;
	bool over;

	/* Reading. */
	char *chunk;
	size_t at, len;			/* in the chunk */
	uint64_t base;			/* offset of the chunk */
	bool eof, unreadable;
	bool after_crlf;		/* the line in hand begins after CRLF, or at the very beginning */

	/* The header section in hand. */
	bool in_header;
	struct mime_header header;
	struct buf field;		/* the field in hand, or its beginning */
	bool field_cut;
	uint64_t field_at, encoding_at, encoding_len;
	struct mime_counter body, around;
};

static struct mime_part *part_of(struct scan *s, const struct level *l)
{
	return &s->out->parts[l->part];
}

static struct level *top(struct scan *s)
{
	return s->level_count ? &s->levels[s->level_count - 1] : NULL;
}

static struct mime_part *current(struct scan *s)
{
	return part_of(s, top(s));
}

/* ---- reading ---- */

static uint64_t offset(const struct scan *s)
{
	return s->base + s->at;
}

/* What is there from here on: LOOK octets at least, or all. */
static struct view look(struct scan *s)
{
	while (s->len - s->at < LOOK && !s->eof) {
		ssize_t n;

		memmove(s->chunk, s->chunk + s->at, s->len - s->at);
		s->base += s->at;
		s->len -= s->at;
		s->at = 0;
		n = s->source->read(s->source->arg, s->base + s->len, s->chunk + s->len, CHUNK - s->len);
		s->unreadable = n < 0;
		s->eof = n <= 0;
		s->len += n > 0 ? (size_t)n : 0;
	}
	return view_make(s->chunk + s->at, s->len - s->at);
}

/* Takes the line, or as much of it as is there; false when more of it comes. */
static bool take_piece(struct scan *s, struct view *piece)
{
	struct view v = look(s);
	size_t lf = view_find(v, '\n');

	*piece = view_head(v, lf + 1);
	s->at += piece->len;
	return lf < v.len || v.len == 0;
}

/* ---- parts ---- */

static bool push(struct scan *s, uint64_t at)
{
	const struct level *around = top(s);
	struct mime *m = s->out;

	if (m->count == s->limits->parts || s->level_count == s->limits->depth) {
		s->over = true;
		return false;
	}
	if (m->count == s->room) {
		struct mime_part *more = arena_alloc(s->arena, (2 * s->room + 4) * sizeof(*more));

		if (m->count)
			memcpy(more, m->parts, m->count * sizeof(*more));
		m->parts = more;
		s->room = 2 * s->room + 4;
	}
	m->parts[m->count] = (struct mime_part){ .depth = (uint32_t)s->level_count, .parent = around ? (uint32_t)around->part : 0,
		.header_at = at, .header_end = at, .body_at = at, .body_end = at,
		.digest = around && around->digest, .is_signed = around && around->is_signed };
	s->levels[s->level_count++] = (struct level){ .part = m->count++, .is_signed = around && around->is_signed };
	arena_reset(s->scratch);
	s->header = (struct mime_header){ .type = VIEW(""), .subtype = VIEW(""), .boundary = VIEW("") };
	s->in_header = true;
	s->field_at = at;
	s->encoding_at = s->encoding_len = 0;
	return true;
}

/* The innermost part ends at AT, or where its body begins; returns where, so that those around it end there, too. */
static uint64_t pop(struct scan *s, uint64_t at)
{
	struct level *l = top(s);
	struct mime_part *p = part_of(s, l);

	p->body_end = at > p->body_at ? at : p->body_at;
	if (p->kind == MIME_LEAF && s->source->count_octets) {
		mime_count_end(&s->body);
		p->octets = s->body.octets;
		s->body = (struct mime_counter){ 0 };
	}
	if (p->kind == MIME_MULTIPART && !l->closed)
		p->flaws |= MIME_FLAW_OPEN;
	s->level_count--;
	return p->body_end;
}

/* ---- header sections ---- */

/* The field in hand is complete; the next one begins at AT. */
static void end_field(struct scan *s, uint64_t at)
{
	struct field f = field_make(buf_view(&s->field));
	bool encoded = s->header.encoded;

	if (s->field.len && s->field_cut && mime_header_wants(field_name(&f)))
		s->over = true;
	else if (s->field.len)
		mime_header_field(&s->header, &f, s->scratch);
	if (!encoded && s->header.encoded) {
		s->encoding_at = s->field_at;
		s->encoding_len = at - s->field_at;
	}
	s->over = s->over || s->header.over;
	buf_clear(&s->field);
	s->field_cut = false;
	s->field_at = at;
}

/* RFC 2046 5.2.1: a message inside, whose own parts may be encoded; RFC 6532 3.7. */
static bool is_message(const struct mime_part *p, const struct mime_header *h)
{
	static const char *const subtypes[] = { "rfc822", "news", "global" };

	if (!p->typed)
		return p->digest;
	for (size_t i = 0; i < COUNT_OF(subtypes); i++)
		if (view_case_eq(h->type, VIEW("message")) && view_case_eq(h->subtype, view_of(subtypes[i])))
			return true;
	return false;
}

static void note_facts(struct scan *s, struct mime_part *p)
{
	const struct mime_header *h = &s->header;

	p->typed = h->typed;
	p->versioned = h->versioned;
	p->encoding = h->encoding;
	p->encoding_at = s->encoding_at;
	p->encoding_len = s->encoding_len;
	p->flaws |= h->flaws;
	p->text = !p->typed || view_case_eq(h->type, VIEW("text"));
	p->fixed = view_case_eq(h->type, VIEW("message"));
	if (p->depth == 0)
		s->out->is_signed = h->is_signed;
}

/* One boundary for two open multiparts: where the inner one ends is a matter of taste. */
static bool in_use(const struct scan *s, struct view boundary)
{
	for (size_t i = 0; i < s->level_count; i++)
		if (s->levels[i].len && view_eq(boundary, view_make(s->levels[i].boundary, s->levels[i].len)))
			return true;
	return false;
}

static void open_multipart(struct scan *s, struct mime_part *p)
{
	struct level *l = top(s);

	if (!s->header.boundary.len)
		return;		/* a leaf, with its flaw */
	p->kind = MIME_MULTIPART;
	p->flaws |= in_use(s, s->header.boundary) ? MIME_FLAW_AMBIGUOUS : 0;
	p->flaws |= p->encoding > MIME_BINARY ? MIME_FLAW_ENCODED : 0;
	l->boundary = arena_view_dup(s->boundaries, s->header.boundary);
	l->len = s->header.boundary.len;
	l->digest = view_case_eq(s->header.subtype, VIEW("digest"));
	l->is_signed = l->is_signed || view_case_eq(s->header.subtype, VIEW("signed"));
}

/* The header section ends at AT, the body begins at BODY; CUT: by a boundary or the end of all, so there is nothing more of this part. */
static void end_header(struct scan *s, uint64_t at, uint64_t body, bool cut)
{
	struct mime_part *p = current(s);

	end_field(s, at);
	s->in_header = false;
	p->header_end = at;
	p->body_at = p->body_end = body;
	note_facts(s, p);
	if (view_case_eq(s->header.type, VIEW("multipart"))) {
		open_multipart(s, p);
	} else if (is_message(p, &s->header)) {
		if (p->encoding > MIME_BINARY) {
			p->flaws |= MIME_FLAW_ENCODED;
		} else {
			p->kind = MIME_MESSAGE;
			if (!cut)
				push(s, body);
		}
	}
}

/* A piece of a header line; FIRST: it begins the line at AT. */
static void header_piece(struct scan *s, struct view piece, bool first, uint64_t at)
{
	if (first && view_eq(piece, VIEW("\r\n"))) {
		end_header(s, at, at + 2, false);
		return;
	}
	if (first && at != s->field_at && piece.data[0] != ' ' && piece.data[0] != '\t')
		end_field(s, at);
	size_t room = s->limits->header - s->field.len;
	s->field_cut = s->field_cut || piece.len > room;
	buf_put_view(&s->field, view_head(piece, room));
	if (current(s)->depth > 0 && at + piece.len - current(s)->header_at > s->limits->header)
		s->over = true;
}

/* ---- boundaries ---- */

/* Whether LINE, which begins with "--", is L's boundary; *LAST: the one that closes it. */
static bool is_boundary(const struct level *l, struct view line, bool *last)
{
	struct view rest = view_skip(line, 2);

	if (!l->len || !view_starts(rest, view_make(l->boundary, l->len)))
		return false;
	rest = view_skip(rest, l->len);
	*last = view_starts(rest, VIEW("--"));
	if (*last)
		rest = view_skip(rest, 2);
	while (rest.len && (rest.data[0] == ' ' || rest.data[0] == '\t'))
		rest = view_skip(rest, 1);
	return rest.len == 0 || view_eq(rest, VIEW("\r\n"));	/* the last line of all may lack its end */
}

/* A line that is no boundary: those that take it for one find something else. */
static void note_ambiguous(struct scan *s, struct view line)
{
	for (size_t i = 0; i < s->level_count; i++) {
		const struct level *l = &s->levels[i];

		if (l->len && view_starts(view_skip(line, 2), view_make(l->boundary, l->len)))
			part_of(s, l)->flaws |= MIME_FLAW_AMBIGUOUS;
	}
}

/* The line at AT, if it is a boundary: ends what it ends, and begins a part at NEXT. */
static bool boundary_line(struct scan *s, struct view line, uint64_t at, uint64_t next)
{
	bool last;

	for (size_t i = s->level_count; i-- > 0;) {
		struct level *l = &s->levels[i];

		if (l->closed || !is_boundary(l, line, &last))
			continue;
		if (s->in_header)
			end_header(s, at, at, true);	/* no empty line ends it */
		for (uint64_t end = at < 2 ? at : at - 2; s->level_count > i + 1;)
			end = pop(s, end);
		l->closed = last;
		if (!last)
			push(s, next);
		return true;
	}
	note_ambiguous(s, line);
	return false;
}

/* A line that begins with "--". */
static bool dashes(struct scan *s, struct view v, uint64_t at)
{
	size_t lf = view_find(v, '\n');
	struct view line = view_head(v, lf + 1);

	if (!s->after_crlf || (lf == v.len && !s->eof)) {	/* longer than a boundary can be */
		note_ambiguous(s, line);
		return false;
	}
	if (!boundary_line(s, line, at, at + line.len))
		return false;
	if (s->source->count_octets)
		mime_count(&s->around, line);
	s->at += line.len;
	return true;
}

/* ---- the whole ---- */

/* The octets of PIECE, before it is looked into. */
static void count(struct scan *s, struct view piece)
{
	const struct mime_part *p = s->level_count ? current(s) : NULL;

	if (s->source->count_octets)
		mime_count(p && !s->in_header && p->kind == MIME_LEAF ? &s->body : &s->around, piece);
}

static void take_line(struct scan *s)
{
	bool first = true, whole = false, crlf = false;

	while (!whole && !s->over) {
		uint64_t at = offset(s);
		struct view piece;

		whole = take_piece(s, &piece);
		if (!piece.len)
			break;
		count(s, piece);
		if (whole)	/* the CR may have been the last octet of the piece before */
			crlf = piece.len > 1 ? piece.data[piece.len - 2] == '\r' : crlf;
		else
			crlf = piece.data[piece.len - 1] == '\r';
		if (s->in_header)
			header_piece(s, piece, first, at);
		first = false;
	}
	s->after_crlf = crlf;
}

static void scan_lines(struct scan *s)
{
	s->after_crlf = true;
	while (!s->over && !s->unreadable) {
		struct view v = look(s);

		if (!v.len)
			break;
		if (v.len > 1 && v.data[0] == '-' && v.data[1] == '-' && dashes(s, v, offset(s))) {
			s->after_crlf = true;
			continue;
		}
		take_line(s);
	}
	if (s->in_header)
		end_header(s, offset(s), offset(s), true);
	for (uint64_t end = offset(s); s->level_count;)
		end = pop(s, end);
	mime_count_end(&s->around);
	s->out->around = s->around.octets;
}

/* The message's own header section, when it is given. */
static void take_header(struct scan *s)
{
	struct view rest = s->source->header;

	while (rest.len) {
		struct field f = field_next(&rest);

		if (f.raw.len > s->limits->header && mime_header_wants(field_name(&f)))
			s->over = true;
		else
			mime_header_field(&s->header, &f, s->scratch);
	}
	s->over = s->over || s->header.over;
	s->base = s->field_at = s->source->body_at;
	end_header(s, s->base, s->base, false);
	s->out->parts[0].header_at = s->out->parts[0].header_end = 0;
}

enum mime_result mime_scan(const struct mime_source *source, const struct mime_limits *limits, struct arena *a, struct mime *out)
{
	struct scan s = { .source = source, .limits = limits, .out = out, .arena = a, .scratch = arena_new(2048), .boundaries = arena_new(512) };

	*out = (struct mime){ 0 };
	s.levels = calloc(limits->depth, sizeof(*s.levels));
	s.chunk = malloc(CHUNK);
	if (!s.levels || !s.chunk)
		bug("out of memory (structure of a message)");
	buf_init(&s.field, limits->header + 1);
	push(&s, 0);
	if (source->header.data)
		take_header(&s);
	scan_lines(&s);
	buf_free(&s.field);
	free(s.chunk);
	free(s.levels);
	arena_free(&s.scratch);
	arena_free(&s.boundaries);
	return s.unreadable ? MIME_UNREADABLE : s.over ? MIME_OVER : MIME_OK;
}

unsigned mime_flaws(const struct mime *m)
{
	unsigned flaws = 0;

	for (size_t i = 0; i < m->count; i++)
		flaws |= m->parts[i].flaws;
	return flaws;
}
