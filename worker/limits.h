/* limits.h - what one client may have of a server that serves many: whether it is let in, and when it has had enough. */
#ifndef LIMITS_H
#define LIMITS_H

#include "../lib/base.h"

struct session;

/* Whether the client may have a session now. False: s->reply says why not (421), and it has been counted. */
bool limits_admit(struct session *s);
/* Sessions that the client has at this moment, this one included. */
unsigned limits_sessions_from(const struct session *s);

#endif
