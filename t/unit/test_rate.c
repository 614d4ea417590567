/* test_rate.c - counts over all processes: windows that slide, keys that do not meet, a table that is full, two writers. */
#include "unit.h"
#include "../../lib/rate.h"
#include "../../lib/scoreboard.h"
#include <sys/wait.h>
#include <time.h>

static char dir[64];

static void create(void)
{
	struct err err = { "" };

	snprintf(dir, sizeof dir, "%s/rate-XXXXXX", getenv("TMPDIR") != NULL && strlen(getenv("TMPDIR")) < 40 ? getenv("TMPDIR") : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_msg(scoreboard_create(dir, getuid(), getgid(), &err), "%s", err.text);
}

static void destroy(void)
{
	char path[96];

	snprintf(path, sizeof path, "%s/scoreboard", dir);
	unlink(path);
	ck_assert_int_eq(rmdir(dir), 0);
}

START_TEST(test_nothing_mapped)
{
	ck_assert_uint_eq(rate_add(RATE_CONNECTIONS, VIEW("a"), 60, 1), 0);
	ck_assert_uint_eq(rate_look(RATE_CONNECTIONS, VIEW("a"), 60), 0);
}
END_TEST

START_TEST(test_counts_by_use_and_key)
{
	create();
	for (unsigned i = 1; i <= 5; i++)
		ck_assert_uint_eq(rate_add(RATE_CONNECTIONS, VIEW("192.0.2.1"), 100000, 1), i);
	ck_assert_uint_eq(rate_look(RATE_CONNECTIONS, VIEW("192.0.2.1"), 100000), 5);
	ck_assert_uint_eq(rate_look(RATE_CONNECTIONS, VIEW("192.0.2.10"), 100000), 0);
	ck_assert_uint_eq(rate_look(RATE_AUTH_ADDRESS, VIEW("192.0.2.1"), 100000), 0);
	ck_assert_uint_eq(rate_add(RATE_AUTH_ADDRESS, VIEW("192.0.2.1"), 100000, 7), 7);
	/* lengths at the edges of a word */
	static const char text[] = "12345678901234567";
	for (size_t len = 0; len < sizeof text; len++)
		ck_assert_uint_eq(rate_add(RATE_AUTH_LOGIN, view_make(text, len), 100000, 1), 1);
	ck_assert_uint_eq(rate_add(RATE_AUTH_LOGIN, VIEW("big"), 100000, 100000), RATE_MAX);
	ck_assert_uint_eq(rate_add(RATE_AUTH_LOGIN, VIEW("big"), 100000, 1), RATE_MAX);
	destroy();
}
END_TEST

/* Of a window of one second nothing is left after two, and half of it on the way. */
START_TEST(test_windows_slide)
{
	struct timespec two = { .tv_sec = 2, .tv_nsec = 10000000 };

	create();
	ck_assert_uint_eq(rate_add(RATE_CONNECTIONS, VIEW("x"), 1, 100), 100);
	ck_assert_uint_eq(rate_add(RATE_AUTH_LOGIN, VIEW("x"), 1000000, 100), 100);
	nanosleep(&two, NULL);
	ck_assert_uint_eq(rate_look(RATE_CONNECTIONS, VIEW("x"), 1), 0);
	ck_assert_uint_eq(rate_add(RATE_CONNECTIONS, VIEW("x"), 1, 1), 1);
	ck_assert_uint_eq(rate_look(RATE_AUTH_LOGIN, VIEW("x"), 1000000), 100);
	destroy();
}
END_TEST

START_TEST(test_a_flood_of_keys_does_not_hide_a_busy_one)
{
	create();
	for (int i = 0; i < 300000; i++) {
		char key[32];

		snprintf(key, sizeof key, "k%d", i);
		rate_add(RATE_CONNECTIONS, view_of(key), 1000000, 1);
		rate_add(RATE_CONNECTIONS, VIEW("busy"), 1000000, 1);
	}
	ck_assert_uint_eq(rate_look(RATE_CONNECTIONS, VIEW("busy"), 1000000), RATE_MAX);
	destroy();
}
END_TEST

START_TEST(test_processes_count_together)
{
	create();
	rate_add(RATE_CONNECTIONS, VIEW("both"), 1000000, 1);
	for (int child = 0; child < 4; child++) {
		if (fork() == 0) {
			for (int i = 0; i < 5000; i++)
				rate_add(RATE_CONNECTIONS, VIEW("both"), 1000000, 1);
			_exit(0);
		}
	}
	while (wait(NULL) > 0)
		;
	ck_assert_uint_eq(rate_look(RATE_CONNECTIONS, VIEW("both"), 1000000), 20001);
	destroy();
}
END_TEST

START_TEST(test_client_keys)
{
	struct netaddr a, b, c, d;
	char one[RATE_CLIENT_KEY], other[RATE_CLIENT_KEY];

	ck_assert(netaddr_parse(VIEW("2001:db8:1:2::1"), &a) && netaddr_parse(VIEW("2001:db8:1:2:ffff::2"), &b));
	ck_assert(netaddr_parse(VIEW("2001:db8:1:3::1"), &c) && netaddr_parse(VIEW("192.0.2.1"), &d));
	ck_assert(view_eq(rate_client(&a, 64, one), rate_client(&b, 64, other)));
	ck_assert(!view_eq(rate_client(&a, 64, one), rate_client(&c, 64, other)));
	ck_assert(view_eq(rate_client(&a, 63, one), rate_client(&c, 63, other)));
	ck_assert(!view_eq(rate_client(&a, 128, one), rate_client(&b, 128, other)));
	ck_assert_uint_eq(rate_client(&d, 64, one).len, 5);
}
END_TEST

UNIT_MAIN("rate", test_nothing_mapped, test_counts_by_use_and_key, test_windows_slide,
	test_a_flood_of_keys_does_not_hide_a_busy_one, test_processes_count_together, test_client_keys)
