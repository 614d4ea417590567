/* headers.h - the header section of a message as an index of fields, and the lines that we or plugins add. Nothing is
 * parsed before somebody asks, and the original is rewritten only when a field of it was changed or removed, or one was put
 * between them: adding on top costs nothing (the spool keeps head room for it). */
#ifndef HEADERS_H
#define HEADERS_H

#include "../lib/base.h"
#include "../lib/arena.h"
#include "../lib/buf.h"
#include "../lib/field.h"
#include "../lib/view.h"

#define HEADERS_ADDED_MAX 16384		/* octets that the section may grow by: the spool's head room (SPOOL_HEAD_ROOM) */
#define HEADERS_RESERVE 2048		/* of them kept for our own trace lines */
#define HEADERS_MADE_MAX (1 << 20)	/* octets of fields made in all, those that were replaced again included */
#define HEADERS_NAME_MAX 76		/* longest name of a field that is added */

/* Fields in an array that grows in the arena. */
struct field_list {
	struct field *list;
	size_t count, room;
	size_t size;			/* octets */
};

struct headers {
	struct arena *arena;
	struct view original;		/* the section as received, without the empty line */
	bool parsed, rewritten;
	struct field_list added;	/* on top of the original, the topmost last */
	struct field_list fields;	/* the original's, once parsed, as they are to be */
	size_t made;
	unsigned version;		/* another one after a change of a field that says what the content is (Content-...) */
};

void headers_begin(struct headers *h, struct arena *a, struct view original);
/* How many lines the original has, and how many fields NAME: one pass, and nothing is kept. */
size_t headers_lines(const struct headers *h, const char *name, size_t *fields);

/* The value of the original's first field NAME as it stands there, without the blanks around it; empty when there is none. */
struct view headers_original(const struct headers *h, const char *name);

/* ---- reading. Fields are numbered from the top, as they will be stored. ---- */

size_t headers_total(struct headers *h);
const struct field *headers_at(struct headers *h, size_t index);	/* NULL past the end */
size_t headers_count(struct headers *h, const char *name);
/* The number of the Nth field NAME (0 first, -1 last); false when there is none. */
bool headers_find(struct headers *h, const char *name, int n, size_t *index) MUST_CHECK;
/* Its value, unfolded and trimmed, copied to A; NULL when there is none. */
const char *headers_get(struct headers *h, const char *name, int n, struct arena *a);

/* ---- changing. False for a name or value not fit for a header, or over the limits. ---- */

/* Makes it the field number INDEX (0 on top; past the end: the last). */
bool headers_insert(struct headers *h, size_t index, const char *name, const char *value);
/* On top. OURS: trace lines, which may use the reserve. */
bool headers_prepend(struct headers *h, const char *name, const char *value, bool ours);
bool headers_append(struct headers *h, const char *name, const char *value);
/* Another value, the name as it was; false also past the end and for a line that is no field. */
bool headers_change(struct headers *h, size_t index, const char *value);
bool headers_remove_at(struct headers *h, size_t index);
/* All of that name; returns how many. */
size_t headers_remove(struct headers *h, const char *name);

/* ---- storing ---- */

/* What stands in front of the content from octet headers_skip() on in the message as it will be stored. */
bool headers_head(const struct headers *h, struct buf *out);
size_t headers_head_size(const struct headers *h);
uint64_t headers_skip(const struct headers *h);

#endif
