/* renewal.h - what a role has read that may change while it serves: certificates and keys. The role says so at its start, the
 * master, which alone may look everywhere, compares now and then; it replaces the role when they have changed. */
#ifndef RENEWAL_H
#define RENEWAL_H

#include "../lib/base.h"
#include "../lib/err.h"
#include "../lib/ipc.h"

struct renewal {
	size_t count;			/* 0: nothing to look at */
	char **paths;
	uint64_t read;			/* fingerprint (watch.h) of what the role has read */
	uint64_t seen;			/* at the last look; 0: it was as read */
	uint64_t tried;			/* a successor was started for this */
	int64_t tried_at;		/* clock_ms of it */
};

enum renewal_look {
	RENEWAL_NONE,			/* as read, or tried lately */
	RENEWAL_SOON,			/* changed, and perhaps still changing: look again in a moment */
	RENEWAL_DUE,			/* changed, and at rest since the last look; counts as tried now */
};

/* The body of IPC_WATCH, in place of what was known. False with ERR when it makes no sense. */
bool renewal_take(struct renewal *r, struct ipc_in *m, struct err *err) MUST_CHECK;
void renewal_free(struct renewal *r);
enum renewal_look renewal_look(struct renewal *r, int64_t now);

#endif
