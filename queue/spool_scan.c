/* spool_scan.c - what is in the spool: names and times of a state, for the index and for lists; and the cleaning of what
 * never became a message. */
#include "spool_internal.h"
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "../lib/clock.h"
#include "../lib/log.h"
#include "spool_id.h"

typedef bool scan_each(void *arg, const char *id, int64_t mtime);
typedef bool scan_later(void *arg, const char *id, int64_t mtime, uint32_t domain);

/* Who is told of each file: one of the two. */
struct scan {
	scan_each *each;
	scan_later *later;
	void *arg;
};

enum scan_result { SCAN_ON, SCAN_STOPPED, SCAN_FAILED };

/* One directory. NUMBER: only names of that directory count; -1: all. What is not a queue id is not ours to touch. */
static enum scan_result scan_stream(DIR *dir, int number, const struct scan *scan)
{
	const struct dirent *entry;
	while (errno = 0, (entry = readdir(dir)) != NULL) {
		struct stat st;
		if (!spool_id_valid(view_of(entry->d_name)) || (number >= 0 && spool_id_dir(entry->d_name) != (unsigned)number))
			continue;
		if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
			if (errno != ENOENT)
				return SCAN_FAILED;
			continue;
		}
		bool more = scan->later ? scan->later(scan->arg, entry->d_name, st.st_mtime, (uint32_t)st.st_mtim.tv_nsec) :
			scan->each(scan->arg, entry->d_name, st.st_mtime);
		if (!more)
			return SCAN_STOPPED;
	}
	return errno == 0 ? SCAN_ON : SCAN_FAILED;
}

/* Takes over FD. */
static enum scan_result scan_dir(int fd, int number, const struct scan *scan, struct err *err)
{
	DIR *dir = fdopendir(fd);
	if (dir == NULL) {
		err_sys(err, "reading a directory of the spool");
		close(fd);
		return SCAN_FAILED;
	}
	enum scan_result result = scan_stream(dir, number, scan);
	if (result == SCAN_FAILED)
		err_sys(err, "reading a directory of the spool");
	closedir(dir);
	return result;
}

static bool scan_state(struct spool *sp, enum spool_state state, const struct scan *scan, struct err *err)
{
	int count = state == SPOOL_BAD ? 1 : SPOOL_DIRS;
	for (int i = 0; i < count; i++) {
		if (count > 1 && !spool_dir_mine(sp, (unsigned)i))
			continue;
		/* not a cached descriptor: the scan has a position of its own, and looking everywhere must not use up the table */
		int fd = spool_dir_open(sp, state, (unsigned)i, err);
		enum scan_result result = fd < 0 ? SCAN_FAILED : scan_dir(fd, count == 1 ? -1 : i, scan, err);
		if (result != SCAN_ON)
			return result == SCAN_STOPPED;
	}
	return true;
}

bool spool_scan(struct spool *sp, enum spool_state state, scan_each *each, void *arg, struct err *err)
{
	return scan_state(sp, state, &(struct scan){ .each = each, .arg = arg }, err);
}

bool spool_scan_later(struct spool *sp, scan_later *each, void *arg, struct err *err)
{
	return scan_state(sp, SPOOL_LATER, &(struct scan){ .later = each, .arg = arg }, err);
}

/* ---- cleaning ---- */

struct cleaner {
	struct spool *sp;
	struct arena *arena;
	int64_t before;		/* only what is not younger */
	bool cold;
	unsigned removed;
	bool failed;
	struct err *err;
};

static bool clean_tmp(void *arg, const char *id, int64_t mtime)
{
	struct cleaner *c = arg;
	if (mtime > c->before || !spool_dir_mine(c->sp, spool_id_dir(id)))
		return true;
	if (unlinkat(c->sp->tmp, id, 0) == 0)
		c->removed++;
	else if (errno != ENOENT)
		c->failed = !err_sys(c->err, "removing tmp/%s", id);
	return !c->failed;
}

/* A message whose trailer is good but whose content is not was either never acknowledged (a power cut before the sync ended)
 * or was damaged later; nobody can tell, so it is kept for a person. */
static void clean_message(struct cleaner *c, const struct spool_file *f)
{
	struct err why = { "" };
	if (!c->cold || spool_file_check(f, &why) != SPOOL_READ_DAMAGED)
		return;
	log_error("%s; moved to bad/", why.text);
	c->failed = !spool_move(c->sp, f->id, SPOOL_NEW, SPOOL_BAD, c->err);
}

static bool clean_new(void *arg, const char *id, int64_t mtime)
{
	struct cleaner *c = arg;
	struct spool_file f;
	struct err why = { "" };
	if (mtime > c->before)
		return true;
	arena_reset(c->arena);
	enum spool_read result = spool_file_open(c->sp, id, SPOOL_NEW, false, c->arena, &f, &why);
	if (result == SPOOL_READ_OK) {
		clean_message(c, &f);
		spool_file_close(&f);
	} else if (result == SPOOL_READ_INCOMPLETE) {
		c->failed = !spool_remove(c->sp, id, SPOOL_NEW, c->err);
		c->removed += !c->failed;
	}
	return !c->failed;
}

bool spool_clean(struct spool *sp, int64_t before, bool cold, unsigned *removed, struct err *err)
{
	struct cleaner c = { .sp = sp, .arena = arena_new(4096), .cold = cold, .before = before, .err = err };
	int cached = spool_tmp_fd(sp, err), tmp = cached < 0 ? -1 : openat(cached, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (cached >= 0 && tmp < 0)
		err_sys(err, "reading a directory of the spool");
	bool ok = tmp >= 0 && scan_dir(tmp, -1, &(struct scan){ .each = clean_tmp, .arg = &c }, err) != SCAN_FAILED && !c.failed &&
		spool_scan(sp, SPOOL_NEW, clean_new, &c, err) && !c.failed;
	arena_free(&c.arena);
	*removed = c.removed;
	return ok;
}
