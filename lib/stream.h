/* stream.h - a connection with deadlines, plain or TLS, blocking: what a worker reads and writes. One
 * system call a read on the hot path (the socket's own receive time-out does the waiting; the deadline is
 * enforced over partial reads). Output is collected and sent when the worker is about to wait. */
#ifndef STREAM_H
#define STREAM_H

#include "base.h"
#include "view.h"
#include "err.h"
#include "tls.h"

#define STREAM_IN 65536		/* touched only as far as input fills it */
#define STREAM_OUT 4096

struct stream;

enum stream_result { STREAM_OK, STREAM_EOF, STREAM_TIMEOUT, STREAM_ERROR, STREAM_TOO_LONG };

/* Takes FD over, which is in blocking mode. Buffers come from anonymous memory that stream_close gives back to the kernel's care
 * (an idle worker holds none). */
struct stream *stream_open(int fd);
/* Flushes nothing; sends close_notify if TLS; closes FD; sets *S to NULL. */
void stream_close(struct stream **s);
/* Gives back the buffers that the last stream left for the next one. */
void stream_rest(void);
int stream_fd(const struct stream *s);
/* What holds for every wait of a stream, whatever the time-out of the call says. */
struct stream_rules {
	int64_t until;			/* clock_ms from which on nothing is waited for any more; 0: for ever */
	/* While STRESSED says so (NULL: never), no wait lasts longer than STRESSED_MS. Those under way find out within as long. */
	bool (*stressed)(void);
	int64_t stressed_ms;
	/* Content comes with at least MIN_RATE octets a second (0: at any rate): stream_peek waits out of a budget of BUDGET_MS, which octets
	 * that come make longer again, and each line of stream_line makes whole. */
	int64_t min_rate, budget_ms;
};
void stream_rules(struct stream *s, const struct stream_rules *rules);

/* The next line without its CRLF, as a view that is valid until the next read. Only CRLF ends a line; a
 * bare CR or LF stays in the line for the caller to refuse (see view_has_line_break). A line longer than MAX
 * (with CRLF) gives STREAM_TOO_LONG once, its rest up to the next CRLF being thrown away. Flushes output
 * before it waits, and only then. TIMEOUT_MS is for the whole line. */
enum stream_result stream_line(struct stream *s, size_t max, int64_t timeout_ms, struct view *line);
/* What is in the input buffer, or, when that is empty, the next piece from the network (flushing first).
 * The caller eats from it with stream_eat. */
enum stream_result stream_peek(struct stream *s, int64_t timeout_ms, struct view *piece);
void stream_eat(struct stream *s, size_t n);
/* Whether a further complete line, or any byte, is already here (pipelining, early talkers). */
bool stream_buffered(const struct stream *s);
/* Whether the client has sent anything within WAIT_MS (0: look only), without reading it. */
bool stream_readable(struct stream *s, int64_t wait_ms);

/* Lets MS pass. Over before that when the other side has left, under stress, and at `until`. */
void stream_pause(struct stream *s, int64_t ms);

/* Appends to the output; sends when the buffer is full. STREAM_ERROR is remembered and returned by later calls. */
enum stream_result stream_put(struct stream *s, const void *data, size_t len);
enum stream_result stream_flush(struct stream *s, int64_t timeout_ms);

/* Handshake as server. Throws away every byte read and not yet consumed, both directions, first (STARTTLS
 * injection, CVE-2011-0411); the caller has flushed its 220. On failure the stream is dead: close it. */
bool stream_start_tls(struct stream *s, struct tls_context *ctx, const struct tls_wish *wish, int64_t timeout_ms, struct err *err) MUST_CHECK;
/* NULL while plain. */
const struct tls_session *stream_tls(const struct stream *s);
uint64_t stream_bytes_in(const struct stream *s);
uint64_t stream_bytes_out(const struct stream *s);
/* Async-signal-safe: makes a blocked and every later read end (STREAM_EOF). For SIGTERM. */
void stream_interrupt(int fd);

#endif
