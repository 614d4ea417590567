/* mime_header.c - see mime_header.h. */
#include "base.h"
#include "mime_field.h"
#include "mime_header.h"

static bool is_named(struct view name, const char *const *names)
{
	for (; *names; names++)
		if (view_case_eq(name, view_of(*names)))
			return true;
	return false;
}

bool mime_header_wants(struct view name)
{
	static const char *const names[] = { "Content-Type", "Content-Transfer-Encoding", NULL };

	return is_named(name, names);
}

/* The field's own text goes with the next one. */
static struct view keep(struct view v, struct arena *a)
{
	return view_make(arena_view_dup(a, v), v.len);
}

/* RFC 2046 5.1.1: 1 to 70 printable characters, the last no blank. What breaks that, or is said in pieces or twice, is read differently by
 * different readers. */
static void take_boundary(struct mime_header *h, const struct mime_field *f, struct arena *a)
{
	const char *text = mime_field_parameter(f, "boundary", 0, a);
	const struct mime_parameter *plain = NULL;

	for (size_t i = 0; i < f->count; i++) {
		if (!view_case_starts(f->parameters[i].name, VIEW("boundary")))
			continue;
		if (plain || f->parameters[i].name.len > strlen("boundary"))
			h->flaws |= MIME_FLAW_BOUNDARY;
		if (!plain)
			plain = &f->parameters[i];
	}
	if (plain && view_case_eq(plain->name, VIEW("boundary")))
		h->boundary = plain->value;
	else if (text)
		h->boundary = view_of(text);
	struct view trimmed = view_trim(h->boundary);
	if (!trimmed.len || trimmed.len != h->boundary.len || trimmed.len > 70 || !view_is_printable(trimmed) || (plain && plain->odd))
		h->flaws |= MIME_FLAW_BOUNDARY;
	h->boundary = keep(trimmed, a);
	h->over = h->over || trimmed.len > MIME_BOUNDARY_MAX;
}

static void take_type(struct mime_header *h, struct view body, struct arena *a)
{
	struct mime_field f;

	if (h->typed) {
		h->flaws |= MIME_FLAW_FIELD;
		return;
	}
	h->typed = true;
	mime_field_parse(body, a, &f);
	h->over = h->over || f.over;
	h->flaws |= f.odd || !f.subtype.len ? MIME_FLAW_TYPE : 0;
	h->type = keep(f.type, a);
	h->subtype = keep(f.subtype, a);
	bool multipart = view_case_eq(f.type, VIEW("multipart"));
	if (!f.subtype.len && (multipart || view_case_eq(f.type, VIEW("message"))))
		h->flaws |= MIME_FLAW_FIELD;
	if (multipart)
		take_boundary(h, &f, a);
}

static void take_encoding(struct mime_header *h, struct view body, struct arena *a)
{
	static const struct { struct view name; enum mime_encoding encoding; } names[] = {
		{ VIEW("7bit"), MIME_7BIT }, { VIEW("8bit"), MIME_8BIT }, { VIEW("binary"), MIME_BINARY },
		{ VIEW("quoted-printable"), MIME_QUOTED }, { VIEW("base64"), MIME_BASE64 },
	};
	struct mime_field f;

	if (h->encoded) {
		h->flaws |= MIME_FLAW_FIELD;
		return;
	}
	h->encoded = true;
	mime_field_parse(body, a, &f);
	h->encoding = MIME_OTHER;
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (view_case_eq(f.type, names[i].name))
			h->encoding = names[i].encoding;
	h->flaws |= h->encoding == MIME_OTHER ? MIME_FLAW_ENCODING : 0;
}

void mime_header_field(struct mime_header *h, const struct field *f, struct arena *a)
{
	static const char *const signatures[] = { "DKIM-Signature", "ARC-Message-Signature", "DomainKey-Signature", NULL };
	struct view name = field_name(f);

	if (!f->name_len)
		h->flaws |= MIME_FLAW_AMBIGUOUS;	/* the body begins here for some */
	else if (view_case_eq(name, VIEW("Content-Type")))
		take_type(h, field_body(f), a);
	else if (view_case_eq(name, VIEW("Content-Transfer-Encoding")))
		take_encoding(h, field_body(f), a);
	else if (view_case_eq(name, VIEW("MIME-Version")))
		h->versioned = true;
	else if (is_named(name, signatures))
		h->is_signed = true;
}
