/* field.h - one header field as it stands in a message (RFC 5322 2.2): where it ends, its name, its value. */
#ifndef FIELD_H
#define FIELD_H

#include "base.h"
#include "arena.h"
#include "view.h"

struct field {
	struct view raw;		/* with name, folds and line end; the last of a text may lack that */
	size_t name_len;		/* 0: no field (a line without a name) */
};

/* The field that RAW is. */
struct field field_make(struct view raw);
/* Takes the first field of a header section off the front of *REST, which is not empty: a line and the folded ones after it. */
struct field field_next(struct view *rest);
/* The first field NAME of SECTION, which ends with the first empty line. False: it has none. */
bool field_find(struct view section, struct view name, struct field *out) MUST_CHECK;
/* Whether it is called NAME, in any case. */
bool field_named(const struct field *f, struct view name);
struct view field_name(const struct field *f);
/* What stands behind the colon, with folds and blanks as they are; for no field: everything. */
struct view field_body(const struct field *f);
/* The value unfolded (RFC 5322 2.2.3) and trimmed, in A; "?" for NUL, which no text can hold. */
char *field_value(const struct field *f, struct arena *a);
/* Length of the name at the start of a line with a colon behind it, 0 when there is none. */
size_t field_name_length(struct view line);

#endif
