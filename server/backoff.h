/* backoff.h - when to start a child again that has died: at once when it had been serving well, after a
 * doubling pause (1 s to 60 s) while it keeps dying at start. */
#ifndef BACKOFF_H
#define BACKOFF_H

#include "../lib/base.h"

#define BACKOFF_FIRST 1000	/* ms: the pause after the second death in a row */
#define BACKOFF_MAX 60000	/* ms */
#define BACKOFF_STEADY 3000	/* ms: who lived this long did not die "at start" */

struct backoff {
	int64_t next;		/* the pause that the next early death costs; 0 at first */
};

/* A child died that had lived LIVED ms: returns the ms to wait before the next start. */
int64_t backoff_after(struct backoff *b, int64_t lived);
/* It said that its configuration is wrong: no use in trying again soon. */
int64_t backoff_longest(struct backoff *b);
/* Somebody changed something (reload): begin anew. */
void backoff_reset(struct backoff *b);

#endif
