/* fuzz_mime.c - messages of any structure: the parts lie within the message, in order and in each other, however it is cut into pieces; fields
 * and contents can be read; a message that can be converted holds afterwards nothing of what had to go, has the same parts, and each of them
 * the same content once it is decoded. */
#include "fuzz.h"
#include "../../lib/base64.h"
#include "../../lib/field.h"
#include "../../lib/mime.h"
#include "../../lib/mime_field.h"
#include "../../lib/transfer.h"
#include "../../queue/convert.h"
#include <sys/mman.h>

static const struct mime_limits limits = { .depth = 10, .parts = 50, .header = 2000 };

struct slow {
	struct view text;
	size_t piece;
};

static ssize_t slow_read(void *arg, uint64_t offset, void *out, size_t len)
{
	struct slow *s = arg;

	return mime_read_view(&s->text, offset, out, len < s->piece ? len : s->piece);
}

static enum mime_result scan(struct view text, size_t piece, struct arena *a, struct mime *m)
{
	struct slow slow = { .text = text, .piece = piece };
	struct mime_source source = { .read = slow_read, .arg = &slow, .count_octets = true };

	return mime_scan(&source, &limits, a, m);
}

static void check_parts(struct view text, const struct mime *m)
{
	uint64_t at = 0;

	MUST(m->count > 0 && m->count <= limits.parts);
	for (size_t i = 0; i < m->count; i++) {
		const struct mime_part *p = &m->parts[i];

		MUST(p->header_at >= at && p->header_end >= p->header_at && p->body_at >= p->header_end && p->body_at <= text.len);
		MUST(p->encoding_len == 0 || (p->encoding_at >= p->header_at && p->encoding_at + p->encoding_len <= p->header_end));
		MUST(p->depth < limits.depth && p->body_end >= p->body_at && p->body_end <= text.len);
		if (i > 0) {
			const struct mime_part *around = &m->parts[p->parent];

			MUST(p->parent < i && around->depth + 1 == p->depth && around->kind != MIME_LEAF);
			MUST(p->header_at >= around->body_at && p->body_end <= around->body_end);
		}
		at = p->header_end;
		if (p->kind != MIME_LEAF)
			continue;
		MUST(p->body_end >= p->body_at && p->body_end <= text.len);
		at = p->body_end;
	}
}

static void check_same(const struct mime_part *p, const struct mime_part *q)
{
	MUST(p->kind == q->kind && p->encoding == q->encoding && p->flaws == q->flaws && p->depth == q->depth && p->parent == q->parent);
	MUST(p->header_at == q->header_at && p->header_end == q->header_end && p->body_at == q->body_at && p->body_end == q->body_end);
	MUST(p->encoding_at == q->encoding_at && p->encoding_len == q->encoding_len && p->typed == q->typed && p->versioned == q->versioned);
	MUST(p->text == q->text && p->fixed == q->fixed && p->digest == q->digest && p->is_signed == q->is_signed);
	MUST(p->octets.eight == q->octets.eight && p->octets.binary == q->octets.binary && p->octets.long_lines == q->octets.long_lines);
}

/* ---- decoding, the simple way ---- */

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static void decode_quoted(struct view v, struct buf *out)
{
	for (size_t i = 0; i < v.len; i++) {
		if (v.data[i] != '=') {
			buf_putc(out, v.data[i]);
			continue;
		}
		MUST(i + 2 < v.len);
		if (v.data[i + 1] != '\r') {
			MUST(hex(v.data[i + 1]) >= 0 && hex(v.data[i + 2]) >= 0);
			buf_putc(out, (char)(hex(v.data[i + 1]) * 16 + hex(v.data[i + 2])));
		} else {
			MUST(v.data[i + 2] == '\n');
		}
		i += 2;
	}
}

static void decode_base64(struct view v, struct buf *out)
{
	char octets[64];
	size_t len;

	while (v.len) {
		struct view line = view_trim(view_cut(&v, '\n'));

		MUST(line.len <= 76 && base64_decode(line, octets, sizeof(octets), &len));
		buf_put(out, octets, len);
	}
}

/* That PART of TEXT is WAS of BEFORE. */
static void check_content(struct view text, const struct mime_part *part, struct view before, const struct mime_part *was)
{
	struct view body = view_make(text.data + part->body_at, part->body_end - part->body_at);
	struct view old = view_make(before.data + was->body_at, was->body_end - was->body_at);
	struct buf out;

	MUST(part->kind == was->kind && part->depth == was->depth);
	if (part->kind != MIME_LEAF)
		return;
	buf_init(&out, 1 << 22);
	if (part->encoding == was->encoding || part->encoding <= MIME_BINARY)
		buf_put_view(&out, body);
	else if (part->encoding == MIME_QUOTED)
		decode_quoted(body, &out);
	else
		decode_base64(body, &out);
	MUST(view_eq(buf_view(&out), old));
	buf_free(&out);
}

/* ---- the whole ---- */

static void fill(const struct spool_file *f, const struct conversion *c, struct buf *out)
{
	struct content content;
	struct err err = { "" };

	content_init(&content, f->fd, 0, f->message_len, 0, "");
	content_replace(&content, c->pieces, c->count);
	content_set_verbatim(&content);
	while (!content.finished)
		MUST(content_fill(&content, out, &err));
}

static void check_conversion(struct view in, const struct mime *was, unsigned away, struct arena *a)
{
	struct spool_file f = { .fd = memfd_create("fuzz", MFD_CLOEXEC), .message_len = in.len };
	const char *why = NULL;
	struct conversion c;
	struct mime m;
	struct buf out;

	MUST(f.fd >= 0 && write(f.fd, in.data, in.len) == (ssize_t)in.len);
	buf_init(&out, 1 << 24);
	if (convert_plan(&f, "", away, a, &c, &why)) {
		fill(&f, &c, &out);
		struct view text = buf_view(&out);
		struct mime_counter count = { 0 };

		mime_count(&count, text);
		mime_count_end(&count);
		MUST(!(away & CONVERT_8BIT) || count.octets.eight == 0);
		MUST(!(away & CONVERT_BINARY) || !count.octets.binary);
		MUST(scan(text, SIZE_MAX, a, &m) == MIME_OK && m.count == was->count);
		check_parts(text, &m);
		for (size_t i = 0; i < m.count; i++)
			check_content(text, &m.parts[i], in, &was->parts[i]);
	} else {
		MUST(why && *why);
	}
	buf_free(&out);
	close(f.fd);
}

/* ---- fields and contents ---- */

static void check_texts(const struct mime_field *f, const char *name, struct arena *a)
{
	const char *text;
	size_t n;

	for (n = 0; (text = mime_field_parameter(f, name, n, a)) != NULL; n++) {
		MUST(view_is_utf8(view_of(text)));
		for (const char *p = text; *p; p++)
			MUST((unsigned char)*p >= ' ' && *p != 0x7f);
	}
	MUST(n <= 2 * MIME_PARAMETERS_MAX);
}

static void check_fields(struct view text, const struct mime_part *p, struct arena *a)
{
	struct view rest = view_make(text.data + p->header_at, p->header_end - p->header_at);

	while (rest.len) {
		struct field f = field_next(&rest);
		struct mime_field parsed;

		mime_field_parse(field_body(&f), a, &parsed);
		MUST(parsed.count <= MIME_PARAMETERS_MAX);
		check_texts(&parsed, "filename", a);
		check_texts(&parsed, "name", a);
	}
}

/* Whole and in the smallest pieces that are allowed: the same, and no more than was there. */
static void check_decoding(struct view body, enum transfer_kind kind)
{
	struct buf out[2];

	for (size_t i = 0; i < 2; i++) {
		struct transfer t;
		struct view rest = body;
		char piece[300];

		buf_init(&out[i], 1 << 22);
		transfer_begin(&t, kind);
		while (rest.len) {
			struct view in = view_head(rest, i ? TRANSFER_WINDOW : SIZE_MAX);
			size_t used = 0, n = transfer_decode(&t, in, in.len == rest.len, piece, i ? 3 : sizeof(piece), &used);

			MUST(used <= in.len && (used || n));
			buf_put(&out[i], piece, n);
			rest = view_skip(rest, used);
		}
		MUST(out[i].len <= body.len);
	}
	MUST(view_eq(buf_view(&out[0]), buf_view(&out[1])));
	buf_free(&out[0]);
	buf_free(&out[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view in = view_make((const char *)data, size);
	unsigned away = fuzz_byte(&in) & 3;
	struct arena *a = arena_new(4096);
	struct mime m, cut;
	enum mime_result result = scan(in, SIZE_MAX, a, &m);

	MUST(scan(in, 7, a, &cut) == result && cut.count == m.count);
	MUST(result != MIME_UNREADABLE);
	for (size_t i = 0; i < m.count; i++)
		check_same(&cut.parts[i], &m.parts[i]);
	check_parts(in, &m);
	for (size_t i = 0; i < m.count; i++) {
		struct view body = view_make(in.data + m.parts[i].body_at, m.parts[i].body_end - m.parts[i].body_at);

		check_fields(in, &m.parts[i], a);
		if (m.parts[i].kind == MIME_LEAF) {
			check_decoding(body, TRANSFER_BASE64);
			check_decoding(body, TRANSFER_QUOTED);
		}
	}
	if (result == MIME_OK && away)
		check_conversion(in, &m, away, a);
	arena_free(&a);
	return 0;
}
