/* crowd.c - see crowd.h. */
#include "crowd.h"

#include "../lib/scoreboard.h"

#define ALL(count) ((1u << (count)) - 1)

static unsigned self, everybody = 1;	/* our number, and how many there are */
static uint32_t joined[CROWDS];		/* how often this process has joined each */

void crowd_begin(unsigned number, unsigned count)
{
	struct scoreboard *s = scoreboard();

	self = number;
	everybody = count;
	for (size_t i = 0; s && count > 1 && i < CROWDS; i++)	/* our predecessor may have died in them */
		atomic_fetch_and_explicit(&s->crowds[i], (uint16_t)~(1u << self), memory_order_relaxed);
}

unsigned crowd_join(char kind, const char *name)
{
	uint64_t hash = view_hash(VIEW_HASH ^ (unsigned char)kind, view_of(name));

	if (everybody == 1 || !scoreboard())
		return 0;
	unsigned crowd = (unsigned)((hash ^ hash >> 32) % (CROWDS - 1)) + 1;

	if (joined[crowd]++ == 0)
		atomic_fetch_or_explicit(&scoreboard()->crowds[crowd], (uint16_t)(1u << self), memory_order_relaxed);
	return crowd;
}

void crowd_leave(unsigned crowd)
{
	if (crowd && --joined[crowd] == 0)
		atomic_fetch_and_explicit(&scoreboard()->crowds[crowd], (uint16_t)~(1u << self), memory_order_relaxed);
}

static struct pace slower(struct pace p, unsigned times)
{
	p.span *= times;	/* PACE_SPAN_MAX leaves room for RUNNERS_MAX times as much */
	return p;
}

struct limits crowd_share(unsigned crowd, const struct limits *limits)
{
	struct limits l = *limits;

	if (!crowd)
		return l;
	uint32_t bits = atomic_load_explicit(&scoreboard()->crowds[crowd], memory_order_relaxed) & ALL(everybody);
	unsigned size = (unsigned)__builtin_popcount(bits | 1u << self);

	if (l.connections)
		l.connections = l.connections / size ? l.connections / size : 1;
	l.connection_pace = slower(l.connection_pace, size);
	l.message_pace = slower(l.message_pace, size);
	return l;
}
