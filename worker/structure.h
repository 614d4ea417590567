/* structure.h - the MIME structure of the message in hand: found when a plugin first asks, kept with the transaction, found anew when its
 * header section says something else. */
#ifndef STRUCTURE_H
#define STRUCTURE_H

#include "../lib/base.h"
#include "../lib/mime.h"
#include "../lib/mime_field.h"

struct transaction;
struct settings;

struct structure {
	bool found;
	unsigned version;		/* of the header section that it was found by */
	enum mime_result result;
	struct mime mime;
	struct arena *fields;		/* the header section of the part that was last asked for */
	size_t part;
	struct view header;
	bool have_part;
};

/* The structure of T's content; memory is T's. Reads all of the content the first time. */
const struct mime *structure_of(struct transaction *t, const struct settings *set, enum mime_result *result);
/* The header section of a part, with its line ends; valid until another part is asked for. Empty when it cannot be read. */
struct view structure_header(struct transaction *t, const struct settings *set, size_t part);
/* Where the content behind the header section begins. */
uint64_t structure_body_at(const struct transaction *t);

#endif
