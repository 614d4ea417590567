/* store_health.c - see store_health.h. Without a scoreboard (tools, unit tests) a process knows only what it found itself. */
#include "base.h"
#include "store_health.h"
#include "log.h"
#include "scoreboard.h"

#define PAUSE_FIRST 1000	/* ms */
#define PAUSE_LAST 30000
#define CALM 10000		/* ms without a refusal until it counts as over */

/* FNV-1a; never 0. */
static uint32_t hash_of(const char *name)
{
	uint32_t hash = 2166136261u;

	for (; *name; name++)
		hash = (hash ^ (uint8_t)*name) * 16777619u;
	return hash | 1;
}

struct store_health *store_health_of(const char *name)
{
	static struct store_health own[STORE_HEALTHS];
	struct store_health *all = scoreboard() ? scoreboard()->stores : own;
	uint32_t hash = hash_of(name);

	for (size_t i = 0; i < STORE_HEALTHS; i++) {
		uint32_t found = 0;

		if (atomic_compare_exchange_strong(&all[i].name, &found, hash) || found == hash)
			return &all[i];
	}
	return &all[hash % STORE_HEALTHS];	/* after many reloads: two that share one */
}

static int64_t pause_after(uint32_t failures)
{
	int64_t ms = PAUSE_FIRST;

	while (--failures > 0 && ms < PAUSE_LAST)
		ms *= 2;
	return ms < PAUSE_LAST ? ms : PAUSE_LAST;
}

bool store_health_may_ask(struct store_health *h, int64_t now, bool *probe)
{
	int64_t retry_at;

	*probe = false;
	if (atomic_load_explicit(&h->failures, memory_order_relaxed) == 0)
		return true;
	retry_at = atomic_load(&h->retry_at);
	/* Whoever moves the time on is the one that tries. */
	*probe = now >= retry_at && atomic_compare_exchange_strong(&h->retry_at, &retry_at, now + PAUSE_LAST);
	return *probe;
}

void store_health_good(struct store_health *h, const char *name, bool wrote, int64_t now)
{
	int64_t refused_at = wrote ? atomic_load_explicit(&h->refused_at, memory_order_relaxed) : 0;

	if (atomic_load_explicit(&h->failures, memory_order_relaxed) && atomic_exchange(&h->failures, 0))
		log_info("store %s is back", name);
	/* At the edge of being full, small entries go in and large ones do not: that is no news each time. */
	if (refused_at && now - refused_at >= CALM && atomic_compare_exchange_strong(&h->refused_at, &refused_at, 0))
		log_info("store %s takes entries again", name);
}

void store_health_away(struct store_health *h, const char *name, bool probe, int64_t now, const char *why)
{
	uint32_t failures = 0;

	/* Of many questions that fail at once, one is news; nor do they make the pause longer. */
	if (atomic_compare_exchange_strong(&h->failures, &failures, 1)) {
		atomic_store(&h->retry_at, now + PAUSE_FIRST);
		log_error("store %s is away, what uses it goes on without: %s", name, why);
	} else if (probe) {
		failures = atomic_fetch_add(&h->failures, 1) + 1;
		atomic_store(&h->retry_at, now + pause_after(failures));
		log_debug("store %s is still away: %s", name, why);
	}
}

void store_health_refused(struct store_health *h, const char *name, int64_t now, const char *why)
{
	if (atomic_exchange(&h->refused_at, now) == 0)
		log_error("store %s takes no more entries, what uses it goes on without: %s", name, why);
}
