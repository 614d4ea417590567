/* received.h - the trace header of RFC 5321 4.4, and what a submission server may add (RFC 6409 8). */
#ifndef RECEIVED_H
#define RECEIVED_H

#include "../lib/base.h"
#include "../lib/buf.h"
#include <time.h>

/* The facts; texts "" when there are none. */
struct received {
	const char *user;					/* "user 1000" of this machine, without a client; "" for a client */
	const char *helo, *remote_host, *remote_literal;	/* "[192.0.2.1]", "[unknown]"; "" for a local socket */
	const char *me, *id, *recipient;			/* recipient: only when it is the only one */
	bool esmtp, utf8, authenticated;			/* utf8: MAIL said SMTPUTF8 */
	const char *tls_version, *tls_cipher, *tls_group;	/* "" while plain */
	const char *peer;					/* subject of the client's certificate; "" for none */
	bool peer_verified;
	int priority;						/* MT-PRIORITY; 0: none */
	time_t now;
};

/* "SMTP", "ESMTP", "ESMTPA", "ESMTPS", "ESMTPSA" (RFC 3848), and with UTF8 "UTF8SMTP", "UTF8SMTPA" ... (RFC 6531 4.3). */
const char *received_with(bool esmtp, bool utf8, bool tls, bool authenticated);
/* The value of the Received header, folded. */
void received_value(const struct received *f, struct buf *out);

#endif
