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
	const char *subject;			/* of the message, as it stands there in one line; "" none */
	bool utf8;				/* the message needed SMTPUTF8: fields of RFC 6533 */
};

/* Where a field is filled in: in a header a value is one line; in HTML its characters are escaped. */
enum bounce_place { IN_HEADER, IN_TEXT, IN_HTML };

/* All append lines that end in "\n". TEMPLATE's fields are filled in. */
void bounce_report_expand(const struct bounce_notice *n, struct view template, enum bounce_place place, struct buf *out);
/* The fields of message/delivery-status, RFC 3464 section 2. */
void bounce_report_status(const struct bounce_notice *n, struct buf *out);

#endif
