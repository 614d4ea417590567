/* test_place.c - the run directory: made, refused when it is another's, locked by one, its files replaced in one step. */
#include "unit.h"
#include "../../server/place.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

static char base[64], run[96];

static struct drop_target target(void)
{
	return (struct drop_target){ .uid = geteuid(), .gid = getegid(), .user = "us" };
}

static void make_base(void)
{
	snprintf(base, sizeof base, "/tmp/postrider-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(base));
	snprintf(run, sizeof run, "%s/run", base);
}

static void remove_base(void)
{
	ck_assert_int_eq(rmdir(run), 0);
	ck_assert_int_eq(rmdir(base), 0);
}

START_TEST(test_make)
{
	struct drop_target us = target();
	struct err err = { "" };
	struct stat st;

	make_base();
	for (int i = 0; i < 2; i++) {
		ck_assert_msg(place_make(run, 0750, &us, &err), "%s", err.text);
		ck_assert_int_eq(stat(run, &st), 0);
		ck_assert_int_eq(st.st_mode & 0777, 0750);
		chmod(run, 0777);
	}
	remove_base();
}
END_TEST

START_TEST(test_make_refuses)
{
	struct drop_target us = target();
	struct err err = { "" };

	make_base();
	ck_assert_int_eq(symlink("/tmp", run), 0);
	ck_assert(!place_make(run, 0750, &us, &err));
	unlink(run);
	close(open(run, O_CREAT | O_WRONLY, 0600));
	ck_assert(!place_make(run, 0750, &us, &err));
	unlink(run);
	ck_assert(!place_make("/nonexistent/run", 0750, &us, &err));
	if (geteuid() == 0) {
		ck_assert_int_eq(mkdir(run, 0755), 0);
		ck_assert_int_eq(chown(run, 12345, 12345), 0);
		err.text[0] = '\0';
		ck_assert(!place_make(run, 0750, &us, &err));
		ck_assert_msg(strstr(err.text, "belongs to user id 12345") != NULL, "%s", err.text);
		rmdir(run);
	}
	ck_assert_int_eq(rmdir(base), 0);
}
END_TEST

/* A second master, in a process of its own. */
static bool locked_for_others(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		struct err err = { "" };
		int fd = place_lock(run, &err);
		char expected[64];

		snprintf(expected, sizeof expected, "process %d) is running on", (int)getppid());
		_exit(fd >= 0 ? 1 : strstr(err.text, expected) != NULL ? 0 : 2);
	}
	waitpid(pid, &status, 0);
	ck_assert_int_ne(WEXITSTATUS(status), 2);
	return WEXITSTATUS(status) == 0;
}

START_TEST(test_lock)
{
	struct drop_target us = target();
	struct err err = { "" };

	make_base();
	ck_assert_msg(place_make(run, 0750, &us, &err), "%s", err.text);
	int fd = place_lock(run, &err);

	ck_assert_msg(fd >= 0, "%s", err.text);
	ck_assert(locked_for_others());
	place_unlock(run, &fd);
	ck_assert_int_eq(fd, -1);
	ck_assert(!locked_for_others());	/* and it left a stale file behind, as a killed one does */
	fd = place_lock(run, &err);
	ck_assert_msg(fd >= 0, "%s", err.text);
	place_unlock(run, &fd);
	remove_base();
}
END_TEST

START_TEST(test_write)
{
	struct drop_target us = target();
	struct err err = { "" };
	char path[128], text[16] = "";

	make_base();
	ck_assert_msg(place_make(run, 0750, &us, &err), "%s", err.text);
	snprintf(path, sizeof path, "%s/listeners", run);
	for (int i = 0; i < 2; i++)
		ck_assert_msg(place_write(run, "listeners", i == 0 ? "a long first text\n" : "short\n", &err), "%s", err.text);
	int fd = open(path, O_RDONLY);

	ck_assert_int_eq(read(fd, text, sizeof text - 1), 6);
	ck_assert_str_eq(text, "short\n");
	close(fd);
	place_remove(path, NULL);
	ck_assert(!place_write("/nonexistent", "x", "x", &err));
	remove_base();
}
END_TEST

UNIT_MAIN("place", test_make, test_make_refuses, test_lock, test_write)
