/* charset.h - texts of mail in UTF-8, whatever character set they say they are in. What has no meaning becomes U+FFFD; ASCII is
 * always seen, in sets that nobody knows too, so that a word cannot hide behind a name. */
#ifndef CHARSET_H
#define CHARSET_H

#include "base.h"
#include "buf.h"
#include "view.h"

struct charset {
	enum { CHARSET_UTF8, CHARSET_LATIN, CHARSET_UNKNOWN, CHARSET_ICONV } kind;
	void *cd;		/* iconv_t */
};

/* Octets that a piece must have at least, unless it is the last. */
#define CHARSET_WINDOW 16

/* NAME as in Content-Type or an encoded word, in any case; "" counts as UTF-8, of which ASCII is a part. False when it is none that mail is
 * written in; it can be converted all the same. Ends with charset_end. */
bool charset_begin(struct charset *c, struct view name);
void charset_end(struct charset *c);
/* Converts a piece: writes at most SIZE octets (CHARSET_WINDOW at least) to OUT and returns how many; *USED octets of IN are done with, and what
 * is left of it comes again at the front of the next piece. LAST: there is nothing after it. */
size_t charset_convert(struct charset *c, struct view in, bool last, char *out, size_t size, size_t *used);
/* A whole text, to the end of OUT; C is as new afterwards. */
void charset_text(struct charset *c, struct view text, struct buf *out);
/* Makes one line of text of what stands in OUT from octet FROM on: control characters, NUL and line ends among them, become blanks. */
void charset_tidy(struct buf *out, size_t from);

#endif
