/* rate.c - see rate.h. A cell counts one key in windows of fixed length: the window that runs, and the one before, of which
 * the share counts that a sliding window would still see. Two processes that claim a cell at once can lose one of their
 * counts: for a limit that is near enough. */
#include "base.h"
#include "rate.h"
#include "clock.h"
#include "scoreboard.h"
#include <sys/random.h>

void rate_begin(struct rate_table *t)
{
	/* Without random numbers the table works, only that its collisions can be calculated. */
	if (getrandom(t->secret, sizeof(t->secret), GRND_NONBLOCK) != (ssize_t)sizeof(t->secret))
		t->secret[0] = (uint64_t)clock_now_us();
}

static uint64_t rotate(uint64_t x, unsigned n)
{
	return x << n | x >> (64 - n);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1], v[1] = rotate(v[1], 13) ^ v[0], v[0] = rotate(v[0], 32);
	v[2] += v[3], v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3], v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1], v[1] = rotate(v[1], 17) ^ v[2], v[2] = rotate(v[2], 32);
}

/* SipHash-2-4 (Aumasson, Bernstein): keys come from clients, who must not be able to aim at each other's cells. */
static uint64_t keyed_hash(const uint64_t secret[2], enum rate_use use, struct view key)
{
	uint64_t v[4] = { secret[0] ^ UINT64_C(0x736f6d6570736575), secret[1] ^ UINT64_C(0x646f72616e646f6d),
		secret[0] ^ UINT64_C(0x6c7967656e657261), secret[1] ^ UINT64_C(0x7465646279746573) };
	uint64_t total = (uint64_t)key.len << 56 | (uint64_t)use << 48;

	while (true) {
		size_t n = key.len < 8 ? key.len : 8;
		uint64_t word = 0;

		for (size_t i = 0; i < n; i++)
			word |= (uint64_t)(uint8_t)key.data[i] << (8 * i);
		if (n < 8)
			word |= total;
		v[3] ^= word;
		sip_round(v);
		sip_round(v);
		v[0] ^= word;
		if (n < 8)
			break;
		key = view_skip(key, 8);
	}
	v[2] ^= 0xff;
	for (int i = 0; i < 4; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

struct count { uint32_t start; uint16_t before, now; };

static struct count unpack(uint64_t state)
{
	return (struct count){ (uint32_t)(state >> 32), (uint16_t)(state >> 16), (uint16_t)state };
}

static uint64_t pack(struct count c)
{
	return (uint64_t)c.start << 32 | (uint64_t)c.before << 16 | c.now;
}

/* The same count as the window that holds NOW sees it. */
static struct count advance(struct count c, uint32_t now, uint32_t window)
{
	uint32_t start = now - now % window;

	if (c.start == start)
		return c;
	return (struct count){ start, c.start + window == start ? c.now : 0, 0 };
}

static unsigned estimate(struct count c, uint32_t now, uint32_t window)
{
	uint32_t left = window - now % window;

	return c.now + (unsigned)((uint64_t)c.before * left / window);
}

static struct rate_cell *find(struct rate_table *t, uint64_t hash)
{
	struct rate_cell *set = t->cell[hash % RATE_SETS];

	for (size_t i = 0; i < RATE_WAYS; i++)
		if (atomic_load_explicit(&set[i].key, memory_order_relaxed) == hash)
			return &set[i];
	return NULL;
}

/* The free cell, or the one whose count weighs least: the longest ago, then the lowest. */
static struct rate_cell *claim(struct rate_table *t, uint64_t hash)
{
	struct rate_cell *set = t->cell[hash % RATE_SETS], *least = &set[0];

	for (size_t i = 0; i < RATE_WAYS; i++) {
		struct count a = unpack(atomic_load_explicit(&set[i].state, memory_order_relaxed));
		struct count b = unpack(atomic_load_explicit(&least->state, memory_order_relaxed));

		if (a.start < b.start || (a.start == b.start && a.now < b.now))
			least = &set[i];
	}
	atomic_store_explicit(&least->state, 0, memory_order_relaxed);
	atomic_store_explicit(&least->key, hash, memory_order_relaxed);
	return least;
}

static unsigned count(enum rate_use use, struct view key, int64_t window, unsigned n)
{
	struct rate_table *t = scoreboard() ? &scoreboard()->rates : NULL;
	uint32_t now = (uint32_t)(clock_ms() / 1000) + 1, length = window < 1 ? 1 : window > UINT32_MAX / 4 ? UINT32_MAX / 4 : (uint32_t)window;

	if (!t)
		return 0;
	uint64_t hash = keyed_hash(t->secret, use, key) | 1;	/* 0 is a free cell */
	struct rate_cell *cell = find(t, hash);

	if (!cell && !n)
		return 0;
	if (!cell)
		cell = claim(t, hash);
	uint64_t old = atomic_load_explicit(&cell->state, memory_order_relaxed);
	struct count c;

	do {
		c = advance(unpack(old), now, length);
		c.now = (uint16_t)(c.now + n > RATE_MAX ? RATE_MAX : c.now + n);
	} while (n && !atomic_compare_exchange_weak_explicit(&cell->state, &old, pack(c), memory_order_relaxed, memory_order_relaxed));
	return estimate(c, now, length);
}

unsigned rate_add(enum rate_use use, struct view key, int64_t window, unsigned n)
{
	return count(use, key, window, n);
}

unsigned rate_look(enum rate_use use, struct view key, int64_t window)
{
	return count(use, key, window, 0);
}

struct view rate_client(const struct netaddr *addr, unsigned prefix6, char out[RATE_CLIENT_KEY])
{
	size_t len = addr->family == 6 ? 16 : addr->family ? 4 : 0;

	memset(out, 0, RATE_CLIENT_KEY);
	out[0] = (char)addr->family;
	memcpy(out + 1, addr->bytes, len);
	for (size_t bit = addr->family == 6 ? prefix6 : 128; bit < 128; bit++)
		out[1 + bit / 8] = (char)(out[1 + bit / 8] & ~(0x80 >> bit % 8));
	return view_make(out, len + 1);
}
