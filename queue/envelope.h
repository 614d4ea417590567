/* envelope.h - the envelope as text lines and back. See postrider-spool(5) for the lines. */
#ifndef ENVELOPE_H
#define ENVELOPE_H

#include "../lib/base.h"
#include "../lib/arena.h"
#include "../lib/buf.h"
#include "../lib/err.h"
#include "../lib/view.h"
#include "spool.h"

/* Limits that hold for writer and parser alike, so that nothing is accepted that cannot be read again. */
#define ENVELOPE_MAX (16u << 20)	/* bytes in all */
#define ENVELOPE_LINE_MAX 32768		/* bytes of one line */
#define ENVELOPE_RCPTS_MAX 100000
#define ENVELOPE_NOTES_MAX 256

/* Appends the lines to OUT (cap ENVELOPE_MAX). */
bool envelope_write(const struct envelope *env, struct buf *out, struct err *err) MUST_CHECK;
/* Fills status_at of the recipients from TEXT, which envelope_write wrote for ENV: once it stands in the file. */
void envelope_locate(struct envelope *env, struct view text);
/* Parses TEXT, which is changed and kept: the strings of ENV point into it. TEXT[LEN-1] must be the last line feed.
 * The arrays are A's. */
bool envelope_parse(char *text, size_t len, struct arena *a, struct envelope *env, struct err *err) MUST_CHECK;
/* CRC-32 of the lines, going on from SUM, with every status byte taken as '-'. */
uint32_t envelope_sum(uint32_t sum, struct view text);

#endif
