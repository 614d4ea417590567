/* transfer.h - content transfer encodings (RFC 2045 6) taken off, piece by piece. What is wrong in them is passed over as RFC 2045 asks
 * for and mail programs do: a hostile message must not mean more to a reader than to us. */
#ifndef TRANSFER_H
#define TRANSFER_H

#include "base.h"
#include "view.h"

enum transfer_kind {
	TRANSFER_IDENTITY,	/* 7bit, 8bit, binary, and whatever nobody knows */
	TRANSFER_BASE64,
	TRANSFER_QUOTED,	/* quoted-printable */
	TRANSFER_Q,		/* of encoded words (RFC 2047 4.2): no line ends, "_" is a space */
};

struct transfer {
	enum transfer_kind kind;
	uint32_t bits;		/* base64: what is left of the last octets */
	unsigned count;		/* characters of a group of four so far */
	bool in_blanks;		/* quoted-printable: inside of blanks that are kept */
};

/* Octets that a piece must have at least, unless it is the last. */
#define TRANSFER_WINDOW 128

void transfer_begin(struct transfer *t, enum transfer_kind kind);
/* The name in Content-Transfer-Encoding; TRANSFER_IDENTITY with *KNOWN false for one that nobody knows. */
enum transfer_kind transfer_named(struct view name, bool *known);
/* Decodes a piece: writes at most SIZE octets (3 at least) to OUT and returns how many; *USED octets of IN are done with, and what is left of
 * it comes again at the front of the next piece. LAST: there is nothing after it. */
size_t transfer_decode(struct transfer *t, struct view in, bool last, char *out, size_t size, size_t *used);

#endif
