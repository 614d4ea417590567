/* verb.h - THE verb table: all that is known about an SMTP command stands in one row, and nothing else knows the verbs.
 * HELP and the session's summary line are printed from the rows. */
#ifndef VERB_H
#define VERB_H

#include "../lib/base.h"
#include "../lib/address.h"
#include "../lib/plugin.h"
#include "extension.h"
#include "parameter.h"

#define VERB_MAX 16		/* rows at most */
#define VERB_NO_HOOK HOOK_COUNT

struct session;
struct xclient;			/* cmd_xclient.c */

enum verb_argument { ARGUMENT_NONE, ARGUMENT_OPTIONAL, ARGUMENT_REQUIRED };
enum verb_flags {
	VERB_WANTS_TLS = 1,	/* refused in the clear with 530 unless auth_without_tls (RFC 4954 4) */
	VERB_WANTS_AUTH = 2,	/* on submission ports: 530 before AUTH (RFC 6409 4.3) */
	VERB_FLUSH = 4,		/* ends a pipelined group: its answer is never held back (RFC 2920 3.2) */
	VERB_IDLE = 8,		/* gets nothing done: counted against max_noops */
	VERB_LONG = 16,		/* the line may have VERB_LONG_LINE octets (RFC 4954 4) */
	VERB_REFUSAL_ENDS = 32,	/* a refusal by its check or hooks ends the transaction */
};
#define VERB_LONG_LINE 12288

/* A command in hand. Views and texts live until its answer is out (scratch arena). */
struct command {
	const struct verb *verb;		/* NULL: unrecognized */
	struct view line, name, args;
	enum verdict verdict;			/* of the last hook */
	struct view helo;			/* HELO, EHLO, XCLIENT: the name that the hooks are asked about */
	struct address address;			/* MAIL, RCPT */
	struct parameters parameters;
	const struct xclient *xclient;		/* XCLIENT */
	bool to_spool;				/* RCPT: pr_recipient_to_spool */
	bool harmless;				/* a refusal of it does not count against max_errors */
};

struct verb {
	const char *name;
	unsigned phases;			/* 1 << enum phase, or'ed */
	unsigned flags;
	enum verb_argument argument;
	const char *syntax;			/* for HELP and 501 */
	const char *out_of_order;		/* 503's text in any other phase */
	/* Parses and checks the arguments; false with s->reply set: refused. NULL: nothing to check. */
	bool (*check)(struct session *s, struct command *c);
	enum hook before, hook;			/* VERB_NO_HOOK: none */
	/* Does it and sets s->reply, unless a plugin has (verdict OK with a reply). */
	void (*apply)(struct session *s, struct command *c);
	/* For one whose line is followed by content at once. When it was refused, for whatever reason, and before s->reply is said:
	 * reads away what the client sends all the same. NULL: nothing follows. */
	void (*refused)(struct session *s, struct command *c);
	enum extension extension;		/* the one that it belongs to */
};

/* The row for NAME, case-insensitive; NULL when there is none. */
const struct verb *verb_find(struct view name);
size_t verb_count(void);
const struct verb *verb_at(size_t index);
size_t verb_index(const struct verb *v);
/* HTTP and the like, sent by a browser tricked into talking to us (ALPACA): the session ends. */
bool verb_is_foreign(struct view name);
/* Splits LINE (without CRLF) into verb and arguments. */
void verb_parse(struct view line, struct command *c);
/* Every gate of the row that needs no parsing: phase, TLS, AUTH, argument. False with s->reply set. */
bool verb_allowed(struct session *s, const struct command *c);

/* The rows' functions, one file a verb. */
bool cmd_helo_check(struct session *s, struct command *c);
bool cmd_helo_fit(struct view name);
/* C->helo is the client's name from now on; what is open ends. */
void cmd_helo_accept(struct session *s, const struct command *c, bool esmtp);
void cmd_helo(struct session *s, struct command *c);
void cmd_ehlo(struct session *s, struct command *c);
bool cmd_mail_check(struct session *s, struct command *c);
void cmd_mail(struct session *s, struct command *c);
bool cmd_rcpt_check(struct session *s, struct command *c);
void cmd_rcpt(struct session *s, struct command *c);
bool cmd_data_check(struct session *s, struct command *c);
void cmd_data(struct session *s, struct command *c);
bool cmd_bdat_check(struct session *s, struct command *c);
void cmd_bdat(struct session *s, struct command *c);
void cmd_bdat_refused(struct session *s, struct command *c);
void cmd_rset(struct session *s, struct command *c);
void cmd_noop(struct session *s, struct command *c);
bool cmd_vrfy_check(struct session *s, struct command *c);
void cmd_vrfy(struct session *s, struct command *c);
void cmd_help(struct session *s, struct command *c);
void cmd_quit(struct session *s, struct command *c);
bool cmd_starttls_check(struct session *s, struct command *c);
void cmd_starttls(struct session *s, struct command *c);
/* Whether it is better not offered, because it failed with this client lately. */
bool cmd_starttls_avoided(struct session *s);
/* The handshake, for STARTTLS and for ports where TLS comes first: counts it, or ends the session and remembers why. WAIT: ms. */
bool cmd_starttls_handshake(struct session *s, int64_t wait, struct err *err);
bool cmd_auth_check(struct session *s, struct command *c);
void cmd_auth(struct session *s, struct command *c);
bool cmd_xclient_check(struct session *s, struct command *c);
void cmd_xclient(struct session *s, struct command *c);
/* Whether this client may say it; and the attributes, each with a blank before it, for EHLO. */
bool cmd_xclient_trusted(struct session *s);
void cmd_xclient_attributes(struct session *s, struct buf *lines);

#endif
