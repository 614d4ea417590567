/* drop.h - giving up root for good. */
#ifndef DROP_H
#define DROP_H

#include "base.h"
#include "err.h"

struct drop_target { uid_t uid; gid_t gid; char user[64]; };

/* Looks up USER (and GROUP, "" for the primary one). When we are not root, the target is who we are now,
 * whatever USER says. */
bool drop_lookup(const char *user, const char *group, struct drop_target *out, struct err *err) MUST_CHECK;
/* Groups, gid, uid, then proof that root cannot be regained; no_new_privs; no core dumps (PR_SET_DUMPABLE 0).
 * When we are not root: only the last two. */
bool drop_root(const struct drop_target *target, struct err *err) MUST_CHECK;

#endif
