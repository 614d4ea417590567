/* view.h - a sized, read-only piece of somebody else's memory. Never NUL-terminated by
 * promise; the length is checked before the bytes. A view owns nothing and is passed by value. */
#ifndef VIEW_H
#define VIEW_H

#include "base.h"

struct view {
	const char *data;	/* may be NULL only when len is 0 */
	size_t len;
};

/* A view of a C string (NULL gives the empty view), of LEN bytes, of a string literal. */
struct view view_of(const char *text);
struct view view_make(const char *data, size_t len);
#define VIEW(literal) ((struct view){ "" literal, sizeof(literal) - 1 })
/* For printf: printf("%.*s", VIEW_FMT(v)). */
#define VIEW_FMT(v) (int)(v).len, (v).data

bool view_eq(struct view a, struct view b);
/* ASCII case folded; bytes over 0x7f compare as they are. */
bool view_case_eq(struct view a, struct view b);
bool view_starts(struct view v, struct view prefix);
bool view_case_starts(struct view v, struct view prefix);
bool view_case_ends(struct view v, struct view suffix);
/* Without leading and trailing space, tab, CR and LF. */
struct view view_trim(struct view v);
/* Index of C, or v.len when it is not there. */
size_t view_find(struct view v, char c);
/* The first N bytes (all when shorter); all but the first N. */
struct view view_head(struct view v, size_t n);
struct view view_skip(struct view v, size_t n);
/* Splits off and returns what stands before the first SEP; *REST becomes what stands after it
 * (empty when there is no SEP). */
struct view view_cut(struct view *rest, char sep);
/* Splits off the next word (space or tab separated); empty at the end. */
struct view view_word(struct view *rest);
/* Decimal, digits only, no sign, no overflow, at most MAX. False and *OUT unchanged otherwise. */
bool view_u64(struct view v, uint64_t max, uint64_t *out) MUST_CHECK;
/* Whether it holds CR, LF or NUL: what must never get into a record, reply or header. */
bool view_has_line_break(struct view v);
/* Whether no byte is over 0x7f. */
bool view_is_ascii(struct view v);
/* Whether all bytes are printable ASCII (0x20 to 0x7e). */
bool view_is_printable(struct view v);
/* Length of the UTF-8 sequence of more than one octet that V begins with (RFC 3629: shortest form, no surrogates, up to
 * 10FFFF); 0 when there is none. */
size_t view_utf8(struct view v);
/* Whether it is UTF-8 throughout, ASCII included. */
bool view_is_utf8(struct view v);
/* FNV-1a of V, going on from HASH (VIEW_HASH to begin with): for tables and marks, where nobody gains by a collision. The spool and the
 * scoreboard hold what it gives. */
#define VIEW_HASH UINT64_C(0xcbf29ce484222325)
uint64_t view_hash(uint64_t hash, struct view v);
/* Copies into a NUL-terminated buffer of SIZE; false (and "" in OUT) if it does not fit or holds a NUL. */
bool view_copy(struct view v, char *out, size_t size) MUST_CHECK;

#endif
