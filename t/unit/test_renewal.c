/* test_renewal.c - fingerprints of files, and when the master finds that a role must be renewed. */
#include "../../lib/base.h"
#include "../../lib/ipc.h"
#include "../../lib/watch.h"
#include "../../server/renewal.h"

#include <check.h>
#include <ftw.h>
#include <sys/socket.h>
#include <sys/stat.h>

static char dir[128];

static void make_dir(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(dir, sizeof(dir), "%s/test_renewal.XXXXXX", tmp ? tmp : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(dir));
}

static int remove_one(const char *path, const struct stat *st UNUSED, int flag UNUSED, struct FTW *ftw UNUSED)
{
	return remove(path);
}

static void remove_dir(void)
{
	ck_assert_int_eq(nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

static const char *path_of(const char *name)
{
	static char path[4][256];
	static unsigned n;
	char *p = path[n++ % COUNT_OF(path)];

	snprintf(p, sizeof(path[0]), "%s/%s", dir, name);
	return p;
}

static void put(const char *name, const char *text)
{
	FILE *out = fopen(path_of(name), "w");

	ck_assert_ptr_nonnull(out);
	fputs(text, out);
	fclose(out);
}

START_TEST(fingerprints)
{
	const char *paths[] = { dir };
	uint64_t last = watch_fingerprint(paths, 1), now;

#define CHANGED() (now = watch_fingerprint(paths, 1), now != last ? (last = now, true) : false)
	ck_assert(last != 0);
	ck_assert(!CHANGED());
	put("a", "1");
	ck_assert(CHANGED());
	ck_assert(!CHANGED());
	put("a", "22");
	ck_assert(CHANGED());
	ck_assert_int_eq(mkdir(path_of("sub"), 0700), 0);
	ck_assert(CHANGED());
	put("sub/b", "1");
	ck_assert(CHANGED());
	put(".hidden", "1");
	ck_assert(!CHANGED());
	ck_assert_int_eq(symlink("a", path_of("link")), 0);
	ck_assert(CHANGED());
	put("c", "22");		/* the link's new end: the same size, another file */
	ck_assert(CHANGED());
	ck_assert_int_eq(symlink("c", path_of(".new")), 0);
	ck_assert_int_eq(rename(path_of(".new"), path_of("link")), 0);
	ck_assert(CHANGED());
	ck_assert_int_eq(symlink(".", path_of("circle")), 0);
	ck_assert(CHANGED());
	ck_assert_int_eq(unlink(path_of("circle")), 0);
	ck_assert(CHANGED());
	ck_assert_int_eq(unlink(path_of("sub/b")), 0);
	ck_assert(CHANGED());
}
END_TEST

START_TEST(looks)
{
	char a[256], b[256];
	const char *paths[] = { a, b };
	snprintf(a, sizeof(a), "%s/a", dir);
	snprintf(b, sizeof(b), "%s/not-there", dir);
	struct renewal r = { .count = 2, .paths = (char **)(uintptr_t)paths, .read = watch_fingerprint(paths, 2) };

	ck_assert_int_eq(renewal_look(&r, 1), RENEWAL_NONE);
	put("a", "1");
	ck_assert_int_eq(renewal_look(&r, 2), RENEWAL_SOON);
	put("a", "12");
	ck_assert_int_eq(renewal_look(&r, 3), RENEWAL_SOON);
	ck_assert_int_eq(renewal_look(&r, 4), RENEWAL_DUE);
	ck_assert_int_eq(renewal_look(&r, 5), RENEWAL_NONE);		/* tried */
	ck_assert_int_eq(renewal_look(&r, 6), RENEWAL_NONE);
	ck_assert_int_eq(renewal_look(&r, 4 + 3600000), RENEWAL_DUE);	/* once more, after an hour */
	put("a", "123");
	ck_assert_int_eq(renewal_look(&r, 4000000), RENEWAL_SOON);
	ck_assert_int_eq(unlink(path_of("a")), 0);
	ck_assert_int_eq(renewal_look(&r, 4000001), RENEWAL_NONE);	/* as it was read */
	r.count = 0;
	ck_assert_int_eq(renewal_look(&r, 4000002), RENEWAL_NONE);
}
END_TEST

static const struct { unsigned count; const char *paths[3]; const char *says; } messages[] = {
	{ 2, { "/a", "/b/c" }, NULL }, { 0, { NULL }, NULL }, { 1, { "a" }, "no absolute path" }, { 1, { "" }, "no absolute path" },
	{ 1, { "/a\nb" }, "no absolute path" }, { 2, { "/a" }, "no absolute path" }, { 1, { "/a", "/b" }, "" }, { 60000, { "/a" }, "60000 files" },
};

START_TEST(taken)
{
	static struct ipc_out out;
	static struct ipc_in in;
	struct renewal r = { 0 };
	struct err err = { "" };
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	ipc_begin(&out, IPC_WATCH);
	ipc_put_u64(&out, 77);
	ipc_put_u16(&out, (uint16_t)messages[_i].count);
	for (size_t i = 0; i < COUNT_OF(messages[0].paths) && messages[_i].paths[i]; i++)
		ipc_put_view(&out, view_of(messages[_i].paths[i]));
	ck_assert(ipc_send(pair[0], &out, &err));
	ck_assert_int_eq(ipc_receive(pair[1], &in, &err), 1);
	ck_assert_int_eq(renewal_take(&r, &in, &err), messages[_i].says == NULL);
	ck_assert_msg(!messages[_i].says || strstr(err.text, messages[_i].says), "%s", err.text);
	if (!messages[_i].says) {
		ck_assert_uint_eq(r.read, 77);
		ck_assert_uint_eq(r.count, messages[_i].count);
	}
	renewal_free(&r);
	close(pair[0]);
	close(pair[1]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("renewal");
	TCase *t = tcase_create("renewal");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(t, make_dir, remove_dir);
	tcase_add_test(t, fingerprints);
	tcase_add_test(t, looks);
	tcase_add_loop_test(t, taken, 0, (int)COUNT_OF(messages));
	suite_add_tcase(suite, t);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
