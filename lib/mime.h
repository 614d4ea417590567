/* mime.h - the structure of a message (RFC 2045, 2046): which parts it has, where each stands and how it is encoded. One pass over
 * the message, which is read in pieces and never held; nothing is decoded, and all offsets are into the message. Written by hand because
 * what is needed is little and exact: where each octet stands, limits on everything that a sender can make grow, and
 * to be told what other readers may read differently; libraries that build messages anew (GMime) do not, and bring their own memory
 * into every worker. */
#ifndef MIME_H
#define MIME_H

#include "base.h"
#include "arena.h"
#include "view.h"

enum mime_kind {
	MIME_LEAF,
	MIME_MULTIPART,
	MIME_MESSAGE,			/* its body is a message, whose part comes next */
};
enum mime_encoding { MIME_7BIT /* or none given */, MIME_8BIT, MIME_BINARY, MIME_QUOTED, MIME_BASE64, MIME_OTHER };

/* What is wrong with a part, so that readers may see different things in it. */
enum mime_flaw {
	MIME_FLAW_FIELD = 1,		/* Content-Type or -Transfer-Encoding twice (the first counts), or a container's that says not which */
	MIME_FLAW_TYPE = 2,		/* Content-Type is not the grammar */
	MIME_FLAW_BOUNDARY = 4,		/* a multipart without a boundary, or with one that RFC 2046 does not allow */
	MIME_FLAW_AMBIGUOUS = 8,	/* a line that is a boundary for some, parts behind the last boundary, one boundary for two multiparts, a
					 * line in the header section that is no field */
	MIME_FLAW_OPEN = 16,		/* a multipart that does not end */
	MIME_FLAW_ENCODING = 32,	/* an encoding that nobody knows */
	MIME_FLAW_ENCODED = 64,		/* a multipart or message that is encoded, against RFC 2045 6.4: a multipart is read as if it were
					 * not, a message is not looked into */
};

/* What octets a piece of a message holds. */
struct mime_octets {
	uint64_t eight;			/* how many are over 127 */
	bool binary;			/* NUL, a CR without LF or an LF without CR */
	bool long_lines;		/* over 998 octets (RFC 5322 2.1.1) */
};

struct mime_part {
	enum mime_kind kind;
	enum mime_encoding encoding;
	unsigned flaws;
	uint32_t depth, parent;		/* 0, 0: the message itself */
	uint64_t header_at, header_end;	/* its header section, without the empty line behind it */
	uint64_t body_at, body_end;	/* without the line end that belongs to the boundary behind it */
	uint64_t encoding_at, encoding_len;	/* the field Content-Transfer-Encoding; length 0: none */
	bool typed, versioned;		/* there is a Content-Type, a MIME-Version */
	bool text;			/* text/... */
	bool fixed;			/* of a type that allows no other encoding than 7bit and 8bit (RFC 2046 5.2, RFC 6522) */
	bool digest;			/* RFC 2046 5.1.5: without a Content-Type it is a message */
	bool is_signed;			/* inside a multipart/signed (RFC 1847), whose octets must not change */
	struct mime_octets octets;	/* of the body of a leaf, if they were counted */
};

struct mime_limits {
	size_t depth, parts;		/* at least 1 */
	size_t header;			/* octets of the header section of a part, and of a field that is looked into */
};

struct mime_source {
	/* Reads up to LEN octets at OFFSET; 0 at the end, -1 on error. */
	ssize_t (*read)(void *arg, uint64_t offset, void *out, size_t len);
	void *arg;
	/* The header section of the message, when another one counts than the one that stands there, and where the body begins then; data
	 * NULL: it is read like the rest, from offset 0. */
	struct view header;
	uint64_t body_at;
	bool count_octets;
};

struct mime {
	size_t count;
	struct mime_part *parts;	/* in the order of their place; 0 is the message itself */
	bool is_signed;			/* its header section holds a signature over its body (DKIM) */
	struct mime_octets around;	/* of all that is no leaf's body, if they were counted */
};

enum mime_result {
	MIME_OK,
	MIME_OVER,			/* a limit: the parts up to there are given, and must not be taken for all */
	MIME_UNREADABLE,		/* the source failed */
};

/* Memory is A's: so much a part, whatever is in it. */
enum mime_result mime_scan(const struct mime_source *source, const struct mime_limits *limits, struct arena *a, struct mime *out);
/* The flaws of all parts. */
unsigned mime_flaws(const struct mime *m);
/* A source that is in memory: ARG is a struct view *. */
ssize_t mime_read_view(void *arg, uint64_t offset, void *out, size_t len);

/* Counts octets piece by piece; begins zeroed, at the beginning of a line. */
struct mime_counter {
	struct mime_octets octets;
	uint64_t line;
	bool cr;
};
void mime_count(struct mime_counter *c, struct view piece);
void mime_count_end(struct mime_counter *c);

#endif
