/* notes.h - small texts that plugins keep on a connection or a transaction. */
#ifndef NOTES_H
#define NOTES_H

#include "../lib/base.h"
#include "../lib/arena.h"

#define NOTES_MAX 64		/* as plugins/postrider.h promises */
#define NOTES_KEY_MAX 64
#define NOTES_VALUE_MAX 4096

struct note { char *key, *value; size_t room; };
struct notes { size_t count; struct note *list; };	/* memory of the arena given to notes_set */

/* Sets KEY to VALUE; NULL removes. False for a key or value that is not allowed (a line break would become a second
 * record in the spool), or when there are too many. */
bool notes_set(struct notes *n, struct arena *a, const char *key, const char *value);
const char *notes_get(const struct notes *n, const char *key);	/* NULL: none */

#endif
