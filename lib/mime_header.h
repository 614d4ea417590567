/* mime_header.h - what the header section of a part says about it. For mime.c. */
#ifndef MIME_HEADER_H
#define MIME_HEADER_H

#include "base.h"
#include "arena.h"
#include "field.h"
#include "mime.h"

#define MIME_BOUNDARY_MAX 250		/* octets of a boundary that is used; RFC 2046 5.1.1 allows 70 */

struct mime_header {
	bool typed, versioned, is_signed;
	bool encoded;			/* there is a Content-Transfer-Encoding */
	bool over;			/* more parameters, or a longer boundary, than can be */
	unsigned flaws;			/* enum mime_flaw */
	struct view type, subtype;	/* of the first Content-Type; "" when it cannot be read */
	struct view boundary;		/* "" when there is none */
	enum mime_encoding encoding;
};

/* Takes note of F if it is one of the fields in question. Texts are copied to A. */
void mime_header_field(struct mime_header *h, const struct field *f, struct arena *a);
/* Whether mime_header_field would look into a field of that name. */
bool mime_header_wants(struct view name);

#endif
