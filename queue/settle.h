/* settle.h - the end of a job: what failed is bounced, what was deferred gets its time, what is done is removed. */
#ifndef SETTLE_H
#define SETTLE_H

#include "job.h"

/* All deliveries of J have ended. J is gone afterwards, and its entry too unless it is parked or in the backlog. */
void job_settle(struct job *j);
/* Writes notes that were set to J's file, when they are not there yet. */
bool job_write_notes(struct job *j) MUST_CHECK;
/* J, of which nothing is under way, waits for the time of its release (FUTURERELEASE). It is gone afterwards, as above. */
void job_hold_back(struct job *j);
/* Frees J and closes its file, changing nothing on disk. */
void job_unload(struct job *j);

#endif
