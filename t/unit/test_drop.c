/* test_drop.c - giving up root. As an ordinary user only what anyone can do is looked at. */
#include "unit.h"
#include "../../lib/drop.h"
#include <grp.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static void in_child(int (*function)(void), int expected)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(function());
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == expected, "status 0x%x", (unsigned)status);
}

/* Each number names the check that failed. */
static int drop_and_look(void)
{
	struct drop_target target;
	struct err err = { "" };
	bool root = geteuid() == 0;
	gid_t groups[8];

	if (!drop_lookup("nobody", "", &target, &err) || !drop_root(&target, &err))
		return 1;
	if (geteuid() == 0 || getuid() == 0 || getuid() != target.uid || getgid() != target.gid)
		return 2;
	if (setuid(0) == 0 || seteuid(0) == 0 || (root && setgid(0) == 0))
		return 3;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 || prctl(PR_GET_DUMPABLE) != 0)
		return 4;
	int count = getgroups(COUNT_OF(groups), groups);

	for (int i = 0; root && i < count; i++)
		if (groups[i] == 0)
			return 5;
	return 0;
}

START_TEST(test_drop)
{
	in_child(drop_and_look, 0);
}
END_TEST

static int drop_to_root(void)
{
	struct drop_target root = { .uid = 0, .gid = 0, .user = "root" };
	struct err err = { "" };

	return drop_root(&root, &err) ? 1 : 0;
}

START_TEST(test_lookup)
{
	struct drop_target target;
	struct err err = { "" };

	if (geteuid() != 0) {
		ck_assert(drop_lookup("no-such-user", "", &target, &err));	/* means nothing then */
		ck_assert_uint_eq(target.uid, geteuid());
		return;
	}
	ck_assert(!drop_lookup("no-such-user", "", &target, &err));
	ck_assert_msg(strstr(err.text, "no-such-user") != NULL, "%s", err.text);
	err.text[0] = '\0';
	ck_assert(!drop_lookup("nobody", "no-such-group", &target, &err));
	ck_assert_msg(strstr(err.text, "no-such-group") != NULL, "%s", err.text);
	err.text[0] = '\0';
	ck_assert(!drop_lookup("root", "", &target, &err));
	ck_assert_msg(strstr(err.text, "never handled as root") != NULL, "%s", err.text);
	ck_assert(drop_lookup("nobody", "mail", &target, &err));
	ck_assert_uint_eq(target.gid, getgrnam("mail")->gr_gid);
	in_child(drop_to_root, 0);	/* the proof fails */
}
END_TEST

UNIT_MAIN("drop", test_drop, test_lookup)
