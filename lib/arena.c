/* arena.c - memory that belongs to a lifetime: blocks that are filled from the front and freed together. */
#include "base.h"
#include "arena.h"
#include "err.h"

#define BLOCK_MIN 128
#define BLOCK_MAX 65536

struct block {
	struct block *next;
	size_t size, used;
	max_align_t data[];
};

struct cleanup {
	struct cleanup *next;
	void (*function)(void *);
	void *argument;
};

struct arena {
	struct block *first;		/* kept by a reset */
	struct block *current;		/* head of the list of blocks; ends in first */
	struct cleanup *cleanups;
	size_t next_size;
	size_t used;
};

static struct block *block_new(size_t size)
{
	struct block *b = malloc(sizeof(*b) + size);

	if (!b)
		bug("out of memory (arena block of %zu bytes)", size);
	*b = (struct block){ .size = size };
	return b;
}

struct arena *arena_new(size_t first)
{
	struct arena *a = malloc(sizeof(*a));

	if (!a)
		bug("out of memory (arena)");
	first = first < BLOCK_MIN ? BLOCK_MIN : first;
	*a = (struct arena){ .next_size = first < BLOCK_MAX / 2 ? first * 2 : BLOCK_MAX };
	a->first = a->current = block_new(first);
	return a;
}

/* A cleanup may still use memory of the arena, and register another. */
static void run_cleanups(struct arena *a)
{
	while (a->cleanups) {
		struct cleanup *c = a->cleanups;

		a->cleanups = c->next;
		c->function(c->argument);
	}
}

void arena_reset(struct arena *a)
{
	run_cleanups(a);
	while (a->current != a->first) {
		struct block *next = a->current->next;

		free(a->current);
		a->current = next;
	}
	a->first->used = 0;
	a->used = 0;
	a->next_size = a->first->size < BLOCK_MAX / 2 ? a->first->size * 2 : BLOCK_MAX;
}

void arena_free(struct arena **a)
{
	if (!*a)
		return;
	arena_reset(*a);
	free((*a)->first);
	free(*a);
	*a = NULL;
}

/* A block with room for SIZE. One that is bigger than what comes next anyway is filled at once, so it is put
 * behind the head of the list, when that can be done without displacing `first` from the end. */
static struct block *add_block(struct arena *a, size_t size)
{
	bool odd = size > a->next_size;
	struct block *b = block_new(odd ? size : a->next_size);

	if (odd && a->current != a->first) {
		b->next = a->current->next;
		a->current->next = b;
		return b;
	}
	b->next = a->current;
	a->current = b;
	if (a->next_size < BLOCK_MAX)
		a->next_size *= 2;
	return b;
}

void *arena_alloc(struct arena *a, size_t size)
{
	const size_t align = _Alignof(max_align_t);
	struct block *b = a->current;
	void *memory;

	if (size > SIZE_MAX / 4)
		bug("allocation of %zu bytes", size);
	size = size ? (size + align - 1) & ~(align - 1) : align;
	if (size > b->size - b->used)
		b = add_block(a, size);
	memory = (char *)b->data + b->used;
	b->used += size;
	a->used += size;
	return memset(memory, 0, size);
}

char *arena_view_dup(struct arena *a, struct view v)
{
	char *copy = arena_alloc(a, v.len + 1);

	if (v.len)
		memcpy(copy, v.data, v.len);
	return copy;
}

char *arena_strdup(struct arena *a, const char *text)
{
	return arena_view_dup(a, view_of(text));
}

char *arena_printf(struct arena *a, const char *format, ...)
{
	va_list ap;
	char *text;
	int len;

	va_start(ap, format);
	len = vsnprintf(NULL, 0, format, ap);
	va_end(ap);
	if (len < 0)
		bug("arena_printf: %s", format);
	text = arena_alloc(a, (size_t)len + 1);
	va_start(ap, format);
	vsnprintf(text, (size_t)len + 1, format, ap);
	va_end(ap);
	return text;
}

void arena_cleanup(struct arena *a, void (*function)(void *), void *argument)
{
	struct cleanup *c = arena_alloc(a, sizeof(*c));

	*c = (struct cleanup){ a->cleanups, function, argument };
	a->cleanups = c;
}

size_t arena_used(const struct arena *a)
{
	return a->used;
}
