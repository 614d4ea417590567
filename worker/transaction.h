/* transaction.h - one mail on its way through a session: sender, recipients, content. It has one owner, the session, and
 * one end, transaction_end, whatever happened. */
#ifndef TRANSACTION_H
#define TRANSACTION_H

#include "../lib/base.h"
#include "../lib/address.h"
#include "../lib/arena.h"
#include "../queue/spool.h"
#include "body.h"
#include "headers.h"
#include "notes.h"
#include "parameter.h"
#include "structure.h"

struct session;
struct command;

struct recipient {
	struct address address;
	const char *domain;		/* canonical; our own name for <postmaster> */
	bool local;			/* for the queue hooks; else for the spool */
	unsigned notify;		/* NOTIFY: dsn_notify */
	const char *orcpt;		/* ORCPT without xtext, "" none */
};

struct transaction {
	bool open;			/* MAIL was accepted */
	struct arena *arena;		/* the host's; reset at the end */
	struct address sender;
	const char *sender_domain;
	struct parameters parameters;	/* of MAIL */
	struct recipient *recipients;
	size_t recipient_count, recipient_room;
	unsigned surplus;		/* recipients refused over the limit */
	struct notes notes;
	struct spool_writer *writer;	/* from DATA or the first BDAT on */
	bool chunked;			/* a BDAT has been taken: no recipients any more, no DATA */
	unsigned small_chunks;
	struct body body;
	struct headers headers;
	struct structure structure;	/* MIME, once asked for */
	bool stored_form;		/* headers are complete: the message can be read as it will be stored */
};

/* MAIL was parsed: makes it the transaction that the mail hooks see. It is not open before transaction_accept. */
void transaction_begin(struct session *s, const struct command *c);
void transaction_accept(struct session *s);
void transaction_add(struct session *s, const struct command *c, bool local);
/* Whether a recipient goes to the spool (then all do, so that there is one commit). */
bool transaction_spooled(const struct transaction *t);
/* Everything ends here: content vanishes, memory is given back, plugins are told (reset_transaction). No-op when
 * nothing has begun. */
void transaction_end(struct session *s);
/* The canonical domain of ADDR in A; ME for <postmaster>, "" for the null sender. */
const char *transaction_domain(const struct address *addr, const char *me, struct arena *a);

#endif
