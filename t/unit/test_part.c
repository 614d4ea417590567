/* test_part.c - the parts of the queue: to which a message belongs, what a process with one of them locks, scans and cleans;
 * and the crowds among which limits are shared. */
#include "unit.h"
#include "../../lib/scoreboard.h"
#include "../../queue/crowd.h"
#include "../../queue/part.h"
#include "../../queue/spool_id.h"
#include "spool_fixture.h"

static char id[SPOOL_ID_SIZE];

static const char *commit_for(const char *domain, unsigned parts)
{
	struct envelope_rcpt rcpt = { .address = "user@a.test", .domain = domain, .orcpt = "", .last = "", .status = RCPT_TODO };
	struct envelope env = { .sender = "", .envid = "", .ret = "", .client = "", .helo = "", .auth_user = "", .tls = "", .session = "",
		.by_mode = "", .rcpt_count = 1, .rcpts = &rcpt };
	struct spool_writer *w = spool_write_begin(fx.spool, 4096);

	spool_write_for(w, domain, parts);
	ck_assert_msg(spool_write(w, "x\r\n", 3, &fx.err) && spool_commit(w, VIEW(""), 0, &env, &fx.err), "%s", fx.err.text);
	memcpy(id, spool_write_id(w), SPOOL_ID_SIZE);
	spool_write_end(&w);
	return id;
}

/* Not on disk. */
static unsigned part_for(const char *domain, unsigned parts)
{
	struct spool_writer *w = spool_write_begin(fx.spool, 4096);

	spool_write_for(w, domain, parts);
	memcpy(id, spool_write_id(w), SPOOL_ID_SIZE);
	spool_write_end(&w);
	ck_assert(spool_id_valid(view_of(id)));
	return part_of(id, parts);
}

/* A domain's mail is in one part, whenever it comes, and the parts are used evenly. */
START_TEST(test_domain_has_a_part)
{
	unsigned used[RUNNERS_MAX] = { 0 };
	char domain[32];

	for (unsigned parts = 1; parts <= RUNNERS_MAX; parts++)
		for (unsigned i = 0; i < 20; i++) {
			snprintf(domain, sizeof domain, "d%u.test", i);
			unsigned part = part_for(domain, parts);

			ck_assert_uint_eq(part_for(domain, parts), part);
			ck_assert_uint_lt(part, parts);
			ck_assert_uint_lt(spool_id_dir(id), SPOOL_DIRS);
			used[part] += parts == RUNNERS_MAX;
		}
	for (unsigned i = 0; i < RUNNERS_MAX; i++)
		ck_assert_uint_lt(used[i], 8);
}
END_TEST

START_TEST(test_scan_and_clean)
{
	unsigned seen = 0, mine = 0, removed = 0;

	for (unsigned i = 0; i < 12; i++) {
		char domain[32];

		snprintf(domain, sizeof domain, "d%u.test", i);
		mine += part_of(commit_for(domain, 3), 3) == 1;
	}
	ck_assert(mine > 0 && mine < 12);
	spool_take_part(fx.spool, 1, 3);
	ck_assert(spool_scan(fx.spool, SPOOL_NEW, fixture_count_one, &seen, &fx.err));
	ck_assert_uint_eq(seen, mine);
	/* what another part's writer has begun is not ours to clean */
	for (unsigned dir = 0; dir < 6; dir++) {
		char path[400];

		snprintf(path, sizeof path, "%s/tmp/%.16s%02u", fx.path, id, dir);
		int fd = open(path, O_WRONLY | O_CREAT, 0600);
		ck_assert_int_ge(fd, 0);
		close(fd);
	}
	ck_assert_msg(spool_clean(fx.spool, INT64_MAX, false, &removed, &fx.err), "%s", fx.err.text);
	ck_assert_uint_eq(removed, 2);
}
END_TEST

static bool locks(struct spool *sp, unsigned part, unsigned parts)
{
	spool_take_part(sp, part, parts);
	return spool_lock(sp, false, &fx.err) == 1;
}

static struct spool *another(void)
{
	struct spool *sp = spool_open(fx.path, 8, &fx.err);

	ck_assert_ptr_nonnull(sp);
	return sp;
}

START_TEST(test_locks)
{
	struct spool *one = another(), *two = another();

	ck_assert(locks(fx.spool, 0, 2));
	ck_assert(!locks(one, 0, 2));
	ck_assert(locks(one, 1, 2));
	/* neither all of it nor parts of another split, as long as one of them is held */
	ck_assert(!locks(two, 0, 1));
	ck_assert(!locks(two, 1, 3));
	spool_close(&one);
	ck_assert(!locks(two, 0, 1));
	ck_assert(!locks(two, 2, 3));
	ck_assert_msg(locks(two, 1, 4), "what was given up is free");
	spool_close(&two);
}
END_TEST

START_TEST(test_shares)
{
	ck_assert_uint_eq(part_share(100, 1), 100);
	ck_assert_uint_eq(part_share(100, 3), 33);
	ck_assert_uint_eq(part_share(2, 16), 1);
}
END_TEST

START_TEST(test_names)
{
	char path[PART_PATH], name[PART_NAME];

	ck_assert_str_eq(part_path(path, "/run/x", "poke", 0), "/run/x/poke");
	ck_assert_str_eq(part_path(path, "/run/x", "poke", 12), "/run/x/poke.12");
	ck_assert_str_eq(part_name(name, 0), "queue-runner");
	ck_assert_str_eq(part_name(name, 3), "queue-runner.3");
}
END_TEST

START_TEST(test_crowds)
{
	struct limits limits = { .connections = 5, .message_pace = { .count = 10, .span = 1000 } }, share;

	ck_assert_uint_eq(part_count(), 1);
	ck_assert_uint_eq(crowd_join('s', "mx.test"), 0);
	ck_assert_msg(scoreboard_create(fx.dir, getuid(), getgid(), &fx.err), "%s", fx.err.text);
	atomic_store(&scoreboard()->runners, 3);
	ck_assert_uint_eq(part_count(), 3);
	/* one that died in it, and of whom its successor is to know nothing; and two others */
	crowd_begin(1, 3);
	unsigned crowd = crowd_join('s', "mx.test");

	ck_assert_uint_ne(crowd, 0);
	ck_assert_uint_ne(crowd_join('d', "mx.test"), crowd);
	share = crowd_share(crowd, &limits);
	ck_assert_uint_eq(share.connections, 5);
	atomic_fetch_or(&scoreboard()->crowds[crowd], 1 << 2);
	share = crowd_share(crowd, &limits);
	ck_assert_uint_eq(share.connections, 2);
	ck_assert_uint_eq(share.message_pace.span, 2000);
	ck_assert_uint_eq(share.connection_pace.span, 0);
	atomic_fetch_or(&scoreboard()->crowds[crowd], 1 << 0 | 1 << 7);	/* there is no eighth any more */
	ck_assert_uint_eq(crowd_share(crowd, &limits).connections, 1);
	limits.connections = 0;
	ck_assert_uint_eq(crowd_share(crowd, &limits).connections, 0);
	ck_assert_uint_eq(crowd_join('s', "mx.test"), crowd);
	crowd_leave(crowd);
	ck_assert(atomic_load(&scoreboard()->crowds[crowd]) & 1 << 1);
	crowd_leave(crowd);
	ck_assert(!(atomic_load(&scoreboard()->crowds[crowd]) & 1 << 1));
	crowd_begin(2, 3);
	ck_assert_uint_eq(atomic_load(&scoreboard()->crowds[crowd]) & 7, 1);
}
END_TEST

int main(void)
{
	const TTest *tests[] = { test_domain_has_a_part, test_scan_and_clean, test_locks, test_shares, test_names, test_crowds };
	Suite *suite = suite_create("part");
	TCase *tcase = tcase_create("part");

	tcase_add_checked_fixture(tcase, fixture_start, fixture_end);
	for (size_t i = 0; i < COUNT_OF(tests); i++)
		tcase_add_test(tcase, tests[i]);
	suite_add_tcase(suite, tcase);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
