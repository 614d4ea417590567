/* headers.h - the header section of a message as an index of fields, and the lines that we or plugins add. Nothing is
 * parsed before somebody asks, and the original is rewritten only when a line was appended or removed: adding on top
 * costs nothing (the spool keeps head room for it). */
#ifndef HEADERS_H
#define HEADERS_H

#include "../lib/base.h"
#include "../lib/arena.h"
#include "../lib/buf.h"
#include "../lib/view.h"

#define HEADERS_ADDED_MAX 16384		/* octets added in all: the spool's head room (SPOOL_HEAD_ROOM) */
#define HEADERS_RESERVE 2048		/* of them kept for our own trace lines */

struct header_field {
	struct header_field *prev, *next;
	struct view raw;		/* with folds and its CRLF */
	size_t name_len;		/* 0: not a field (a line without a name); kept as it is */
};

struct headers {
	struct arena *arena;
	struct view original;		/* the section as received, without the empty line */
	bool parsed, rewritten;
	struct header_field *fields, *added;	/* the original's; those on top, newest first (utlist) */
	size_t added_bytes;
};

void headers_begin(struct headers *h, struct arena *a, struct view original);
size_t headers_count(struct headers *h, const char *name);
/* The Nth field NAME (0 first, -1 last), unfolded and trimmed, copied to A; NULL when there is none. */
const char *headers_get(struct headers *h, const char *name, int n, struct arena *a);
/* False for a name or value not fit for a header, or over the limit. OURS: trace lines, which may use the reserve. */
bool headers_prepend(struct headers *h, const char *name, const char *value, bool ours);
bool headers_append(struct headers *h, const char *name, const char *value);
size_t headers_remove(struct headers *h, const char *name);
/* What stands in front of the content from octet headers_skip() on in the message as it will be stored. */
bool headers_head(const struct headers *h, struct buf *out);
size_t headers_head_size(const struct headers *h);
uint64_t headers_skip(const struct headers *h);

#endif
