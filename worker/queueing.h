/* queueing.h - the end of data: the last hooks, then the message is made somebody's responsibility. */
#ifndef QUEUEING_H
#define QUEUEING_H

#include "../lib/base.h"

struct session;

/* The content of s->transaction has arrived without a fault. Sets s->reply; 250 only when a queue plugin has taken the
 * message or it is durable in the spool. */
void queueing_run(struct session *s);

#endif
