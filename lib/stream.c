/* stream.c - see stream.h. The plain hot path is one recv() a read: the socket's receive time-out (SO_RCVTIMEO)
 * does the waiting for a fresh line and is set only when its value changes; a line that comes in pieces is
 * continued with poll() and what is left of its deadline. TLS is always driven non-blocking behind poll(). Waiting is done in
 * stretches, so that stress which begins meanwhile is noticed; who answers within the first one sees nothing of it. */
#include "stream.h"
#include "clock.h"
#include "trim.h"
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>

#define KEEP_TOUCHED 16384		/* of the input buffer, for the next session; the rest goes back to the kernel */
#define TRIM_AFTER 300			/* ms of silence until what the handshake needed goes back: clients in a hurry are gone by then */

struct stream {
	int fd;
	struct tls_session *tls;
	bool broken;			/* nothing more can be written */
	bool heavy;			/* the handshake's memory is still here */
	int64_t receive_timeout;	/* SO_RCVTIMEO as set, ms; 0 not yet */
	struct stream_rules rules;
	int64_t budget;			/* ms, for content */
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

void stream_rules(struct stream *s, const struct stream_rules *rules)
{
	s->rules = *rules;
	s->budget = rules->budget_ms;
}

/* ---- waiting ---- */

struct wait { int64_t begun, deadline; };	/* clock_ms */

static struct wait wait_begin(const struct stream *s, int64_t timeout_ms)
{
	int64_t now = clock_ms(), until = s->rules.until;
	struct wait w = { now, now + timeout_ms };

	if (until && until < w.deadline)
		w.deadline = until;
	return w;
}

/* Whether there is nothing more to wait for. */
static bool wait_over(const struct stream *s, const struct wait *w)
{
	int64_t now = clock_ms();

	return now >= w->deadline || (s->rules.stressed && now - w->begun >= s->rules.stressed_ms && s->rules.stressed());
}

/* How long to sleep before the next look, ms. */
static int64_t wait_stretch(const struct stream *s, const struct wait *w)
{
	int64_t left = w->deadline - clock_ms();

	if (left < 0)
		left = 0;
	return s->rules.stressed && s->rules.stressed_ms < left ? s->rules.stressed_ms : left;
}

static bool wait_for(struct stream *s, short events, const struct wait *w)
{
	struct pollfd p = { .fd = s->fd, .events = events };

	for (;;) {
		int64_t stretch = wait_stretch(s, w);
		bool rest = s->heavy && stretch > TRIM_AFTER;
		int n = poll(&p, 1, (int)(rest ? TRIM_AFTER : stretch));

		if (n > 0)
			return true;
		if (n == 0 && rest) {
			trim_memory();
			s->heavy = false;
		}
		if ((n < 0 && errno != EINTR) || wait_over(s, w))
			return false;
	}
}

/* ---- writing ---- */

static enum stream_result write_all(struct stream *s, const char *data, size_t len, const struct wait *w)
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
		if (!wait || !wait_for(s, n == TLS_WANT_READ ? POLLIN : POLLOUT, w)) {
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
	if (!len)
		return STREAM_OK;
	struct wait w = wait_begin(s, timeout_ms);

	return write_all(s, s->out, len, &w);
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

/* ---- reading ---- */

/* About MS: who wakes too early looks again, and an eighth too late is not worth a call. */
static void set_receive_timeout(struct stream *s, int64_t ms)
{
	if (ms < 1)	/* 0 would be for ever */
		ms = 1;
	int64_t off = s->receive_timeout - ms;
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	if ((off > ms / 8 || off < -ms / 8) && setsockopt(s->fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) == 0)
		s->receive_timeout = ms;
}

/* One attempt to read plain bytes; EAGAIN: not within this stretch of waiting. FRESH: nothing of the line is here yet. */
static ssize_t read_plain(struct stream *s, const struct wait *w, bool fresh)
{
	if (fresh)
		set_receive_timeout(s, wait_stretch(s, w));
	else if (!wait_for(s, POLLIN, w))
		return errno = EAGAIN, -1;
	return recv(s->fd, s->in + s->end, sizeof(s->in) - s->end, fresh ? 0 : MSG_DONTWAIT);
}

static ssize_t read_tls(struct stream *s, const struct wait *w)
{
	for (;;) {
		ssize_t n = TLS_WANT_READ;

		if (wait_over(s, w))	/* records without data may come for ever */
			return errno = EAGAIN, -1;
		if (tls_pending(s->tls) || wait_for(s, POLLIN, w))
			n = tls_read(s->tls, s->in + s->end, sizeof(s->in) - s->end, NULL);
		else
			return errno = EAGAIN, -1;
		if (n >= 0)
			return n;
		if (n == TLS_FAILED)
			return errno = EPROTO, -1;
		if (n == TLS_WANT_WRITE && !wait_for(s, POLLOUT, w))
			return errno = EAGAIN, -1;
	}
}

/* Reads more behind what is there (room is the caller's care), flushing output first. */
static enum stream_result fill(struct stream *s, int64_t timeout_ms, const struct wait *w, bool fresh)
{
	if (s->out_len) {
		enum stream_result r = stream_flush(s, timeout_ms);
		if (r != STREAM_OK)
			return r;
	}
	if (s->broken)
		return STREAM_ERROR;
	/* A client that never lets us wait must not get past the deadline either. */
	while (!wait_over(s, w)) {
		ssize_t n = s->tls ? read_tls(s, w) : read_plain(s, w, fresh);

		if (n > 0) {
			s->end += (size_t)n;
			s->bytes_in += (uint64_t)n;
			if (s->end > s->touched)
				s->touched = s->end;
			return STREAM_OK;
		}
		if (n == 0)
			return STREAM_EOF;
		if (errno == EINTR)
			fresh = false;
		else if (errno != EAGAIN)
			return STREAM_ERROR;
	}
	return STREAM_TIMEOUT;
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
static enum stream_result skip_line(struct stream *s, int64_t timeout_ms, const struct wait *w)
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
		enum stream_result r = fill(s, timeout_ms, w, false);
		if (r != STREAM_OK)
			return r;
	}
}

enum stream_result stream_line(struct stream *s, size_t max, int64_t timeout_ms, struct view *line)
{
	struct wait w = { 0 };
	size_t scan = s->at, end;

	if (max > STREAM_IN)
		bug("stream_line: limit %zu over the buffer", max);
	while (!(end = line_end(s, scan))) {
		if (!w.begun)
			w = wait_begin(s, timeout_ms);
		if (s->end - s->at >= max)
			return skip_line(s, timeout_ms, &w);
		scan = s->end;
		bool fresh = s->at == s->end;
		scan -= s->at;
		compact(s);
		enum stream_result r = fill(s, timeout_ms, &w, fresh);
		if (r != STREAM_OK)
			return r;
	}
	size_t start = s->at;
	s->at = end;
	s->budget = s->rules.budget_ms;
	if (end - start > max)
		return STREAM_TOO_LONG;
	*line = view_make(s->in + start, end - start - 2);
	return STREAM_OK;
}

/* What may be spent on waiting for content: never more at a time than stress allows. */
static int64_t budget_left(struct stream *s)
{
	if (s->rules.stressed && s->budget > s->rules.stressed_ms && s->rules.stressed())
		s->budget = s->rules.stressed_ms;
	return s->budget;
}

static void budget_settle(struct stream *s, const struct wait *w)
{
	s->budget += (int64_t)s->end * 1000 / s->rules.min_rate - (clock_ms() - w->begun);
	if (s->budget > s->rules.budget_ms)
		s->budget = s->rules.budget_ms;
}

static enum stream_result fill_content(struct stream *s, int64_t timeout_ms)
{
	bool paced = s->rules.min_rate > 0;
	int64_t most = paced ? budget_left(s) : timeout_ms;
	struct wait w = wait_begin(s, most < timeout_ms ? most : timeout_ms);
	enum stream_result r = fill(s, timeout_ms, &w, true);

	if (paced)
		budget_settle(s, &w);
	return r;
}

enum stream_result stream_peek(struct stream *s, int64_t timeout_ms, struct view *piece)
{
	if (s->at == s->end) {
		s->at = s->end = 0;
		enum stream_result r = fill_content(s, timeout_ms);
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
	struct wait w = wait_begin(s, wait_ms);

	return stream_buffered(s) || wait_for(s, POLLIN, &w);
}

#define PAUSE_LOOK 500		/* ms between two looks whether there is stress */

/* What the client sends meanwhile is no event, only that it leaves (POLLHUP and POLLERR are always told). */
void stream_pause(struct stream *s, int64_t ms)
{
	struct pollfd p = { .fd = s->fd, .events = POLLRDHUP };
	struct wait w = wait_begin(s, ms);
	int64_t left;

	while ((left = w.deadline - clock_ms()) > 0 && !(s->rules.stressed && s->rules.stressed()))
		if (poll(&p, 1, (int)(left < PAUSE_LOOK ? left : PAUSE_LOOK)) > 0)
			return;
}

static bool shake_hands(struct stream *s, int64_t timeout_ms, struct err *err)
{
	struct wait w = wait_begin(s, timeout_ms);
	int r;

	while ((r = tls_handshake(s->tls, err)) == TLS_WANT_READ || r == TLS_WANT_WRITE)
		if (wait_over(s, &w) || !wait_for(s, r == TLS_WANT_WRITE ? POLLOUT : POLLIN, &w))
			return err_set(err, "TLS handshake: time-out");
	return r == 1;
}

bool stream_start_tls(struct stream *s, struct tls_context *ctx, const struct tls_wish *wish, int64_t timeout_ms, struct err *err)
{
	memset(s->in, 0, s->touched);
	s->at = s->end = s->out_len = 0;
	s->tls = tls_session_new(ctx, s->fd, wish, err);
	s->heavy = s->tls && shake_hands(s, timeout_ms, err);
	s->broken = !s->heavy;
	return s->heavy;
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
