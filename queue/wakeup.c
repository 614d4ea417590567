/* wakeup.c - see wakeup.h: a binary heap whose members know their place, so that one that is in its middle can be moved. */
#include "wakeup.h"

#include "../lib/err.h"

static void place(struct wakeups *set, struct wakeup *w, size_t at)
{
	set->heap[at - 1] = w;
	w->place = at;
}

/* Puts W at AT or where it belongs from there. */
static void sift(struct wakeups *set, struct wakeup *w, size_t at)
{
	for (; at > 1 && w->at < set->heap[at / 2 - 1]->at; at /= 2)
		place(set, set->heap[at / 2 - 1], at);
	for (size_t child; (child = 2 * at) <= set->count; at = child) {
		if (child < set->count && set->heap[child]->at < set->heap[child - 1]->at)
			child++;
		if (set->heap[child - 1]->at >= w->at)
			break;
		place(set, set->heap[child - 1], at);
	}
	place(set, w, at);
}

static void take_out(struct wakeups *set, struct wakeup *w)
{
	size_t at = w->place;
	struct wakeup *last = set->heap[--set->count];

	w->place = 0;
	if (last != w)
		sift(set, last, at);
}

static void make_room(struct wakeups *set)
{
	size_t size = set->size ? 2 * set->size : 64;
	struct wakeup **heap = realloc(set->heap, size * sizeof(*heap));

	if (!heap)
		bug("no memory for times");
	set->heap = heap;
	set->size = size;
}

void wakeup_set(struct wakeups *set, struct wakeup *w, int64_t at)
{
	if (at == 0) {
		if (w->place)
			take_out(set, w);
		return;
	}
	w->at = at;
	if (!w->place && set->count == set->size)
		make_room(set);
	sift(set, w, w->place ? w->place : ++set->count);
}

void *wakeup_due(struct wakeups *set, int64_t now)
{
	if (set->count == 0 || set->heap[0]->at > now)
		return NULL;
	struct wakeup *w = set->heap[0];

	take_out(set, w);
	return w->owner;
}

int64_t wakeup_next(const struct wakeups *set)
{
	return set->count ? set->heap[0]->at : 0;
}

void wakeups_free(struct wakeups *set)
{
	free(set->heap);
	*set = (struct wakeups){ 0 };
}
