/* mime_field.h - the fields of a header section that say how a part is made. For mime.c. */
#ifndef MIME_FIELD_H
#define MIME_FIELD_H

#include "base.h"
#include "arena.h"
#include "mime.h"
#include "view.h"

#define MIME_BOUNDARY_MAX 70		/* characters: RFC 2046 5.1.1 */

struct mime_header {
	bool typed, versioned, is_signed;
	struct view type, subtype;	/* "" when there is no Content-Type that can be read */
	struct view boundary;		/* "" when there is none */
	enum mime_encoding encoding;
	struct view encoding_field;	/* all of it, in the message */
};

/* Takes note of FIELD, whole with its folds and line end, if it is one of these; an empty one is passed over. Texts are A's.
 * False when it says twice what can be said once, or what it says cannot be read. */
bool mime_header_field(struct mime_header *h, struct view field, struct arena *a) MUST_CHECK;

#endif
