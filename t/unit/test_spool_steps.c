/* test_spool_steps.c - the process is killed at every step of the spool, once each, and what is left is held against the table
 * of states in postrider-spool(5): what was acknowledged is there, whole, in one state; what was not is gone or whole; a
 * cleaned spool holds nothing else, and work goes on where it stopped. */
#include "spool_fixture.h"
#include <signal.h>
#include <sys/wait.h>

/* What the child says on the pipe as it goes. */
enum word { SMALL_ACKED = 's', LARGE_ACKED = 'l', STATUS_SET = 'd', REMOVING = 'r' };

#define SMALL_TEXT "Subject: small\r\n\r\nx\r\n"
#define LARGE_SIZE 100000

static char ids[2][SPOOL_ID_SIZE];

static void say(int pipe_fd, enum word word)
{
	char c = (char)word;
	if (write(pipe_fd, &c, 1) != 1)
		_exit(3);
}

static void must(bool ok)
{
	if (!ok)
		_exit(2);
}

static struct spool_writer *begin(size_t memory, char *id, int pipe_fd)
{
	struct spool_writer *w = spool_write_begin(fx.spool, memory);
	memcpy(id, spool_write_id(w), SPOOL_ID_SIZE);
	must(write(pipe_fd, id, SPOOL_ID) == SPOOL_ID);
	return w;
}

static struct spool_file must_open(const char *id, enum spool_state state)
{
	struct spool_file f;
	must(spool_file_open(fx.spool, id, state, true, fx.arena, &f, &fx.err) == SPOOL_READ_OK);
	return f;
}

/* Everything that happens to messages, once. */
static void child(int pipe_fd)
{
	struct envelope env = fixture_envelope(2);
	char *large = arena_alloc(fx.arena, LARGE_SIZE);
	memset(large, 'x', LARGE_SIZE);
	struct spool_writer *w = begin(4096, ids[0], pipe_fd);
	must(spool_write(w, SMALL_TEXT, strlen(SMALL_TEXT), &fx.err) && spool_commit(w, VIEW(""), 0, &env, &fx.err));
	say(pipe_fd, SMALL_ACKED);
	spool_write_end(&w);
	w = begin(4096, ids[1], pipe_fd);
	for (size_t at = 0; at < LARGE_SIZE; at += 1000)
		must(spool_write(w, large + at, 1000, &fx.err));
	must(spool_commit(w, VIEW("Received: here\r\n"), 0, &env, &fx.err));
	say(pipe_fd, LARGE_ACKED);
	spool_write_end(&w);

	struct spool_file f = must_open(ids[0], SPOOL_NEW);
	must(spool_set_status(&f, 0, RCPT_DONE, &fx.err));
	say(pipe_fd, STATUS_SET);
	f.env.attempts = 1;
	f.env.next = 2000000000;
	f.env.rcpts[1].last = "mx [192.0.2.1] 451 4.7.1 later";
	must(spool_update(&f, &fx.err) && spool_defer(fx.spool, &f, f.env.next, &fx.err));
	spool_file_close(&f);
	must(spool_move(fx.spool, ids[1], SPOOL_NEW, SPOOL_HOLD, &fx.err));
	must(spool_move(fx.spool, ids[1], SPOOL_HOLD, SPOOL_LATER, &fx.err));
	say(pipe_fd, REMOVING);
	must(spool_remove(fx.spool, ids[1], SPOOL_LATER, &fx.err));
	_exit(0);
}

/* Runs the child until it is killed at NAME; *SAID is what it said, without the ids, which are kept. */
static void run_child(const char *name, char said[8])
{
	int fds[2], status;
	char text[128];
	ck_assert_int_eq(pipe(fds), 0);
	pid_t pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		close(fds[0]);
		setenv("POSTRIDER_CRASH_AT", name, 1);
		child(fds[1]);
	}
	close(fds[1]);
	size_t len = 0, n = 0;
	ssize_t got;
	while ((got = read(fds[0], text + len, sizeof text - len)) > 0)
		len += (size_t)got;
	close(fds[0]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "%s: never reached (status %x)", name, (unsigned)status);
	memset(ids, 0, sizeof ids);
	for (size_t at = 0, id = 0; at < len;) {
		if (text[at] >= 'a') {
			said[n++] = text[at++];
			continue;
		}
		memcpy(ids[id++], text + at, SPOOL_ID);
		at += SPOOL_ID;
	}
	said[n] = '\0';
}

static unsigned states_with(const char *id)
{
	unsigned found = 0;
	for (unsigned state = 0; state < SPOOL_STATES; state++)
		found += access(fixture_file((enum spool_state)state, id), F_OK) == 0;
	return found;
}

/* ID is whole, if it is there; it must be when it was ACKED and is not being removed. */
static bool look_whole(const char *name, const char *id, bool acked, bool removing, uint64_t size, struct spool_file *f)
{
	if (id[0] == '\0')
		return false;
	unsigned found = states_with(id);
	ck_assert_msg(found == 1 || (found == 0 && (!acked || removing)), "%s: in %u states", name, found);
	if (found == 0)
		return false;
	enum spool_read result = spool_file_find(fx.spool, id, true, fx.arena, f, &fx.err);
	ck_assert_msg(result == SPOOL_READ_OK, "%s: %d %s", name, (int)result, fx.err.text);
	ck_assert_uint_eq(f->message_len, size);
	ck_assert_int_eq((int)spool_file_check(f, &fx.err), SPOOL_READ_OK);
	return true;
}

static void assert_tmp_empty(const char *name)
{
	unsigned removed = 1;
	ck_assert_msg(spool_clean(fx.spool, INT64_MAX, true, &removed, &fx.err), "%s: %s", name, fx.err.text);
	ck_assert_msg(removed == 0, "%s: cleaning left something", name);
}

START_TEST(killed_at)
{
	const char *name = crash_point_name((size_t)_i);
	struct spool_file f;
	unsigned removed;
	char said[8];
	if (strncmp(name, "spool-", 6) != 0)
		return;
	run_child(name, said);
	ck_assert_msg(spool_clean(fx.spool, INT64_MAX, true, &removed, &fx.err), "%s: %s", name, fx.err.text);
	assert_tmp_empty(name);
	ck_assert_uint_eq(fixture_count(SPOOL_BAD), 0);
	bool small_acked = strchr(said, SMALL_ACKED) != NULL, removing = strchr(said, REMOVING) != NULL;
	if (look_whole(name, ids[1], strchr(said, LARGE_ACKED) != NULL, removing, LARGE_SIZE + strlen("Received: here\r\n"), &f))
		spool_file_close(&f);
	if (!look_whole(name, ids[0], small_acked, false, strlen(SMALL_TEXT), &f))
		return;
	if (strchr(said, STATUS_SET) != NULL)
		ck_assert_int_eq((int)f.env.rcpts[0].status, RCPT_DONE);
	ck_assert_int_eq((int)f.env.rcpts[1].status, RCPT_TODO);
	f.env.attempts = 9;
	ck_assert_msg(spool_update(&f, &fx.err) && spool_defer(fx.spool, &f, 2000000001, &fx.err), "%s: %s", name, fx.err.text);
	spool_file_close(&f);
	f = fixture_open(ids[0], SPOOL_LATER);
	ck_assert_uint_eq(f.env.attempts, 9);
	spool_file_close(&f);
}
END_TEST

/* A name with a count, and one that is not passed so often. */
START_TEST(counted)
{
	char said[8];
	run_child("spool-large-flushed:3", said);
	ck_assert_str_eq(said, "s");
	setenv("POSTRIDER_CRASH_AT", "spool-moved:3", 1);
	crash_point("spool-moved");
	crash_point("spool-moved-not");
	crash_point("spool-moved");
}
END_TEST

int main(void)
{
	int names = 0;
	while (crash_point_name((size_t)names) != NULL)
		names++;
	Suite *s = suite_create("spool_steps");
	TCase *t = tcase_create("spool_steps");
	tcase_add_checked_fixture(t, fixture_start, fixture_end);
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, killed_at, 0, names);
	tcase_add_test(t, counted);
	suite_add_tcase(s, t);
	SRunner *runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
