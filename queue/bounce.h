/* bounce.h - the notice to the sender that a message could not be delivered: an RFC 3464 multipart/report in the spool,
 * with what the sender asked for by RFC 3461 (NOTIFY, RET, ENVID, ORCPT). */
#ifndef BOUNCE_H
#define BOUNCE_H

#include "../lib/base.h"
#include "../lib/arena.h"
#include "../lib/err.h"
#include "spool.h"

#define BOUNCE_MAX_RETURN (1u << 20)	/* default: of a message over 1 MiB only the headers go back */

struct bounce_config {
	const char *me;
	const char *text;		/* of conf/outbound.bounce_message; NULL: the one that is built in */
	uint64_t max_return;		/* 0: BOUNCE_MAX_RETURN */
};

struct bounce_failure {
	size_t rcpt;			/* which recipient of the envelope */
	bool expired;			/* given up after temporary failures: status 4.4.7 */
	const char *answer;		/* "host [ip] 550 5.1.1 text", or our own "5.4.4 text"; NULL: the recipient's last */
};

/* What a recipient is told that a person has given up: RFC 3463 "other or undefined security status", since class 7 is what
 * policies decide, and no detail says by whom. */
#define BOUNCE_RETURNED_CODE "5.7.0"
#define BOUNCE_RETURNED_TEXT "returned by the postmaster"

enum bounce_result { BOUNCE_SENT, BOUNCE_UNWANTED /* null sender, or NOTIFY without FAILURE */, BOUNCE_ERROR };

/* Reads DIR/outbound.bounce_message: header lines, a blank line, text; the fields {pid} {date} {me} {from} {msgid} {to}
 * {reason} as Haraka has them ({to} and {reason} of the first recipient) and {recipients}, which lists all with their
 * reasons. *TEXT is NULL when there is no file. Fails on one that is unreadable, over 64 KiB or no header section. */
bool bounce_read_text(const char *dir, struct arena *a, const char **text, struct err *err) MUST_CHECK;
/* What is built in. */
const char *bounce_default_text(void);

/* Whether F can go back to its sender at all: it is readable and has one. */
bool bounce_possible(const struct spool_file *f, struct err *err) MUST_CHECK;
/* Puts one notice for COUNT failed recipients of F into the spool, durable when it returns BOUNCE_SENT; ID is its queue id.
 * Blocks for disk only. The caller sets the statuses afterwards: a crash between means a second notice, not none. */
enum bounce_result bounce_send(struct spool *sp, const struct bounce_config *config, const struct spool_file *f,
	const struct bounce_failure *failures, size_t count, char id[SPOOL_ID_SIZE], struct err *err) MUST_CHECK;

#endif
