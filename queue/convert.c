/* convert.c - see convert.h. The plan is a list of edits in the order of their place: a label that is replaced, one that is put in,
 * a body that is encoded. What stands between them goes out untouched. */
#include "convert.h"
#include "../lib/mime.h"
#include "spool_internal.h"

#define LABEL "Content-Transfer-Encoding: "
/* RFC 1428 3: what to call text of which nobody said in which characters it is. */
#define UNKNOWN_TEXT "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=unknown-8bit\r\n"
#define PIECES_A_PART 4			/* what stands before its label, the label, what stands before its body, the body */

struct planner {
	const struct spool_file *file;
	struct arena *arena;
	unsigned away;
	bool signature;			/* a signature holds for the whole body */
	struct content_piece *pieces;
	size_t count;
	size_t at;			/* offset in the message up to which all is planned */
	uint64_t size;
	const char *why;
};

static bool fail(struct planner *p, const char *why)
{
	p->why = why;
	return false;
}

/* ---- pieces ---- */

static void add(struct planner *p, enum content_kind kind, size_t at, size_t len, const char *text)
{
	if (len == 0)
		return;
	p->pieces[p->count++] = (struct content_piece){ kind, kind == CONTENT_TEXT ? 0 : p->file->message_at + at, len, text };
}

/* What stands before AT stays as it is. */
static void keep(struct planner *p, size_t at)
{
	add(p, CONTENT_FILE, p->at, at - p->at, NULL);
	p->size += at - p->at;
	p->at = at;
}

static void put(struct planner *p, const char *text)
{
	add(p, CONTENT_TEXT, 0, strlen(text), text);
	p->size += strlen(text);
}

/* ---- one part ---- */

/* Whether octets O of PART must not stay. Lines too long would be folded, which changes what an encoding need not change. */
static bool must_encode(const struct planner *p, const struct mime_octets *o)
{
	bool binary = p->away & CONVERT_BINARY && (o->binary || o->long_lines);

	return binary || (p->away & CONVERT_8BIT && o->eight);
}

static const char *encoding_name(enum mime_encoding e)
{
	static const char *const names[] = { [MIME_7BIT] = "7bit", [MIME_8BIT] = "8bit", [MIME_QUOTED] = "quoted-printable", [MIME_BASE64] = "base64" };

	return names[e];
}

/* What the label of a part that is not encoded must say at most. */
static enum mime_encoding label_of(const struct planner *p, const struct mime_part *part)
{
	if (p->away & CONVERT_8BIT && (part->encoding == MIME_8BIT || part->encoding == MIME_BINARY))
		return MIME_7BIT;
	if (p->away & CONVERT_BINARY && part->encoding == MIME_BINARY)
		return MIME_8BIT;
	return part->encoding;
}

static bool may_change(const struct planner *p, const struct mime_part *part)
{
	return !part->is_signed && !p->signature;
}

static void relabel(struct planner *p, const struct mime_part *part, enum mime_encoding e)
{
	const char *label = arena_printf(p->arena, LABEL "%s\r\n", encoding_name(e));

	if (part->encoding_len) {
		keep(p, part->encoding_at);
		put(p, label);
		p->at = part->encoding_at + part->encoding_len;
		return;
	}
	keep(p, part->header_end);
	if (part->depth == 0 && !part->versioned)
		put(p, part->typed ? "MIME-Version: 1.0\r\n" : UNKNOWN_TEXT);
	put(p, label);
}

/* Text stays legible where that is not longer. */
static enum mime_encoding encoding_for(const struct mime_part *part)
{
	size_t len = part->body_end - part->body_at;

	return part->text && !part->octets.binary && part->octets.eight <= len / 6 ? MIME_QUOTED : MIME_BASE64;
}

static bool encode(struct planner *p, const struct mime_part *part)
{
	enum mime_encoding e = encoding_for(part);
	size_t len = part->body_end - part->body_at;

	if (part->encoding > MIME_BINARY)
		return fail(p, "a part holds what its encoding does not allow");
	if (part->fixed)
		return fail(p, "a part is of a kind that must not be encoded");
	if (!may_change(p, part))
		return fail(p, "a signature would break");
	relabel(p, part, e);
	keep(p, part->body_at);
	add(p, e == MIME_QUOTED ? CONTENT_QUOTED : CONTENT_BASE64, part->body_at, len, NULL);
	p->size += e == MIME_QUOTED ? len + 2 * part->octets.eight + len / 25 : len / 57 * 78 + 78;
	p->at = part->body_end;
	return true;
}

static bool plan_part(struct planner *p, const struct mime_part *part)
{
	if (part->kind == MIME_LEAF && must_encode(p, &part->octets))
		return encode(p, part);
	enum mime_encoding label = label_of(p, part);
	if (label != part->encoding && may_change(p, part))	/* else it says more than it need, and harms nobody */
		relabel(p, part, label);
	return true;
}

/* ---- the whole ---- */

static bool plan(struct planner *p, struct view text, const char *head)
{
	struct mime mime;

	if (!mime_scan(text, p->arena, &mime, &p->why))
		return false;
	if (mime.around.binary || (p->away & CONVERT_8BIT && mime.around.eight))
		return fail(p, "its header, or what stands between its parts, is not ASCII");
	p->signature = mime.is_signed;
	p->pieces = arena_alloc(p->arena, (PIECES_A_PART * mime.count + 2) * sizeof(*p->pieces));
	put(p, head);
	for (size_t i = 0; i < mime.count; i++)
		if (!plan_part(p, &mime.parts[i]))
			return false;
	keep(p, text.len);
	return true;
}

bool convert_plan(const struct spool_file *f, const char *head, unsigned away, struct arena *a, struct conversion *out, const char **why)
{
	struct planner p = { .file = f, .arena = a, .away = away };
	char *text;
	bool good;

	if (f->message_len > CONVERT_MAX) {
		*why = "it is too large to be converted";
		return false;
	}
	text = malloc((size_t)f->message_len + 1);
	if (!text)
		bug("no memory for a message that is converted");
	good = spool_read_all(f->fd, text, (size_t)f->message_len, f->message_at) || fail(&p, "it cannot be read");
	good = good && plan(&p, view_make(text, (size_t)f->message_len), head);
	free(text);
	*out = (struct conversion){ p.pieces, p.count, p.size };
	*why = p.why;
	return good;
}
