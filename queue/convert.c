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
	uint64_t at;			/* offset in the message up to which all is planned */
	uint64_t size;
	const char *why;
};

static bool fail(struct planner *p, const char *why)
{
	p->why = why;
	return false;
}

/* ---- pieces ---- */

static void add(struct planner *p, enum content_kind kind, uint64_t at, uint64_t len, const char *text)
{
	if (len == 0)
		return;
	p->pieces[p->count++] = (struct content_piece){ kind, kind == CONTENT_TEXT ? 0 : p->file->message_at + at, len, text };
}

/* What stands before AT stays as it is. */
static void keep(struct planner *p, uint64_t at)
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
	uint64_t len = part->body_end - part->body_at;

	return part->text && !part->octets.binary && part->octets.eight <= len / 6 ? MIME_QUOTED : MIME_BASE64;
}

static bool encode(struct planner *p, const struct mime_part *part)
{
	enum mime_encoding e = encoding_for(part);
	uint64_t len = part->body_end - part->body_at;

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

static ssize_t read_file(void *arg, uint64_t offset, void *out, size_t len)
{
	const struct spool_file *f = arg;

	if (offset >= f->message_len)
		return 0;
	if (len > f->message_len - offset)
		len = (size_t)(f->message_len - offset);
	return spool_read_all(f->fd, out, len, f->message_at + offset) ? (ssize_t)len : -1;
}

/* What is ambiguous is not understood, rather than understood in some way that others may not share. */
static bool scan(struct planner *p, struct mime *mime)
{
	static const struct mime_limits limits = { .depth = CONVERT_DEPTH, .parts = CONVERT_PARTS, .header = CONVERT_HEADER };
	struct mime_source source = { .read = read_file, .arg = (void *)(uintptr_t)p->file, .count_octets = true };
	enum mime_result result = mime_scan(&source, &limits, p->arena, mime);
	unsigned flaws = mime_flaws(mime);

	if (result == MIME_UNREADABLE)
		return fail(p, "it cannot be read");
	if (result == MIME_OVER)
		return fail(p, "it has too many parts, or parts too deep in each other");
	if (flaws & MIME_FLAW_BOUNDARY)
		return fail(p, "a multipart has no boundary that can be used");
	if (flaws & MIME_FLAW_ENCODED)
		return fail(p, "a multipart or a message in it is encoded, which is not allowed");
	return !(flaws & MIME_FLAW_FIELD) || fail(p, "a field of its structure is there twice, or cannot be understood");
}

static bool plan(struct planner *p, const char *head)
{
	struct mime mime;

	if (!scan(p, &mime))
		return false;
	if (mime.around.binary || (p->away & CONVERT_8BIT && mime.around.eight))
		return fail(p, "its header, or what stands between its parts, is not ASCII");
	p->signature = mime.is_signed;
	p->pieces = arena_alloc(p->arena, (PIECES_A_PART * mime.count + 2) * sizeof(*p->pieces));
	put(p, head);
	for (size_t i = 0; i < mime.count; i++)
		if (!plan_part(p, &mime.parts[i]))
			return false;
	keep(p, p->file->message_len);
	return true;
}

bool convert_plan(const struct spool_file *f, const char *head, unsigned away, struct arena *a, struct conversion *out, const char **why)
{
	struct planner p = { .file = f, .arena = a, .away = away };
	bool good = f->message_len <= CONVERT_MAX ? plan(&p, head) : fail(&p, "it is too large to be converted");

	*out = (struct conversion){ p.pieces, p.count, p.size };
	*why = p.why;
	return good;
}
