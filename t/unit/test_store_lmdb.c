/* test_store_lmdb.c - the store in LMDB when things go wrong: writers that are killed at any moment, a file that is full,
 * damaged, foreign or another user's, a new boot. */
#include "store_fixture.h"
#include "../../lib/log.h"
#include "../../lib/store_file.h"
#include <pwd.h>
#include <unistd.h>

/* The paths of the two files. */
static const char *path_of(const struct fixture *f, bool last)
{
	return store_name(f->store, last);
}

static void put(struct fixture *f, const struct store_space *space, int from, int to, int64_t expiry)
{
	char key[32];

	for (int i = from; i < to; i++) {
		snprintf(key, sizeof(key), "key-%d", i);
		ck_assert_int_eq(store_set(f->store, space, view_of(key), view_of(key), expiry), STORE_OK);
	}
}

static void check_all(struct fixture *f, const struct store_space *space, int count)
{
	char key[32];

	for (int i = 0; i < count; i++) {
		snprintf(key, sizeof(key), "key-%d", i);
		assert_get(f, space, key, key);
	}
}

/* ---- killed writers ---- */

/* Counts in both files for ever, and in a pipe says how far it has come. */
NORETURN static void write_on(struct fixture *f, int out)
{
	int64_t a, b;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int64_t i = 0;; i++) {
		char key[32], filler[600];

		memset(filler, 'x', sizeof(filler));
		snprintf(key, sizeof(key), "f%lld", (long long)i % 300);
		if (store_add(f->store, &fast, VIEW("n"), 1, 1000000, &a) != STORE_OK || store_add(f->store, &lasting, VIEW("n"), 1, 1000000, &b) != STORE_OK ||
		    store_set(f->store, &fast, view_of(key), view_make(filler, (size_t)(i * 37 % 600) + 1), 0) != STORE_OK ||
		    (i % 3 == 0 && store_delete(f->store, &fast, view_of(key)) != STORE_OK))
			_exit(1);
		int64_t done[2] = { a, b };

		if (write(out, done, sizeof(done)) != (ssize_t)sizeof(done))
			_exit(2);
	}
}

/* Kills two writers again and again; each time the rest goes on with what was counted. */
START_TEST(test_killed_writers)
{
	struct fixture f;
	int pipes[2];
	int64_t seen[2], most[2] = { 0, 0 }, now;

	ck_assert(fixture_begin(&f, "lmdb"));
	srand((unsigned)getpid());
	for (int round = 0; round < 25; round++) {
		pid_t pids[2];

		ck_assert_int_eq(pipe2(pipes, O_CLOEXEC | O_NONBLOCK), 0);
		for (int i = 0; i < 2; i++) {
			pids[i] = fork();
			if (pids[i] == 0) {
				fcntl(pipes[1], F_SETFL, 0);
				write_on(&f, pipes[1]);
			}
		}
		close(pipes[1]);
		pause_ms(rand() % 20);
		for (int i = 0; i < 2; i++) {
			kill(pids[i], SIGKILL);
			ck_assert_int_eq(waitpid(pids[i], &(int){ 0 }, 0), pids[i]);
		}
		while (read(pipes[0], seen, sizeof(seen)) == (ssize_t)sizeof(seen))
			for (int i = 0; i < 2; i++)
				most[i] = seen[i] > most[i] ? seen[i] : most[i];
		close(pipes[0]);
		ck_assert_int_eq(store_add(f.store, &fast, VIEW("n"), 0, 1000000, &now), STORE_OK);
		ck_assert_int_ge(now, most[0]);
		ck_assert_int_eq(store_add(f.store, &lasting, VIEW("n"), 0, 1000000, &now), STORE_OK);
		ck_assert_int_ge(now, most[1]);
	}
	ck_assert_int_gt(most[0], 0);
	store_prove(f.store);
	store_clean(f.store, 10000);
	assert_none(&f, &fast, "no such key");
	char bad[PATH_MAX];

	for (int i = 0; i < 2; i++) {
		snprintf(bad, sizeof(bad), "%s.bad", path_of(&f, i));
		ck_assert_int_ne(access(bad, F_OK), 0);
	}
	fixture_end(&f);
}
END_TEST

/* A reader that died in its transaction holds no pages for ever. */
static int stop_here(MDB_txn *txn UNUSED, MDB_dbi dbi UNUSED, void *arg UNUSED)
{
	raise(SIGKILL);
	return 0;
}

START_TEST(test_killed_in_a_transaction)
{
	struct fixture f;
	int status;

	for (int write = 0; write < 2; write++) {
		ck_assert(fixture_begin(&f, "lmdb"));
		put(&f, &fast, 0, 50, 0);
		pid_t pid = fork();

		if (pid == 0) {
			struct store_file file;
			struct err err = { "" };

			store_file_init(&file, path_of(&f, false), false, 1 << 20);
			store_file_run(&file, write, 0, stop_here, NULL, &err);
			_exit(0);
		}
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert(WIFSIGNALED(status));
		put(&f, &fast, 0, 100, 0);
		check_all(&f, &fast, 100);
		store_clean(f.store, 1000);
		put(&f, &fast, 0, 100, 0);
		fixture_end(&f);
	}
}
END_TEST

/* ---- growth ---- */

static int64_t size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_size : -1;
}

/* Two processes make it grow in turn; each follows the other. */
START_TEST(test_grows)
{
	struct fixture f;
	int status;

	ck_assert(fixture_begin(&f, "lmdb"));
	put(&f, &fast, 0, 100, 0);
	ck_assert_int_lt(size_of(path_of(&f, false)), 1 << 20);
	for (int round = 0; round < 3; round++) {
		pid_t pid = fork();

		if (pid == 0) {
			put(&f, &fast, 10000 * round, 10000 * round + 10000, 0);
			_exit(0);
		}
		for (int i = 0; waitpid(pid, &status, WNOHANG) == 0; i++) {
			put(&f, &fast, 30000 + i % 100, 30000 + i % 100 + 1, 0);
			assert_get(&f, &fast, "key-0", "key-0");
		}
		ck_assert_int_eq(status, 0);
	}
	check_all(&f, &fast, 30000);
	ck_assert_int_gt(size_of(path_of(&f, false)), 2 << 20);
	fixture_end(&f);
}
END_TEST

/* Full: nothing more goes in, all that was there stays readable and can be deleted; what expires makes room. */
START_TEST(test_full)
{
	static char value[4000];
	struct fixture f;
	enum store_result result = STORE_OK;
	char key[32];
	struct view got;
	int n = 0;

	clock_fake(1800000000);
	fixture_make(&f, "lmdb");
	f.settings.store_size = 2 << 20;
	fixture_open(&f);
	memset(value, 'v', sizeof(value));
	for (; result == STORE_OK && n < 100000; n++) {
		snprintf(key, sizeof(key), "key-%d", n);
		result = store_set(f.store, &fast, view_of(key), view_make(value, sizeof(value)), 100000);
	}
	ck_assert_int_eq(result, STORE_AWAY);
	ck_assert_int_gt(n, 100);
	ck_assert_int_le(size_of(path_of(&f, false)), 2 << 20);
	ck_assert_int_eq(store_get(f.store, &fast, VIEW("key-7"), &got), STORE_OK);
	ck_assert_uint_eq(got.len, sizeof(value));
	ck_assert_int_eq(store_set(f.store, &lasting, VIEW("other file"), VIEW("1"), 0), STORE_OK);
	ck_assert_int_eq(store_delete(f.store, &fast, VIEW("key-7")), STORE_OK);
	assert_none(&f, &fast, "key-7");
	/* again and again: what is removed is removed although there is no room */
	for (int round = 0; round < 8; round++) {
		clock_fake(clock_now() + 1000);
		store_clean(f.store, 1000000);
		result = STORE_OK;
		for (int i = 0; result == STORE_OK && i < 100000; i++) {
			snprintf(key, sizeof(key), "key-%d-%d", round, i);
			result = store_set(f.store, &fast, view_of(key), view_make(value, (size_t)(i * 61 % 4000) + 1), 100000);
			if (i == 100)
				ck_assert_int_eq(result, STORE_OK);
		}
		ck_assert_int_eq(result, STORE_AWAY);
		ck_assert_int_lt(size_of(path_of(&f, false)), 12 << 20);
	}
	fixture_end(&f);
}
END_TEST

START_TEST(test_clean)
{
	struct fixture f;
	struct store_page page = { .arena = arena_new(4096), .max = 100000 };
	struct err err = { "" };
	char description[STORE_DESCRIPTION];

	clock_fake(1800000000);
	ck_assert(fixture_begin(&f, "lmdb"));
	put(&f, &fast, 0, 1000, 0);
	put(&f, &fast, 1000, 4000, 10000);
	put(&f, &lasting, 0, 500, 10000);
	clock_fake(clock_now() + 11);
	/* in pieces, over the end and from the beginning again */
	for (int i = 0; i < 7; i++)
		store_clean(f.store, 700);
	clock_fake(0);
	ck_assert(store_list(f.store, &fast, VIEW(""), &page, &err) == STORE_OK);
	ck_assert_uint_eq(page.count, 1000);
	ck_assert_msg(store_describe(f.store, description, &err), "%s", err.text);
	ck_assert_msg(strstr(description, " 1000 entries") && strstr(description, " 0 entries"), "%s", description);
	check_all(&f, &fast, 1000);
	arena_free(&page.arena);
	fixture_end(&f);
}
END_TEST

/* ---- files that are none of ours ---- */

static void overwrite(const char *path, off_t from, size_t len, int seed)
{
	int fd = open(path, O_RDWR | O_CREAT, 0600);
	uint8_t octets[4096];

	srand((unsigned)seed);
	ck_assert_int_ge(fd, 0);
	for (size_t done = 0; done < len; done += sizeof(octets)) {
		for (size_t i = 0; i < sizeof(octets); i++)
			octets[i] = (uint8_t)rand();
		ck_assert_int_eq(pwrite(fd, octets, sizeof(octets), from + (off_t)done), sizeof(octets));
	}
	close(fd);
}

/* A store of LMDB's that somebody else has made. */
static void make_foreign(const char *path)
{
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;
	char text[] = "key";
	MDB_val key = { 3, text }, value = { 3, text };

	ck_assert_int_eq(mdb_env_create(&env), 0);
	ck_assert_int_eq(mdb_env_open(env, path, MDB_NOSUBDIR, 0600), 0);
	ck_assert_int_eq(mdb_txn_begin(env, NULL, 0, &txn), 0);
	ck_assert_int_eq(mdb_dbi_open(txn, NULL, 0, &dbi), 0);
	ck_assert_int_eq(mdb_put(txn, dbi, &key, &value, 0), 0);
	ck_assert_int_eq(mdb_txn_commit(txn), 0);
	mdb_env_close(env);
}

enum harm { GARBAGE, TINY, SHORT, FOREIGN, LOCK, HARMS };

START_TEST(test_no_file_of_ours)
{
	struct fixture f;
	char lock[PATH_MAX + 8], bad[PATH_MAX + 8];

	ck_assert(fixture_begin(&f, "lmdb"));
	for (int last = 0; last < 2; last++) {
		const struct store_space *space = last ? &lasting : &fast;
		const char *path = path_of(&f, last);

		snprintf(lock, sizeof(lock), "%s-lock", path);
		snprintf(bad, sizeof(bad), "%s.bad", path);
		if (_i == FOREIGN)
			make_foreign(path);
		else
			overwrite(_i == LOCK ? lock : path, 0, 65536, 1);
		if (_i == SHORT || _i == TINY)
			ck_assert_int_eq(truncate(path, _i == TINY ? 10 : 5000), 0);
		assert_none(&f, space, "a");
		ck_assert_int_eq(store_set(f.store, space, VIEW("a"), VIEW("1"), 0), STORE_OK);
		assert_get(&f, space, "a", "1");
		if (_i != LOCK)
			ck_assert_int_eq(access(bad, F_OK), 0);
	}
	fixture_end(&f);
}
END_TEST

/* Pages in the middle were written over, or are gone: found before anybody uses them. Others that have the old file open take
 * up the new one. */
START_TEST(test_damage_is_proved)
{
	struct fixture f;
	char bad[PATH_MAX + 8];
	int64_t size;

	ck_assert(fixture_begin(&f, "lmdb"));
	put(&f, &fast, 0, 20000, 0);
	size = size_of(path_of(&f, false));
	snprintf(bad, sizeof(bad), "%s.bad", path_of(&f, false));
	store_prove(f.store);
	ck_assert_int_ne(access(bad, F_OK), 0);
	store_rest(f.store);
	if (_i == 0)
		ck_assert_int_eq(truncate(path_of(&f, false), 8192), 0);
	else
		overwrite(path_of(&f, false), 8192, (size_t)size - 8192 - 4096, _i);
	store_prove(f.store);
	ck_assert_int_eq(access(bad, F_OK), 0);
	assert_none(&f, &fast, "key-1");
	put(&f, &fast, 0, 100, 0);
	check_all(&f, &fast, 100);
	fixture_end(&f);
}
END_TEST

START_TEST(test_others_follow)
{
	struct fixture f;
	struct store_file other;
	struct err err = { "" };
	size_t entries, octets;

	ck_assert(fixture_begin(&f, "lmdb"));
	put(&f, &lasting, 0, 10, 0);
	pid_t pid = fork();

	if (pid == 0) {		/* it finds the file damaged, says it */
		store_file_init(&other, path_of(&f, true), true, 1 << 20);
		if (!store_file_size(&other, &entries, &octets, &err) || entries != 10)
			_exit(1);
		store_file_set_aside(&other, "a test says so");
		store_file_set_aside(&other, "and has no effect on the next one");
		_exit(!store_file_size(&other, &entries, &octets, &err) || entries != 0);
	}
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	pause_ms(1050);		/* a look a second */
	assert_none(&f, &lasting, "key-1");
	put(&f, &lasting, 0, 10, 0);
	check_all(&f, &lasting, 10);
	fixture_end(&f);
}
END_TEST

/* ---- rights, places ---- */

START_TEST(test_no_directory)
{
	struct fixture f;
	struct view got;

	ck_assert(fixture_begin(&f, "lmdb"));
	store_free(&f.store);
	f.settings.state_dir = "/nonexistent";
	fixture_open(&f);
	ck_assert_int_eq(store_get(f.store, &lasting, VIEW("a"), &got), STORE_AWAY);
	ck_assert_int_eq(store_get(f.store, &fast, VIEW("a"), &got), STORE_NONE);
	fixture_end(&f);
}
END_TEST

/* What another user may not do; and the file is nobody else's to read. */
START_TEST(test_two_users)
{
	const struct passwd *nobody = getpwnam("nobody");
	struct fixture f;
	struct stat st;
	struct view got;
	int status;

	ck_assert(fixture_begin(&f, "lmdb"));
	put(&f, &lasting, 0, 10, 0);
	ck_assert_int_eq(stat(path_of(&f, true), &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0600);
	if (geteuid() == 0 && nobody) {
		ck_assert_int_eq(chmod(f.dir, 0777), 0);
		pid_t pid = fork();

		if (pid == 0) {
			if (setgid(nobody->pw_gid) != 0 || setuid(nobody->pw_uid) != 0)
				_exit(1);
			_exit(store_get(f.store, &lasting, VIEW("key-1"), &got) != STORE_AWAY);
		}
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert_int_eq(status, 0);
	}
	check_all(&f, &lasting, 10);
	fixture_end(&f);
}
END_TEST

/* What an earlier boot has left in run_dir goes; the lasting file stays. */
START_TEST(test_new_boot)
{
	struct fixture f;
	char old[PATH_MAX];

	ck_assert(fixture_begin(&f, "lmdb"));
	put(&f, &lasting, 0, 10, 0);
	put(&f, &fast, 0, 10, 0);
	snprintf(old, sizeof(old), "%s/store-00000000-0000-0000-0000-000000000000.mdb", f.dir);
	overwrite(old, 0, 4096, 1);
	store_prove(f.store);
	ck_assert_int_ne(access(old, F_OK), 0);
	check_all(&f, &lasting, 10);
	check_all(&f, &fast, 10);
	fixture_end(&f);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("store_lmdb");
	TCase *tcase = tcase_create("lmdb");
	const TTest *tests[] = { test_killed_writers, test_killed_in_a_transaction, test_grows, test_full, test_clean, test_others_follow, test_no_directory,
		test_two_users, test_new_boot };
	SRunner *runner;
	int failed;

	for (size_t i = 0; i < COUNT_OF(tests); i++)
		tcase_add_test(tcase, tests[i]);
	tcase_add_loop_test(tcase, test_no_file_of_ours, 0, HARMS);
	tcase_add_loop_test(tcase, test_damage_is_proved, 0, 4);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
