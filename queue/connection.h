/* connection.h - a non-blocking connection to a next hop: TCP or Unix, plain or TLS, buffered, with one deadline. It knows
 * nothing of SMTP. Each event ends in at most one call of its user, as the last thing done with the connection, so the
 * user may close it inside any of them. */
#ifndef CONNECTION_H
#define CONNECTION_H

#include "../lib/base.h"
#include "../lib/err.h"
#include "../lib/tls.h"
#include "../lib/view.h"
#include "content.h"
#include "targets.h"

struct event_base;
struct connection;

enum connection_failure {
	CONNECTION_CLOSED,		/* end of file, reset */
	CONNECTION_TIMEOUT,
	CONNECTION_TLS,			/* the handshake failed */
	CONNECTION_UNTRUSTED,		/* it did for want of a valid certificate */
	CONNECTION_ERROR,		/* our side: the content cannot be read, the key of our certificate not be used */
};

struct connection_user {
	void (*connected)(void *arg);		/* and again after connection_start_tls */
	void (*input)(void *arg);		/* see connection_input: eat all of it, or close */
	void (*sent)(void *arg);		/* the content has gone out whole */
	void (*failed)(void *arg, enum connection_failure f, const char *why);
};

/* Starts connecting, from the address that TARGET's access names, if any. NULL with ERR and errno when it fails at once (EMFILE,
 * ENFILE, ENETUNREACH ...): then no call follows. ENODEV: the address is not ours. */
struct connection *connection_open(struct event_base *base, const struct target *target, int64_t timeout_ms,
				   const struct connection_user *user, void *arg, struct err *err);
/* A connection on a descriptor that is connected already (tests). Takes FD over. */
struct connection *connection_adopt(struct event_base *base, int fd, const struct connection_user *user, void *arg);
/* Closes at once, with close_notify when TLS; nothing more is called. */
void connection_close(struct connection **c);

/* The deadline: CONNECTION_TIMEOUT after MS without a further call of this (0: none). While content is sent each progress
 * renews it. */
void connection_deadline(struct connection *c, int64_t ms);
/* Queues bytes, and sends what can be sent. Trouble is told from the loop, not from inside. */
void connection_put(struct connection *c, struct view v);
void connection_flush(struct connection *c);
/* What is queued is secret: its memory is wiped when it has been sent. */
void connection_wipe(struct connection *c);
/* Sends CONTENT (kept by pointer until `sent`) behind what is queued. MIN_RATE: octets a second on the whole (0: any), below which
 * it is a CONNECTION_TIMEOUT although there is progress; the time of connection_deadline is granted on top. */
void connection_send(struct connection *c, struct content *content, int64_t min_rate);

struct view connection_input(const struct connection *c);
void connection_eat(struct connection *c, size_t n);

/* Client handshake; `connected` or `failed` follows. The caller has checked that there is no input left over. */
bool connection_start_tls(struct connection *c, struct tls_context *ctx, const struct tls_wish *wish, int64_t timeout_ms, struct err *err) MUST_CHECK;
/* A handshake has failed with which an earlier session was to be taken up again, which is forgotten now. */
bool connection_took_up(const struct connection *c);
/* NULL while plain. */
const struct tls_session *connection_tls(const struct connection *c);
/* How many there are, in this process. */
unsigned connection_count(void);

#endif
