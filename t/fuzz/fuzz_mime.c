/* fuzz_mime.c - messages of any structure: the parts lie within the message and in order; a message that can be converted holds
 * afterwards nothing of what had to go, has the same parts, and each of them the same content once it is decoded. */
#include "fuzz.h"
#include "../../lib/base64.h"
#include "../../lib/mime.h"
#include "../../queue/convert.h"
#include <sys/mman.h>

static void check_parts(struct view text, const struct mime *m)
{
	size_t at = 0;

	MUST(m->count > 0 && m->count <= MIME_PARTS_MAX);
	for (size_t i = 0; i < m->count; i++) {
		const struct mime_part *p = &m->parts[i];

		MUST(p->header_at >= at && p->header_end >= p->header_at && p->body_at >= p->header_end && p->body_at <= text.len);
		MUST(p->encoding_len == 0 || (p->encoding_at >= p->header_at && p->encoding_at + p->encoding_len <= p->header_end));
		MUST(p->depth <= MIME_DEPTH_MAX);
		at = p->header_end;
		if (p->kind != MIME_LEAF)
			continue;
		MUST(p->body_end >= p->body_at && p->body_end <= text.len);
		at = p->body_end;
	}
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
		struct mime_octets o = mime_octets_of(text);

		MUST(!(away & CONVERT_8BIT) || o.eight == 0);
		MUST(!(away & CONVERT_BINARY) || !o.binary);
		MUST(mime_scan(text, a, &m, &why) && m.count == was->count);
		check_parts(text, &m);
		for (size_t i = 0; i < m.count; i++)
			check_content(text, &m.parts[i], in, &was->parts[i]);
	} else {
		MUST(why && *why);
	}
	buf_free(&out);
	close(f.fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view in = view_make((const char *)data, size);
	unsigned away = fuzz_byte(&in) & 3;
	struct arena *a = arena_new(4096);
	const char *why = NULL;
	struct mime m;

	if (mime_scan(in, a, &m, &why)) {
		check_parts(in, &m);
		if (away)
			check_conversion(in, &m, away, a);
	} else {
		MUST(why && *why);
	}
	arena_free(&a);
	return 0;
}
