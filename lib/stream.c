/* stream.c - see stream.h. The plain hot path is one recv() a read: the socket's receive time-out (SO_RCVTIMEO)
 * does the waiting for a fresh line and is set only when its value changes; a line that comes in pieces is
 * continued with poll() and what is left of its deadline. TLS is always driven non-blocking behind poll(). */
#include "stream.h"
#include "clock.h"
#include "trim.h"
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>

#define KEEP_TOUCHED 16384		/* of the input buffer, for the next session; the rest goes back to the kernel */

struct stream {
	int fd;
	struct tls_session *tls;
	bool broken;			/* nothing more can be written */
	int64_t receive_timeout;	/* SO_RCVTIMEO as set, ms; 0 not yet */
	int64_t until;			/* clock_ms; 0 for ever */
	size_t at, end;			/* unread input: in[at..end) */
	size_t touched;			/* high-water mark of `in` */
	size_t out_len;
	uint64_t bytes_in, bytes_out;
	char out[STREAM_OUT];
	char in[STREAM_IN];
};

/* One stream is kept for the next session of this worker: no mapping is made or broken per client. */
static struct stream *spare;

struct stream *stream_open(int fd)
{
	struct stream *s = spare;

	spare = NULL;
	if (!s) {
		s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (s == MAP_FAILED)
			bug("no memory for a connection");
	}
	s->fd = fd;
	return s;
}

void stream_close(struct stream **sp)
{
	struct stream *s = *sp;

	*sp = NULL;
	if (!s)
		return;
	if (s->tls) {
		tls_bye(s->tls);
		tls_session_free(&s->tls);
	}
	close(s->fd);
	if (spare || s->touched > KEEP_TOUCHED) {
		munmap(s, sizeof(*s));
		return;
	}
	/* Nothing of this client may be seen in the next session: all that was touched is wiped. */
	memset(s->in, 0, s->touched);
	memset(s, 0, offsetof(struct stream, in));
	spare = s;
}

void stream_rest(void)
{
	if (spare)
		munmap(spare, sizeof(*spare));
	spare = NULL;
}

int stream_fd(const struct stream *s)
{
	return s->fd;
}

void stream_until(struct stream *s, int64_t until)
{
	s->until = until;
}

static int64_t deadline_of(const struct stream *s, int64_t timeout_ms)
{
	int64_t deadline = clock_ms() + timeout_ms;

	return s->until && s->until < deadline ? s->until : deadline;
}

static bool wait_for(int fd, short events, int64_t deadline)
{
	struct pollfd p = { .fd = fd, .events = events };
	int n;

	do {
		n = poll(&p, 1, clock_left(deadline));
	} while (n < 0 && errno == EINTR);
	return n > 0;
}

static enum stream_result write_all(struct stream *s, const char *data, size_t len, int64_t deadline)
{
	while (len) {
		ssize_t n = s->tls ? tls_write(s->tls, data, len, NULL)
				   : send(s->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n > 0) {
			data += n;
			len -= (size_t)n;
			s->bytes_out += (uint64_t)n;
			continue;
		}
		bool wait = s->tls ? n == TLS_WANT_WRITE || n == TLS_WANT_READ : errno == EAGAIN;
		if (!s->tls && errno == EINTR)
			continue;
		if (!wait || !wait_for(s->fd, n == TLS_WANT_READ ? POLLIN : POLLOUT, deadline)) {
			s->broken = true;
			return wait ? STREAM_TIMEOUT : STREAM_ERROR;
		}
	}
	return STREAM_OK;
}

enum stream_result stream_flush(struct stream *s, int64_t timeout_ms)
{
	size_t len = s->out_len;

	s->out_len = 0;
	if (s->broken)
		return STREAM_ERROR;
	return len ? write_all(s, s->out, len, deadline_of(s, timeout_ms)) : STREAM_OK;
}

#define PUT_TIMEOUT 300000		/* ms for a full output buffer: RFC 5321 4.5.3.2, as for a command */

enum stream_result stream_put(struct stream *s, const void *data, size_t len)
{
	const char *from = data;

	while (len) {
		size_t room = sizeof(s->out) - s->out_len, n = len < room ? len : room;

		memcpy(s->out + s->out_len, from, n);
		s->out_len += n;
		from += n;
		len -= n;
		if (s->out_len == sizeof(s->out)) {
			enum stream_result r = stream_flush(s, PUT_TIMEOUT);
			if (r != STREAM_OK)
				return r;
		}
	}
	return s->broken ? STREAM_ERROR : STREAM_OK;
}

static void set_receive_timeout(struct stream *s, int64_t ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	if (s->receive_timeout != ms && setsockopt(s->fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) == 0)
		s->receive_timeout = ms;
}

/* One attempt to read plain bytes. FRESH: nothing of the line is here yet, so the whole time-out applies. */
static ssize_t read_plain(struct stream *s, int64_t timeout_ms, int64_t deadline, bool fresh)
{
	if (fresh)
		set_receive_timeout(s, timeout_ms);
	else if (!wait_for(s->fd, POLLIN, deadline))
		return errno = EAGAIN, -1;
	return recv(s->fd, s->in + s->end, sizeof(s->in) - s->end, fresh ? 0 : MSG_DONTWAIT);
}

static ssize_t read_tls(struct stream *s, int64_t deadline)
{
	for (;;) {
		ssize_t n = TLS_WANT_READ;

		if (clock_left(deadline) == 0)	/* records without data may come for ever */
			return errno = EAGAIN, -1;
		if (tls_pending(s->tls) || wait_for(s->fd, POLLIN, deadline))
			n = tls_read(s->tls, s->in + s->end, sizeof(s->in) - s->end, NULL);
		else
			return errno = EAGAIN, -1;
		if (n >= 0)
			return n;
		if (n == TLS_FAILED)
			return errno = EPROTO, -1;
		if (n == TLS_WANT_WRITE && !wait_for(s->fd, POLLOUT, deadline))
			return errno = EAGAIN, -1;
	}
}

/* Reads more behind what is there (room is the caller's care), flushing output first. */
static enum stream_result fill(struct stream *s, int64_t timeout_ms, int64_t deadline, bool fresh)
{
	if (s->out_len) {
		enum stream_result r = stream_flush(s, timeout_ms);
		if (r != STREAM_OK)
			return r;
	}
	if (s->broken)
		return STREAM_ERROR;
	/* A client that never lets us wait must not get past the deadline either. */
	if (clock_left(deadline) == 0)
		return STREAM_TIMEOUT;
	for (;;) {
		ssize_t n = s->tls ? read_tls(s, deadline) : read_plain(s, timeout_ms, deadline, fresh);

		if (n > 0) {
			s->end += (size_t)n;
			s->bytes_in += (uint64_t)n;
			if (s->end > s->touched)
				s->touched = s->end;
			return STREAM_OK;
		}
		if (n == 0)
			return STREAM_EOF;
		if (errno == EINTR) {
			fresh = false;
			continue;
		}
		return errno == EAGAIN ? STREAM_TIMEOUT : STREAM_ERROR;
	}
}

static void compact(struct stream *s)
{
	if (s->at == 0)
		return;
	memmove(s->in, s->in + s->at, s->end - s->at);
	s->end -= s->at;
	s->at = 0;
}

/* Offset just behind the first CRLF at or after FROM, 0 when there is none. */
static size_t line_end(const struct stream *s, size_t from)
{
	while (from < s->end) {
		const char *lf = memchr(s->in + from, '\n', s->end - from);

		if (!lf)
			return 0;
		from = (size_t)(lf - s->in) + 1;
		if (from >= s->at + 2 && lf[-1] == '\r')
			return from;
	}
	return 0;
}

/* Throws away everything up to and with the next CRLF. */
static enum stream_result skip_line(struct stream *s, int64_t timeout_ms, int64_t deadline)
{
	for (;;) {
		size_t end = line_end(s, s->at);

		if (end) {
			s->at = end;
			return STREAM_TOO_LONG;
		}
		/* keep the last byte: it may be the CR of a CRLF that is cut */
		s->at = s->end - 1;
		compact(s);
		enum stream_result r = fill(s, timeout_ms, deadline, false);
		if (r != STREAM_OK)
			return r;
	}
}

enum stream_result stream_line(struct stream *s, size_t max, int64_t timeout_ms, struct view *line)
{
	int64_t deadline = 0;
	size_t scan = s->at, end;

	if (max > STREAM_IN)
		bug("stream_line: limit %zu over the buffer", max);
	while (!(end = line_end(s, scan))) {
		if (s->end - s->at >= max)
			return skip_line(s, timeout_ms, deadline ? deadline : deadline_of(s, timeout_ms));
		scan = s->end;
		bool fresh = s->at == s->end;
		if (!deadline)
			deadline = deadline_of(s, timeout_ms);
		scan -= s->at;
		compact(s);
		enum stream_result r = fill(s, timeout_ms, deadline, fresh);
		if (r != STREAM_OK)
			return r;
	}
	size_t start = s->at;
	s->at = end;
	if (end - start > max)
		return STREAM_TOO_LONG;
	*line = view_make(s->in + start, end - start - 2);
	return STREAM_OK;
}

enum stream_result stream_peek(struct stream *s, int64_t timeout_ms, struct view *piece)
{
	if (s->at == s->end) {
		s->at = s->end = 0;
		enum stream_result r = fill(s, timeout_ms, deadline_of(s, timeout_ms), true);
		if (r != STREAM_OK)
			return r;
	}
	*piece = view_make(s->in + s->at, s->end - s->at);
	return STREAM_OK;
}

void stream_eat(struct stream *s, size_t n)
{
	if (n > s->end - s->at)
		bug("stream_eat: %zu of %zu", n, s->end - s->at);
	s->at += n;
}

bool stream_buffered(const struct stream *s)
{
	return s->at < s->end || (s->tls && tls_pending(s->tls));
}

bool stream_readable(struct stream *s, int64_t wait_ms)
{
	return stream_buffered(s) || wait_for(s->fd, POLLIN, clock_ms() + wait_ms);
}

bool stream_start_tls(struct stream *s, struct tls_context *ctx, int64_t timeout_ms, struct err *err)
{
	memset(s->in, 0, s->touched);
	s->at = s->end = s->out_len = 0;
	s->tls = tls_session_new(ctx, true, s->fd, NULL, err);
	if (s->tls && tls_handshake_until(s->tls, deadline_of(s, timeout_ms), err)) {
		trim_memory();		/* what the handshake needed goes back: it would sit here for the whole session */
		return true;
	}
	s->broken = true;
	return false;
}

const struct tls_session *stream_tls(const struct stream *s)
{
	return s->tls;
}

uint64_t stream_bytes_in(const struct stream *s)
{
	return s->bytes_in;
}

uint64_t stream_bytes_out(const struct stream *s)
{
	return s->bytes_out;
}

void stream_interrupt(int fd)
{
	shutdown(fd, SHUT_RD);
}
