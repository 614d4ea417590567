/* gate.c - see gate.h. */
#include "gate.h"

#include "../lib/err.h"
#include "crowd.h"

#define LOOK_AGAIN 1000		/* ms after which a place may be free that somebody else has */

struct gate *gate_find(struct gate **gates, const struct netaddr *addr, const struct shaping_rule *rule, int64_t now)
{
	char key[NETADDR_TEXT];
	struct gate *g;

	if (!rule)
		return NULL;
	netaddr_text(addr, key);
	HASH_FIND_STR(*gates, key, g);
	if (!g) {
		g = calloc(1, sizeof(*g));
		if (!g)
			bug("no memory for an address");
		g->rule = rule;
		g->crowd = crowd_join('a', key);
		memcpy(g->key, key, sizeof(key));
		HASH_ADD_STR(*gates, key, g);
	}
	g->used = now;
	return g;
}

void gate_sweep(struct gate **gates, int64_t now, int64_t age)
{
	struct gate *g, *next;

	HASH_ITER(hh, *gates, g, next)
		if (g->usage.active == 0 && now - g->used >= age) {
			HASH_DEL(*gates, g);
			crowd_leave(g->crowd);
			free(g);
		}
}

bool gate_ask(const struct limits *limits, const struct usage *usage, bool connection, int64_t now, int64_t *when)
{
	const struct pace *pace = connection ? &limits->connection_pace : &limits->message_pace;
	int64_t due = (pace_when(pace, connection ? usage->connections : usage->messages, now * 1000) + 999) / 1000;

	if (connection && limits->connections && usage->active >= limits->connections && due < now + LOOK_AGAIN)
		due = now + LOOK_AGAIN;
	if (due <= now)
		return true;
	if (due > *when)
		*when = due;
	return false;
}

void gate_take(const struct limits *limits, struct usage *usage, bool connection, int64_t now)
{
	if (connection)
		usage->connections = pace_take(&limits->connection_pace, usage->connections, now * 1000);
	else
		usage->messages = pace_take(&limits->message_pace, usage->messages, now * 1000);
}
