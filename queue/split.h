/* split.h - splitting a message by destination: plugins are asked where its recipients go (get_mx) and whether they may be sent to
 * now (send_email); what may begin gets a delivery, all else waits for its turn. */
#ifndef SPLIT_H
#define SPLIT_H

#include "job.h"

/* J's recipients that are neither in work nor parked nor being asked about; WHAT: just those of that turn. The caller holds J. What
 * plugins answer later is gone on with then. */
void job_split(struct job *j, struct job_turn *what);
/* No plugin is asked any more that has not answered: it is as if job_split had not come to those recipients. The caller holds J. */
void job_unask(struct job *j);
/* J is about to be taken out of memory: its recipients go nowhere. */
void job_leave_destinations(struct job *j);

#endif
