/* buf.c - the growing byte buffer with a cap. Once an append has failed nothing more goes in until buf_clear:
 * a hole in the middle would make something of the text that nobody wrote. */
#include "base.h"
#include "buf.h"

#define FIRST_SIZE 256

void buf_init(struct buf *b, size_t cap)
{
	*b = (struct buf){ .cap = cap < SIZE_MAX / 2 ? cap : SIZE_MAX / 2 };
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	b->failed = false;
	if (b->data)
		b->data[0] = '\0';
}

void buf_free(struct buf *b)
{
	free(b->data);
	buf_init(b, b->cap);
}

/* Makes place for LEN more bytes and the NUL. */
static bool grow(struct buf *b, size_t len)
{
	size_t size = b->size ? b->size : FIRST_SIZE;
	char *data;

	if (b->failed || len > b->cap - b->len) {
		b->failed = true;
		return false;
	}
	if (b->len + len < b->size)
		return true;
	while (size <= b->len + len)
		size *= 2;
	if (size > b->cap + 1)
		size = b->cap + 1;
	data = realloc(b->data, size);
	if (!data) {
		b->failed = true;
		return false;
	}
	data[b->len] = '\0';
	b->data = data;
	b->size = size;
	return true;
}

bool buf_put(struct buf *b, const void *data, size_t len)
{
	if (!grow(b, len))
		return false;
	if (len)
		memcpy(b->data + b->len, data, len);
	buf_added(b, len);
	return true;
}

bool buf_put_view(struct buf *b, struct view v)
{
	return buf_put(b, v.data, v.len);
}

bool buf_puts(struct buf *b, const char *text)
{
	return buf_put(b, text, strlen(text));
}

bool buf_putc(struct buf *b, char c)
{
	return buf_put(b, &c, 1);
}

bool buf_vprintf(struct buf *b, const char *format, va_list ap)
{
	va_list again;
	int len;

	va_copy(again, ap);
	len = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (len < 0)
		b->failed = true;
	if (len < 0 || !grow(b, (size_t)len))
		return false;
	vsnprintf(b->data + b->len, (size_t)len + 1, format, ap);
	b->len += (size_t)len;
	return true;
}

bool buf_printf(struct buf *b, const char *format, ...)
{
	va_list ap;
	bool ok;

	va_start(ap, format);
	ok = buf_vprintf(b, format, ap);
	va_end(ap);
	return ok;
}

char *buf_room(struct buf *b, size_t min, size_t *room)
{
	if (!grow(b, min))
		return NULL;
	*room = b->size - 1 - b->len;
	return b->data + b->len;
}

void buf_added(struct buf *b, size_t len)
{
	b->len += len;
	b->data[b->len] = '\0';
}

void buf_cut(struct buf *b, size_t len)
{
	if (len >= b->len)
		return;
	b->len = len;
	b->data[len] = '\0';
}

void buf_drop(struct buf *b, size_t n)
{
	if (n == 0 || b->len == 0)
		return;
	if (n > b->len)
		n = b->len;
	b->len -= n;
	memmove(b->data, b->data + n, b->len + 1);
}

struct view buf_view(const struct buf *b)
{
	return b->data ? view_make(b->data, b->len) : view_make("", 0);
}

const char *buf_text(const struct buf *b)
{
	return b->data ? b->data : "";
}
