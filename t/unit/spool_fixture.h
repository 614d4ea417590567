/* spool_fixture.h - a spool in a directory of its own, and messages in it, for the tests of queue/. */
#ifndef SPOOL_FIXTURE_H
#define SPOOL_FIXTURE_H

#include "../../lib/base.h"
#include <check.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>

#include "../../queue/spool.h"

struct fixture {
	char dir[200];		/* the temporary directory; the spool is "spool" in it */
	char path[256];
	struct spool *spool;
	struct arena *arena;
	struct err err;
};

static struct fixture fx;

static inline int fixture_remove(const char *path, const struct stat *st UNUSED, int type UNUSED, struct FTW *ftw UNUSED)
{
	return remove(path);
}

static inline void fixture_start(void)
{
	const char *place = getenv("TMPDIR");
	fx = (struct fixture){ 0 };
	snprintf(fx.dir, sizeof fx.dir, "%s/postrider-spool-XXXXXX", place != NULL ? place : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(fx.dir));
	snprintf(fx.path, sizeof fx.path, "%s/spool", fx.dir);
	ck_assert_msg(spool_create(fx.path, geteuid(), getegid(), &fx.err), "%s", fx.err.text);
	fx.spool = spool_open(fx.path, 7, &fx.err);
	ck_assert_msg(fx.spool != NULL, "%s", fx.err.text);
	fx.arena = arena_new(4096);
}

static inline void fixture_end(void)
{
	spool_close(&fx.spool);
	arena_free(&fx.arena);
	nftw(fx.dir, fixture_remove, 16, FTW_DEPTH | FTW_PHYS);
}

/* Where ID stands in STATE; valid until the next call. */
static inline const char *fixture_file(enum spool_state state, const char *id)
{
	static const char *const names[] = { "new", "later", "hold", "bad" };
	static char path[400];
	if (state == SPOOL_BAD)
		snprintf(path, sizeof path, "%s/bad/%s", fx.path, id);
	else
		snprintf(path, sizeof path, "%s/%s/%s/%s", fx.path, names[state], id + SPOOL_ID - 2, id);
	return path;
}

static inline bool fixture_count_one(void *arg, const char *id UNUSED, int64_t mtime UNUSED)
{
	++*(unsigned *)arg;
	return true;
}

static inline unsigned fixture_count(enum spool_state state)
{
	unsigned count = 0;
	ck_assert_msg(spool_scan(fx.spool, state, fixture_count_one, &count, &fx.err), "%s", fx.err.text);
	return count;
}

/* An envelope with RCPTS recipients ("r0@example.net", ...); memory of the fixture. */
static inline struct envelope fixture_envelope(size_t rcpts)
{
	struct envelope env = { .sender = "alice@example.com", .envid = "", .ret = "", .client = "192.0.2.1", .helo = "mx", .auth_user = "",
		.tls = "", .session = "s", .arrived = 1763690000000000, .rcpt_count = rcpts };
	env.rcpts = arena_alloc(fx.arena, rcpts * sizeof *env.rcpts);
	for (size_t i = 0; i < rcpts; i++)
		env.rcpts[i] = (struct envelope_rcpt){ .address = arena_printf(fx.arena, "r%zu@example.net", i), .domain = "example.net",
			.orcpt = "", .status = RCPT_TODO, .last = "" };
	return env;
}

/* Commits CONTENT with ENV; ID is filled. */
static inline void fixture_commit(struct view content, struct envelope *env, size_t memory, char id[SPOOL_ID_SIZE])
{
	struct spool_writer *w = spool_write_begin(fx.spool, memory);
	snprintf(id, SPOOL_ID_SIZE, "%s", spool_write_id(w));
	ck_assert_msg(spool_write(w, content.data, content.len, &fx.err), "%s", fx.err.text);
	ck_assert_msg(spool_commit(w, VIEW(""), 0, env, &fx.err), "%s", fx.err.text);
	spool_write_end(&w);
	ck_assert_ptr_null(w);
}

static inline struct spool_file fixture_open(const char *id, enum spool_state state)
{
	struct spool_file f;
	enum spool_read result = spool_file_open(fx.spool, id, state, true, fx.arena, &f, &fx.err);
	ck_assert_msg(result == SPOOL_READ_OK, "%d %s", (int)result, fx.err.text);
	return f;
}

#endif
