/* bounce_report.h - the text and the fields of a notice; bounce.c puts them together with the message. */
#ifndef BOUNCE_REPORT_H
#define BOUNCE_REPORT_H

#include "../lib/base.h"
#include "../lib/buf.h"
#include <time.h>

#include "bounce.h"

struct bounce_notice {
	const struct bounce_config *config;
	const struct bounce *about;
	const struct bounce_rcpt *rcpts;	/* those that the sender wants to hear of */
	size_t count;
	const char *id;				/* of the notice */
	time_t now;
	bool utf8;				/* the message needed SMTPUTF8: fields of RFC 6533 */
};

/* All append lines that end in "\n". TEMPLATE's fields are filled in; in a header a value is one line. */
void bounce_report_expand(const struct bounce_notice *n, struct view template, bool header, struct buf *out);
/* The fields of message/delivery-status, RFC 3464 section 2. */
void bounce_report_status(const struct bounce_notice *n, struct buf *out);

#endif
