/* test_scoreboard.c - the shared mapping: made anew beside an old one, refused when it is not ours, slots taken and given
 * back, totals kept right, sessions counted by client. */
#include "unit.h"
#include "../../lib/scoreboard.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

static char dir[64], path[96];

static void make_dir(void)
{
	snprintf(dir, sizeof dir, "%s/postrider-test-XXXXXX", getenv("TMPDIR") != NULL && strlen(getenv("TMPDIR")) < 30 ? getenv("TMPDIR") : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/scoreboard", dir);
}

static void remove_dir(void)
{
	unlink(path);
	ck_assert_int_eq(rmdir(dir), 0);
}

static void create(void)
{
	struct err err = { "" };

	ck_assert_msg(scoreboard_create(dir, getuid(), getgid(), &err), "%s", err.text);
}

static struct netaddr address(const char *text)
{
	struct netaddr a;

	ck_assert(netaddr_parse(view_of(text), &a));
	return a;
}

static void occupy(int slot, const char *peer)
{
	struct scoreboard_slot *s = &scoreboard()->slot[slot];
	struct netaddr a = address(peer);

	s->peer_family = a.family;
	memcpy(s->peer, a.bytes, sizeof s->peer);
	s->phase = PHASE_MAIL;
	scoreboard()->idle--;
	scoreboard()->busy++;
}

START_TEST(test_nothing_mapped)
{
	ck_assert_ptr_null(scoreboard());
	scoreboard_count(COUNT_MESSAGES, 1);
	scoreboard_gauge(0, GAUGE_QUEUE_NEW, 1);
	struct netaddr a = address("192.0.2.1");

	ck_assert_uint_eq(scoreboard_sessions_from(&a, 64, -1), 0);
	ck_assert_int_eq(scoreboard_take(1, 1), -1);
}
END_TEST

START_TEST(test_create_and_open)
{
	struct err err = { "" };
	struct stat st;

	make_dir();
	create();
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0640);
	ck_assert_int_lt(st.st_blocks * 512, 65536);	/* sparse */
	scoreboard_count(COUNT_MESSAGES, 5);
	struct scoreboard *old = scoreboard();

	/* A child that maps the present file; then a second master's, which must not touch the first's. */
	pid_t pid = fork();

	if (pid == 0)
		_exit(scoreboard_open(dir, true, NULL) && scoreboard()->counters[COUNT_MESSAGES] == 5 ? 0 : 1);
	int status;

	waitpid(pid, &status, 0);
	ck_assert_int_eq(status, 0);
	pid = fork();
	if (pid == 0)
		_exit(scoreboard_create(dir, getuid(), getgid(), NULL) && scoreboard()->counters[COUNT_MESSAGES] == 0 ? 0 : 1);
	waitpid(pid, &status, 0);
	ck_assert_int_eq(status, 0);
	ck_assert_uint_eq(old->counters[COUNT_MESSAGES], 5);
	ck_assert_msg(scoreboard_open(dir, false, &err), "%s", err.text);
	ck_assert_uint_eq(scoreboard()->counters[COUNT_MESSAGES], 0);
	remove_dir();
}
END_TEST

static void spoil(off_t at, uint32_t value)
{
	int fd = open(path, O_WRONLY);

	ck_assert_int_eq(pwrite(fd, &value, sizeof value, at), sizeof value);
	close(fd);
}

START_TEST(test_open_refuses)
{
	struct err err = { "" };

	make_dir();
	ck_assert(!scoreboard_open(dir, true, &err));
	for (off_t at = 0; at < 12; at += 4) {	/* magic, slot size, slots */
		create();
		spoil(at, 7);
		err.text[0] = '\0';
		ck_assert(!scoreboard_open(dir, true, &err));
		ck_assert_msg(strstr(err.text, "another version") != NULL, "%s", err.text);
	}
	create();
	ck_assert_int_eq(truncate(path, 4096), 0);
	err.text[0] = '\0';
	ck_assert(!scoreboard_open(dir, true, &err));
	ck_assert_msg(strstr(err.text, "4096 bytes") != NULL, "%s", err.text);
	unlink(path);
	ck_assert_int_eq(symlink("/etc/passwd", path), 0);
	ck_assert(!scoreboard_open(dir, true, &err));
	remove_dir();
}
END_TEST

START_TEST(test_slots)
{
	make_dir();
	create();
	ck_assert_int_eq(scoreboard_take(100, 3), 0);
	ck_assert_int_eq(scoreboard_take(101, 3), 1);
	ck_assert_int_eq(scoreboard_take(102, 3), 2);
	ck_assert_uint_eq(scoreboard()->high_slot, 3);
	ck_assert_int_eq(scoreboard()->idle, 3);
	ck_assert_int_eq(scoreboard()->slot[1].phase, PHASE_IDLE);
	occupy(1, "192.0.2.1");
	scoreboard_release(1, 999);	/* not its worker's: somebody has taken it meanwhile */
	ck_assert_int_eq(scoreboard()->slot[1].pid, 101);
	scoreboard_release(1, 101);
	ck_assert_int_eq(scoreboard()->busy, 0);
	ck_assert_int_eq(scoreboard()->idle, 2);
	ck_assert_int_eq(scoreboard_take(103, 4), 1);
	ck_assert_uint_eq(scoreboard()->slot[1].peer_family, 0);
	ck_assert_uint_eq(scoreboard()->slot[1].generation, 4);
	ck_assert_uint_eq(scoreboard()->high_slot, 3);
	remove_dir();
}
END_TEST

START_TEST(test_all_slots)
{
	make_dir();
	create();
	for (int i = 0; i < SCOREBOARD_SLOTS; i++)
		scoreboard()->slot[i].pid = 1;
	ck_assert_int_eq(scoreboard_take(2, 1), -1);
	remove_dir();
}
END_TEST

START_TEST(test_settle)
{
	make_dir();
	create();
	scoreboard_take(100, 1);
	scoreboard_take(101, 1);
	occupy(1, "192.0.2.1");
	scoreboard()->idle = 7;		/* a worker was killed between two steps */
	scoreboard()->busy = -1;
	scoreboard_settle();
	ck_assert_int_eq(scoreboard()->idle, 7);	/* seen once it may be a step in progress */
	scoreboard_settle();
	ck_assert_int_eq(scoreboard()->idle, 1);
	ck_assert_int_eq(scoreboard()->busy, 1);
	scoreboard_settle();
	ck_assert_int_eq(scoreboard()->idle, 1);
	remove_dir();
}
END_TEST

START_TEST(test_sessions_from)
{
	static const char *const peers[] = { "192.0.2.1", "192.0.2.1", "192.0.2.2", "2001:db8:0:1::1", "2001:db8:0:1:ffff::9", "2001:db8:0:2::1" };
	static const struct { const char *from; unsigned prefix6; int except; unsigned count; } cases[] = {
		{ "192.0.2.1", 64, -1, 2 }, { "192.0.2.1", 64, 0, 1 }, { "192.0.2.1", 64, 2, 2 }, { "192.0.2.2", 64, -1, 1 },
		{ "192.0.2.3", 64, -1, 0 }, { "192.0.2.1", 16, -1, 2 }, { "192.0.2.1", 128, -1, 2 }, { "::ffff:192.0.2.1", 64, -1, 2 },
		{ "2001:db8:0:1::7", 64, -1, 2 }, { "2001:db8:0:2::7", 64, -1, 1 }, { "2001:db8:0:3::1", 64, -1, 0 },
		{ "2001:db8:0:7::1", 48, -1, 3 }, { "2001:db8:1::1", 48, -1, 0 }, { "2001:db8:0:1::1", 128, -1, 1 },
		{ "2001:db8:0:1::7", 128, -1, 0 }, { "2001:db8:0:3::1", 63, -1, 1 }, { "2001:db8:0:1:ffff::1", 65, -1, 1 },
	};
	struct netaddr none = { .family = 0 };

	make_dir();
	create();
	for (size_t i = 0; i < COUNT_OF(peers); i++)
		occupy(scoreboard_take((int32_t)(100 + i), 1), peers[i]);
	scoreboard_take(200, 1);	/* idle */
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct netaddr a = address(cases[i].from);

		ck_assert_msg(scoreboard_sessions_from(&a, cases[i].prefix6, cases[i].except) == cases[i].count, "case %zu", i);
	}
	ck_assert_uint_eq(scoreboard_sessions_from(&none, 64, -1), 0);
	remove_dir();
}
END_TEST

START_TEST(test_names)
{
	for (unsigned i = 0; i < PHASE_COUNT; i++)
		ck_assert_ptr_nonnull(scoreboard_phase_name(i));
	for (unsigned i = 0; i < COUNT_COUNT; i++)
		ck_assert_ptr_nonnull(scoreboard_counter_name(i));
	for (unsigned i = 0; i < GAUGE_COUNT; i++)
		ck_assert_ptr_nonnull(scoreboard_gauge_name(i));
	ck_assert_str_eq(scoreboard_phase_name(255), "unknown");
	ck_assert_str_eq(scoreboard_counter_name(COUNT_COUNT), "unknown");
	ck_assert_str_eq(scoreboard_gauge_name(GAUGE_COUNT), "unknown");
}
END_TEST

UNIT_MAIN("scoreboard", test_nothing_mapped, test_create_and_open, test_open_refuses, test_slots, test_all_slots, test_settle, test_sessions_from, test_names)
