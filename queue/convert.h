/* convert.h - a message for a server that cannot take it as it is: the parts in question in quoted-printable or base64, all else
 * octet by octet as it was. RFC 6152 3 (8BITMIME), RFC 3030 3 (BINARYMIME). */
#ifndef CONVERT_H
#define CONVERT_H

#include "../lib/base.h"
#include "../lib/arena.h"
#include "content.h"
#include "spool.h"

#define CONVERT_MAX (32u << 20)		/* octets of a message that is converted: it is read in one go, while all else waits */
#define CONVERT_DEPTH 32		/* parts in each other */
#define CONVERT_PARTS 2000
#define CONVERT_HEADER 65536		/* octets of the header section of a part */

enum convert_away { CONVERT_BINARY = 1, CONVERT_8BIT = 2 };

struct conversion {
	const struct content_piece *pieces;	/* the arena's */
	size_t count;
	uint64_t size;			/* octets, about */
};

/* Plans how F loses what AWAY says, with HEAD in front (see content_init). Reads all of it, blocking for disk. False and *WHY, a
 * static text, when it cannot be: it is too big, not understood, or a signature would break. */
bool convert_plan(const struct spool_file *f, const char *head, unsigned away, struct arena *a, struct conversion *out, const char **why)
	MUST_CHECK;

#endif
