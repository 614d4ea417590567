/* delivery.h - one attempt to bring one message to one destination for some of its recipients: addresses, connection, parcel,
 * results; the next address when one fails. */
#ifndef DELIVERY_H
#define DELIVERY_H

#include "../lib/base.h"
#include "client.h"
#include "job.h"

struct delivery {
	struct turn turn;		/* first: what waits at a destination is this */
	struct delivery *prev, *next;	/* in runner->active */
	struct delivery *sibling;	/* the next of the same job */
	bool begun;
	struct job *job;
	size_t count;
	size_t *rcpts;			/* indices into the envelope */
	struct parcel parcel;
	struct targets *targets;	/* our own order of them */
	size_t at;			/* which is being tried */
	struct client *client;
	bool fresh;			/* no pooled connection: one had died */
	bool plain;			/* no TLS: the handshake failed */
	bool anew;			/* it did when an earlier session was to be taken up again */
	struct store_query *nogo;	/* whether it has failed with this address before; NULL: not asked, or answered */
	int64_t wait_until;		/* clock_ms: some address may not be used before; 0: all may */
	const struct shaping_answer *obeyed;	/* what conf/destinations says of the words that ended the last connection */
	bool unfit;			/* the last address was not secure enough for what the message demands, which says nothing of it for others */
	bool busy, reached;		/* the last address said 421; one came further than its greeting */
	bool misplaced;			/* the last one could not be gone to from our source address */
	struct result failure;		/* of the last address */
	struct result_times times;
	bool lmtp, authenticated;	/* of the last connection that a parcel went over */
};

/* COUNT recipients of J, for D; memory is the job's. */
struct delivery *delivery_new(struct job *j, const size_t *rcpts, size_t count);
/* It is its turn: its destination is known. */
void delivery_start(struct delivery *d);
/* Its recipients over MOST go to another delivery, which waits. */
void delivery_cut(struct delivery *d, size_t most);
/* It is its turn, and not to be sent: RESULT for all its recipients; UNTRIED and NOT_BEFORE as in struct job_rcpt. */
void delivery_decide(struct delivery *d, const struct result *result, bool untried, int64_t not_before);
/* Breaks off what the process need not wait for when it leaves: all but messages whose content is going out, or (HARD) but
 * those on their last step, where it would mean a second delivery. */
void delivery_abort(struct delivery *d, bool hard);

#endif
