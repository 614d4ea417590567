/* content.h - a message on its way to a server, in pieces: into DATA with dots stuffed, overlong lines folded, ended by CRLF.CRLF;
 * or into BDAT as it is. */
#ifndef CONTENT_H
#define CONTENT_H

#include "../lib/base.h"
#include "../lib/buf.h"
#include "../lib/err.h"

#define CONTENT_CHUNK 65536
#define CONTENT_LINE 998		/* octets of a line without CRLF: RFC 5321 4.5.3.1.6 */

/* Octets of the file as they are or encoded, or a text of ours. */
enum content_kind { CONTENT_FILE, CONTENT_TEXT, CONTENT_BASE64, CONTENT_QUOTED };
struct content_piece {
	enum content_kind kind;
	uint64_t at, len;		/* in the file; of a text its length */
	const char *text;
};

struct content {
	int fd;
	size_t count, current;		/* pieces; the one that comes next */
	const struct content_piece *pieces;	/* NULL: those in `own` */
	struct content_piece own[2];
	uint64_t done;			/* octets of the current piece that have been used */
	bool verbatim;			/* for BDAT */
	bool plain_copy;		/* no line begins with a dot, none is overlong */
	bool raw;			/* sendfile has begun with this piece */
	bool finished;			/* all of it, and in DATA the final dot, has been handed out */
	size_t column;			/* octets of the current line so far */
	size_t encoded;			/* column of what is being encoded */
	char last;			/* the last octet: CRLF must not be torn over two pieces */
};

/* LEN octets of FD from AT on. FLAGS: enum envelope_flags. HEAD goes in front: lines with CRLF, or "". */
void content_init(struct content *c, int fd, uint64_t at, uint64_t len, unsigned flags, const char *head);
/* Instead of what content_init was given: COUNT pieces, kept by pointer. */
void content_replace(struct content *c, const struct content_piece *pieces, size_t count);
/* For BDAT: not an octet is changed. */
void content_set_verbatim(struct content *c);
/* As it was before anything of it was handed out. */
void content_rewind(struct content *c);
/* Octets of its pieces, as they are before anything is stuffed, folded or encoded. */
uint64_t content_size(const struct content *c);
/* Whether sendfile may take what comes next: it is big, needs no change, and a line begins here. */
bool content_raw(const struct content *c);
/* At most MAX bytes go straight from the file to SOCKET. Bytes sent, 0 nothing more there, -1 with errno. */
ssize_t content_sendfile(struct content *c, int socket, size_t max);
/* Appends what comes next, some 64 KiB; behind the last of it the final dot, and then `finished` is set. */
bool content_fill(struct content *c, struct buf *out, struct err *err) MUST_CHECK;

#endif
