/* token.h - the words that structured header fields are made of (RFC 5322 3.2, RFC 2045 5.1): blanks, comments, atoms, quoted
 * strings. Nothing here fails: what is not closed ends where the text does, and the caller is told. */
#ifndef TOKEN_H
#define TOKEN_H

#include "base.h"
#include "arena.h"
#include "buf.h"
#include "view.h"

/* Skips blanks, line ends and comments, which may nest to any depth. COMMENT (may be NULL) becomes the inside of the first comment, if there
 * was one. False when a comment was not closed. */
bool token_skip(struct view *rest, struct view *comment);
/* The quoted string at the start of *REST ('"' is there): what it means, without quotes and backslashes, is appended to OUT. Line ends in it
 * vanish (they were folds). False when it was not closed. */
bool token_quoted(struct view *rest, struct buf *out);
/* The inside of a comment, as token_skip gives it, without the backslashes. */
void token_comment(struct view inside, struct buf *out);
/* Takes what stands up to one of the octets in STOPS or a blank, control character or the end. May be empty. */
struct view token_word(struct view *rest, const char *stops);
/* A token of RFC 2045 5.1 (names, types, charsets), or what comes nearest: no blanks, controls and tspecials. */
struct view token_mime(struct view *rest);
/* Whether the next octet is C; takes it. */
bool token_take(struct view *rest, char c);

#endif
