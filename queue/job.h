/* job.h - a message that has been read into memory, while it is being worked on. It is split into deliveries by
 * destination; when the last of them has ended it is settled: removed, deferred, bounced, or unloaded because the rest of
 * its recipients waits for the turn of a busy destination. */
#ifndef JOB_H
#define JOB_H

#include "../lib/base.h"
#include "result.h"
#include "runner.h"

struct job_rcpt {
	struct result result;		/* of this round; outcome OUTCOME_NONE: none yet */
	struct destination *destination;	/* held; NULL: not routed */
	bool placed;			/* in a delivery */
	bool asking;			/* a plugin is asked about it, and answers later */
	bool settled;			/* what its result means is being done, or has been */
	bool logged;
	bool expired;			/* given up after temporary failures */
	bool late, overdue;		/* its sender is to be told of the delay, of the end of its time, once this is recorded */
	bool untried;			/* deferred without an attempt: does not count as a failure */
	int64_t retry;			/* seconds until the next attempt, whatever the schedule says; 0: it says */
	int64_t not_before;		/* when UNTRIED, seconds since 1970: not to be tried earlier */
};

struct job {
	struct runner *runner;
	struct entry *entry;
	struct arena *arena;
	struct spool_file file;
	struct job_rcpt *rcpts;
	struct sender_key who;		/* for whose turns it counts */
	struct delivery *deliveries;	/* that have not ended; linked by `sibling` */
	bool notes_changed;		/* and not on disk yet */
	struct asking *asking;		/* plugins that are asked before there is a delivery, and answer later (split.c) */
	size_t routing;			/* of those, at get_mx */
	struct wanted *wanted;		/* turns that have come meanwhile */
	bool resumed;			/* plugins have answered later: it waits for its turns in memory */
	bool counted;			/* a failed attempt of this time in memory */
	int64_t when, again;		/* seconds since 1970, 0 none: the next attempt; another try to settle it */
	unsigned open;			/* deliveries that have not ended, plugins that are asked, and whoever holds it while it is split */
};

enum job_load { JOB_LOADED, JOB_GONE, JOB_SHORT /* no descriptors now: the entry is as before */ };
/* What a parked turn has come to: ORDER, for the recipients at its destination. */
struct job_turn {
	struct turn *turn;		/* taken over by a delivery when the order is to start */
	struct sched_order order;
};
/* Reads E's message and splits it. WHAT: just the recipients of that turn; NULL: all that are neither in work nor parked. It
 * may be settled and gone when this returns. */
enum job_load job_begin(struct runner *r, struct entry *e, struct job_turn *what);
/* A delivery has its results in job->rcpts: statuses, log, hooks; settles the job with the last. */
void job_delivered(struct job *j, struct delivery *d);
/* Takes back the deliveries that have not been begun; when no other is left the job is unloaded, and gone. */
void job_withdraw(struct job *j);
/* As job_delivered without results: the process leaves. */
void job_abandon(struct job *j, struct delivery *d);
const char *job_id(const struct job *j);
/* One of those that hold it has ended: settles it with the last. */
void job_release(struct job *j);

#endif
