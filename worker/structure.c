/* structure.c - see structure.h. */
#include "../lib/base.h"
#include "../lib/settings.h"
#include "structure.h"
#include "transaction.h"

static void free_fields(void *arg)
{
	struct structure *s = arg;

	arena_free(&s->fields);
}

static ssize_t read_content(void *arg, uint64_t offset, void *out, size_t len)
{
	return spool_write_read(arg, offset, out, len);
}

uint64_t structure_body_at(const struct transaction *t)
{
	uint64_t at = t->body.header.len + 2, size = spool_write_size(t->writer);

	return at < size ? at : size;
}

/* Those of the message's own fields that say what it is, as they will be stored. */
static void own_fields(struct transaction *t, struct buf *out)
{
	buf_init(out, t->body.header.len + HEADERS_MADE_MAX);
	buf_puts(out, "");
	for (size_t i = 0; i < headers_total(&t->headers); i++) {
		const struct field *f = headers_at(&t->headers, i);

		if (!f->name_len || view_case_starts(field_name(f), VIEW("Content-")) || view_case_starts(field_name(f), VIEW("MIME-")))
			buf_put_view(out, f->raw);
	}
}

const struct mime *structure_of(struct transaction *t, const struct settings *set, enum mime_result *result)
{
	struct structure *s = &t->structure;
	struct mime_limits limits = { .depth = (size_t)set->max_mime_depth, .parts = (size_t)set->max_mime_parts, .header = (size_t)set->max_mime_header_size };
	struct buf header;

	if (!s->fields) {
		s->fields = arena_new(1024);
		arena_cleanup(t->arena, free_fields, s);
	}
	if (!s->found || s->version != t->headers.version) {
		own_fields(t, &header);
		struct mime_source source = { .read = read_content, .arg = t->writer, .header = view_make(buf_text(&header), header.len),
			.body_at = structure_body_at(t) };

		s->result = mime_scan(&source, &limits, t->arena, &s->mime);
		s->found = true;
		s->have_part = false;
		s->version = t->headers.version;
		buf_free(&header);
	}
	*result = s->result;
	return &s->mime;
}

static struct view read_header(struct transaction *t, const struct mime_part *p, struct arena *a)
{
	size_t len = (size_t)(p->header_end - p->header_at), have = 0;
	char *text = arena_alloc(a, len + 1);

	while (have < len) {
		ssize_t n = spool_write_read(t->writer, p->header_at + have, text + have, len - have);

		if (n <= 0)
			return VIEW("");
		have += (size_t)n;
	}
	return view_make(text, len);
}

struct view structure_header(struct transaction *t, const struct settings *set, size_t part)
{
	enum mime_result result;
	const struct mime *m = structure_of(t, set, &result);
	struct structure *s = &t->structure;
	struct buf own;

	if (part >= m->count)
		return VIEW("");
	if (s->have_part && s->part == part)
		return s->header;
	arena_reset(s->fields);
	s->have_part = true;
	s->part = part;
	if (part > 0) {
		s->header = read_header(t, &m->parts[part], s->fields);
		return s->header;
	}
	buf_init(&own, t->body.header.len + HEADERS_MADE_MAX);
	for (size_t i = 0; i < headers_total(&t->headers); i++)
		buf_put_view(&own, headers_at(&t->headers, i)->raw);
	s->header = view_make(arena_view_dup(s->fields, buf_view(&own)), own.len);
	s->have_part = false;	/* any field of it may change */
	buf_free(&own);
	return s->header;
}
