/* mime_field.h - the fields that say what a part is: Content-Type, Content-Disposition, Content-Transfer-Encoding (RFC 2045, 2183) and their
 * parameters (RFC 2231). They are read as mail programs read them, generously, and it is said when that was needed. */
#ifndef MIME_FIELD_H
#define MIME_FIELD_H

#include "base.h"
#include "arena.h"
#include "view.h"

#define MIME_PARAMETERS_MAX 500

struct mime_parameter {
	struct view name;		/* as written, with "*0*" and the like */
	struct view value;		/* without quotes and backslashes */
	bool odd;			/* a quote that is not closed, or more than a token without quotes */
};

struct mime_field {
	struct view type, subtype;	/* "multipart", "mixed"; one word ("inline", "base64") is the type */
	bool odd;			/* not the grammar: readers may differ */
	bool over;			/* more than MIME_PARAMETERS_MAX */
	size_t count;
	struct mime_parameter *parameters;
};

/* Reads BODY, what stands behind the colon. Memory is A's. */
void mime_field_parse(struct view body, struct arena *a, struct mime_field *out);
/* The Nth text that somebody may take for parameter NAME, in UTF-8 and one line, best first: NAME*, NAME*0 and so on put together, NAME with
 * its encoded words decoded (against RFC 2047 5, and common), and what repeats them. NULL when there are no more. */
const char *mime_field_parameter(const struct mime_field *f, const char *name, size_t n, struct arena *a);

#endif
