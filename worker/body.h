/* body.h - THE only reader of message content. It finds the end (CRLF.CRLF and nothing else, RFC 5321 4.1.1.4),
 * takes the stuffed dots away, checks line ends and limits, keeps the header section in memory and hands everything on.
 * A fault does not stop it: content is thrown away up to the true end, so that no part of a message is ever read
 * as a command. */
#ifndef BODY_H
#define BODY_H

#include "../lib/base.h"
#include "../lib/buf.h"
#include "../lib/stream.h"
#include "../lib/view.h"

#define BODY_LINE_MAX 998	/* octets before CRLF, RFC 5322 2.1.1; longer ones are flagged, not refused */

enum body_fault { BODY_FINE, BODY_BARE_CR, BODY_BARE_LF, BODY_NUL, BODY_TOO_BIG, BODY_HEADER_TOO_BIG, BODY_NOT_STORED, BODY_FAULT_COUNT };

struct body {
	/* From the caller, before body_begin. */
	uint64_t max_size;		/* octets of content, 0 no limit (RFC 1870 counts as we do: CRLF included, stuffed dots not) */
	bool allow_bare_lf;		/* inside lines, where it becomes CRLF; never part of the end */
	bool (*store)(void *arg, const char *data, size_t len);	/* false: BODY_NOT_STORED */
	void *arg;

	/* The outcome. */
	enum body_fault fault;		/* the first */
	uint64_t size;			/* octets of content seen (also of what was thrown away) */
	unsigned flags;			/* ENVELOPE_8BIT, _DOTS, _LONG_LINES (queue/spool.h) */
	struct buf header;		/* the header section, without the empty line that ends it */
	bool header_done;

	/* Inside. */
	uint8_t state;
	uint64_t line;			/* octets of the current line so far */
};

/* MAX_HEADER: cap of the header section. */
void body_begin(struct body *b, size_t max_header);
/* Frees the header section. */
void body_end(struct body *b);
/* Eats content in SMTP's dot-stuffed form; true when the end was among it: *USED octets belonged to the message, what
 * follows are commands. */
bool body_feed(struct body *b, const char *data, size_t len, size_t *used);
/* Reads content from S up to its end. WAIT_MS is for each piece, DEADLINE (clock_ms) for all. Anything but STREAM_OK:
 * the message is incomplete and must be forgotten. */
enum stream_result body_read(struct body *b, struct stream *s, int64_t wait_ms, int64_t deadline);

#endif
