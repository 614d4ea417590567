/* test_simulation.c - a million messages, a hundred sites of different speed, limits and outages, and a fake clock: what the
 * scheduler promises, as numbers. Sites 0 to 59 are good, 60 to 79 have limits, 80 to 89 are down for a while, 90 to 99 hang
 * for ever. One sender has half of all mail, a hundred share the rest, and some write a letter now and then. */
#include "unit.h"
#include "../../queue/sched.h"

#define SITES 100
#define LIMITED 60
#define DOWN 80
#define HANGING 90
#define MESSAGES 1000000
#define SLOTS 400
#define DEAD_TIME 300000
#define CONNECT_TIMEOUT 30000
#define OUTAGE_FROM 60000
#define OUTAGE_TO 3600000
#define LETTERS 4000			/* of people, each his own sender, one each 200 ms */
#define SENDERS 100
#define SERVED 101000
#define LIFE INT64_C(1000000000000)

struct message {
	struct turn turn;		/* first */
	struct wakeup event;		/* its attempt ends, or it comes (back) */
	int64_t came;
	uint32_t sender;		/* 0 the big one, up to SENDERS, above that a person */
	uint16_t site;
	bool under_way;
};

struct world {
	struct sched s;
	struct wakeups events;
	struct message *messages;
	struct limits limits[SITES];
	unsigned active[SITES], most[SITES], attempts[SITES], delivered[SITES];
	int64_t last[SITES];		/* when the last of its bulk was delivered */
	int64_t *begun[SITES];		/* times of the last attempts, a ring of one pace's count */
	unsigned served[SENDERS + 1];	/* of the first SERVED messages, while all senders had mail */
	unsigned hanging_most, hanging;
	size_t served_all;
	size_t left;			/* for sites that do not hang */
	int64_t letter_waits[LETTERS];
	size_t letters_done;
	uint64_t random;
};

static uint32_t roll(struct world *w, uint32_t below)
{
	w->random ^= w->random >> 12;
	w->random ^= w->random << 25;
	w->random ^= w->random >> 27;
	return (uint32_t)((w->random * UINT64_C(2685821657736338717)) >> 33) % below;
}

static int64_t speed(const struct world *w, unsigned site)
{
	return w->s.load.max ? 20 + 7 * (int64_t)(site % 60) : 0;	/* 20 to 433 ms a message */
}

static bool is_up(unsigned site, int64_t now)
{
	return site < DOWN || (site < HANGING && (now < OUTAGE_FROM || now >= OUTAGE_TO));
}

static void come(struct world *w, struct message *m, int64_t now)
{
	static const struct limits none;
	char who[32], domain[32];
	struct sender_key key = { .key = who };
	struct destination *d;

	snprintf(who, sizeof(who), "s%u", m->sender);
	snprintf(domain, sizeof(domain), "d%u", m->site);
	sched_wait(&w->s, destination_find(&w->s, domain, &none, now), &m->turn, &key, false, now);
	while ((d = destination_ask_next(&w->s))) {
		unsigned site = (unsigned)strtoul(d->key + 1, NULL, 10);
		destination_resolved(&w->s, d, d->key, &w->limits[site], false, LIFE, now);
	}
}

/* No pace was exceeded: the attempt COUNT before this one is at least a span away. */
static void check_pace(struct world *w, unsigned site, int64_t now)
{
	const struct pace *p = &w->limits[site].message_pace;

	if (p->count == 0)
		return;
	int64_t *at = &w->begun[site][w->attempts[site] % p->count];
	ck_assert_msg(*at == 0 || now - (*at - 1) >= p->span, "site %u: %u in %lld ms", site, p->count + 1, (long long)(now - *at + 1));
	*at = now + 1;
}

static void begin(struct world *w, struct message *m, int64_t now)
{
	unsigned site = m->site;

	check_pace(w, site, now);
	w->attempts[site]++;
	if (++w->active[site] > w->most[site])
		w->most[site] = w->active[site];
	ck_assert_uint_le(w->active[site], w->limits[site].connections);
	ck_assert_uint_le(w->s.load.active, SLOTS);
	w->hanging += site >= HANGING;
	w->hanging_most = w->hanging > w->hanging_most ? w->hanging : w->hanging_most;
	m->under_way = true;
	wakeup_set(&w->events, &m->event, now + (is_up(site, now) ? speed(w, site) / 2 + roll(w, (uint32_t)speed(w, site)) : CONNECT_TIMEOUT));
}

static void end(struct world *w, struct message *m, int64_t now)
{
	unsigned site = m->site;
	bool good = is_up(site, now);

	m->under_way = false;
	w->active[site]--;
	w->hanging -= site >= HANGING;
	sched_done(&w->s, &m->turn, good ? SITE_OK : SITE_FAILED, "timed out", now);
	if (!good) {
		wakeup_set(&w->events, &m->event, now + 60000 + roll(w, 60000));
		return;
	}
	w->left--;
	if (m->sender > SENDERS) {
		w->letter_waits[w->letters_done++] = now - m->came;
		return;
	}
	w->delivered[site]++;
	w->last[site] = now;
	if (w->served_all++ < SERVED)
		w->served[m->sender]++;
}

static void take_turns(struct world *w, int64_t now)
{
	struct sched_order order;
	struct turn *t;

	while ((t = sched_next(&w->s, now, &order))) {
		struct message *m = (struct message *)t;

		/* as turn_put_off_until has it */
		int64_t left = order.until - now > DEAD_TIME / 5 ? order.until - now : DEAD_TIME / 5;

		if (order.kind == SCHED_START)
			begin(w, m, now);
		else
			wakeup_set(&w->events, &m->event, now + left + roll(w, (uint32_t)left));
	}
}

static void make_messages(struct world *w)
{
	w->messages = calloc(MESSAGES + LETTERS, sizeof(*w->messages));
	for (size_t i = 0; i < MESSAGES + LETTERS; i++) {
		struct message *m = &w->messages[i];

		m->event.owner = m;
		m->site = (uint16_t)(i < MESSAGES ? roll(w, 200) < 10 ? DOWN + roll(w, SITES - DOWN) : roll(w, DOWN) : roll(w, LIMITED));
		m->sender = i < MESSAGES / 2 ? 0 : i < MESSAGES ? 1 + (uint32_t)(i % SENDERS) : (uint32_t)(SENDERS + 1 + i - MESSAGES);
		m->came = i < MESSAGES ? 0 : 5000 + (int64_t)(i - MESSAGES) * 200;
		w->left += m->site < HANGING;
		if (i < MESSAGES)
			come(w, m, 0);
		else
			wakeup_set(&w->events, &m->event, m->came);
	}
}

static void make_world(struct world *w)
{
	*w = (struct world){ .random = 88172645463325252 };
	sched_init(&w->s, SLOTS, DEAD_TIME);
	for (unsigned i = 0; i < SITES; i++) {
		w->limits[i].connections = 20;
		if (i >= LIMITED && i < DOWN) {
			w->limits[i].connections = 1 + i % 5;
			w->limits[i].message_pace = (struct pace){ .count = 20 * (1 + i % 10), .span = 1000 };
			w->begun[i] = calloc(w->limits[i].message_pace.count, sizeof(int64_t));
		}
	}
	make_messages(w);
}

/* The time at which all mail for sites that do not hang is delivered. */
static int64_t run(struct world *w)
{
	int64_t now = 0;

	while (w->left > 0) {
		struct message *m;

		take_turns(w, now);
		int64_t event = wakeup_next(&w->events), wake = sched_wake_at(&w->s);
		ck_assert_msg(event || wake, "nothing happens any more, and %zu messages are left", w->left);
		now = !event || (wake && wake < event) ? (wake > now ? wake : now) : event > now ? event : now;
		while (w->left > 0 && (m = wakeup_due(&w->events, now))) {
			if (m->under_way)
				end(w, m, now);
			else
				come(w, m, now);
		}
	}
	return now;
}

static int by_time(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

/* How much a site has done, while it had mail, of what its limits and its share of the slots allow: each site gets as many
 * turns as any other, as long as it can use them. */
static double used(const struct world *w, unsigned site)
{
	double could = (double)w->limits[site].connections * 1000 / (double)speed(w, site), all = 0;
	const struct pace *p = &w->limits[site].message_pace;

	for (unsigned i = 0; i < DOWN; i++)
		all += (double)speed(w, i);
	if (could > SLOTS * 1000 / all)
		could = SLOTS * 1000 / all;
	if (p->count && could > (double)p->count * 0.9)
		could = (double)p->count * 0.9;
	return (double)w->delivered[site] * 1000 / (double)w->last[site] / could;
}

START_TEST(a_million_messages)
{
	struct world *w = calloc(1, sizeof(*w));

	make_world(w);
	int64_t over = run(w);
	size_t hanging_attempts = 0, down_attempts = 0;

	for (unsigned i = DOWN; i < SITES; i++) {
		if (i >= HANGING)
			hanging_attempts += w->attempts[i];
		else
			down_attempts += w->attempts[i] - w->delivered[i];
	}

	/* Sites with limits are kept busy all the time, whatever the others do. */
	for (unsigned i = 0; i < DOWN; i++)
		ck_assert_msg(used(w, i) > 0.8, "site %u did %.2f of what it could", i, used(w, i));
	/* A site that hangs takes one connection at a time, all of them never more than half, and a few attempts in an hour. */
	ck_assert_uint_le(w->hanging_most, SITES - HANGING);
	ck_assert_uint_le(hanging_attempts, (SITES - HANGING) * (SITE_DEATH + 4 + (size_t)(over / (DEAD_TIME << SITE_DEATH_GROWTH)) + 1));
	/* An outage costs what was under way, the attempts up to its death, and the probes. */
	ck_assert_uint_le(down_attempts, (HANGING - DOWN) * (20 + SITE_DEATH + 4));
	/* Each of the senders, who all have mail, gets the same. */
	for (unsigned i = 0; i <= SENDERS; i++)
		ck_assert_msg(w->served[i] >= 950 && w->served[i] <= 1050, "sender %u got %u of 101000", i, w->served[i]);
	/* A letter goes at once, although half a million of one sender wait. */
	ck_assert_uint_eq(w->letters_done, LETTERS);
	qsort(w->letter_waits, LETTERS, sizeof(w->letter_waits[0]), by_time);
	ck_assert_msg(w->letter_waits[LETTERS / 2] < 1000, "half of the letters took %lld ms", (long long)w->letter_waits[LETTERS / 2]);
	ck_assert_msg(w->letter_waits[LETTERS * 99 / 100] < 5000, "1 %% of the letters took %lld ms", (long long)w->letter_waits[LETTERS * 99 / 100]);
	printf("over at %lld s; hanging %zu attempts, down %zu; letters %lld, %lld, %lld ms\n", (long long)over / 1000, hanging_attempts, down_attempts,
	       (long long)w->letter_waits[LETTERS / 2], (long long)w->letter_waits[LETTERS * 99 / 100], (long long)w->letter_waits[LETTERS - 1]);
	sched_free(&w->s);
	wakeups_free(&w->events);
	for (unsigned i = 0; i < SITES; i++)
		free(w->begun[i]);
	free(w->messages);
	free(w);
}
END_TEST

UNIT_MAIN("simulation", a_million_messages)
