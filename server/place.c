/* place.c - makes the run and state directories, keeps a second master out of it, and writes its small files. */
#include "place.h"
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

static bool own(int fd, const char *path, mode_t mode, const struct drop_target *target, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return err_sys(err, "%s", path);
	if (st.st_uid != geteuid() && st.st_uid != target->uid)
		return err_set(err, "%s belongs to user id %u, expected %s", path, (unsigned)st.st_uid, target->user);
	if (geteuid() == 0 && fchown(fd, target->uid, target->gid) != 0)
		return err_sys(err, "%s: cannot give it to %s", path, target->user);
	if (fchmod(fd, mode) != 0)
		return err_sys(err, "%s: cannot set its mode", path);
	return true;
}

bool place_make(const char *path, mode_t mode, const struct drop_target *target, struct err *err)
{
	if (mkdir(path, mode) != 0 && errno != EEXIST)
		return err_sys(err, "cannot make %s", path);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, "%s", path);
	bool ok = own(fd, path, mode, target, err);

	close(fd);
	return ok;
}

static void path_of(char out[PATH_MAX], const char *dir, const char *name)
{
	snprintf(out, PATH_MAX, name == NULL ? "%s" : "%s/%s", dir, name);
}

/* The file that we locked may have been unlinked by a master that was leaving: then there is a newer one. */
static bool still_there(int fd, const char *path)
{
	struct stat held, named;

	return fstat(fd, &held) == 0 && stat(path, &named) == 0 && held.st_ino == named.st_ino && held.st_dev == named.st_dev;
}

static int refuse_second(int fd, const char *run_dir, struct err *err)
{
	char pid[24] = "";
	ssize_t n = pread(fd, pid, sizeof pid - 1, 0);

	pid[n > 0 ? strcspn(pid, "\n") : 0] = '\0';
	err_set(err, "another master (process %s) is running on %s", *pid != '\0' ? pid : "unknown", run_dir);
	close(fd);
	return -1;
}

int place_lock(const char *run_dir, struct err *err)
{
	char path[PATH_MAX];

	path_of(path, run_dir, "master.pid");
	for (;;) {
		int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);

		if (fd < 0) {
			err_sys(err, "%s", path);
			return -1;
		}
		if (flock(fd, LOCK_EX | LOCK_NB) != 0)
			return refuse_second(fd, run_dir, err);
		if (still_there(fd, path) && ftruncate(fd, 0) == 0 && dprintf(fd, "%d\n", (int)getpid()) > 0)
			return fd;
		if (still_there(fd, path)) {
			err_sys(err, "%s: cannot write", path);
			close(fd);
			return -1;
		}
		close(fd);
	}
}

void place_unlock(const char *run_dir, int *fd)
{
	if (*fd < 0)
		return;
	place_remove(run_dir, "master.pid");
	close(*fd);
	*fd = -1;
}

bool place_write(const char *dir, const char *name, const char *text, struct err *err)
{
	char path[PATH_MAX], temporary[PATH_MAX + 16];
	size_t len = strlen(text);

	path_of(path, dir, name);
	snprintf(temporary, sizeof temporary, "%s.%d", path, (int)getpid());
	unlink(temporary);
	int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);

	if (fd < 0)
		return err_sys(err, "%s", temporary);
	bool ok = write(fd, text, len) == (ssize_t)len && fchmod(fd, 0644) == 0;

	if (close(fd) == 0 && ok && rename(temporary, path) == 0)
		return true;
	err_sys(err, "%s: cannot write", path);
	unlink(temporary);
	return false;
}

void place_remove(const char *dir, const char *name)
{
	char path[PATH_MAX];

	path_of(path, dir, name);
	unlink(path);
}
