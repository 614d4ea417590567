/* mime.h - the structure of a message (RFC 2045, 2046): which parts it has, where each stands, how each is encoded and what
 * octets it holds. Nothing is decoded and nothing copied; all offsets are into the message. What is ambiguous, too deep or has
 * too many parts is not understood, rather than understood in some way that others may not share. */
#ifndef MIME_H
#define MIME_H

#include "base.h"
#include "arena.h"
#include "view.h"

#define MIME_DEPTH_MAX 32
#define MIME_PARTS_MAX 2000
#define MIME_FIELD_MAX 8192		/* octets of a field that is looked into */

enum mime_kind {
	MIME_LEAF,
	MIME_MULTIPART,
	MIME_MESSAGE,			/* its body is a message, whose part comes next */
};
enum mime_encoding { MIME_7BIT /* or none given */, MIME_8BIT, MIME_BINARY, MIME_QUOTED, MIME_BASE64, MIME_OTHER };

/* What octets a piece of a message holds. */
struct mime_octets {
	size_t eight;			/* how many are over 127 */
	bool binary;			/* NUL, a CR without LF or an LF without CR */
	bool long_lines;		/* over 998 octets (RFC 5322 2.1.1) */
};

struct mime_part {
	enum mime_kind kind;
	enum mime_encoding encoding;
	size_t depth;			/* 0: the message itself */
	size_t header_at, header_end;	/* its header section, without the empty line behind it */
	size_t body_at, body_end;	/* of a leaf; without the line end that belongs to the boundary behind it */
	size_t encoding_at, encoding_len;	/* the field Content-Transfer-Encoding; length 0: none */
	bool typed, versioned;		/* there is a Content-Type, a MIME-Version */
	bool text;			/* text/... */
	bool fixed;			/* of a type that allows no other encoding than 7bit and 8bit (RFC 2046 5.2, RFC 6522) */
	bool is_signed;			/* inside a multipart/signed (RFC 1847), whose octets must not change */
	struct mime_octets octets;	/* of the body of a leaf */
};

struct mime {
	size_t count;
	struct mime_part *parts;	/* in the order of their place; 0 is the message itself */
	bool is_signed;			/* its header section holds a signature over its body (DKIM) */
	struct mime_octets around;	/* of all that is no leaf's body: header sections, boundaries, what stands outside of them */
};

/* TEXT is a whole message. False and *WHY, a static sentence, when it is not understood. Memory is A's. */
bool mime_scan(struct view text, struct arena *a, struct mime *out, const char **why) MUST_CHECK;
/* What octets V holds, which stands at the beginning of a line. */
struct mime_octets mime_octets_of(struct view v);

#endif
