/* reply.h - an SMTP reply as a type: code, enhanced code (RFC 3463, registry of RFC 5248), text. Set in one place;
 * CR, LF and control bytes never get into the text; the classes of the two codes are checked against each other. */
#ifndef REPLY_H
#define REPLY_H

#include "base.h"
#include "view.h"
#include "buf.h"

#define REPLY_TEXT 1024

struct reply {
	uint16_t code;			/* 0: not set */
	char enhanced[12];		/* "5.7.1", "" for none (greeting, EHLO, 3xx) */
	char text[REPLY_TEXT];		/* may hold several lines, '\n' between them (EHLO, HELP) */
	bool disconnect;		/* close after it was sent */
};

/* Cleans and checks; a wrong enhanced class is a bug(). ENHANCED may be NULL. */
void reply_set(struct reply *r, unsigned code, const char *enhanced, const char *format, ...) PRINTFLIKE(4, 5);
void reply_vset(struct reply *r, unsigned code, const char *enhanced, const char *format, va_list ap) PRINTFLIKE(4, 0);
void reply_clear(struct reply *r);
/* The wire form, multi-line where needed ("250-...\r\n250 ...\r\n"), lines at most 512 octets (RFC 5321 4.5.3.1.5). */
bool reply_write(const struct reply *r, struct buf *out);

/* Reading the replies of remote servers, byte by byte as they come, hostile (client side). */
enum reply_parse { REPLY_MORE, REPLY_DONE, REPLY_BAD };
struct reply_parser {
	unsigned code;
	unsigned lines;
	size_t bytes;			/* of this reply so far */
	size_t line_len;
	bool last;			/* on the last line */
	char line[1024];		/* the line being read, cut */
	char enhanced[12];		/* of the first line that has one of the right class; "" */
	char text[REPLY_TEXT];		/* all lines, cleaned to printable ASCII, joined by " " ('\n' after each when keep_lines), cut */
	size_t text_len;
	bool keep_lines;		/* EHLO: the caller needs the keywords line by line */
};
#define REPLY_LINES_MAX 128		/* more lines, or more bytes than this, is REPLY_BAD */
#define REPLY_BYTES_MAX 65536
void reply_parser_start(struct reply_parser *p, bool keep_lines);
/* Eats from DATA; *USED is how much belonged to this reply. */
enum reply_parse reply_parser_feed(struct reply_parser *p, const char *data, size_t len, size_t *used);

#endif
