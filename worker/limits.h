/* limits.h - what one client may have of a server that serves many: whether it is let in, and when it has had enough. */
#ifndef LIMITS_H
#define LIMITS_H

#include "../lib/base.h"

struct session;

/* Whether the client may have a session now. False: s->reply says why not (421), and it has been counted. */
bool limits_admit(struct session *s);
/* LIMIT as it is in force: under stress no more than STRESSED (0: as ever). 0: no limit. */
int64_t limits_now(int64_t limit, int64_t stressed);
/* Whether the client has had enough of a session of its own, for the 421; NULL: it may go on. To be asked after a refusal. */
const char *limits_spent(const struct session *s);
/* Counts a command that gets nothing done. False: one too many since the last message. */
bool limits_idle(struct session *s);
/* Sessions that the client has at this moment, this one included. */
unsigned limits_sessions_from(const struct session *s);

#endif
