/* test_sched.c - whose turn it is: senders, sites, destinations, with a time that is given. */
#include "unit.h"
#include "../../queue/sched.h"

#define DEAD_TIME 300000
#define LIFE 1000000000		/* ms: answers that live for ever */

struct work { struct turn turn; int number; };

static struct sched s;
static const struct limits twenty = { .connections = 20 };

static void setup(void)
{
	sched_init(&s, 100, DEAD_TIME);
}

static void teardown(void)
{
	sched_free(&s);
}

/* Waits for DOMAIN, whose site is SITE. */
static void put_at(const char *who, const char *domain, const char *site, struct work *w, int number, int priority)
{
	static const struct limits none;
	struct sender_key key = { .key = who, .last = !*who };
	struct destination *d = destination_find(&s, domain, &none, 0);

	*w = (struct work){ .number = number, .turn = { .priority = (int8_t)priority } };
	sched_wait(&s, d, &w->turn, &key, false, 0);
	while ((d = destination_ask_next(&s)))
		destination_resolved(&s, d, site, &twenty, false, LIFE, 0);
}

static void put(const char *who, const char *domain, struct work *w, int number)
{
	put_at(who, domain, domain, w, number, 0);
}

static struct work *next(int64_t now)
{
	struct sched_order order;
	struct turn *t = sched_next(&s, now, &order);

	ck_assert(!t || order.kind == SCHED_START);
	return (struct work *)t;
}

static struct work *next_refused(int64_t now)
{
	struct sched_order order;
	struct turn *t = sched_next(&s, now, &order);

	ck_assert(t && order.kind == SCHED_PUT_OFF);
	return (struct work *)t;
}

static void done(struct work *w, enum site_end end, int64_t now)
{
	sched_done(&s, &w->turn, end, "words", now);
}

/* The site of DOMAIN is known to be good. */
static void prove(const char *domain)
{
	struct work w;

	put("prover", domain, &w, -1);
	ck_assert_ptr_eq(next(0), &w);
	done(&w, SITE_OK, 0);
}

START_TEST(destinations_take_turns)
{
	struct work slow[100], quick[2];

	prove("slow");
	prove("quick");
	for (int i = 0; i < 100; i++)
		put("a", "slow", &slow[i], i);
	put("a", "quick", &quick[0], 1000);
	put("a", "quick", &quick[1], 1001);
	/* one each, in turn; the slow one stops at its window, first come first served */
	ck_assert_int_eq(next(0)->number, 0);
	ck_assert_int_eq(next(0)->number, 1000);
	ck_assert_int_eq(next(0)->number, 1);
	ck_assert_int_eq(next(0)->number, 1001);
	for (int i = 2; i < SITE_WINDOW; i++)
		ck_assert_int_eq(next(0)->number, i);
	ck_assert_ptr_null(next(0));
	ck_assert_str_eq(site_state_name(slow[0].turn.site), "limited");
	ck_assert_uint_eq(s.load.active, SITE_WINDOW + 2);
	/* a success lets the window grow: one that ended, and one more */
	done(&slow[0], SITE_OK, 0);
	ck_assert_ptr_nonnull(next(0));
	ck_assert_ptr_nonnull(next(0));
	ck_assert_ptr_null(next(0));
}
END_TEST

START_TEST(senders_take_turns)
{
	struct work *many = calloc(100000, sizeof(*many)), few[3];

	prove("d");
	for (int i = 0; i < 100000; i++)
		put("a", "d", &many[i], i);
	for (int i = 0; i < 3; i++)
		put("b", "d", &few[i], 1000000 + i);
	for (int i = 0; i < 3; i++) {
		struct work *one = next(0), *two = next(0);
		ck_assert_int_lt(one->number, 100000);
		ck_assert_int_ge(two->number, 1000000);
		done(one, SITE_OK, 0);
		done(two, SITE_OK, 0);
	}
	free(many);
}
END_TEST

START_TEST(senders_take_turns_over_many_sites)
{
	struct work *many = calloc(10000, sizeof(*many)), one;
	char domain[32];

	for (int i = 0; i < 10000; i++) {
		snprintf(domain, sizeof(domain), "d%d", i);
		put("a", domain, &many[i], i);
	}
	ck_assert_ptr_nonnull(next(0));
	put("b", "other", &one, 1000000);
	bool found = false;
	for (int i = 0; i < 3 && !found; i++)
		found = next(0) == &one;
	ck_assert(found);
	free(many);
}
END_TEST

START_TEST(weights)
{
	struct work heavy[40], light[40];
	struct sender_key key = { .key = "heavy", .weight = 3 };
	int of_heavy = 0;

	prove("d");
	for (int i = 0; i < 40; i++) {
		heavy[i] = (struct work){ .number = i };
		sched_wait(&s, destination_find(&s, "d", &twenty, 0), &heavy[i].turn, &key, false, 0);
		put("light", "d", &light[i], 100 + i);
	}
	for (int i = 0; i < 40; i++) {
		struct work *w = next(0);
		of_heavy += w->number < 100;
		done(w, SITE_OK, 0);
	}
	ck_assert_int_eq(of_heavy, 30);
}
END_TEST

START_TEST(priority_within_a_sender)
{
	struct work w[4], other;

	put_at("a", "d", "d", &w[0], 0, 0);
	put_at("a", "d", "d", &w[1], 1, -5);
	put_at("a", "d", "d", &w[2], 2, 5);
	put_at("a", "d", "d", &w[3], 3, 5);
	put_at("b", "d", "d", &other, 10, 0);
	int got[5];
	for (int i = 0; i < 5; i++) {
		struct work *one = next(0);
		got[i] = one->number;
		done(one, SITE_OK, 0);
	}
	ck_assert_int_eq(got[0], 2);
	ck_assert_int_eq(got[1], 10);	/* but the other sender is not behind them */
	ck_assert_int_eq(got[2], 3);
	ck_assert_int_eq(got[3], 0);
	ck_assert_int_eq(got[4], 1);
}
END_TEST

START_TEST(notices_go_last)
{
	struct work notice[10], mail[100];
	int first = -1, count = 0;

	prove("d");
	for (int i = 0; i < 10; i++)
		put("", "d", &notice[i], 1000 + i);
	for (int i = 0; i < 100; i++)
		put("a", "d", &mail[i], i);
	for (int i = 0; i < 100; i++) {
		struct work *w = next(0);
		if (w->number >= 1000) {
			count++;
			first = first < 0 ? i : first;
		}
		done(w, SITE_OK, 0);
	}
	ck_assert_int_ge(first, SCHED_LAST_SHARE - 2);
	ck_assert_int_ge(count, 4);	/* but they do go */
	ck_assert_int_le(count, 7);
}
END_TEST

START_TEST(domains_of_one_site_are_one)
{
	struct work a[50], b[50];
	int under_way = 0;

	put_at("x", "a", "site", &a[0], 0, 0);
	done(next(0), SITE_OK, 0);
	for (int i = 0; i < 50; i++) {
		put_at("x", "a", "site", &a[i], i, 0);
		put_at("x", "b", "site", &b[i], 100 + i, 0);
	}
	while (next(0))
		under_way++;
	ck_assert_int_eq(under_way, SITE_WINDOW);
	ck_assert_uint_eq(HASH_COUNT(s.sites), 1);
	ck_assert_uint_eq(s.sites->destinations, 2);
}
END_TEST

START_TEST(a_limit_of_a_domain)
{
	struct limits two = { .connections = 2 };
	struct destination *d = destination_find(&s, "a", &two, 0);
	struct work a[6], b[6];
	int of_a = 0, of_b = 0;

	prove("site");
	for (int i = 0; i < 6; i++) {
		put_at("x", "a", "site", &a[i], i, 0);
		put_at("x", "b", "site", &b[i], 100 + i, 0);
	}
	for (struct work *w; (w = next(0));)
		*(w->number < 100 ? &of_a : &of_b) += 1;
	ck_assert_int_eq(of_a, 2);
	ck_assert_int_eq(of_b, SITE_WINDOW - 2);
	/* one ends: the next of a, in its order */
	done(&a[0], SITE_UNTRIED, 0);
	ck_assert_ptr_eq(next(0), &a[2]);
	ck_assert_uint_eq(d->usage.active, 2);
}
END_TEST

START_TEST(a_pace_of_a_domain)
{
	struct limits slow = { .message_pace = { .count = 2, .span = 1000 } };
	struct destination *d = destination_find(&s, "a", &slow, 0);
	struct work a[5];
	int64_t now = 0;

	for (int i = 0; i < 5; i++)
		put_at("x", "a", "a", &a[i], i, 0);
	for (int i = 0; i < 5; i++) {
		struct work *w = next(now);
		ck_assert_ptr_eq(w, &a[i]);
		done(w, SITE_OK, now);
		if (i < 4) {
			ck_assert_ptr_null(next(now));
			ck_assert_int_eq(sched_wake_at(&s), now + 500);
			now += 500;
		}
	}
	ck_assert_uint_eq(d->waiting, 0);
}
END_TEST

START_TEST(dead_sites_put_off)
{
	struct work w[3];
	int64_t now = 0;

	for (int i = 0; i < SITE_DEATH; i++, now += 100000) {
		put("a", "d", &w[0], 0);
		done(next(now), SITE_FAILED, now);
	}
	ck_assert_int_eq(s.sites->state, SITE_DEAD);
	for (int i = 0; i < 3; i++)
		put("a", "d", &w[i], i);
	ck_assert_ptr_eq(next_refused(now), &w[0]);
	/* one probe at a time */
	now += DEAD_TIME;
	ck_assert_ptr_eq(next(now), &w[1]);
	ck_assert_ptr_eq(next_refused(now), &w[2]);
	done(&w[1], SITE_FAILED, now);
	ck_assert_int_eq(s.sites->state, SITE_DEAD);
	put("a", "d", &w[0], 0);
	sched_revive(&s, NULL);
	put("a", "d", &w[1], 1);		/* asks for the address again */
	ck_assert_ptr_nonnull(next(now));
}
END_TEST

START_TEST(hanging_sites_leave_room)
{
	struct work hang[60], good[30], fresh;
	char domain[32];
	int under_way = 0;

	prove("good");
	prove("good2");
	for (int i = 0; i < 60; i++) {
		snprintf(domain, sizeof(domain), "hang%d", i);
		put("a", domain, &hang[i], i);
	}
	while (next(0))
		under_way++;
	ck_assert_int_eq(under_way, 50);	/* of 100 slots */
	for (int i = 0; i < 30; i++)
		put("b", "good", &good[i], 1000 + i);
	for (int i = 0; i < SITE_WINDOW; i++)
		ck_assert_int_ge(next(0)->number, 1000);
	ck_assert_ptr_null(next(0));
	/* one of those that hang ends: the next one unknown has its turn */
	done(&hang[0], SITE_FAILED, 30000);
	put("b", "good2", &fresh, 2000);
	struct work *one = next(30000), *two = next(30000);
	ck_assert(one && two && (one == &fresh || two == &fresh));
	ck_assert_ptr_null(next(30000));
}
END_TEST

START_TEST(answers_and_failures)
{
	static const struct limits none;
	struct sender_key key = { .key = "a" };
	struct destination *d = destination_find(&s, "d", &none, 0);
	struct sched_order order;
	struct work w[4] = { 0 };
	int64_t now = 0;

	for (int i = 0; i < 3; i++)
		sched_wait(&s, d, &w[i].turn, &key, false, 0);
	ck_assert_ptr_eq(destination_ask_next(&s), d);
	ck_assert_ptr_null(destination_ask_next(&s));
	/* not now: one has the failure, the others wait */
	destination_unresolved(&s, d, "4.4.3", "SERVFAIL", now);
	ck_assert_ptr_eq(sched_next(&s, now, &order), &w[0].turn);
	ck_assert_int_eq(order.kind, SCHED_ANSWER);
	ck_assert_int_eq(d->outcome, OUTCOME_DEFER);
	ck_assert_ptr_null(sched_next(&s, now, &order));
	ck_assert_int_eq(sched_wake_at(&s), DESTINATION_PAUSE);
	now = DESTINATION_PAUSE;
	ck_assert_ptr_null(sched_next(&s, now, &order));
	ck_assert_ptr_eq(destination_ask_next(&s), d);
	/* never: all have that, and so have those that come while the answer lives */
	destination_answered(&s, d, OUTCOME_FAIL, "5.1.2", "no such domain", now + 5000);
	for (int i = 1; i < 3; i++) {
		ck_assert_ptr_eq(sched_next(&s, now, &order), &w[i].turn);
		ck_assert_int_eq(order.kind, SCHED_ANSWER);
	}
	sched_wait(&s, d, &w[3].turn, &key, false, now + 4999);
	ck_assert_ptr_eq(sched_next(&s, now + 4999, &order), &w[3].turn);
	sched_wait(&s, d, &w[3].turn, &key, false, now + 5000);
	ck_assert_ptr_null(sched_next(&s, now + 5000, &order));
	ck_assert_ptr_eq(destination_ask_next(&s), d);
	/* again and again: then all are put off */
	for (int i = 0; i < DESTINATION_DEATH; i++) {
		destination_unresolved(&s, d, "4.4.3", "SERVFAIL", now);
		ck_assert_ptr_eq(sched_next(&s, now, &order), &w[3].turn);
		sched_wait(&s, d, &w[3].turn, &key, false, now);
		if (i < DESTINATION_DEATH - 1) {
			now = d->until;
			ck_assert_ptr_null(sched_next(&s, now, &order));
			ck_assert_ptr_eq(destination_ask_next(&s), d);
		}
	}
	ck_assert_ptr_eq(sched_next(&s, now, &order), &w[3].turn);
	ck_assert_int_eq(order.kind, SCHED_PUT_OFF);
	ck_assert_int_eq(order.until, now + DESTINATION_LONGEST);
}
END_TEST

START_TEST(a_domain_moves)
{
	static const struct limits none;
	struct sender_key key = { .key = "a" };
	struct destination *d = destination_find(&s, "d", &none, 0);
	struct sched_order order;
	struct work w[10] = { 0 };

	for (int i = 0; i < 10; i++)
		sched_wait(&s, d, &w[i].turn, &key, false, 0);
	destination_resolved(&s, destination_ask_next(&s), "old", &twenty, false, 1000, 0);
	ck_assert_ptr_eq(sched_next(&s, 0, &order), &w[0].turn);
	ck_assert_str_eq(w[0].turn.site->key, "old");
	done(&w[0], SITE_OK, 0);
	/* its time is over: asked again, all go to the new one, in their order */
	ck_assert_ptr_null(sched_next(&s, 1000, &order));
	destination_resolved(&s, destination_ask_next(&s), "new", &twenty, false, LIFE, 1000);
	for (int i = 1; i < 10; i++) {
		struct work *one = next(1000);
		ck_assert_ptr_eq(one, &w[i]);
		ck_assert_str_eq(one->turn.site->key, "new");
		done(one, SITE_OK, 1000);
	}
	sched_sweep(&s, 1000 + 100000, 100000);
	ck_assert_ptr_null(s.destinations);
	ck_assert_ptr_null(s.sites);
	ck_assert_ptr_null(s.senders);
	ck_assert_ptr_null(s.flows);
}
END_TEST

START_TEST(withdrawn_and_back)
{
	struct work w[3], w2;

	prove("d");
	for (int i = 0; i < 3; i++)
		put("a", "d", &w[i], i);
	sched_withdraw(&s, &w[1].turn);
	ck_assert_ptr_eq(next(0), &w[0]);
	sched_back(&s, &w[0].turn, SITE_UNTRIED, NULL, 0);
	ck_assert_ptr_eq(next(0), &w[0]);
	w2 = (struct work){ 0 };
	sched_pass(&w[0].turn, &w2.turn);
	sched_done(&s, &w2.turn, SITE_OK, NULL, 0);
	ck_assert_ptr_eq(next(0), &w[2]);
	ck_assert_uint_eq(s.waiting, 0);
	done(&w[2], SITE_OK, 0);
	ck_assert_uint_eq(s.load.active + s.load.engaged + s.load.unproven, 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { destinations_take_turns, senders_take_turns, senders_take_turns_over_many_sites, weights,
		priority_within_a_sender, notices_go_last, domains_of_one_site_are_one, a_limit_of_a_domain, a_pace_of_a_domain,
		dead_sites_put_off, hanging_sites_leave_room, answers_and_failures, a_domain_moves, withdrawn_and_back };
	Suite *suite = suite_create("sched");
	TCase *tcase = tcase_create("sched");

	tcase_add_checked_fixture(tcase, setup, teardown);
	for (size_t i = 0; i < COUNT_OF(tests); i++)
		tcase_add_test(tcase, tests[i]);
	suite_add_tcase(suite, tcase);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
