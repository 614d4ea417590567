/* helper.h - the helper processes of the queue-runner: copies of it, made when there is something to do, that ask plugins which
 * may block (blocking in postrider.h, helper_plugins in outbound.conf). Each does one thing at a time. One that dies, or whose plugin
 * takes longer than hook_timeout, is killed, and another one is made when it is needed. */
#ifndef HELPER_H
#define HELPER_H

#include "../lib/base.h"
#include "../lib/plugin.h"

struct runner;

/* Has CALL's plugin asked; hook_answer(ID) follows. False: that cannot be done. */
bool helper_ask(struct runner *r, struct hook_call *call, uint64_t id);
/* Nobody waits for the answer to ID any more: it is not asked if that has not begun. */
void helper_forget(uint64_t id);
/* Buries those that were killed; now and then. */
void helpers_reap(void);
void helpers_end(void);

#endif
