/* tool_store.h - what the commands of `postrider` that look into the store share. */
#ifndef TOOL_STORE_H
#define TOOL_STORE_H

#include "tool.h"
#include "../lib/store.h"

/* The store, as the user that owns it: root is given up, after the password has been read. NULL after the reason has been
 * told. *S is to be freed by the caller. */
struct store *tool_store_open(const struct tool *tool, struct settings **s);
/* Each entry of the namespace SPACE ("": of all) whose key begins with PREFIX, in all places where it may be. False after the
 * reason has been told. EACH must not ask the store. */
typedef void tool_store_each(void *arg, bool lasting, const struct store_entry *e);
bool tool_store_walk(struct store *s, const char *space, struct view prefix, tool_store_each *each, void *arg);
/* Removes of these all that IS_WANTED (NULL: all), and adds how many to *GONE. Collects them first: what is deleted while it
 * is listed may be given twice, or not at all. False after the reason has been told. */
bool tool_store_remove(struct store *s, const char *space, struct view prefix, bool (*is_wanted)(void *arg, const struct store_entry *e), void *arg,
		       size_t *gone);
/* V escaped for a terminal, at most MAX octets of it. */
void tool_store_print(FILE *out, struct view v, size_t max);

#endif
