/* content.h - a message on its way into DATA: dots stuffed, overlong lines folded, ended by CRLF.CRLF, in pieces. */
#ifndef CONTENT_H
#define CONTENT_H

#include "../lib/base.h"
#include "../lib/buf.h"
#include "../lib/err.h"

#define CONTENT_CHUNK 65536
#define CONTENT_LINE 998		/* octets of a line without CRLF: RFC 5321 4.5.3.1.6 */

struct content {
	int fd;
	uint64_t at, end;		/* what is left of the message in the file */
	const char *head;		/* sent in front of it; lines with CRLF, or "" */
	bool plain_copy;		/* the envelope says: no line begins with a dot, none is overlong */
	bool raw;			/* sendfile has begun */
	bool finished;			/* all of it, and the final dot, has been handed out */
	size_t column;			/* octets of the current line so far */
	char last;			/* the last octet: CRLF must not be torn over two pieces */
};

/* FLAGS: enum envelope_flags. */
void content_init(struct content *c, int fd, uint64_t at, uint64_t len, unsigned flags, const char *head);
/* Whether sendfile may take the rest: it is big, needs no change, and a line begins here. */
bool content_raw(const struct content *c);
/* At most MAX bytes go straight from the file to SOCKET. Bytes sent, 0 nothing more there, -1 with errno. */
ssize_t content_sendfile(struct content *c, int socket, size_t max);
/* Appends the next piece; behind the last one the final dot, and then `finished` is set. */
bool content_fill(struct content *c, struct buf *out, struct err *err) MUST_CHECK;

#endif
