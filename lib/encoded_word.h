/* encoded_word.h - texts in headers that are not ASCII (RFC 2047, RFC 6532). */
#ifndef ENCODED_WORD_H
#define ENCODED_WORD_H

#include "base.h"
#include "arena.h"
#include "buf.h"
#include "view.h"

/* TEXT with its encoded words decoded, in UTF-8, to the end of OUT: blanks between two of them vanish, neighbours of one character set are
 * decoded together, since a character may be cut in two; what is no encoded word is taken for UTF-8. Control characters, NUL
 * and line ends among them, become blanks: what comes out is a text of one line. */
void encoded_word_decode(struct view text, struct buf *out);
/* The same into A. */
char *encoded_word_text(struct view text, struct arena *a);

#endif
