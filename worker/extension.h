/* extension.h - THE table of SMTP extensions: one row each. EHLO is printed from it, and verbs and parameters that belong
 * to an extension ask it whether they are on: what is not offered to a session is refused to it. */
#ifndef EXTENSION_H
#define EXTENSION_H

#include "../lib/base.h"
#include "../lib/buf.h"

/* In the order in which EHLO prints them. */
enum extension {
	EXTENSION_NONE,			/* no extension: always on */
	EXTENSION_PIPELINING,		/* RFC 2920 */
	EXTENSION_8BITMIME,		/* RFC 6152 */
	EXTENSION_ENHANCEDSTATUSCODES,	/* RFC 2034 */
	EXTENSION_SIZE,			/* RFC 1870 */
	EXTENSION_CHUNKING,		/* RFC 3030 */
	EXTENSION_BINARYMIME,		/* RFC 3030 */
	EXTENSION_SMTPUTF8,		/* RFC 6531 */
	EXTENSION_DSN,			/* RFC 3461 */
	EXTENSION_DELIVERBY,		/* RFC 2852 */
	EXTENSION_FUTURERELEASE,	/* RFC 4865 */
	EXTENSION_MT_PRIORITY,		/* RFC 6710 */
	EXTENSION_REQUIRETLS,		/* RFC 8689 */
	EXTENSION_LIMITS,		/* RFC 9422 */
	EXTENSION_STARTTLS,		/* RFC 3207 */
	EXTENSION_AUTH,			/* RFC 4954 */
	EXTENSION_XCLIENT,		/* Postfix's XCLIENT_README */
	EXTENSION_COUNT
};

struct session;

/* Whether E was taken away by the configuration (discard_ehlo_keywords). */
bool extension_discarded(const struct session *s, enum extension e);
/* Whether E is on offer to S at this moment. */
bool extension_offered(struct session *s, enum extension e);
/* All that are: 1 << enum extension, or'ed. */
unsigned extensions_offered(struct session *s);
/* Appends "\nKEYWORD [parameters]" for each that is on offer: the lines of EHLO. */
void extension_lines(struct session *s, struct buf *lines);
/* By its keyword, in any case; EXTENSION_NONE when there is none. */
enum extension extension_find(const char *keyword);
/* The set of those that KEYWORDS (NULL-terminated) name: the option discard_ehlo_keywords. */
unsigned extension_set(const char *const *keywords);

#endif
