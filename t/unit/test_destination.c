/* test_destination.c - turns, windows, back-offs and deaths of destinations, with a fake clock. */
#include "unit.h"
#include "../../queue/destination.h"

#define DEAD_TIME 300000

struct work { struct turn turn; int number; };

static struct destinations set;

static void put(const char *key, struct work *w, int number, int64_t now)
{
	w->number = number;
	destination_wait(&set, destination_find(&set, key, 20, now), &w->turn, false);
}

static struct work *next(int64_t now, bool *dead)
{
	*dead = false;
	return (struct work *)destination_next(&set, now, dead);
}

/* Begins one delivery to D and ends it. */
static void end_one(const char *key, enum destination_end end, int64_t now)
{
	struct work w;
	bool dead;

	put(key, &w, 0, now);
	struct work *got = next(now, &dead);
	ck_assert_ptr_eq(got, &w);
	ck_assert(!dead);
	destination_done(&set, w.turn.destination, end, "words", now);
}

START_TEST(turns_are_fair)
{
	struct work slow[100], quick[2];
	bool dead;

	destinations_init(&set, DEAD_TIME);
	for (int i = 0; i < 100; i++)
		put("slow", &slow[i], i, 0);
	put("quick", &quick[0], 1000, 0);
	put("quick", &quick[1], 1001, 0);
	/* one each, in turn; the slow one stops at its window, first come first served */
	ck_assert_int_eq(next(0, &dead)->number, 0);
	ck_assert_int_eq(next(0, &dead)->number, 1000);
	ck_assert_int_eq(next(0, &dead)->number, 1);
	ck_assert_int_eq(next(0, &dead)->number, 1001);
	for (int i = 2; i < DESTINATION_WINDOW; i++)
		ck_assert_int_eq(next(0, &dead)->number, i);
	ck_assert_ptr_null(next(0, &dead));
	ck_assert_int_eq(slow[0].turn.destination->state, DESTINATION_LIMITED);
	ck_assert_uint_eq(set.active, DESTINATION_WINDOW + 2);
	/* a success lets the window grow: one that ended, and one more */
	destination_done(&set, slow[0].turn.destination, DESTINATION_OK, NULL, 0);
	ck_assert_ptr_nonnull(next(0, &dead));
	ck_assert_ptr_nonnull(next(0, &dead));
	ck_assert_ptr_null(next(0, &dead));
	destinations_free(&set);
}
END_TEST

START_TEST(a_hundred_thousand_wait_for_nobody)
{
	struct work one, *many = calloc(100000, sizeof(*many));
	bool dead;

	destinations_init(&set, DEAD_TIME);
	for (int i = 0; i < 100000; i++)
		put("slow", &many[i], i, 0);
	while (next(0, &dead))
		;
	put("other", &one, 7, 0);
	ck_assert_int_eq(next(0, &dead)->number, 7);
	destinations_free(&set);
	free(many);
}
END_TEST

START_TEST(window_grows_and_shrinks)
{
	struct destination *d;

	destinations_init(&set, DEAD_TIME);
	d = destination_find(&set, "d", 20, 0);
	ck_assert_uint_eq(d->window, DESTINATION_WINDOW);
	for (int i = 0; i < 100; i++)
		end_one("d", DESTINATION_OK, 0);
	ck_assert_uint_eq(d->window, 20);
	end_one("d", DESTINATION_BUSY, 0);
	ck_assert_uint_eq(d->window, 10);
	ck_assert_int_eq(d->state, DESTINATION_BACKING_OFF);
	ck_assert_uint_eq(d->failures, 0);	/* "go away for now" does not lead to death */
	/* after a failure it grows by one for each full window */
	for (int i = 0; i < 9; i++)
		end_one("d", DESTINATION_OK, DESTINATION_PAUSE);
	ck_assert_uint_eq(d->window, 10);
	end_one("d", DESTINATION_OK, DESTINATION_PAUSE);
	ck_assert_uint_eq(d->window, 11);
	/* nothing learned, nothing changed */
	end_one("d", DESTINATION_UNTRIED, DESTINATION_PAUSE);
	ck_assert_uint_eq(d->window, 11);
	ck_assert_int_eq(d->state, DESTINATION_READY);
	destinations_free(&set);
}
END_TEST

START_TEST(backs_off_then_dies)
{
	struct destination *d;
	struct work w, probe, late;
	int64_t now = 0, pause = DESTINATION_PAUSE;
	bool dead;

	destinations_init(&set, DEAD_TIME);
	d = destination_find(&set, "d", 20, 0);
	for (int i = 1; i < DESTINATION_DEATH; i++) {
		end_one("d", DESTINATION_FAILED, now);
		ck_assert_int_eq(d->state, DESTINATION_BACKING_OFF);
		ck_assert_int_eq(d->retry_at, now + pause);
		put("d", &w, i, now);
		ck_assert_ptr_null(next(now + pause - 1, &dead));
		ck_assert_int_eq(destination_wake_at(&set), now + pause);
		now += pause;
		pause *= 2;
		ck_assert_ptr_eq(next(now, &dead), &w);
		destination_done(&set, d, DESTINATION_UNTRIED, NULL, now);
	}
	end_one("d", DESTINATION_FAILED, now);
	ck_assert_int_eq(d->state, DESTINATION_DEAD);
	ck_assert_int_eq(destination_dead_until(d), now + DEAD_TIME);
	ck_assert_str_eq(d->why, "words");
	/* what waits is handed out to be deferred */
	put("d", &w, 1, now);
	ck_assert_ptr_eq(next(now, &dead), &w);
	ck_assert(dead);
	/* one probe at a time */
	now += DEAD_TIME;
	put("d", &probe, 2, now);
	put("d", &late, 3, now);
	ck_assert_ptr_eq(next(now, &dead), &probe);
	ck_assert(!dead);
	ck_assert_ptr_eq(next(now, &dead), &late);
	ck_assert(dead);
	ck_assert_uint_eq(d->active, 1);
	destination_done(&set, d, DESTINATION_FAILED, "still", now);
	ck_assert_int_eq(destination_dead_until(d), now + 2 * DEAD_TIME);
	now += 2 * DEAD_TIME;
	end_one("d", DESTINATION_OK, now);
	ck_assert_int_eq(d->state, DESTINATION_READY);
	ck_assert_uint_eq(d->failures, 0);
	destinations_free(&set);
}
END_TEST

START_TEST(failures_of_one_moment_count_once)
{
	struct work w[5];
	struct destination *d;
	bool dead;

	destinations_init(&set, DEAD_TIME);
	for (int i = 0; i < 5; i++)
		put("d", &w[i], i, 0);
	while (next(0, &dead))
		;
	d = w[0].turn.destination;
	for (int i = 0; i < 5; i++)
		destination_done(&set, d, DESTINATION_FAILED, "x", 10);
	ck_assert_uint_eq(d->failures, 1);
	ck_assert_int_eq(d->state, DESTINATION_BACKING_OFF);
	destinations_free(&set);
}
END_TEST

START_TEST(our_own_never_dies)
{
	struct destination *d;

	destinations_init(&set, DEAD_TIME);
	d = destination_find(&set, "d", 20, 0);
	d->our_own = true;
	for (int64_t i = 0; i < 50; i++)
		end_one("d", DESTINATION_FAILED, i * 1000000);
	ck_assert_int_eq(d->state, DESTINATION_BACKING_OFF);
	ck_assert_int_eq(d->retry_at, 49 * 1000000 + (DESTINATION_PAUSE << DESTINATION_OWN_DOUBLINGS));
	destinations_free(&set);
	destinations_init(&set, 0);	/* dead_host_time = 0 */
	d = destination_find(&set, "d", 20, 0);
	for (int64_t i = 0; i < 50; i++)
		end_one("d", DESTINATION_FAILED, i * 1000000);
	ck_assert_int_eq(d->state, DESTINATION_BACKING_OFF);
	destinations_free(&set);
}
END_TEST

START_TEST(revived_swept_forgotten)
{
	struct destination *d;
	struct work w;
	bool dead;

	destinations_init(&set, DEAD_TIME);
	d = destination_find(&set, "d", 20, 0);
	for (int64_t now = 0; d->state != DESTINATION_DEAD; now += 1000000)
		end_one("d", DESTINATION_FAILED, now);
	int64_t now = d->retry_at - 1;
	ck_assert(destination_sweep(&set, now, 1));	/* a dead one is remembered */
	destination_revive(&set, NULL);
	ck_assert_int_eq(d->state, DESTINATION_READY);
	put("d", &w, 1, now);
	ck_assert_ptr_eq(next(now, &dead), &w);
	ck_assert(!dead);
	destination_done(&set, d, DESTINATION_OK, NULL, now);
	put("d", &w, 1, now);
	destination_forget(&set, &w.turn);
	ck_assert_ptr_null(next(now, &dead));
	ck_assert(destination_sweep(&set, now + 99, 100));
	ck_assert(!destination_sweep(&set, now + DEAD_TIME, 100));
	destinations_free(&set);
}
END_TEST

START_TEST(parked_in_order)
{
	struct destination *d;
	struct park p[3] = { { 0 } };

	destinations_init(&set, DEAD_TIME);
	d = destination_find(&set, "d", 20, 0);
	for (size_t i = 0; i < COUNT_OF(p); i++)
		destination_park(&set, d, &p[i]);
	ck_assert_uint_eq(set.parked_count, 3);
	destination_unpark(&set, &p[1]);
	ck_assert_ptr_eq(d->parked, &p[0]);
	destination_unpark(&set, &p[0]);
	ck_assert_ptr_eq(d->parked, &p[2]);
	destination_unpark(&set, &p[2]);
	ck_assert_uint_eq(set.parked_count, 0);
	destinations_free(&set);
}
END_TEST

UNIT_MAIN("destination", turns_are_fair, a_hundred_thousand_wait_for_nobody, window_grows_and_shrinks, backs_off_then_dies,
	  failures_of_one_moment_count_once, our_own_never_dies, revived_swept_forgotten, parked_in_order)
