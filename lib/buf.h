/* buf.h - a growing byte buffer with a cap. Every append either succeeds whole or, over the cap or
 * out of memory, sets `failed` and appends nothing: callers may append many times and check once. */
#ifndef BUF_H
#define BUF_H

#include "base.h"
#include "view.h"

struct buf {
	char *data;		/* always NUL-terminated after the first append (the NUL is not counted) */
	size_t len;
	size_t size;		/* allocated */
	size_t cap;		/* most bytes it may ever hold */
	bool failed;		/* an append did not fit; stays until buf_clear */
};

void buf_init(struct buf *b, size_t cap);
/* Empties it and keeps the memory. */
void buf_clear(struct buf *b);
/* Frees the memory; the buffer may be used again (same cap). */
void buf_free(struct buf *b);
/* All return false when the cap or memory is used up (see failed). */
bool buf_put(struct buf *b, const void *data, size_t len);
bool buf_put_view(struct buf *b, struct view v);
bool buf_puts(struct buf *b, const char *text);
bool buf_putc(struct buf *b, char c);
bool buf_printf(struct buf *b, const char *format, ...) PRINTFLIKE(2, 3);
bool buf_vprintf(struct buf *b, const char *format, va_list ap) PRINTFLIKE(2, 0);
/* Room for at least MIN more bytes; returns where to write (then buf_added), NULL over the cap. */
char *buf_room(struct buf *b, size_t min, size_t *room);
void buf_added(struct buf *b, size_t len);
/* Takes back what was appended when it held LEN bytes. */
void buf_cut(struct buf *b, size_t len);
/* Removes the first N bytes. */
void buf_drop(struct buf *b, size_t n);
struct view buf_view(const struct buf *b);
/* The text as C string, "" when empty. */
const char *buf_text(const struct buf *b);

#endif
