/* body.h - THE only reader of message content. It has two feeders over one inside: DATA's form, where it finds the end
 * (CRLF.CRLF and nothing else, RFC 5321 4.1.1.4) and takes the stuffed dots away, and chunks (RFC 3030), which are counted
 * and know no dots. Both check line ends and limits, keep the header section in memory and hand everything on.
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
	bool binary;			/* chunks only: behind the header section any octet goes and none is changed (RFC 3030 3);
					 * allow_bare_lf must be false then */
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
/* Eats content of a chunk, all of it. */
void body_feed_chunk(struct body *b, const char *data, size_t len);
/* The last chunk has been fed. A last line without CRLF gets it (but not in binary content): a message is lines, and whoever
 * sends it on by DATA would have to add it (signatures do not mind, RFC 6376 3.4.3). */
void body_last(struct body *b);
/* Reads content from S up to its end. WAIT_MS is for each piece, DEADLINE (clock_ms) for all. Anything but STREAM_OK:
 * the message is incomplete and must be forgotten. */
enum stream_result body_read(struct body *b, struct stream *s, int64_t wait_ms, int64_t deadline);
/* The same for a chunk of SIZE octets. B NULL: they are thrown away. */
enum stream_result body_read_chunk(struct body *b, struct stream *s, uint64_t size, int64_t wait_ms, int64_t deadline);

#endif
