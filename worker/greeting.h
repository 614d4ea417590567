/* greeting.h - what comes before the first command: limits, the hooks of a connection, TLS where it begins at once, 220. */
#ifndef GREETING_H
#define GREETING_H

#include "../lib/base.h"

struct session;

/* From a fresh connection to the greeting; s->end is set when the client does not get that far. */
void greeting_run(struct session *s);
/* The same for another client on the same connection (XCLIENT): limits and hooks. Sets s->reply, to 220 or a refusal, and then s->end.
 * REVERSE: the name of the address is to be looked up. */
void greeting_again(struct session *s, bool reverse);

#endif
