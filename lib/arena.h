/* arena.h - memory that belongs to a lifetime (process, session, transaction, job, attempt):
 * many small allocations, one end. Things that are not memory (a descriptor, a TLS session) are tied
 * to it with a cleanup. Out of memory aborts the process by bug(): a worker serves one client, and
 * every size that a client controls has been checked against its limit before. */
#ifndef ARENA_H
#define ARENA_H

#include "base.h"
#include "view.h"

struct arena;

/* FIRST is the size of the first block in bytes (later ones double up to 64 KiB). Free with arena_free. */
struct arena *arena_new(size_t first);
/* Runs the cleanups (last registered first), frees all memory, sets *A to NULL. NULL is fine. */
void arena_free(struct arena **a);
/* As arena_free, but keeps the first block for reuse: for transactions of a reused session. */
void arena_reset(struct arena *a);
/* Zeroed memory, aligned for any object. */
void *arena_alloc(struct arena *a, size_t size);
/* NUL-terminated copies. */
char *arena_strdup(struct arena *a, const char *text);
char *arena_view_dup(struct arena *a, struct view v);
char *arena_printf(struct arena *a, const char *format, ...) PRINTFLIKE(2, 3);
/* FUNCTION(ARGUMENT) runs when the arena ends. */
void arena_cleanup(struct arena *a, void (*function)(void *), void *argument);
/* Bytes handed out since the last reset: for caps and tests. */
size_t arena_used(const struct arena *a);

#endif
