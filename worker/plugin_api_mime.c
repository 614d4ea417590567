/* plugin_api_mime.c - the part of plugins/postrider.h that looks into the content of a message: its parts, and reading them. From
 * data_headers_end on, in workers. */
#include "../lib/base.h"
#include "../lib/field.h"
#include "reader.h"
#include "session.h"

static struct transaction *transaction_of(const struct hook_call *call)
{
	struct transaction *t = call->session ? &call->session->transaction : NULL;

	return t && t->stored_form ? t : NULL;
}

static const struct mime *mime_of(const struct hook_call *call, enum mime_result *result)
{
	struct transaction *t = transaction_of(call);

	return t ? structure_of(t, call->session->settings, result) : NULL;
}

static const struct mime_part *part_of(const struct hook_call *call, size_t part)
{
	enum mime_result result;
	const struct mime *m = mime_of(call, &result);

	return m && part < m->count ? &m->parts[part] : NULL;
}

enum pr_mime pr_mime(struct hook_call *call, size_t *parts)
{
	static const enum pr_mime results[] = { [MIME_OK] = PR_MIME_OK, [MIME_OVER] = PR_MIME_OVER, [MIME_UNREADABLE] = PR_MIME_ERROR };
	enum mime_result result;
	const struct mime *m = mime_of(call, &result);

	*parts = m && result != MIME_UNREADABLE ? m->count : 0;
	return m ? results[result] : PR_MIME_ERROR;
}

/* ---- facts ---- */

unsigned pr_part_depth(struct hook_call *call, size_t part)
{
	const struct mime_part *p = part_of(call, part);

	return p ? p->depth : 0;
}

size_t pr_part_parent(struct hook_call *call, size_t part)
{
	const struct mime_part *p = part_of(call, part);

	return p ? p->parent : 0;
}

unsigned pr_part_flaws(struct hook_call *call, size_t part)
{
	const struct mime_part *p = part_of(call, part);

	return p ? p->flaws : 0;
}

bool pr_part_is_leaf(struct hook_call *call, size_t part)
{
	const struct mime_part *p = part_of(call, part);

	return p && p->kind == MIME_LEAF;
}

uint64_t pr_part_size(struct hook_call *call, size_t part)
{
	const struct mime_part *p = part_of(call, part);

	return p ? p->body_end - p->body_at : 0;
}

/* ---- fields ---- */

/* The Nth field NAME of the part. */
static bool find_field(const struct hook_call *call, size_t part, struct view name, size_t n, struct field *out)
{
	struct transaction *t = transaction_of(call);
	struct view rest = t ? structure_header(t, call->session->settings, part) : VIEW("");

	while (rest.len) {
		*out = field_next(&rest);
		if (field_named(out, name) && n-- == 0)
			return true;
	}
	return false;
}

const char *pr_part_header(struct hook_call *call, size_t part, const char *name, size_t n)
{
	struct field f;

	return find_field(call, part, view_of(name), n, &f) ? field_value(&f, call->scratch) : NULL;
}

/* The first field NAME of the part, taken apart in A; false when there is none. */
static bool parse_field(const struct hook_call *call, size_t part, const char *name, struct arena *a, struct mime_field *out)
{
	struct field f;

	*out = (struct mime_field){ .type = VIEW(""), .subtype = VIEW("") };
	if (!find_field(call, part, view_of(name), 0, &f))
		return false;
	mime_field_parse(field_body(&f), a, out);
	return true;
}

static const char *lower(struct hook_call *call, struct view first, const char *between, struct view second)
{
	char *text = arena_printf(call->scratch, "%.*s%s%.*s", VIEW_FMT(first), between, VIEW_FMT(second));

	for (char *c = text; *c; c++)
		*c = *c >= 'A' && *c <= 'Z' ? (char)(*c + ('a' - 'A')) : *c;
	return text;
}

/* RFC 2045 5.2: what has no type, or none that can be read, is plain text. */
const char *pr_part_type(struct hook_call *call, size_t part)
{
	const struct mime_part *p = part_of(call, part);
	struct arena *a = arena_new(1024);
	struct mime_field f;
	const char *type = !p ? "" : p->digest && !p->typed ? "message/rfc822" : "text/plain";

	if (p && parse_field(call, part, "Content-Type", a, &f) && f.type.len && f.subtype.len)
		type = lower(call, f.type, "/", f.subtype);
	arena_free(&a);
	return type;
}

const char *pr_part_disposition(struct hook_call *call, size_t part)
{
	struct arena *a = arena_new(1024);
	struct mime_field f;
	const char *disposition;

	parse_field(call, part, "Content-Disposition", a, &f);
	disposition = lower(call, f.type, "", VIEW(""));
	arena_free(&a);
	return disposition;
}

const char *pr_part_encoding(struct hook_call *call, size_t part)
{
	struct arena *a = arena_new(1024);
	struct mime_field f;
	const char *encoding = part_of(call, part) ? "7bit" : "";

	if (parse_field(call, part, "Content-Transfer-Encoding", a, &f))
		encoding = lower(call, f.type, "", VIEW(""));
	arena_free(&a);
	return encoding;
}

/* The Nth text that somebody may take for parameter NAME of a field FIELD; *N is counted down by how many there are. */
static const char *parameter(struct hook_call *call, size_t part, const char *field, const char *name, size_t *n)
{
	struct field f;
	const char *found = NULL;

	for (size_t i = 0; !found && find_field(call, part, view_of(field), i, &f); i++) {
		struct arena *a = arena_new(1024);
		struct mime_field parsed;
		const char *text;

		mime_field_parse(field_body(&f), a, &parsed);
		for (size_t k = 0; !found && (text = mime_field_parameter(&parsed, name, k, a)) != NULL; k++)
			if ((*n)-- == 0)
				found = arena_strdup(call->scratch, text);
		arena_free(&a);
	}
	return found;
}

const char *pr_part_parameter(struct hook_call *call, size_t part, const char *name)
{
	size_t n = 0;

	return parameter(call, part, "Content-Type", name, &n);
}

const char *pr_part_filename(struct hook_call *call, size_t part, size_t n)
{
	const char *name = parameter(call, part, "Content-Disposition", "filename", &n);

	return name ? name : parameter(call, part, "Content-Type", "name", &n);
}

/* ---- reading ---- */

static enum transfer_kind kind_of(const struct mime_part *p)
{
	if (p->kind != MIME_LEAF)
		return TRANSFER_IDENTITY;
	return p->encoding == MIME_BASE64 ? TRANSFER_BASE64 : p->encoding == MIME_QUOTED ? TRANSFER_QUOTED : TRANSFER_IDENTITY;
}

struct pr_reader *pr_part_open(struct hook_call *call, size_t part, enum pr_reading how)
{
	const struct mime_part *p = part_of(call, part);
	const char *charset = p && how == PR_READ_TEXT ? pr_part_parameter(call, part, "charset") : NULL;

	if (!p)
		return NULL;
	return reader_open(call->session->transaction.writer, p->body_at, p->body_end, how == PR_READ_RAW ? TRANSFER_IDENTITY : kind_of(p),
			   how == PR_READ_TEXT, view_of(charset), call->scratch);
}

struct pr_reader *pr_body_open(struct hook_call *call)
{
	struct transaction *t = transaction_of(call);

	return t ? reader_open(t->writer, structure_body_at(t), spool_write_size(t->writer), TRANSFER_IDENTITY, false, VIEW(""), call->scratch) : NULL;
}
