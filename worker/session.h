/* session.h - one client's conversation, from accept to close. A session owns its stream, its transaction and
 * everything the client has said; the host is what a worker lends to each of its sessions in turn. */
#ifndef SESSION_H
#define SESSION_H

#include "../lib/base.h"
#include "../lib/arena.h"
#include "../lib/netaddr.h"
#include "../lib/plugin.h"
#include "../lib/reply.h"
#include "../lib/stream.h"
#include "../queue/spool.h"
#include "host.h"
#include "notes.h"
#include "transaction.h"
#include "verb.h"

/* Why a session ended; the names for the summary line stand in session.c. */
/* Whether TLS has failed with this client lately: see cmd_starttls_avoided. */
enum session_nogo { NOGO_UNKNOWN, NOGO_NO, NOGO_YES };

enum session_end { SESSION_GOES_ON, SESSION_QUIT, SESSION_EOF, SESSION_TIMEOUT, SESSION_ERROR, SESSION_REFUSED, SESSION_LIMIT, SESSION_PROXY,
	SESSION_FOREIGN, SESSION_TLS_FAILED, SESSION_SHUTDOWN, SESSION_END_COUNT };

struct session {
	struct session_host *host;
	const struct settings *settings;
	const struct listener *listener;
	struct stream *stream;
	char id[32];
	struct netaddr peer;			/* who is connected: the client, its proxy, or a user of this machine; family 0: the queue-runner */
	bool proxied;				/* a proxy it is, and has said for whom */
	bool tls_is_proxys;			/* by XCLIENT: TLS, and a certificate, are between it and us */
	struct netaddr remote;			/* the client; family 0 for a Unix socket and when its proxy does not know, remote_ip is "" then */
	struct netaddr local;			/* where it has connected to, as its proxy says, else as the socket said when it was asked; family 0: not asked yet */
	char remote_ip[NETADDR_TEXT];
	const char *remote_host;		/* "" until known; use session_remote_host */
	uint32_t rdns_ticket;			/* lookup under way; 0 none */
	int64_t started, deadline;		/* clock_ms */

	enum session_nogo tls_nogo;

	/* What the client has said. STARTTLS throws it away (RFC 3207 4.2). */
	const char *helo;			/* "" before, or helo_text */
	char helo_text[ADDRESS_DOMAIN_MAX + 1];
	bool esmtp;
	const char *auth_user;			/* "" unless authenticated */
	const struct plugin *auth_plugin;	/* who has accepted him; NULL unless authenticated */

	bool relaying;				/* granted by a plugin; see session_relaying */
	unsigned discarded;			/* extensions that are off (extension_set) */
	struct notes notes;			/* of the connection */
	struct transaction transaction;
	struct auth *auth;			/* the exchange the auth hooks ask about, NULL outside them */

	/* The command in hand. */
	struct command *command;		/* NULL between two */
	struct reply reply;
	struct buf *capabilities;		/* while HOOK_CAPABILITIES runs: where plugins add lines */

	/* Counted. */
	unsigned verbs[VERB_MAX], refused[VERB_MAX];
	unsigned unrecognized, errors, idle_commands, transactions;
	unsigned stray_chunks;			/* BDAT refused since the last MAIL */
	unsigned messages, recipients;
	uint64_t message_bytes;
	int64_t delayed;			/* ms that answers were made to wait */
	char last_refusal[128];
	enum phase phase;			/* the last one marked before the end: where it broke off */
	enum session_end end;
};

/* Serves FD, which it owns, until the conversation is over. PEER is the client's address (family 0: local socket).
 * Never fails: what goes wrong ends this session only. */
void session_run(struct session_host *host, int fd, const struct listener *listener, const struct netaddr *peer);
/* The steps of session_run, for tests: begin, (greeting_run,) one command, the end. */
void session_open(struct session *s, struct session_host *host, int fd, const struct listener *listener, const struct netaddr *peer);
void session_step(struct session *s);
void session_close(struct session *s);

/* GREETED, HELO, MAIL or RCPT, from what has been accepted so far: the one source of truth about it. */
enum phase session_phase(const struct session *s);
void session_mark(struct session *s, enum phase phase);
/* A proxy has said who its client is (family 0: it does not know), and to where that one has connected (family 0: not told). */
void session_client_is(struct session *s, const struct netaddr *client, const struct netaddr *local);
/* The address that limits count: the client's, or that of a proxy which does not know it. */
const struct netaddr *session_counted(const struct session *s);
/* May send to anybody: a plugin granted it, or authenticated. */
bool session_relaying(const struct session *s);
bool session_internal(const struct session *s);
/* It is a user of this machine, on our own socket: the kernel has said which one, and S->peer is he. */
bool session_from_user(const struct session *s);
/* It is neither that nor our own queue-runner, but somebody who has connected over a network. */
bool session_from_network(const struct session *s);
bool session_submission(const struct session *s);
/* Waits for the reverse lookup if it is under way. "" when there is no name. */
const char *session_remote_host(struct session *s);
/* All that the client said before is void: after STARTTLS. */
void session_forget(struct session *s);
/* All that is known of the client is void, what plugins have noted of it included; everything in the session's arena goes. Counts stay. */
void session_anew(struct session *s);
/* Our side of the connection, or that of the proxy to which the client has connected; family 0 for a Unix socket. */
struct netaddr session_local(struct session *s);
/* Whether COUNT is as many as LIMIT allows; a limit of 0 is none. */
bool session_reached(int64_t limit, unsigned count);
/* Milliseconds to wait for input: LIMIT, but not beyond the session's deadline. */
int64_t session_wait(const struct session *s, int64_t limit);
/* Puts s->reply into the output; counts refusals and remembers the last one. */
void session_reply(struct session *s);
/* Counts, remembers and logs s->reply as a refusal. For those that cannot be told. */
void session_refused(struct session *s);
/* Sends s->reply in the middle of a command (334, 354): nothing is counted, the next read sends it. */
void session_say(struct session *s);
/* Ends the session for RESULT of the stream (421 where somebody may still listen). S->reply is empty then. */
void session_broke(struct session *s, enum stream_result result);

#endif
