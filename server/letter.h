/* letter.h - a message as a program writes it to sendmail's standard input: lines with LF or CRLF, perhaps ended by a line with
 * a single dot, the header section perhaps incomplete or not there at all. */
#ifndef LETTER_H
#define LETTER_H

#include "../lib/base.h"
#include "../lib/arena.h"
#include "../lib/buf.h"
#include "../lib/err.h"
#include "submit.h"

#define LETTER_HEADER_MAX (1 << 20)	/* octets of a header section */
#define LETTER_RECIPIENTS 10000		/* more than any server takes in one message */

struct letter {
	FILE *in;
	bool dot_ends;			/* a line with a single dot is the end */
	bool ended;
	bool line_start;		/* of what is read next */
	struct buf header;		/* fields with CRLF, without the empty line behind them */
	struct buf body;		/* the line that ended the header section and is part of the body */
	bool has_body;			/* there is one */
	FILE *kept;			/* the rest of the body */
};

struct letter_recipients {
	struct arena *arena;
	const char **list;		/* ends with NULL */
	size_t count, room;
};

/* Reads all of IN. The header section ends with an empty line or one that is no field, which belongs to the body then. A first
 * line "From ..." of a mailbox is dropped. EX_OK, or what of sysexits(3) it is: letter_close is to be called in any case. */
int letter_open(struct letter *l, FILE *in, bool dot_ends, struct err *err) MUST_CHECK;
void letter_close(struct letter *l);
bool letter_has(const struct letter *l, const char *name);
/* Puts a field in front. */
bool letter_add(struct letter *l, const char *name, const char *value, struct err *err) MUST_CHECK;
/* Adds the addresses of To, Cc and Bcc, or of their Resent- forms when there is one of these; removes Bcc and Resent-Bcc. An
 * address without a domain gets ME. */
bool letter_take_recipients(struct letter *l, const char *me, struct letter_recipients *to, struct err *err) MUST_CHECK;
/* Adds the addresses of TEXT, with commas between them. */
bool letter_add_recipients(struct letter_recipients *to, struct view text, const char *me, struct err *err) MUST_CHECK;
/* Hands everything to C: header section, empty line, body. */
bool letter_send(struct letter *l, struct submit *c, struct err *err) MUST_CHECK;
/* NAME as the display name of a From field (RFC 5322 3.4, RFC 2047), in A; the end of a very long one is left out. */
char *letter_phrase(const char *name, struct arena *a);

#endif
