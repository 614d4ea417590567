/* test_spool.c - messages on disk: committed, read, changed, moved, found and cleaned; what a full disk and a second
 * process do. The hostile files are in test_spool_hostile.c. */
#include "spool_fixture.h"
#include <signal.h>
#include <sys/resource.h>
#include <time.h>

#include "../../lib/clock.h"
#include "../../queue/spool_id.h"

/* ---- ids ---- */

START_TEST(ids)
{
	char id[SPOOL_ID_SIZE], last[SPOOL_ID_SIZE] = "";
	for (int i = 0; i < 20000; i++) {
		if (i == 10000)
			clock_fake(1000);	/* the clock is set back */
		spool_new_id(fx.spool, id);
		ck_assert_int_gt(strcmp(id, last), 0);
		ck_assert(spool_id_valid(view_of(id)));
		ck_assert_uint_lt(spool_id_dir(id), SPOOL_DIRS);
		struct spool_key key;
		char back[SPOOL_ID_SIZE];
		ck_assert(spool_id_pack(view_of(id), &key));
		spool_id_unpack(&key, back);
		ck_assert_str_eq(back, id);
		memcpy(last, id, sizeof last);
	}
	clock_fake(0);
}
END_TEST

/* The same slot, another process: the same microsecond must not give the same id. */
START_TEST(ids_of_writers)
{
	char one[SPOOL_ID_SIZE], two[SPOOL_ID_SIZE];
	struct spool *other = spool_open(fx.path, 7 + 64, &fx.err);
	ck_assert_ptr_nonnull(other);
	clock_fake(1763690000);
	spool_new_id(fx.spool, one);
	spool_new_id(other, two);
	clock_fake(0);
	ck_assert_str_ne(one, two);
	ck_assert_uint_eq(spool_id_dir(one), spool_id_dir(two));	/* all write to one directory at one time */
	spool_close(&other);
}
END_TEST

/* Over time every directory gets its share. */
START_TEST(ids_go_round)
{
	char id[SPOOL_ID_SIZE];
	bool seen[SPOOL_DIRS] = { false };
	for (int i = 0; i < SPOOL_DIRS; i++) {
		clock_fake(1763690000 + i * 68);
		spool_new_id(fx.spool, id);
		seen[spool_id_dir(id)] = true;
	}
	clock_fake(0);
	unsigned count = 0;
	for (size_t i = 0; i < COUNT_OF(seen); i++)
		count += seen[i];
	ck_assert_uint_ge(count, SPOOL_DIRS - 2);
}
END_TEST

START_TEST(ids_refused)
{
	static const char *const bad[] = { "", ".", "..", "0000000000000000", "00000000000000000", "000000000000000000x",
		"000000000000000064", "000000000000000 07", "00000000000000000A", "00000000000000I007", "../000000000000007",
		"00000000000000/007", "0000000000000000-1", "o00000000000000007", "0000000000000000\n7" };
	struct spool_file f;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		ck_assert_msg(!spool_id_valid(view_of(bad[i])), "%s", bad[i]);
		ck_assert_int_eq((int)spool_file_open(fx.spool, bad[i], SPOOL_NEW, false, fx.arena, &f, &fx.err), SPOOL_READ_ERROR);
	}
	ck_assert(!spool_id_valid(VIEW("000000000000000\00007")));
	ck_assert(spool_id_valid(VIEW("0ZYX00000000000063")));
}
END_TEST

/* ---- commit and read ---- */

static const struct { size_t content, memory, head, skip; } commit_cases[] = {
	{ 0, 100, 0, 0 }, { 0, 0, 5, 0 }, { 10, 10, 0, 0 }, { 10, 10, 7, 0 }, { 10, 10, 7, 3 }, { 10, 10, 0, 10 },
	{ 10, 9, 7, 3 }, { 10, 0, 0, 0 }, { 10, 0, 0, 10 }, { 10, 1, SPOOL_HEAD_ROOM, 0 }, { 10, 1, SPOOL_HEAD_ROOM + 4, 4 },
	{ 8000, 9000, 300, 0 }, { 9000, 9000, 300, 0 }, { 300000, 400000, 300, 20 }, { 300000, 65536, 300, 0 },
	{ 300000, 65536, 300, 100000 }, { 300000, 65536, 16000, 17 }, { 300000, 65536, 100000, 90000 }, { 300000, 299999, 1, 0 },
};

/* Bytes that are nowhere the same twice in a row, so that a shift shows. */
static char *pattern(size_t len, unsigned start)
{
	char *text = arena_alloc(fx.arena, len + 1);
	for (size_t i = 0; i < len; i++)
		text[i] = (char)((i * 31 + i / 251 + start) % 253);
	return text;
}

static void assert_message(const struct spool_file *f, struct view expected)
{
	char *got = arena_alloc(fx.arena, f->message_len + 1);
	ck_assert_uint_eq(f->message_len, expected.len);
	ck_assert_int_eq(pread(f->fd, got, f->message_len, (off_t)f->message_at), (ssize_t)expected.len);
	ck_assert(view_eq(view_make(got, expected.len), expected));
	ck_assert_int_eq((int)spool_file_check(f, &fx.err), SPOOL_READ_OK);
}

START_TEST(commit_and_read)
{
	size_t len = commit_cases[_i].content, head_len = commit_cases[_i].head, skip = commit_cases[_i].skip;
	char *content = pattern(len, 0), *head = pattern(head_len, 100), *back = arena_alloc(fx.arena, len + 1), id[SPOOL_ID_SIZE];
	struct envelope env = fixture_envelope(2);
	struct spool_writer *w = spool_write_begin(fx.spool, commit_cases[_i].memory);
	memcpy(id, spool_write_id(w), sizeof id);
	for (size_t at = 0; at < len; at += 1009)
		ck_assert_msg(spool_write(w, content + at, len - at < 1009 ? len - at : 1009, &fx.err), "%s", fx.err.text);
	ck_assert_uint_eq(spool_write_size(w), len);
	for (size_t at = 0; at < len;) {
		ssize_t n = spool_write_read(w, at, back + at, len - at);
		ck_assert_int_gt(n, 0);
		at += (size_t)n;
	}
	ck_assert_int_eq(memcmp(back, content, len), 0);
	ck_assert_int_eq(spool_write_read(w, len, back, 1), 0);
	ck_assert_uint_eq(fixture_count(SPOOL_NEW), 0);
	ck_assert_msg(spool_commit(w, view_make(head, head_len), skip, &env, &fx.err), "%s", fx.err.text);
	ck_assert(!spool_commit(w, VIEW(""), 0, &env, &fx.err));
	spool_write_end(&w);

	ck_assert_uint_eq(fixture_count(SPOOL_NEW), 1);
	struct spool_file f = fixture_open(id, SPOOL_NEW);
	char *whole = arena_alloc(fx.arena, head_len + len + 1);
	memcpy(whole, head, head_len);
	memcpy(whole + head_len, content + skip, len - skip);
	assert_message(&f, view_make(whole, head_len + len - skip));
	ck_assert_str_eq(f.env.sender, "alice@example.com");
	ck_assert_uint_eq(f.env.rcpts[1].status_at, env.rcpts[1].status_at);
	spool_file_close(&f);
}
END_TEST

START_TEST(uncommitted_vanishes)
{
	struct envelope env = fixture_envelope(1);
	unsigned removed;
	for (size_t memory = 0; memory < 200; memory += 100) {
		struct spool_writer *w = spool_write_begin(fx.spool, memory);
		ck_assert(spool_write(w, "0123456789", 10, &fx.err));
		ck_assert(!spool_commit(w, VIEW(""), 11, &env, &fx.err));
		ck_assert(!spool_commit(w, view_make(pattern(SPOOL_HEAD_ROOM + 1, 0), SPOOL_HEAD_ROOM + 1), 0, &env, &fx.err));
		env.rcpt_count = 0;
		ck_assert(!spool_commit(w, VIEW(""), 0, &env, &fx.err));
		ck_assert(!spool_write_full(w));
		env.rcpt_count = 1;
		spool_write_end(&w);
	}
	ck_assert_uint_eq(fixture_count(SPOOL_NEW), 0);
	ck_assert(spool_clean(fx.spool, INT64_MAX, true, &removed, &fx.err));
	ck_assert_uint_eq(removed, 0);
	struct spool_writer *none = NULL;
	spool_write_end(&none);
}
END_TEST

/* A file may grow to LIMIT bytes: the write that passes it fails as on a full disk, part of it written. */
static const struct { size_t content, memory; rlim_t limit; } full_cases[] = {
	{ 50000, 100000, 20000 }, { 50000, 100000, 50100 }, { 50000, 20000, 30000 }, { 50000, 20000, 60000 },
	{ 50000, 20000, SPOOL_HEAD_ROOM + 50000 + 10 }, { 50000, 100000, 0 },
};

START_TEST(disk_full)
{
	struct envelope env = fixture_envelope(3);
	struct rlimit limit = { full_cases[_i].limit, RLIM_INFINITY }, none = { RLIM_INFINITY, RLIM_INFINITY };
	struct spool_writer *w = spool_write_begin(fx.spool, full_cases[_i].memory);
	char id[SPOOL_ID_SIZE];
	memcpy(id, spool_write_id(w), sizeof id);
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);	/* Check writes to a file, too: no assertion until it is lifted */
	bool ok = spool_write(w, pattern(25000, 0), 25000, &fx.err) && spool_write(w, pattern(25000, 9), 25000, &fx.err) &&
		spool_commit(w, VIEW("Received: x\r\n"), 0, &env, &fx.err);
	setrlimit(RLIMIT_FSIZE, &none);
	ck_assert(!ok);
	ck_assert(spool_write_full(w));
	spool_write_end(&w);
	ck_assert_uint_eq(fixture_count(SPOOL_NEW), 0);
	struct spool_file f;
	ck_assert_int_eq((int)spool_file_find(fx.spool, id, false, fx.arena, &f, &fx.err), SPOOL_READ_GONE);
	unsigned removed;
	ck_assert(spool_clean(fx.spool, INT64_MAX, true, &removed, &fx.err));
	ck_assert_uint_eq(removed, 0);
}
END_TEST

START_TEST(update_full)
{
	struct envelope env = fixture_envelope(2);
	char id[SPOOL_ID_SIZE];
	fixture_commit(VIEW("Subject: x\r\n\r\nx\r\n"), &env, 1000, id);
	struct spool_file f = fixture_open(id, SPOOL_NEW);
	struct rlimit limit = { f.end + 50, RLIM_INFINITY }, none = { RLIM_INFINITY, RLIM_INFINITY };
	signal(SIGXFSZ, SIG_IGN);
	f.env.attempts = 1;
	f.env.rcpts[0].last = "a longer answer, which moves the status byte of the next recipient";
	setrlimit(RLIMIT_FSIZE, &limit);
	bool ok = spool_update(&f, &fx.err);
	setrlimit(RLIMIT_FSIZE, &none);
	ck_assert(!ok);
	ck_assert(spool_set_status(&f, 1, RCPT_DONE, &fx.err));
	spool_file_close(&f);
	f = fixture_open(id, SPOOL_NEW);
	ck_assert_uint_eq(f.env.attempts, 0);
	ck_assert_int_eq((int)f.env.rcpts[1].status, RCPT_DONE);
	spool_file_close(&f);
}
END_TEST

/* ---- the runner's changes ---- */

START_TEST(status_and_update)
{
	struct envelope env = fixture_envelope(3);
	char id[SPOOL_ID_SIZE];
	struct stat st;
	fixture_commit(VIEW("Subject: x\r\n\r\nx\r\n"), &env, 1000, id);
	struct spool_file f = fixture_open(id, SPOOL_NEW);
	ck_assert(spool_set_status(&f, 1, RCPT_DONE, &fx.err));
	ck_assert(!spool_set_status(&f, 3, RCPT_DONE, &fx.err));
	for (unsigned i = 1; i <= 20; i++) {
		f.env.attempts = i;
		f.env.next = 2000000000 + i;
		f.env.rcpts[0].last = arena_printf(fx.arena, "mx [192.0.2.1] 451 4.7.1 answer %0*u", (int)i, i);
		ck_assert_msg(spool_update(&f, &fx.err), "%s", fx.err.text);
		ck_assert(spool_set_status(&f, 2, i % 2 ? RCPT_FAILED : RCPT_EXPIRED, &fx.err));
		spool_file_close(&f);
		f = fixture_open(id, SPOOL_NEW);
		ck_assert_uint_eq(f.env.attempts, i);
		ck_assert_int_eq((int)f.env.rcpts[0].status, RCPT_TODO);
		ck_assert_int_eq((int)f.env.rcpts[1].status, RCPT_DONE);
		ck_assert_int_eq((int)f.env.rcpts[2].status, i % 2 ? RCPT_FAILED : RCPT_EXPIRED);
		assert_message(&f, VIEW("Subject: x\r\n\r\nx\r\n"));
	}
	ck_assert(spool_update(&f, &fx.err));
	ck_assert_int_eq(fstat(f.fd, &st), 0);
	ck_assert_int_eq(st.st_mtime, 2000000020);
	spool_file_close(&f);
}
END_TEST

/* A large recipient list does not fit into the piece that the reader looks at first. */
START_TEST(many_recipients)
{
	struct envelope env = fixture_envelope(1000);
	char id[SPOOL_ID_SIZE];
	fixture_commit(VIEW("x\r\n"), &env, 1000, id);
	struct spool_file f = fixture_open(id, SPOOL_NEW);
	ck_assert_uint_eq(f.env.rcpt_count, 1000);
	ck_assert(spool_set_status(&f, 999, RCPT_DONE, &fx.err) && spool_update(&f, &fx.err));
	spool_file_close(&f);
	f = fixture_open(id, SPOOL_NEW);
	ck_assert_int_eq((int)f.env.rcpts[999].status, RCPT_DONE);
	ck_assert_str_eq(f.env.rcpts[999].address, "r999@example.net");
	spool_file_close(&f);
}
END_TEST

static bool remember_time(void *arg, const char *id UNUSED, int64_t mtime)
{
	*(int64_t *)arg = mtime;
	return false;
}

START_TEST(moves)
{
	struct envelope env = fixture_envelope(1);
	char id[SPOOL_ID_SIZE];
	int64_t mtime = 0;
	fixture_commit(VIEW("x\r\n"), &env, 1000, id);
	struct spool_file f = fixture_open(id, SPOOL_NEW);
	ck_assert(spool_defer(fx.spool, &f, 1800000000, &fx.err));
	ck_assert_int_eq((int)f.state, SPOOL_LATER);
	ck_assert_uint_eq(fixture_count(SPOOL_NEW), 0);
	ck_assert(spool_scan(fx.spool, SPOOL_LATER, remember_time, &mtime, &fx.err));
	ck_assert_int_eq(mtime, 1800000000);
	ck_assert(spool_defer(fx.spool, &f, 1800000001, &fx.err));
	ck_assert(spool_scan(fx.spool, SPOOL_LATER, remember_time, &mtime, &fx.err));
	ck_assert_int_eq(mtime, 1800000001);
	spool_file_close(&f);
	static const enum spool_state way[] = { SPOOL_LATER, SPOOL_HOLD, SPOOL_BAD, SPOOL_HOLD, SPOOL_NEW };
	for (size_t i = 1; i < COUNT_OF(way); i++) {
		ck_assert_msg(spool_move(fx.spool, id, way[i - 1], way[i], &fx.err), "%s", fx.err.text);
		ck_assert(!spool_move(fx.spool, id, way[i - 1], way[i], &fx.err));
		ck_assert_uint_eq(fixture_count(way[i]), 1);
		ck_assert_int_eq((int)spool_file_find(fx.spool, id, false, fx.arena, &f, &fx.err), SPOOL_READ_OK);
		ck_assert_int_eq((int)f.state, (int)way[i]);
		spool_file_close(&f);
	}
	ck_assert(spool_remove(fx.spool, id, SPOOL_NEW, &fx.err));
	ck_assert(!spool_remove(fx.spool, id, SPOOL_NEW, &fx.err));
	ck_assert_int_eq((int)spool_file_find(fx.spool, id, false, fx.arena, &f, &fx.err), SPOOL_READ_GONE);
}
END_TEST

/* ---- cleaning ---- */

static void write_file(const char *path, const char *text, int64_t mtime)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	struct timespec times[2] = { { .tv_sec = mtime }, { .tv_sec = mtime } };
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	ck_assert_int_eq(futimens(fd, times), 0);
	close(fd);
}

START_TEST(clean)
{
	struct envelope env = fixture_envelope(1);
	char good[SPOOL_ID_SIZE], hurt[SPOOL_ID_SIZE], id[SPOOL_ID_SIZE], path[400];
	int64_t now = time(NULL);
	unsigned removed;
	fixture_commit(VIEW("Subject: good\r\n"), &env, 1000, good);
	fixture_commit(VIEW("Subject: hurt\r\n"), &env, 1000, hurt);
	for (int i = 0; i < 2; i++) {
		spool_new_id(fx.spool, id);
		snprintf(path, sizeof path, "%s/tmp/%s", fx.path, id);
		write_file(path, "half a mess", now - i * 5000);
		spool_new_id(fx.spool, id);
		write_file(fixture_file(SPOOL_NEW, id), "half a mess", now - i * 5000);
	}
	snprintf(path, sizeof path, "%s/tmp/README", fx.path);
	write_file(path, "not ours", 0);
	int fd = open(fixture_file(SPOOL_NEW, hurt), O_WRONLY);
	ck_assert_int_eq(pwrite(fd, "\0\0\0", 3, 4), 3);
	close(fd);

	ck_assert_msg(spool_clean(fx.spool, now - 3600, false, &removed, &fx.err), "%s", fx.err.text);
	ck_assert_uint_eq(removed, 2);
	ck_assert_uint_eq(fixture_count(SPOOL_NEW), 3);
	ck_assert_msg(spool_clean(fx.spool, INT64_MAX, true, &removed, &fx.err), "%s", fx.err.text);
	ck_assert_uint_eq(removed, 2);
	ck_assert_uint_eq(fixture_count(SPOOL_NEW), 1);
	ck_assert_uint_eq(fixture_count(SPOOL_BAD), 1);
	ck_assert_int_eq(access(fixture_file(SPOOL_BAD, hurt), F_OK), 0);
	ck_assert_int_eq(access(path, F_OK), 0);
	struct spool_file f = fixture_open(good, SPOOL_NEW);
	spool_file_close(&f);
}
END_TEST

/* ---- the place ---- */

START_TEST(lock)
{
	struct spool *other = spool_open(fx.path, 8, &fx.err);
	ck_assert_ptr_nonnull(other);
	ck_assert_int_eq(spool_lock(fx.spool, false, &fx.err), 1);
	ck_assert_int_eq(spool_lock(fx.spool, false, &fx.err), 1);
	ck_assert_int_eq(spool_lock(other, false, &fx.err), 0);
	spool_close(&fx.spool);
	ck_assert_int_eq(spool_lock(other, true, &fx.err), 1);
	spool_close(&other);
}
END_TEST

START_TEST(room)
{
	ck_assert(spool_has_room(fx.spool, 1, 1));
	ck_assert(!spool_has_room(fx.spool, UINT64_MAX, 0));
}
END_TEST

START_TEST(create_again)
{
	char path[400], id[SPOOL_ID_SIZE];
	unsigned count = 0;
	struct stat st;
	struct envelope env = fixture_envelope(1);
	fixture_commit(VIEW("x\r\n"), &env, 1000, id);
	snprintf(path, sizeof path, "%s/later/63", fx.path);
	ck_assert_int_eq(rmdir(path), 0);
	ck_assert_int_eq(chmod(fx.path, 0755), 0);
	ck_assert_msg(spool_create(fx.path, geteuid(), getegid(), &fx.err), "%s", fx.err.text);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(stat(fx.path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0700);
	ck_assert_uint_eq(fixture_count(SPOOL_NEW), 1);
	ck_assert_int_eq(rmdir(path), 0);
	ck_assert_int_eq(symlink("/tmp", path), 0);
	ck_assert(!spool_create(fx.path, geteuid(), getegid(), &fx.err));
	ck_assert(!spool_scan(fx.spool, SPOOL_LATER, fixture_count_one, &count, &fx.err));
	ck_assert(!spool_create("/nonexistent/spool", geteuid(), getegid(), &fx.err));
	ck_assert_ptr_null(spool_open("/nonexistent/spool", 0, &fx.err));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("spool");
	TCase *t = tcase_create("spool");
	tcase_add_checked_fixture(t, fixture_start, fixture_end);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, ids);
	tcase_add_test(t, ids_of_writers);
	tcase_add_test(t, ids_go_round);
	tcase_add_test(t, ids_refused);
	tcase_add_loop_test(t, commit_and_read, 0, (int)COUNT_OF(commit_cases));
	tcase_add_test(t, uncommitted_vanishes);
	tcase_add_loop_test(t, disk_full, 0, (int)COUNT_OF(full_cases));
	tcase_add_test(t, update_full);
	tcase_add_test(t, status_and_update);
	tcase_add_test(t, many_recipients);
	tcase_add_test(t, moves);
	tcase_add_test(t, clean);
	tcase_add_test(t, lock);
	tcase_add_test(t, room);
	tcase_add_test(t, create_again);
	suite_add_tcase(s, t);
	SRunner *runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
