/* passwd_file.c - see passwd_file.h. */
#include "passwd_file.h"
#include "../lib/buf.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#define FILE_MAX (64 << 20)

static bool read_whole(const char *path, struct buf *text, struct err *err)
{
	char *room;
	size_t size;
	ssize_t n = 1;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return errno == ENOENT || err_sys(err, "%s", path);
	while (n > 0 && (room = buf_room(text, 4096, &size)) != NULL) {
		n = read(fd, room, size);
		if (n > 0)
			buf_added(text, (size_t)n);
	}
	close(fd);
	return n == 0 || (n < 0 ? err_sys(err, "%s", path) : err_set(err, "%s is larger than %d bytes", path, FILE_MAX));
}

/* Splits a line into user and secret; false for comments and what is no entry. */
static bool is_entry(struct view line, struct view *user, struct view *secret)
{
	struct view text = view_trim(line);
	size_t colon = view_find(text, ':');

	*user = view_head(text, colon);
	*secret = view_skip(text, colon + 1);
	return colon < text.len && text.data[0] != '#';
}

bool passwd_file_read(const char *path, passwd_file_each *each, void *arg, struct err *err)
{
	struct view rest, user, secret;
	struct buf text;

	buf_init(&text, FILE_MAX);
	bool ok = read_whole(path, &text, err);
	for (rest = buf_view(&text); ok && rest.len;)
		if (is_entry(view_cut(&rest, '\n'), &user, &secret) && !each(arg, user, secret))
			break;
	buf_free(&text);
	return ok;
}

/* Appends OLD to OUT, with the change in place of the user's line, or at the end. Whether he was there. */
static bool edit(struct view old, const char *name, const char *secret, struct buf *out)
{
	struct view user, ignored;
	bool found = false;

	while (old.len) {
		struct view line = view_cut(&old, '\n');
		bool his = is_entry(line, &user, &ignored) && view_case_eq(user, view_of(name));
		if (!his) {
			buf_put_view(out, line);
			buf_putc(out, '\n');
		} else if (!found && secret) {
			buf_printf(out, "%s:%s\n", name, secret);
		}
		found = found || his;
	}
	if (!found && secret)
		buf_printf(out, "%s:%s\n", name, secret);
	return found;
}

static bool write_new(const char *path, struct view text, const struct drop_target *reader, struct err *err)
{
	char temporary[PATH_MAX];
	bool ok = false;
	int fd;

	if (snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path) >= (int)sizeof(temporary))
		return err_set(err, "%s: the path is too long", path);
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, "%s", temporary);
	if (geteuid() == 0 && fchown(fd, 0, reader->gid) < 0)
		err_sys(err, "%s: cannot give it to the group of %s", temporary, reader->user);
	else if (fchmod(fd, 0640) < 0 || write(fd, text.data, text.len) != (ssize_t)text.len || fsync(fd) < 0 || rename(temporary, path) < 0)
		err_sys(err, "%s", path);
	else
		ok = true;
	if (!ok)
		unlink(temporary);
	close(fd);
	return ok;
}

/* The lock is on the directory: a file for it would stay behind, or be removed under one who waits for it. */
static int lock_directory(const char *path, struct err *err)
{
	char dir[PATH_MAX];
	const char *slash = strrchr(path, '/');
	int fd;

	if (!view_copy(view_make(path, slash ? (size_t)(slash - path) : 0), dir, sizeof(dir)))
		return err_set(err, "%s: the path is too long", path), -1;
	fd = open(*dir ? dir : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX) < 0) {
		err_sys(err, "%s", dir);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

static bool replace(const char *path, const char *user, const char *secret, const struct drop_target *reader, int dir, struct err *err)
{
	struct buf old, new;

	buf_init(&old, FILE_MAX);
	buf_init(&new, FILE_MAX + 1024);
	bool ok = read_whole(path, &old, err);
	if (ok && !edit(buf_view(&old), user, secret, &new) && !secret)
		ok = err_set(err, "%s: there is no user %s", path, user);
	if (ok && new.failed)
		ok = err_set(err, "%s is larger than %d bytes", path, FILE_MAX);
	ok = ok && write_new(path, buf_view(&new), reader, err) && (fsync(dir) == 0 || err_sys(err, "%s", path));
	buf_free(&old);
	buf_free(&new);
	return ok;
}

bool passwd_file_set(const char *path, const char *user, const char *secret, const struct drop_target *reader, struct err *err)
{
	int dir = lock_directory(path, err);

	if (dir < 0)
		return false;
	bool ok = replace(path, user, secret, reader, dir, err);
	close(dir);
	return ok;
}
