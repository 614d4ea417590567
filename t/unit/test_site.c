/* test_site.c - windows, back-offs, deaths and suspensions of one site, and paces and wakeups, with a time that is given. */
#include "unit.h"
#include "../../queue/site.h"

#define DEAD_TIME 300000

static struct site site;
static struct site_load load;

static void start(unsigned connections)
{
	struct limits limits = { .connections = connections };

	site = (struct site){ .key = NULL };
	load = (struct site_load){ .max = 100, .engaged = 1, .dead_time = DEAD_TIME };
	site_init(&site, &limits, 0);
}

static enum site_word ask(int64_t now, int64_t *when)
{
	return site_ask(&site, &load, now, when);
}

/* Begins one and ends it. */
static void one(enum site_end end, int64_t now)
{
	int64_t when;

	ck_assert_int_eq(ask(now, &when), SITE_GO);
	bool probe = site_begin(&site, &load, now);
	site_finish(&site, &load, probe, end, "words", now);
}

START_TEST(window_grows_and_shrinks)
{
	int64_t when;

	start(20);
	/* nothing is known: one */
	site_begin(&site, &load, 0);
	ck_assert_int_eq(ask(0, &when), SITE_WAIT);
	ck_assert_int_eq(when, 0);
	ck_assert_uint_eq(load.unproven, 1);
	site_finish(&site, &load, false, SITE_OK, NULL, 0);
	ck_assert_uint_eq(load.unproven, 0);
	ck_assert_uint_eq(site.window, SITE_WINDOW);
	for (int i = 0; i < 100; i++)
		one(SITE_OK, 0);
	ck_assert_uint_eq(site.window, 20);
	one(SITE_BUSY, 0);
	ck_assert_uint_eq(site.window, 10);
	ck_assert_int_eq(site.state, SITE_BACKING_OFF);
	ck_assert_uint_eq(site.failures, 0);	/* "go away for now" does not lead to death */
	ck_assert_int_eq(ask(SITE_PAUSE - 1, &when), SITE_WAIT);
	ck_assert_int_eq(when, SITE_PAUSE);
	/* after a failure it grows by one for each full window */
	for (int i = 0; i < 9; i++)
		one(SITE_OK, SITE_PAUSE);
	ck_assert_uint_eq(site.window, 10);
	one(SITE_OK, SITE_PAUSE);
	ck_assert_uint_eq(site.window, 11);
	/* nothing learned, nothing changed */
	one(SITE_UNTRIED, SITE_PAUSE);
	ck_assert_uint_eq(site.window, 11);
	ck_assert_int_eq(site.state, SITE_READY);
	site_slow(&site);
	ck_assert_uint_eq(site.window, 5);
}
END_TEST

START_TEST(backs_off_then_dies)
{
	int64_t now = 0, pause = SITE_PAUSE, when;

	start(20);
	for (int i = 1; i < SITE_DEATH; i++) {
		one(SITE_FAILED, now);
		ck_assert_int_eq(site.state, SITE_BACKING_OFF);
		ck_assert_int_eq(site.retry_at, now + pause);
		now += pause;
		pause *= 2;
	}
	one(SITE_FAILED, now);
	ck_assert_int_eq(site.state, SITE_DEAD);
	ck_assert_int_eq(site.retry_at, now + DEAD_TIME);
	ck_assert_str_eq(site.why, "words");
	ck_assert(!site.proven);
	ck_assert_int_eq(ask(now, &when), SITE_REFUSES);
	/* one probe at a time */
	now += DEAD_TIME;
	ck_assert_int_eq(ask(now, &when), SITE_GO);
	ck_assert(site_begin(&site, &load, now));
	ck_assert_int_eq(ask(now, &when), SITE_REFUSES);
	/* one that was begun before it died is not the probe */
	site.usage.active++;
	load.active++;
	load.unproven++;
	site_finish(&site, &load, false, SITE_FAILED, "old", now);
	ck_assert_int_eq(ask(now, &when), SITE_REFUSES);
	site_finish(&site, &load, true, SITE_FAILED, "still", now);
	ck_assert_int_eq(site.retry_at, now + 2 * DEAD_TIME);
	now += 2 * DEAD_TIME;
	one(SITE_OK, now);
	ck_assert_int_eq(site.state, SITE_READY);
	ck_assert_uint_eq(site.failures, 0);
	ck_assert_uint_eq(load.active + load.unproven, 0);
}
END_TEST

START_TEST(failures_of_one_moment_count_once)
{
	start(20);
	one(SITE_OK, 0);
	for (int i = 0; i < 5; i++)
		site_begin(&site, &load, 0);
	for (int i = 0; i < 5; i++)
		site_finish(&site, &load, false, SITE_FAILED, "x", 10);
	ck_assert_uint_eq(site.failures, 1);
	ck_assert_int_eq(site.state, SITE_BACKING_OFF);
	ck_assert(site.proven);		/* once is nothing */
}
END_TEST

START_TEST(our_own_never_dies)
{
	start(20);
	site.own = true;
	for (int64_t i = 0; i < 50; i++)
		one(SITE_FAILED, i * 1000000);
	ck_assert_int_eq(site.state, SITE_BACKING_OFF);
	ck_assert_int_eq(site.retry_at, 49 * 1000000 + (SITE_PAUSE << SITE_OWN_DOUBLINGS));
	start(20);
	load.dead_time = 0;
	for (int64_t i = 0; i < 50; i++)
		one(SITE_FAILED, i * 1000000);
	ck_assert_int_eq(site.state, SITE_BACKING_OFF);
}
END_TEST

START_TEST(stalls)
{
	int64_t when;

	start(20);
	one(SITE_OK, 0);
	site_begin(&site, &load, 0);
	ck_assert_int_eq(ask(SITE_STALL - 1, &when), SITE_GO);
	ck_assert_int_eq(ask(SITE_STALL, &when), SITE_WAIT);
	site.progress = SITE_STALL;
	ck_assert_int_eq(ask(SITE_STALL, &when), SITE_GO);
}
END_TEST

START_TEST(suspended)
{
	int64_t when;

	start(20);
	one(SITE_OK, 0);
	site_begin(&site, &load, 0);
	site_suspend(&site, 3600000, "too fast");
	ck_assert_int_eq(ask(0, &when), SITE_REFUSES);
	/* what was under way changes nothing */
	site_finish(&site, &load, false, SITE_FAILED, "closed", 5);
	ck_assert_int_eq(ask(5, &when), SITE_REFUSES);
	ck_assert_str_eq(site.why, "too fast");
	ck_assert_uint_eq(site.failures, 0);
	/* close to its end it is worth waiting */
	ck_assert_int_eq(ask(3600000 - 1000, &when), SITE_WAIT);
	ck_assert_int_eq(when, 3600000);
	ck_assert_int_eq(ask(3600000, &when), SITE_GO);
	ck_assert_int_eq(site.state, SITE_READY);
	site_suspend(&site, 7200000, "again");
	site_revive(&site);
	ck_assert_int_eq(ask(3600001, &when), SITE_GO);
}
END_TEST

START_TEST(crowds)
{
	int64_t when;

	/* the unproven never use more than half */
	start(20);
	load.active = load.unproven = 50;
	ck_assert_int_eq(ask(0, &when), SITE_CROWD_UNPROVEN);
	load.unproven = 49;
	ck_assert_int_eq(ask(0, &when), SITE_GO);
	/* who has much gets no more of the last quarter, unless he is alone */
	one(SITE_OK, 0);
	site.window = site.usage.active = 20;
	site.window = 21;
	load.active = 75;
	load.engaged = 2;
	ck_assert_int_eq(ask(0, &when), SITE_CROWD_GREEDY);
	load.engaged = 1;
	ck_assert_int_eq(ask(0, &when), SITE_GO);
	load.engaged = 2;
	site.usage.active = 11;
	ck_assert_int_eq(ask(0, &when), SITE_GO);
	/* the smallest of all may do something */
	load = (struct site_load){ .max = 1, .engaged = 5 };
	site.usage.active = 0;
	site.proven = false;
	ck_assert_int_eq(ask(0, &when), SITE_GO);
}
END_TEST

START_TEST(paces)
{
	static const struct { const char *text; uint32_t count, span; } cases[] = {
		{ "100/1h", 100, 3600000 }, { "5/s", 5, 1000 }, { "30 / 10m", 30, 600000 }, { "1/d", 1, 86400000 }, { "7/250ms", 7, 250 },
		{ "100", 0, 0 }, { "0/s", 0, 0 }, { "5/0s", 0, 0 }, { "5/x", 0, 0 }, { "/s", 0, 0 }, { "5/2d", 0, 0 }, { "-1/s", 0, 0 },
		{ "99999999/s", 0, 0 }, { "5/s5", 0, 0 }, { "", 0, 0 },
	};
	struct pace p;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		bool good = pace_parse(view_of(cases[i].text), &p);
		ck_assert_msg(good == (cases[i].count > 0), "%s", cases[i].text);
		if (good) {
			ck_assert_uint_eq(p.count, cases[i].count);
			ck_assert_uint_eq(p.span, cases[i].span);
		}
	}
}
END_TEST

/* Takes as fast as it may for ten spans: never more than COUNT in any span, and nearly as much as that allows. */
static void check_pace(uint32_t count, uint32_t span)
{
	struct pace p = { count, span };
	int64_t *taken = calloc((size_t)count * 10 + 10, sizeof(*taken)), state = 0, now = 1000000;
	size_t n = 0, first = 0;

	for (; now < 1000000 + 10000 * (int64_t)span; now = pace_when(&p, state, now) > now ? pace_when(&p, state, now) : now) {
		state = pace_take(&p, state, now);
		taken[n++] = now;
		while (taken[first] <= now - 1000 * (int64_t)span)
			first++;
		ck_assert_uint_le(n - first, count);
	}
	ck_assert_uint_ge(n, (size_t)count * 9);
	free(taken);
}

START_TEST(never_more_than_the_pace)
{
	check_pace(1, 1000);
	check_pace(7, 1000);
	check_pace(20, 60000);
	check_pace(100, 3600000);
	check_pace(12345, 1000);
}
END_TEST

START_TEST(wakeups)
{
	struct wakeups set = { 0 };
	struct wakeup w[200] = { { 0 } };
	unsigned seed = 7;
	int64_t last = 0;
	size_t n = 0;

	for (size_t i = 0; i < COUNT_OF(w); i++) {
		w[i].owner = &w[i];
		wakeup_set(&set, &w[i], 1 + (seed = seed * 1103515245 + 12345) % 1000);
	}
	for (size_t i = 0; i < COUNT_OF(w); i += 3)	/* some another time, some not at all */
		wakeup_set(&set, &w[i], i % 2 ? 0 : 1 + (seed = seed * 1103515245 + 12345) % 1000);
	ck_assert_ptr_null(wakeup_due(&set, 0));
	while (wakeup_next(&set)) {
		int64_t at = wakeup_next(&set);
		ck_assert_int_ge(at, last);
		struct wakeup *one_due = wakeup_due(&set, at);
		ck_assert_int_eq(one_due->at, at);
		ck_assert_uint_eq(one_due->place, 0);
		last = at;
		n++;
	}
	ck_assert_uint_eq(n, COUNT_OF(w) - 33);
	wakeups_free(&set);
}
END_TEST

UNIT_MAIN("site", window_grows_and_shrinks, backs_off_then_dies, failures_of_one_moment_count_once, our_own_never_dies, stalls, suspended,
	  crowds, paces, never_more_than_the_pace, wakeups)
