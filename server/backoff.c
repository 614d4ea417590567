/* backoff.c - doubling pauses between the starts of a child that keeps dying. Pure arithmetic, so that it
 * can be tested without processes or clocks. */
#include "backoff.h"

static int64_t doubled(int64_t pause)
{
	if (pause == 0)
		return BACKOFF_FIRST;
	return pause >= BACKOFF_MAX / 2 ? BACKOFF_MAX : pause * 2;
}

int64_t backoff_after(struct backoff *b, int64_t lived)
{
	if (lived >= BACKOFF_STEADY)
		b->next = 0;
	int64_t pause = b->next;

	b->next = doubled(pause);
	return pause;
}

int64_t backoff_longest(struct backoff *b)
{
	b->next = BACKOFF_MAX;
	return BACKOFF_MAX;
}

void backoff_reset(struct backoff *b)
{
	b->next = 0;
}
