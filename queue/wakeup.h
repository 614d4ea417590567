/* wakeup.h - who wants to be looked at again at which time: a heap. What waits holds a struct wakeup; nothing is allocated
 * for each. */
#ifndef WAKEUP_H
#define WAKEUP_H

#include "../lib/base.h"

struct wakeup {
	int64_t at;			/* clock_ms */
	size_t place;			/* in the heap, from 1; 0: waits for no time */
	void *owner;			/* what holds it */
};

struct wakeups {
	struct wakeup **heap;
	size_t count, size;
};

/* W waits for AT, whatever it waited for before; 0: for nothing. */
void wakeup_set(struct wakeups *set, struct wakeup *w, int64_t at);
/* The owner of one whose time has come, which then waits no more; NULL when there is none. */
void *wakeup_due(struct wakeups *set, int64_t now);
/* The earliest time; 0 when nobody waits. */
int64_t wakeup_next(const struct wakeups *set);
void wakeups_free(struct wakeups *set);

#endif
