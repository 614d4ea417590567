/* content.c - see content.h. Dots are stuffed by what stands in the file, not by what the envelope says of it: only big
 * messages that were found free of such lines when they came are sent unseen, by sendfile. A message cannot hold a bare CR or
 * LF (it would have been refused), so CRLF.CRLF in the middle cannot come about. 8-bit content goes as it is, whatever
 * the server announced: every server of today takes it, and converting would break signatures. */
#include "content.h"
#include "spool.h"
#include <sys/sendfile.h>

void content_init(struct content *c, int fd, uint64_t at, uint64_t len, unsigned flags, const char *head)
{
	*c = (struct content){ .fd = fd, .at = at, .end = at + len, .head = head, .last = '\n' };
	c->plain_copy = (flags & (ENVELOPE_DOTS | ENVELOPE_LONG_LINES)) == 0;
}

bool content_raw(const struct content *c)
{
	if (!c->plain_copy || *c->head)
		return false;
	return c->raw ? c->end - c->at > 2 : c->column == 0 && c->end - c->at > CONTENT_CHUNK;
}

ssize_t content_sendfile(struct content *c, int socket, size_t max)
{
	/* The last two bytes go through content_fill, which looks whether they are CRLF. */
	uint64_t left = c->end - c->at - 2;
	off_t at = (off_t)c->at;
	ssize_t n = sendfile(socket, c->fd, &at, left < max ? (size_t)left : max);

	if (n > 0) {
		c->raw = true;
		c->at += (uint64_t)n;
		c->column = 1;		/* somewhere in a line, until the file has been seen again */
		c->last = '\0';
	}
	return n;
}

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
static bool content_finish(struct content *c, struct buf *out, struct err *err)
{
	c->finished = true;
	if (c->column == 0 || (c->last == '\n'))
		return buf_puts(out, ".\r\n") || err_set(err, "out of memory");
	return buf_puts(out, c->last == '\r' ? "\n.\r\n" : "\r\n.\r\n") || err_set(err, "out of memory");
}

bool content_fill(struct content *c, struct buf *out, struct err *err)
{
	char piece[CONTENT_CHUNK];
	uint64_t left = c->end - c->at;
	size_t want = left < sizeof(piece) ? (size_t)left : sizeof(piece);

	if (*c->head) {
		if (!content_transform(c, out, c->head, strlen(c->head)))
			return err_set(err, "out of memory");
		c->head = "";
		return true;
	}
	if (want) {
		ssize_t n = pread(c->fd, piece, want, (off_t)c->at);

		if (n < 0)
			return err_sys(err, "cannot read the message");
		if (n == 0)
			return err_set(err, "the message is shorter than its envelope says");
		c->at += (uint64_t)n;
		if (!content_transform(c, out, piece, (size_t)n))
			return err_set(err, "out of memory");
	}
	return c->at < c->end || content_finish(c, out, err);
}
