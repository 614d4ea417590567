/* client.h - our side of SMTP and LMTP: a session with one server that carries one parcel (a message for some recipients)
 * after the other. What is said when stands in the step table (step.h); this is what a delivery sees of it. */
#ifndef CLIENT_H
#define CLIENT_H

#include "../lib/base.h"
#include "../lib/arena.h"
#include "../lib/reply.h"
#include "../lib/settings.h"
#include "../lib/tls.h"
#include "connection.h"
#include "offers.h"
#include "parcel.h"
#include "step.h"
#include "targets.h"
#include "tls_policy.h"

/* What all clients of a process share. */
struct client_shared {
	struct event_base *base;
	const struct settings *settings;
	const struct tls_policy *tls;	/* NULL: no STARTTLS */
};

enum client_loss_kind {
	LOSS_NETWORK,			/* not reached, closed, timed out */
	LOSS_REFUSED,			/* a 4xx or 5xx before any message */
	LOSS_BUSY,			/* 421 */
	LOSS_PROTOCOL,			/* what it said is no SMTP, or it spoke out of turn */
	LOSS_TLS,			/* the handshake failed: worth another try in clear */
	LOSS_SECURITY,			/* no TLS or no AUTH, where the route demands them: not in any other way */
	LOSS_LOCAL,			/* our own fault: the message cannot be read, our key not be used */
};

struct client_loss {
	enum client_loss_kind kind;
	enum step_id step;
	bool stale;			/* a reused connection that had died: the parcel has not been looked at */
	bool took_up;			/* a handshake that was to take up an earlier session: worth another try without */
	bool committed;			/* all of the message had gone out: it may have been taken */
	unsigned code;			/* of the reply; 0 when there was none */
	char enhanced[12];		/* the reply's, or ours; "" none */
	char text[REPLY_TEXT];
};

struct client;
struct client_user {
	void (*ready)(void *arg);	/* client_send may be called */
	void (*done)(void *arg);	/* each recipient has its result, but for those that are to be tried again (452) */
	void (*lost)(void *arg, const struct client_loss *loss);	/* over; close it. Results known so far stand. */
};

/* Connects. PLAIN: no STARTTLS, it failed before. NULL with ERR and errno, and no call follows, when it fails at once. */
struct client *client_open(const struct client_shared *shared, const struct target *target, bool plain,
			   const struct client_user *user, void *arg, struct err *err);
/* As client_open with a descriptor that is connected (tests). */
struct client *client_adopt(const struct client_shared *shared, const struct target *target, int fd,
			    const struct client_user *user, void *arg);
/* Sends a parcel, kept by pointer until `done` or `lost`. */
void client_send(struct client *c, struct parcel *parcel);
/* CLOSED is called when the connection is, by whomever and however. */
void client_on_close(struct client *c, void (*closed)(void *arg), void *arg);
/* Nothing else is called any more. */
void client_close(struct client **c);
/* Says QUIT, waits for the answer, closes; the caller has nothing more to do with it. */
void client_quit(struct client **c);

/* No STARTTLS; false when it has come to that already. */
bool client_forgo_tls(struct client *c);
/* Another parcel may follow: it is in order and has not carried MOST yet. */
bool client_reusable(const struct client *c, unsigned most);
void client_set_user(struct client *c, const struct client_user *user, void *arg);
const struct target *client_target(const struct client *c);
const struct tls_session *client_tls(const struct client *c);
/* Whether AUTH was successful; why it was left out although it was wanted, NULL when it was not. */
bool client_authenticated(const struct client *c);
const char *client_warning(const struct client *c);
/* Whether content of the parcel is going out; whether its final dot has: breaking off then may mean a second delivery. */
bool client_sending(const struct client *c);
bool client_committed(const struct client *c);

/* ---- for the step table ---- */

struct client {
	const struct client_shared *shared;
	struct target target;
	struct connection *connection;
	const struct client_user *user;
	void *arg;
	enum step_id at;
	bool plain;			/* no STARTTLS (any more) */
	bool greeted;			/* the greeting has come */
	bool authenticated;
	struct sasl *sasl;		/* while AUTH is under way */
	const char *warning;		/* see client_warning */
	bool ahead;			/* MAIL, RCPT and DATA have been sent in one go */
	bool all_ahead;			/* and with them, in BDAT, the whole message */
	bool heard;			/* something was answered since the connection was taken up again */
	bool tainted;			/* it spoke out of turn: not to be used again */
	bool refused;			/* the answer to MAIL was no */
	struct offers offers;
	void (*closed)(void *arg);	/* see client_on_close; NULL: nobody */
	void *closed_arg;
	unsigned parcels;		/* sent so far */
	struct parcel *parcel;
	size_t rcpt;			/* whose answer comes next */
	size_t accepted;
	struct reply_parser parser;
	struct client_loss loss;
};

/* Enters step ID: sets the time-out, says what is to be said. */
void client_enter(struct client *c, enum step_id id);
/* As tls_policy_need. */
enum access_tls client_tls_need(const struct client *c);
/* Ends the session with what is in c->parser. */
void client_lose_reply(struct client *c, enum client_loss_kind kind);
void client_lose(struct client *c, enum client_loss_kind kind, const char *text);
/* The same for a handshake that failed, UNTRUSTED: because the server has no valid certificate, and must. */
void client_lose_tls(struct client *c, bool untrusted, const char *text);

#endif
