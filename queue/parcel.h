/* parcel.h - a message for some recipients, on its way to one server: what it needs of the server, what the server offers, and
 * so the form in which it goes, or why it cannot. */
#ifndef PARCEL_H
#define PARCEL_H

#include "../lib/base.h"
#include "../lib/arena.h"
#include "../lib/settings.h"
#include "content.h"
#include "offers.h"
#include "result.h"
#include "spool.h"

struct parcel_rcpt {
	const struct envelope_rcpt *rcpt;
	size_t index;			/* the delivery's own number for it */
	const char *address;		/* by parcel_fit: as the server is told */
	struct result result;		/* OUTCOME_NONE until it is known */
	bool accepted;			/* the answer to RCPT was 2xx */
};

struct parcel {
	/* The delivery's. */
	const struct spool_file *file;
	const char *head;		/* lines that go in front, or "" */
	bool own;			/* the server is a worker of ours: what it takes is delivered, and reported by us */
	bool lmtp;			/* what the server takes is delivered */
	struct arena *arena;		/* the texts of the results */
	const struct result_tls *tls;	/* for them; by client_send */
	size_t total;
	struct parcel_rcpt *rcpts;	/* those that cannot go are moved behind the others */

	/* By parcel_fit. */
	size_t count;			/* recipients that go; the others have their result */
	const char *sender;		/* as the server is told */
	bool utf8, dsn, by, priority;	/* parameters of these extensions are sent */
	bool trace;			/* the sender is to be told when the server has taken it (RFC 2852) */
	const char *body;		/* "8BITMIME", "BINARYMIME", or "" */
	bool bdat;			/* by BDAT, else by DATA */
	uint64_t size;			/* octets that go out, but for stuffed dots: exact for BDAT */
	struct content content;
};

/* Finds how P goes to the server HOST, which offers O. May read the message, blocking for disk, when it has to be changed. */
void parcel_fit(struct parcel *p, const struct offers *o, const struct settings *s, const char *host);

#endif
