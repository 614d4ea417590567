/* reader.c - see reader.h. */
#include "../lib/base.h"
#include "../lib/charset.h"
#include "reader.h"

#define PIECE 4096

struct pr_reader {
	struct spool_writer *writer;
	uint64_t at, end;		/* what is still to be read */
	struct transfer transfer;
	bool text;
	struct charset charset;
	bool failed;
	struct arena *arena;
	char *decoded;			/* TEXT: octets that were decoded and not yet converted */
	size_t decoded_len;
	char *ready;			/* what was made ready and not yet handed out, for lines and texts */
	size_t ready_at, ready_len;
};

static void end_charset(void *arg)
{
	struct pr_reader *r = arg;

	charset_end(&r->charset);
}

struct pr_reader *reader_open(struct spool_writer *w, uint64_t at, uint64_t end, enum transfer_kind kind, bool text, struct view charset,
			      struct arena *a)
{
	struct pr_reader *r = arena_alloc(a, sizeof(*r));

	*r = (struct pr_reader){ .writer = w, .at = at, .end = end, .text = text, .arena = a };
	transfer_begin(&r->transfer, kind);
	if (text) {
		r->decoded = arena_alloc(a, PIECE);
		charset_begin(&r->charset, charset);
		arena_cleanup(a, end_charset, r);
	}
	return r;
}

static bool fail(struct pr_reader *r)
{
	r->failed = true;
	return false;
}

/* LEN octets; what is in memory and what is in the file come from the writer one after the other. */
static bool read_octets(struct pr_reader *r, char *out, size_t len)
{
	for (size_t have = 0; have < len;) {
		ssize_t n = spool_write_read(r->writer, r->at + have, out + have, len - have);

		if (n <= 0)
			return fail(r);
		have += (size_t)n;
	}
	return true;
}

/* Decodes as much as fits; false at the end and on failure. */
static bool decode(struct pr_reader *r, char *out, size_t size, size_t *len)
{
	char in[PIECE];

	for (*len = 0; *len == 0 && r->at < r->end;) {
		uint64_t left = r->end - r->at;
		size_t n = left < sizeof(in) ? (size_t)left : sizeof(in), used;

		if (!read_octets(r, in, n))
			return false;
		*len = transfer_decode(&r->transfer, view_make(in, n), n == left, out, size, &used);
		if (!used && !*len)
			return fail(r);
		r->at += used;
	}
	return *len > 0;
}

static bool convert(struct pr_reader *r, char *out, size_t size, size_t *len)
{
	for (*len = 0; *len == 0;) {
		size_t n = 0, used;
		bool more = decode(r, r->decoded + r->decoded_len, PIECE - r->decoded_len, &n);

		r->decoded_len += n;
		if (r->failed || (!more && !r->decoded_len))
			return false;
		*len = charset_convert(&r->charset, view_make(r->decoded, r->decoded_len), !more, out, size, &used);
		memmove(r->decoded, r->decoded + used, r->decoded_len - used);
		r->decoded_len -= used;
		if (!more && !used)
			return *len > 0;
	}
	return true;
}

/* SIZE is PIECE for texts. */
static bool produce(struct pr_reader *r, char *out, size_t size, size_t *len)
{
	return r->text ? convert(r, out, size, len) : decode(r, out, size, len);
}

/* Has something ready; false at the end and on failure. */
static bool make_ready(struct pr_reader *r)
{
	if (r->ready_at < r->ready_len)
		return true;
	if (!r->ready)
		r->ready = arena_alloc(r->arena, PIECE);
	r->ready_at = r->ready_len = 0;
	return produce(r, r->ready, PIECE, &r->ready_len);
}

ssize_t pr_read(struct pr_reader *r, void *out, size_t len)
{
	size_t n;

	if (!r || r->failed)
		return -1;
	if (len == 0)
		return 0;
	if (r->ready_at == r->ready_len && len >= PIECE) {
		n = 0;
		produce(r, out, len, &n);
		return r->failed ? -1 : (ssize_t)n;
	}
	if (!make_ready(r))
		return r->failed ? -1 : 0;
	n = r->ready_len - r->ready_at < len ? r->ready_len - r->ready_at : len;
	memcpy(out, r->ready + r->ready_at, n);
	r->ready_at += n;
	return (ssize_t)n;
}

ssize_t pr_read_line(struct pr_reader *r, char *out, size_t size)
{
	size_t len = 0;
	bool end = false;

	if (!r || r->failed || size < 2)
		return -1;
	while (!end && len + 1 < size && make_ready(r)) {
		struct view v = view_head(view_make(r->ready + r->ready_at, r->ready_len - r->ready_at), size - 1 - len);
		size_t lf = view_find(v, '\n');

		end = lf < v.len;
		v = view_head(v, lf + 1);
		memcpy(out + len, v.data, v.len);
		len += v.len;
		r->ready_at += v.len;
	}
	out[len] = '\0';
	return r->failed ? -1 : (ssize_t)len;
}
