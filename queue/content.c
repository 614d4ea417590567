/* content.c - see content.h. Dots are stuffed by what stands in the file, not by what the envelope says of it: only big
 * messages that were found free of such lines when they came are sent unseen, by sendfile. A message made of lines cannot hold a
 * bare CR or LF (it would have been refused), so CRLF.CRLF in the middle cannot come about; one that is not goes by BDAT, or
 * encoded. */
#include "content.h"
#include "encode.h"
#include "spool.h"
#include <sys/sendfile.h>

void content_init(struct content *c, int fd, uint64_t at, uint64_t len, unsigned flags, const char *head)
{
	*c = (struct content){ .fd = fd, .last = '\n', .plain_copy = !(flags & (ENVELOPE_DOTS | ENVELOPE_LONG_LINES | ENVELOPE_BINARY)) };
	if (*head)
		c->own[c->count++] = (struct content_piece){ CONTENT_TEXT, 0, strlen(head), head };
	c->own[c->count++] = (struct content_piece){ CONTENT_FILE, at, len, NULL };
}

void content_replace(struct content *c, const struct content_piece *pieces, size_t count)
{
	c->pieces = pieces;
	c->count = count;
	c->plain_copy = false;
}

void content_set_verbatim(struct content *c)
{
	c->verbatim = true;
}

void content_rewind(struct content *c)
{
	c->current = c->done = c->column = c->encoded = 0;
	c->raw = c->finished = false;
	c->last = '\n';
}

static const struct content_piece *piece_of(const struct content *c)
{
	return c->current < c->count ? &(c->pieces ? c->pieces : c->own)[c->current] : NULL;
}

/* LEN octets of the current piece have been used. */
static void use(struct content *c, uint64_t len)
{
	c->done += len;
	if (c->done < piece_of(c)->len)
		return;
	c->current++;
	c->done = c->encoded = 0;
	c->raw = false;
}

/* ---- straight from the file ---- */

/* Octets at the end of a piece that sendfile leaves to content_fill, which looks whether they are CRLF. */
static uint64_t tail_of(const struct content *c)
{
	return c->verbatim ? 0 : 2;
}

uint64_t content_size(const struct content *c)
{
	const struct content_piece *pieces = c->pieces ? c->pieces : c->own;
	uint64_t size = 0;

	for (size_t i = 0; i < c->count; i++)
		size += pieces[i].len;
	return size;
}

bool content_raw(const struct content *c)
{
	const struct content_piece *p = piece_of(c);

	if (!p || p->kind != CONTENT_FILE || !(c->verbatim || c->plain_copy))
		return false;
	if (c->raw)
		return p->len - c->done > tail_of(c);
	return (c->verbatim || c->column == 0) && p->len - c->done > CONTENT_CHUNK;
}

ssize_t content_sendfile(struct content *c, int socket, size_t max)
{
	const struct content_piece *p = piece_of(c);
	uint64_t left = p->len - c->done - tail_of(c);
	off_t at = (off_t)(p->at + c->done);
	ssize_t n = sendfile(socket, c->fd, &at, left < max ? (size_t)left : max);

	if (n > 0) {
		c->raw = true;
		c->column = 1;		/* somewhere in a line, until the file has been seen again */
		c->last = '\0';
		use(c, (uint64_t)n);
		c->finished = c->verbatim && !piece_of(c);
	}
	return n;
}

/* ---- lines for DATA ---- */

/* Appends LEN bytes of one line (with its LF, if that is among them), stuffed and folded. */
static bool content_line(struct content *c, struct buf *out, const char *data, size_t len)
{
	while (len) {
		/* a CRLF may still stand behind a line of full length */
		size_t room = CONTENT_LINE - (c->column < CONTENT_LINE ? c->column : CONTENT_LINE);
		size_t n = len;

		if (c->column == 0 && *data == '.' && !buf_putc(out, '.'))
			return false;	/* RFC 5321 4.5.2 */
		if (n > room && *data != '\r' && *data != '\n') {
			const char *cr = memchr(data, '\r', n);
			size_t text = cr ? (size_t)(cr - data) : n;

			if (text > room) {
				if (!buf_put(out, data, room) || !buf_puts(out, "\r\n "))
					return false;
				data += room;
				len -= room;
				c->column = 1;
				continue;
			}
		}
		if (!buf_put(out, data, n))
			return false;
		c->column += n;
		c->last = data[n - 1];
		return true;
	}
	return true;
}

static bool content_transform(struct content *c, struct buf *out, const char *data, size_t len)
{
	while (len) {
		const char *lf = memchr(data, '\n', len);
		size_t n = lf ? (size_t)(lf - data) + 1 : len;

		if (!content_line(c, out, data, n))
			return false;
		if (lf)
			c->column = 0;
		data += n;
		len -= n;
	}
	return true;
}

/* RFC 5321 4.1.1.4: the final dot stands on a line of its own. */
static bool content_finish(struct content *c, struct buf *out)
{
	c->finished = true;
	if (c->verbatim)
		return true;
	if (c->column == 0 || (c->last == '\n'))
		return buf_puts(out, ".\r\n");
	return buf_puts(out, c->last == '\r' ? "\n.\r\n" : "\r\n.\r\n");
}

/* ---- pieces ---- */

static bool put(struct content *c, struct buf *out, struct view v)
{
	return c->verbatim ? buf_put_view(out, v) : content_transform(c, out, v.data, v.len);
}

/* Appends V, octets of a piece of KIND, LAST when they are the last of it; how many of them were used, 0 out of memory. */
static size_t put_octets(struct content *c, struct buf *out, enum content_kind kind, struct view v, bool last)
{
	struct buf encoded;
	size_t used;

	if (kind == CONTENT_FILE || kind == CONTENT_TEXT)
		return put(c, out, v) ? v.len : 0;
	buf_init(&encoded, ENCODE_GROWTH * v.len + 16);
	used = (kind == CONTENT_BASE64 ? encode_base64 : encode_quoted)(v, last, &c->encoded, &encoded);
	if (encoded.failed || !put(c, out, buf_view(&encoded)))
		used = 0;
	buf_free(&encoded);
	return used;
}

bool content_fill(struct content *c, struct buf *out, struct err *err)
{
	char data[CONTENT_CHUNK];
	const struct content_piece *p = piece_of(c);

	if (p && p->len) {
		uint64_t left = p->len - c->done;
		size_t want = left < sizeof(data) ? (size_t)left : sizeof(data), used;
		ssize_t n = (ssize_t)want;
		const char *from = data;

		if (p->kind == CONTENT_TEXT)
			from = p->text + c->done;
		else
			n = pread(c->fd, data, want, (off_t)(p->at + c->done));
		if (n < 0)
			return err_sys(err, "cannot read the message");
		if (n == 0)
			return err_set(err, "the message is shorter than its envelope says");
		used = put_octets(c, out, p->kind, view_make(from, (size_t)n), (uint64_t)n == left);
		if (used == 0)
			return err_set(err, "out of memory");
		use(c, used);
	} else if (p) {
		use(c, 0);
	}
	return piece_of(c) || content_finish(c, out) || err_set(err, "out of memory");
}
