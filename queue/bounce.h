/* bounce.h - what the sender of a message is told about it: that it could not be delivered, that it is late, or that it was
 * delivered, as an RFC 3464 multipart/report in the spool, with what the sender asked for by RFC 3461 (NOTIFY, RET, ENVID,
 * ORCPT). */
#ifndef BOUNCE_H
#define BOUNCE_H

#include "../lib/base.h"
#include "../lib/arena.h"
#include "../lib/err.h"
#include "spool.h"

/* What a notice is about; there is a text for each. */
enum bounce_kind {
	BOUNCE_FAILED, BOUNCE_DELAYED, BOUNCE_SUCCESS,
	BOUNCE_DOUBLE,			/* a failed message without a sender: to whom the administrator has named */
	BOUNCE_KINDS
};

/* NULL: there is no such file. */
struct bounce_texts {
	const char *plain;		/* else the one that is built in */
	const char *html, *image;
};

struct plugin_list;

struct bounce_config {
	unsigned parts;			/* into which the queue is split (part.h); 0: one */
	const char *me;
	const char *double_to;		/* who gets BOUNCE_DOUBLE; "" or NULL: nobody */
	struct bounce_texts texts[BOUNCE_KINDS];
	uint64_t max_return;		/* octets; of a larger message only the headers go back */
	struct plugin_list *plugins;	/* are asked at pre_send_trans_email; NULL: none */
};

enum bounce_action {
	ACTION_FAILED,
	ACTION_EXPIRED,			/* given up after temporary failures: status 4.4.7 */
	ACTION_DELAYED,
	ACTION_OVERDUE,			/* the same, and the time of DELIVERBY is over: status 4.4.7 */
	ACTION_RELAYED,			/* to a server that gives no reports */
	ACTION_DELIVERED,
};

struct bounce_rcpt {
	size_t rcpt;			/* which recipient of the envelope */
	enum bounce_action action;
	const char *answer;		/* "host [ip] 550 5.1.1 text", or our own "5.4.4 text"; NULL: the recipient's last */
};

struct bounce {
	enum bounce_kind kind;
	const struct spool_file *file;
	const struct bounce_rcpt *rcpts;
	size_t count;
	int64_t retry_until;		/* of BOUNCE_DELAYED: seconds since 1970 */
};

/* What a recipient is told that a person has given up: RFC 3463 "other or undefined security status", since class 7 is what
 * policies decide, and no detail says by whom. */
#define BOUNCE_RETURNED_CODE "5.7.0"
#define BOUNCE_RETURNED_TEXT "returned by the postmaster"

enum bounce_result {
	BOUNCE_SENT,
	BOUNCE_UNWANTED,		/* null sender, or none that NOTIFY asks for, or refused by a plugin (the log says it) */
	BOUNCE_ERROR,
};

/* Reads DIR/outbound.bounce_message, outbound.delay_message, outbound.success_message and outbound.double_bounce_message into
 * CONFIG->texts: header lines, a blank line, text; the same with _html behind the name, which is HTML, and with _image, a part of
 * a message that the HTML refers to. Fields in both texts: {pid} {date} {me} {from} {to} {subject} {recipients} {reason}
 * {extended_reason} {msgid} as Haraka has them ({to} and {reason} of the first recipient), and {until}, the time after
 * which a late message is returned. Fails on a file that is unreadable, over 64 KiB (an image: 256), or not what it should be. */
bool bounce_read_texts(const char *dir, struct arena *a, struct bounce_config *config, struct err *err) MUST_CHECK;
/* What is built in. */
const char *bounce_default_text(enum bounce_kind kind);

/* Whether anything can go back to the sender of F at all: it is readable and has one. */
bool bounce_possible(const struct spool_file *f, struct err *err) MUST_CHECK;
/* Whether the sender of F may hear of recipient RCPT anything at all: there is one, and he has not said NEVER. */
bool bounce_allowed(const struct spool_file *f, size_t rcpt);
/* Whether the sender of F is to hear of recipient RCPT that it failed, is late or was delivered. With no NOTIFY only failures
 * and delays are told (RFC 3461 4.1). What DELIVERBY asks for (NOTIFY_OVERDUE, RCPT_RELAYED) is told whatever else NOTIFY says. */
bool bounce_wanted(const struct spool_file *f, size_t rcpt, enum bounce_kind kind);
/* Whether a failed message that can go back to nobody is to be told of to config->double_to: if he is named, and it is not
 * that itself. */
bool bounce_double_wanted(const struct bounce_config *config, const struct spool_file *f);
/* Puts one notice about those of B that are wanted (of BOUNCE_DOUBLE: about all) into the spool, durable when it returns BOUNCE_SENT; ID is its queue id.
 * Blocks for disk only. The caller sets the statuses afterwards: a crash between means a second notice, not none. */
enum bounce_result bounce_send(struct spool *sp, const struct bounce_config *config, const struct bounce *b, char id[SPOOL_ID_SIZE],
	struct err *err) MUST_CHECK;

#endif
