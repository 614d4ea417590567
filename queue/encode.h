/* encode.h - base64 and quoted-printable (RFC 2045 6.7, 6.8) of what comes in pieces. Lines are parted by CRLF; behind the last
 * there is none, since what follows brings its own. */
#ifndef ENCODE_H
#define ENCODE_H

#include "../lib/base.h"
#include "../lib/buf.h"
#include "../lib/view.h"

#define ENCODE_GROWTH 4		/* no octet becomes more than so many */

/* Appends the encoded form of IN to OUT, and gives how many octets of IN were used: all when they are the LAST, else some may
 * have to be seen again with what follows them (but at least one is used of 64 and more). *COLUMN is 0 at first. */
size_t encode_base64(struct view in, bool last, size_t *column, struct buf *out);
/* CRLF is a line end; a CR or LF that is not is encoded. */
size_t encode_quoted(struct view in, bool last, size_t *column, struct buf *out);

#endif
