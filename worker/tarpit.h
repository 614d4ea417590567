/* tarpit.h - answers that are made to wait. */
#ifndef TARPIT_H
#define TARPIT_H

#include "../lib/base.h"

struct session;

/* Before s->reply is said: lets the time pass that a client who errs too often has to wait (tarpit_errors, tarpit_delay), or whom a plugin
 * has marked with a note "tarpit" of the transaction or the connection (as Haraka's plugin of that name), a time such as "2" or "500ms".
 * Never longer than tarpit_max. It is over at once when the client leaves, the worker is to end, or workers get scarce. */
void tarpit_wait(struct session *s);

#endif
