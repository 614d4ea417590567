/* spool_dir.c - the spool as a place: its directories, made and opened, the lock of the process that manages the queue,
 * and how much room is left. Every path below the spool directory is opened from a descriptor, without following links. */
#include "spool_internal.h"
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "../lib/clock.h"
#include "spool_id.h"

#define DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_CLOEXEC)
#define DIR_NAME_SIZE 16

static const char *const state_names[SPOOL_STATES] = { "new", "later", "hold", "bad" };

const char *spool_state_name(enum spool_state state)
{
	return state_names[state];
}

static bool state_is_flat(enum spool_state state)
{
	return state == SPOOL_BAD;
}

struct spool *spool_open(const char *dir, unsigned writer, struct err *err)
{
	int root = open(dir, DIR_FLAGS);
	if (root < 0) {
		err_sys(err, "opening the spool directory %s", dir);
		return NULL;
	}
	struct spool *sp = malloc(sizeof *sp);
	if (sp == NULL) {
		close(root);
		err_sys(err, "opening the spool directory %s", dir);
		return NULL;
	}
	*sp = (struct spool){ .root = root, .tmp = -1, .lock = -1, .sync_names = spool_sync_names_file(root), .writer = writer, .parts = 1, .counter = (uint32_t)getpid() };
	memset(sp->dirs, -1, sizeof sp->dirs);
	return sp;
}

void spool_close(struct spool **sp)
{
	if (*sp == NULL)
		return;
	for (size_t state = 0; state < SPOOL_STATES; state++)
		for (size_t i = 0; i < SPOOL_DIRS; i++)
			if ((*sp)->dirs[state][i] >= 0)
				close((*sp)->dirs[state][i]);
	if ((*sp)->tmp >= 0)
		close((*sp)->tmp);
	if ((*sp)->lock >= 0)
		close((*sp)->lock);
	close((*sp)->root);
	free(*sp);
	*sp = NULL;
}

const char *spool_path(const char *dir, enum spool_state state, const char *id, struct arena *a)
{
	if (state_is_flat(state))
		return arena_printf(a, "%s/%s/%s", dir, state_names[state], id);
	return arena_printf(a, "%s/%s/%02u/%s", dir, state_names[state], spool_id_dir(id), id);
}

int spool_tmp_fd(struct spool *sp, struct err *err)
{
	if (sp->tmp < 0) {
		sp->tmp = openat(sp->root, "tmp", DIR_FLAGS | O_NOFOLLOW);
		if (sp->tmp < 0)
			err_sys(err, "opening tmp/ in the spool");
	}
	return sp->tmp;
}

/* Two steps, so that O_NOFOLLOW holds for both names. */
static int dir_open(int root, enum spool_state state, unsigned dir, struct err *err)
{
	int fd = openat(root, state_names[state], DIR_FLAGS | O_NOFOLLOW);
	if (fd >= 0 && !state_is_flat(state)) {
		char name[DIR_NAME_SIZE];
		snprintf(name, sizeof name, "%02u", dir);
		int outer = fd;
		fd = openat(outer, name, DIR_FLAGS | O_NOFOLLOW);
		int saved = errno;
		close(outer);
		errno = saved;
	}
	if (fd < 0)
		err_sys(err, "opening %s/%02u in the spool", state_names[state], dir);
	return fd;
}

int spool_dir_open(struct spool *sp, enum spool_state state, unsigned dir, struct err *err)
{
	return dir_open(sp->root, state, dir, err);
}

int spool_dir_fd(struct spool *sp, enum spool_state state, unsigned dir, struct err *err)
{
	int *fd = &sp->dirs[state][state_is_flat(state) ? 0 : dir % SPOOL_DIRS];
	if (*fd < 0)
		*fd = dir_open(sp->root, state, dir, err);
	return *fd;
}

int spool_id_fd(struct spool *sp, enum spool_state state, const char *id, struct err *err)
{
	if (!spool_id_valid(view_of(id))) {
		err_set(err, "not a queue id");
		errno = EINVAL;
		return -1;
	}
	return spool_dir_fd(sp, state, spool_id_dir(id), err);
}

/* ---- making it ---- */

struct maker {
	uid_t uid;
	gid_t gid;
	struct err *err;
};

/* Makes NAME below AT if it is missing and gives it to the owner; returns it opened. Mode 0700 keeps every other user away
 * from the mail, so an existing directory that is wider is narrowed. */
static int make_dir(const struct maker *m, int at, const char *name, int flags)
{
	struct stat st;
	if (mkdirat(at, name, 0700) < 0 && errno != EEXIST) {
		err_sys(m->err, "making directory %s", name);
		return -1;
	}
	int fd = openat(at, name, DIR_FLAGS | flags);
	if (fd >= 0 && fstat(fd, &st) == 0 &&
	    ((st.st_uid == m->uid && st.st_gid == m->gid) || fchown(fd, m->uid, m->gid) == 0) &&
	    ((st.st_mode & 07777) == 0700 || fchmod(fd, 0700) == 0))
		return fd;
	err_sys(m->err, "directory %s", name);
	if (fd >= 0)
		close(fd);
	return -1;
}

/* The directory's own entries are synced once here: a commit syncs only the file's own directory. */
static bool make_state(const struct maker *m, int root, const char *name, bool flat)
{
	int fd = make_dir(m, root, name, O_NOFOLLOW);
	bool ok = fd >= 0;
	for (unsigned i = 0; ok && !flat && i < SPOOL_DIRS; i++) {
		char sub[DIR_NAME_SIZE];
		snprintf(sub, sizeof sub, "%02u", i);
		int inner = make_dir(m, fd, sub, O_NOFOLLOW);
		ok = inner >= 0;
		if (ok)
			close(inner);
	}
	if (ok && fsync(fd) < 0)
		ok = err_sys(m->err, "syncing %s", name);
	if (fd >= 0)
		close(fd);
	return ok || err_context(m->err, "spool directory");
}

bool spool_create(const char *dir, uid_t uid, gid_t gid, struct err *err)
{
	struct maker m = { uid, gid, err };
	int root = make_dir(&m, AT_FDCWD, dir, 0);
	if (root < 0)
		return false;
	bool ok = make_state(&m, root, "tmp", true);
	for (unsigned i = 0; ok && i < SPOOL_STATES; i++)
		ok = make_state(&m, root, state_names[i], state_is_flat(i));
	if (ok && fsync(root) < 0)
		ok = err_sys(err, "syncing %s", dir);
	close(root);
	return ok;
}

/* ---- lock and room ---- */

void spool_take_part(struct spool *sp, unsigned part, unsigned parts)
{
	sp->part = part;
	sp->parts = parts;
}

bool spool_dir_mine(const struct spool *sp, unsigned dir)
{
	return dir % sp->parts == sp->part;
}

/* Locks COUNT directories from DIR on. */
static int lock_range(int fd, unsigned dir, unsigned count, bool wait)
{
	struct flock range = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = dir, .l_len = count };
	int failed;
	while ((failed = fcntl(fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, &range)) < 0 && errno == EINTR)
		;
	return failed;
}

/* All in one order, so that two who wait for each other cannot be. What is locked goes with FD. */
static int lock_part(const struct spool *sp, int fd, bool wait)
{
	if (sp->parts == 1)
		return lock_range(fd, 0, SPOOL_DIRS, wait);
	for (unsigned i = sp->part; i < SPOOL_DIRS; i += sp->parts)
		if (lock_range(fd, i, 1, wait) < 0)
			return -1;
	return 0;
}

int spool_lock(struct spool *sp, bool wait, struct err *err)
{
	if (sp->lock >= 0)
		return 1;
	int fd = openat(sp->root, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd >= 0 && lock_part(sp, fd, wait) == 0) {
		sp->lock = fd;
		return 1;
	}
	bool taken = fd >= 0 && (errno == EWOULDBLOCK || errno == EACCES);
	if (!taken)
		err_sys(err, "locking the spool");
	if (fd >= 0)
		close(fd);
	return taken ? 0 : -1;
}

int spool_presence(const char *dir, bool *alone, struct err *err)
{
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%s/alive", dir);
	int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
	*alone = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0;
	if (fd >= 0 && flock(fd, LOCK_SH) == 0)
		return fd;
	err_sys(err, "%s", path);
	if (fd >= 0)
		close(fd);
	return -1;
}

/* File systems without a fixed number of inodes say that they have none at all. */
static void room_measure(struct spool *sp)
{
	struct statvfs vfs;
	if (fstatvfs(sp->root, &vfs) < 0) {
		sp->room_bytes = sp->room_inodes = 0;
		return;
	}
	sp->room_bytes = (uint64_t)vfs.f_bavail * vfs.f_frsize;
	sp->room_inodes = vfs.f_files == 0 ? UINT64_MAX : vfs.f_favail;
}

bool spool_has_room(struct spool *sp, uint64_t min_bytes, uint64_t min_inodes)
{
	int64_t now = clock_ms();
	if (sp->room_checked == 0 || now - sp->room_checked >= 1000) {
		room_measure(sp);
		sp->room_checked = now;
	}
	return sp->room_bytes >= min_bytes && sp->room_inodes >= min_inodes;
}
