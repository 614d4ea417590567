/* result.h - how a delivery ended for one recipient: a type, its words, and its line in the log. */
#ifndef RESULT_H
#define RESULT_H

#include "../lib/base.h"
#include "../lib/arena.h"

enum outcome {
	OUTCOME_NONE,		/* nothing is decided */
	OUTCOME_DONE,		/* the next hop has taken it */
	OUTCOME_DEFER,		/* again later */
	OUTCOME_FAIL,		/* never: to be bounced */
};

/* What there is to say of the TLS of a connection. */
struct result_tls {
	const char *version, *cipher, *group;	/* "" while plain */
	bool resumed, verified;
	const char *subject, *issuer, *fingerprint, *status;	/* of the server's certificate; status: "verified", or why it is not */
};

struct result {
	enum outcome outcome;
	bool remote;		/* text is what the remote server said */
	bool delivered;		/* when done: it is where it ends, not just one server further */
	bool reports;		/* when done: the server reports on it (DSN), so we do not */
	bool trace;		/* when done: the sender is to hear of it, whoever reports (RFC 2852) */
	char enhanced[12];	/* RFC 3463, of the outcome's class */
	const char *text;	/* "451 4.7.1 try again later", or our own words; printable ASCII */
	const char *host, *ip;	/* the server that was asked; "" when there was none */
	const struct result_tls *tls;	/* of the connection; NULL: there was none, or it was plain */
	uint16_t port;			/* 0: none, or a Unix socket */
};

/* Where the time of a delivery went; clock_ms, 0: never came to it. */
struct result_times {
	int64_t arrived_us;		/* wall clock, when the message was accepted */
	int64_t started, connected;
};

/* Our own words. ENHANCED may be NULL: X.0.0 of the outcome's class. TEXT is copied to A. */
struct result result_local(struct arena *a, enum outcome outcome, const char *enhanced, const char *text);
/* What the remote said: CODE decides the outcome (2xx done, 5xx fail, everything else defer). */
struct result result_remote(struct arena *a, unsigned code, const char *enhanced, const char *text);
/* What there is to say of S, copied to A; NULL for NULL. */
struct tls_session;
const struct result_tls *result_tls_of(const struct tls_session *s, struct arena *a);
/* "host [ip] 451 4.7.1 text", or of our own words "4.4.4 text": for the envelope and the bounce. */
const char *result_last(const struct result *r, struct arena *a);
/* One line a recipient: status=sent|deferred|bounced. The caller has set the line's id. */
void result_log(const char *from, const char *to, const struct result *r, const struct result_times *times);
const char *result_status(enum outcome outcome);

#endif
