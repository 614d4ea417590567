/* local_user.h - sessions of the users of this machine on our own socket: who it is, and whether he may. */
#ifndef LOCAL_USER_H
#define LOCAL_USER_H

#include "../lib/base.h"

struct session;

/* The peer of FD as the kernel knows it is the session's user from now on: authenticated, so that he may send to anybody; and
 * counted by his number where clients are counted by their addresses. Looks his name up, which may block. */
void local_user_take(struct session *s, int fd);
/* Whether local_users lets him send; else s->reply says that it does not. */
bool local_user_admit(struct session *s) MUST_CHECK;

#endif
