/* store_fixture.h - a store for unit tests: a directory of its own, a real redis-server on a Unix socket in it, or a program
 * of ours in its place. */
#ifndef STORE_FIXTURE_H
#define STORE_FIXTURE_H

#include "unit.h"
#include "../../lib/buf.h"
#include "../../lib/clock.h"
#include "../../lib/store.h"
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

struct fixture {
	char dir[128], address[256], socket[104];
	struct settings settings;
	struct store *store;
	pid_t server;
};

static const struct store_space fast = { .name = "test" }, lasting = { .name = "test_lasting", .lasting = true };

static inline void pause_ms(int ms)
{
	poll(NULL, 0, ms);
}

static inline void fixture_open(struct fixture *f)
{
	struct err err = { "" };

	f->store = store_new(&f->settings, &err);
	ck_assert_msg(f->store != NULL, "%s", err.text);
}

/* KIND "lmdb" or "redis"; opens nothing, and starts no server. */
static inline void fixture_make(struct fixture *f, const char *kind)
{
	const char *tmp = getenv("TMPDIR");

	*f = (struct fixture){ .server = -1 };
	snprintf(f->dir, sizeof(f->dir), "%s/store-XXXXXX", tmp && strlen(tmp) < 80 ? tmp : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(f->dir));
	snprintf(f->socket, sizeof(f->socket), "%.90s/s", f->dir);
	snprintf(f->address, sizeof(f->address), "%s%s", strcmp(kind, "redis") == 0 ? "redis+unix://" : kind, strcmp(kind, "redis") == 0 ? f->socket : "");
	f->settings = (struct settings){ .dir = f->dir, .run_dir = f->dir, .state_dir = f->dir, .store = f->address, .store_password_file = "",
		.store_prefix = "postrider:", .store_connect_timeout = 5000, .store_timeout = 5000, .store_size = 64 << 20 };
}

static inline int socket_at(const char *path, bool listening)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	ck_assert_int_ge(fd, 0);
	if (listening)
		ck_assert_int_eq(bind(fd, (struct sockaddr *)&un, sizeof(un)) | listen(fd, 16), 0);
	else if (connect(fd, (struct sockaddr *)&un, sizeof(un)) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Whether it was found. MORE: further arguments, NULL-terminated, or NULL. */
static inline bool redis_start(struct fixture *f, const char *const *more)
{
	const char *argv[32] = { "redis-server", "--port", "0", "--unixsocket", f->socket, "--save", "", "--appendonly", "no", "--dir", f->dir,
		"--loglevel", "warning" };
	size_t n = 13;

	for (; more && *more && n + 1 < COUNT_OF(argv); more++)
		argv[n++] = *more;
	unlink(f->socket);
	f->server = fork();
	if (f->server == 0) {
		int null = open("/dev/null", O_RDWR);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(null, 1);
		execvp(argv[0], (char **)(uintptr_t)argv);
		argv[0] = "valkey-server";
		execvp(argv[0], (char **)(uintptr_t)argv);
		_exit(127);
	}
	for (int i = 0; i < 2000; i++) {
		int fd = socket_at(f->socket, false), status;

		if (fd >= 0) {
			close(fd);
			return true;
		}
		if (waitpid(f->server, &status, WNOHANG) == f->server) {
			f->server = -1;
			printf("skip redis: no redis-server here\n");
			return false;
		}
		pause_ms(5);
	}
	ck_abort_msg("redis-server does not listen");
}

static inline void redis_stop(struct fixture *f)
{
	if (f->server > 0) {
		kill(f->server, SIGKILL);
		waitpid(f->server, NULL, 0);
	}
	f->server = -1;
}

static inline int fixture_unlink(const char *path, const struct stat *st UNUSED, int type UNUSED, struct FTW *ftw UNUSED)
{
	return remove(path);
}

static inline void fixture_end(struct fixture *f)
{
	store_free(&f->store);
	redis_stop(f);
	ck_assert_int_eq(nftw(f->dir, fixture_unlink, 8, FTW_DEPTH | FTW_PHYS), 0);
}

/* The whole thing; false: no Redis here. */
static inline bool fixture_begin(struct fixture *f, const char *kind)
{
	fixture_make(f, kind);
	if (strcmp(kind, "redis") == 0 && !redis_start(f, NULL)) {
		fixture_end(f);
		return false;
	}
	fixture_open(f);
	return true;
}

#define assert_get(f, space, key, text) do { \
		struct view got_ = VIEW(""); \
		ck_assert_int_eq(store_get((f)->store, space, view_of(key), &got_), STORE_OK); \
		assert_view_eq(got_, text); \
	} while (0)
#define assert_none(f, space, key) do { \
		struct view got_; \
		ck_assert_int_eq(store_get((f)->store, space, view_of(key), &got_), STORE_NONE); \
	} while (0)

#endif
