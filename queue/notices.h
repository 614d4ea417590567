/* notices.h - what the sender of a message is told of its recipients when a round of attempts has ended: which notice, about
 * whom, and what is remembered so that none is lost and none comes twice. The notice itself is bounce.c's. */
#ifndef NOTICES_H
#define NOTICES_H

#include "job.h"

/* The status of recipient I, whose delivery is done: whether its sender is still to be told. */
enum rcpt_status notices_done_status(const struct job *j, size_t i);
/* About COUNT recipients that have failed: to the sender, or where there is none and that is asked for, to double_bounce_to. */
enum bounce_result notices_failed(struct job *j, const size_t *rcpts, size_t count);
/* About those that are delivered or relayed: they are done afterwards. False: it could not be written, to be tried again. */
bool notices_success(struct job *j);
/* Of COUNT deferred recipients marks those whose senders are to hear of the delay now, in memory: one that is marked on disk
 * (spool_update) is never told of again. */
void notices_mark_delayed(struct job *j, const size_t *rcpts, size_t count);
/* The marks are on disk: tells of those that were made in this round. They are returned after UNTIL, seconds since 1970. */
void notices_delayed(struct job *j, int64_t until);

#endif
