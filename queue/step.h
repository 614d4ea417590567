/* step.h - the step table: everything we ever say to a server, what for how long is waited, and what follows each class of
 * answer. LMTP (RFC 2033) is rows of it, pipelining (RFC 2920) a column. */
#ifndef STEP_H
#define STEP_H

#include "../lib/base.h"

enum step_id {
	STEP_CONNECT, STEP_GREETING, STEP_EHLO, STEP_HELO, STEP_LHLO, STEP_STARTTLS, STEP_HANDSHAKE, STEP_EHLO_AGAIN,
	STEP_AUTH, STEP_AUTH_ANSWER,
	STEP_READY,			/* set up: the user says what comes next */
	STEP_MAIL, STEP_RCPT, STEP_DATA, STEP_CONTENT, STEP_BDAT, STEP_END, STEP_END_LMTP, STEP_RSET,
	STEP_DONE,			/* the parcel has its results: the user says what comes next */
	STEP_QUIT,
	STEP_SHUT,			/* the session is over */
	STEP_COUNT
};

struct client;

struct step {
	const char *name;
	const char *phrase;		/* "while PHRASE", in the log and in the words for the sender */
	size_t timeout;			/* offset of the time-out in struct settings; 0: none */
	bool ahead;			/* sent together with MAIL when the server takes it (RFC 2920) */
	void (*send)(struct client *c);	/* on entering; NULL: nothing is said */
	enum step_id good, soft, hard;	/* next on 2xx/3xx, 4xx, 5xx */
	/* Looks at the reply (c->parser); returns NEXT, which is what the row says for its class, or something else. */
	enum step_id (*receive)(struct client *c, enum step_id next);
};

const struct step *step_row(enum step_id id);

#endif
